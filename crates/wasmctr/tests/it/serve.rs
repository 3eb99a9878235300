//! `wasmctr serve`: a component answers HTTP requests until a signal ends it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStderr, Stdio},
    thread,
    time::Duration,
};

use crate::support::{Place, Ran, ended, send};

/// A service, and where it listens.
struct Service {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
    /// What was said before it listened.
    warnings: String,
}

impl Service {
    fn start(place: &Place, flags: &[&str], guest: &PathBuf) -> Self {
        let mut command = place.command(&["serve", "--addr", "127.0.0.1:0"]);
        let mut child = command.args(flags).arg(guest).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut warnings = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "{warnings}");
            let address = line.strip_prefix("listening on http://").and_then(|line| line.strip_suffix("/\n"));
            match address {
                Some(address) => return Self { child, stderr, address: address.to_owned(), warnings },
                None => warnings += &line,
            }
        }
    }

    /// Sends a request and returns the connection that the answer comes on.
    fn request(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes())
            .unwrap();
        stream
    }

    /// The status and what the answer says.
    fn get(&self, path: &str) -> (String, String) {
        answer(self.request(path))
    }

    /// Waits for the end, and returns it with what was said on standard error in between.
    fn ended(self) -> (Ran, String) {
        let Self { child, mut stderr, .. } = self;
        let ran = ended(child);
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        (ran, said)
    }
}

fn answer(mut stream: TcpStream) -> (String, String) {
    let mut answer = String::new();
    // One that is cut off is told by what it lacks.
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
}

#[test]
fn answers_until_it_is_told_to_end() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    for signal in ["TERM", "INT"] {
        let service = Service::start(&place, &["--env", "A=1", "--timeout", "0.5"], &guest);
        assert_eq!(service.warnings, "");
        let (status, body) = service.get("/");
        assert!(status == "200" && body.contains("Hello, World!"), "{status} {body}");
        assert!(service.get("/env").1.contains("A=1"));
        for _ in 0..2 {
            assert!(service.get("/count").1.contains("1\n"), "each request has an instance of its own");
        }
        for (path, status) in [("/trap", "500"), ("/nothing", "500"), ("/sleep", "504"), ("/log", "204")] {
            assert_eq!(service.get(path).0, status, "{path}");
        }
        send(signal, &service.child);
        let (ran, said) = service.ended();
        assert_eq!(ran.code, Some(0), "{ran:?} {said}");
        for line in [
            "warning: a request got no proper answer: trap: unreachable instruction executed",
            "warning: a request got no proper answer: exit code 0",
            "warning: a request got no proper answer: stopped: the deadline has passed",
            "a request for /log",
        ] {
            assert!(said.lines().any(|said| said == line), "no {line} in {said}");
        }
    }
}

#[test]
fn instances_are_used_again_if_that_is_asked_for() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    let service = Service::start(&place, &["--reuse", "100", "--concurrency", "1"], &guest);
    assert!(service.get("/count").1.contains("1\n"));
    assert!(service.get("/count").1.contains("2\n"));
    send("HUP", &service.child);
    assert_eq!(service.ended().0.code, Some(0));
}

/// Places for instances are address space, which a system may be short of.
#[test]
fn without_room_for_a_pool_it_serves_all_the_same() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    let service = Service::start(&place, &["--concurrency", "100000"], &guest);
    assert!(service.get("/").1.contains("Hello, World!"));
    send("TERM", &service.child);
    let warning = "warning: cannot keep room for 100000 instances at once\n";
    assert!(service.warnings.starts_with(warning), "{}", service.warnings);
    assert!(service.warnings.contains("help: `--concurrency` says"), "{}", service.warnings);
    assert_eq!(service.ended().0.code, Some(0));
}

#[test]
fn what_is_under_way_is_answered_first() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    let service = Service::start(&place, &[], &guest);
    let mut late = service.request("/late");
    late.read_exact(&mut [0; 1]).unwrap();
    send("TERM", &service.child);
    let (_, body) = answer(late);
    assert!(body.contains("late"), "{body}");
    assert_eq!(service.ended().0.code, Some(0));
}

#[test]
fn what_takes_longer_than_the_grace_time_is_not() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    let service = Service::start(&place, &["--grace", "0.1"], &guest);
    let stuck = service.request("/sleep");
    thread::sleep(Duration::from_millis(200));
    send("TERM", &service.child);
    assert_eq!(service.ended().0.code, Some(0));
    assert_ne!(answer(stuck).0, "200");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    let service = Service::start(&place, &["--grace", "1000"], &guest);
    let stuck = service.request("/sleep");
    thread::sleep(Duration::from_millis(200));
    send("TERM", &service.child);
    thread::sleep(Duration::from_millis(200));
    send("INT", &service.child);
    let (ran, said) = service.ended();
    assert_eq!(ran.code, Some(130), "{said}");
    assert!(said.ends_with("note: a second signal ended `wasmctr`\n"), "{said}");
    drop(stuck);
}

#[test]
fn what_is_no_service_is_126() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let ran = place.wasmctr(&["serve", "--addr", "127.0.0.1:0", input]);
    assert_eq!(ran.code, Some(126), "{ran:?}");
    ran.with("help: a program that is no service: `wasmctr run`");
    assert_eq!(place.wasmctr(&["serve", "none.wasm"]).code, Some(127));
}

#[test]
fn a_service_is_no_command() {
    let Some(guest) = guests::need!("http-component") else { return };
    let ran = Place::new().wasmctr(&["run", guest.to_str().unwrap()]);
    assert_eq!(ran.code, Some(126), "{ran:?}");
    ran.with("help: it answers HTTP requests: `wasmctr serve`");
}

#[test]
fn a_port_that_is_taken() {
    let Some(guest) = guests::need!("http-component") else { return };
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    place
        .wasmctr(&["serve", "--addr", &address, guest.to_str().unwrap()])
        .fails(125, &format!("cannot listen on {address}"))
        .with("help: choose another port: `--addr 127.0.0.1:0` takes one that is free");
}

#[test]
fn usage() {
    let place = Place::new();
    for flags in [["--addr", "localhost"], ["--reuse", "0"], ["--concurrency", "0"], ["--grace", "-1"]] {
        let args = [&["serve"], &flags[..], &["a.wasm"]].concat();
        assert_eq!(place.wasmctr(&args).code, Some(2), "{flags:?}");
    }
}
