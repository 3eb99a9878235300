//! Components that answer HTTP requests; or that the engine refuses to serve.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use wasm_exec::{
    Capability, Capture, Error, Event, Exit, Limits, Output, Program, Running, Serve, Stop, Task,
};

use super::{engine, task};
use crate::support::Http;

/// The guest, or `None` if there is nothing to test, after it was said why.
fn handler() -> Option<Program> {
    if engine().info().can(Capability::Http) {
        let path = guests::need("http-component", "serve")?;
        return Some(engine().compile(&fs::read(path).unwrap()).unwrap());
    }
    let program = engine().compile(&guests::HELLO.wasm()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = program.serve(listener, task(), Serve::default()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { capability: Capability::Http, .. }), "{error:?}");
    None
}

fn start(program: &Program, task: Task, serve: Serve) -> (Running, Http) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = Http(listener.local_addr().unwrap());
    (program.serve(listener, task, serve).unwrap(), http)
}

#[track_caller]
fn stop(running: Running) {
    running.cancel();
    assert_eq!(running.wait().unwrap(), Exit::Stopped(Stop::Cancelled));
}

#[test]
fn requests_are_answered() {
    let Some(program) = handler() else { return };
    let (running, http) = start(&program, task().env("A", "1"), Serve::default());
    assert_eq!(http.get("/"), (200, "Hello, World!\n".to_owned()));
    assert_eq!(http.get("/env"), (200, "A=1\n".to_owned()));
    assert_eq!(http.get("/no"), (404, "not found\n".to_owned()));
    assert_eq!(http.get("/late"), (200, "early\nlate\n".to_owned()));
    assert_eq!(http.get("/flood").1.len(), 1 << 20);
    let body = "x".repeat(200_000);
    assert_eq!(http.request("POST", "/echo", &body), (200, body));
    stop(running);
}

#[test]
fn several_requests_share_a_connection() {
    let Some(program) = handler() else { return };
    let (running, http) = start(&program, task(), Serve::default());
    let mut stream = TcpStream::connect(http.0).unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n0\r\n\r\n") {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "{answer}");
            answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    drop(stream);
    stop(running);
}

#[test]
fn each_request_has_a_fresh_instance_unless_reuse_is_asked_for() {
    let Some(program) = handler() else { return };
    let counts = |serve| {
        let (running, http) = start(&program, task(), serve);
        let counts: Vec<_> = (0..5).map(|_| http.get("/count").1.trim().parse::<u32>().unwrap()).collect();
        stop(running);
        counts
    };
    assert_eq!(counts(Serve::default()), [1, 1, 1, 1, 1]);
    assert_eq!(counts(Serve::default().reuse(3)), [1, 2, 3, 1, 2]);
}

#[test]
fn one_that_fails_does_not_disturb_the_others() {
    let Some(program) = handler() else { return };
    let failures = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&failures);
    let serve = Serve::default().reuse(10).on_failure(move |failure| {
        told.lock().unwrap().push(match failure {
            Ok(exit) => exit.to_string(),
            Err(error) => error.to_string(),
        });
    });
    let limits = Limits::default().deadline(Duration::from_millis(200));
    let (running, http) = start(&program, task().limits(limits), serve);
    for (path, status) in [("/trap", 500), ("/nothing", 500), ("/loop", 504), ("/sleep", 504)] {
        let endless = thread::spawn(move || http.get("/loop").0);
        assert_eq!(http.get(path).0, status, "{path}");
        assert_eq!(http.get("/").0, 200);
        assert_eq!(endless.join().unwrap(), 504);
    }
    stop(running);
    let failures = failures.lock().unwrap();
    assert_eq!(failures.iter().filter(|text| text.contains("deadline")).count(), 6, "{failures:?}");
    assert_eq!(failures.iter().filter(|text| text.contains("trap")).count(), 1, "{failures:?}");
    assert_eq!(failures.iter().filter(|text| *text == "exit code 0").count(), 1, "{failures:?}");
}

#[test]
fn a_panic_is_an_error_of_that_request() {
    let Some(program) = handler() else { return };
    let told = Arc::new(Mutex::new(Vec::new()));
    let failures = Arc::clone(&told);
    let serve = Serve::default().on_failure(move |failure| {
        failures.lock().unwrap().push(failure.as_ref().unwrap_err().to_string());
    });
    let once = AtomicBool::new(true);
    let task = task().on_event(move |_| assert!(!once.swap(false, Ordering::Relaxed), "out of luck"));
    let (running, http) = start(&program, task, serve);
    assert_eq!(http.get("/").0, 500);
    assert_eq!(http.get("/").0, 200);
    stop(running);
    assert_eq!(*told.lock().unwrap(), ["panicked: out of luck"]);
}

/// More guests that compute than there are threads.
#[test]
fn those_that_compute_give_way() {
    let Some(program) = handler() else { return };
    let limits = Limits::default().deadline(Duration::from_secs(2));
    let (running, http) = start(&program, task().limits(limits), Serve::default());
    let endless: Vec<_> = (0..8).map(|_| thread::spawn(move || http.get("/loop").0)).collect();
    thread::sleep(Duration::from_millis(200));
    let begin = Instant::now();
    assert_eq!(http.get("/").0, 200);
    assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    for answer in endless {
        assert_eq!(answer.join().unwrap(), 504);
    }
    stop(running);
}

#[test]
fn what_guests_say_goes_where_the_task_says() {
    let Some(program) = handler() else { return };
    let stderr = Capture::new(1000);
    let (running, http) = start(&program, task().stderr(Output::Capture(stderr.clone())), Serve::default());
    assert_eq!(http.get("/log"), (204, String::new()));
    stop(running);
    assert_eq!(stderr.take(), b"a request for /log\n");
}

/// A task, and what tells that a request has got its instance.
fn observed() -> (Task, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    (task().on_event(move |event| sender.send(event).unwrap_or_default()), events)
}

#[test]
fn what_is_under_way_may_end() {
    let Some(program) = handler() else { return };
    let (task, events) = observed();
    let (running, http) = start(&program, task, Serve::default());
    let late = thread::spawn(move || http.get("/late"));
    assert_eq!(events.recv().unwrap(), Event::Instantiated);
    running.signal(15);
    assert_eq!(late.join().unwrap(), (200, "early\nlate\n".to_owned()));
    assert_eq!(running.wait().unwrap(), Exit::Stopped(Stop::Signal(15)));
    assert!(TcpStream::connect(http.0).is_err());
}

#[test]
fn but_not_for_longer_than_the_grace_time() {
    let Some(program) = handler() else { return };
    for path in ["/sleep", "/loop"] {
        let grace = Duration::from_millis(100);
        let (task, events) = observed();
        let (running, http) = start(&program, task, Serve::default().grace(grace));
        let endless = thread::spawn(move || http.get(path).0);
        events.recv().unwrap();
        let begin = Instant::now();
        stop(running);
        assert!(begin.elapsed() < Duration::from_secs(10));
        assert_eq!(endless.join().unwrap(), 503);
    }
}

#[test]
fn a_client_that_is_gone_leaves_nothing_behind() {
    let Some(program) = handler() else { return };
    let (task, events) = observed();
    let (running, http) = start(&program, task, Serve::default().concurrency(1));
    let mut stream = TcpStream::connect(http.0).unwrap();
    stream.write_all(b"GET /sleep HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    events.recv().unwrap();
    drop(stream);
    assert_eq!(http.get("/").0, 200);
    stop(running);
}

#[test]
fn bad_requests_are_answered_too() {
    let Some(program) = handler() else { return };
    let (running, http) = start(&program, task(), Serve::default());
    for request in [
        "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    ] {
        assert_eq!(http.raw(request).0, 400, "{request}");
    }
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(http.raw(&large).0, 431);
    assert_eq!(http.get("/").0, 200);
    stop(running);
}

#[test]
fn a_command_answers_no_requests() {
    if !engine().info().can(Capability::Http) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = engine().compile(&guests::HELLO.wasm()).unwrap();
    let error = program.serve(listener, task(), Serve::default()).unwrap_err();
    assert!(
        matches!(&error, Error::MissingEntry { entry, .. } if entry == "wasi:http/incoming-handler"),
        "{error}"
    );
    let Some(handler) = handler() else { return };
    let error = handler.run(task()).unwrap_err();
    assert_eq!(error.help().unwrap(), "it answers HTTP requests: serve it");
}
