//! An engine that keeps places for instances: a guest with sockets leaves nothing in its place for the next one, and a
//! service answers no more requests at once than there are places.

use std::{fs, net::TcpListener, process::Stdio, thread, time::Duration};

use wasm_exec::{Engine, Exit, Limits, Network, Pooling, Serve, Stop, Task, WasmtimeEngine};

use crate::{
    child,
    support::Http,
    wasmtime::sockets::{guest, port, talks},
};

fn task() -> Task {
    Task::default().network(Network::Host)
}

#[test]
fn sockets_in_a_pool() {
    let engine = WasmtimeEngine::pooled(1).unwrap();
    let program = engine.compile(&talks(port())).unwrap();
    for _ in 0..3 {
        assert_eq!(program.run(task()).unwrap(), Exit::Code(0));
    }
    // Of one more it says nothing: whoever had the place before is not heard of.
    assert_ne!(program.run(Task::default()).unwrap(), Exit::Code(0));
}

/// However it ends: by itself with its sockets open, by a limit, or by a trap.
#[test]
fn descriptors_are_given_back() {
    child::finish(child::start("pooled::a_process_that_runs_many", Stdio::null()));
}

#[test]
#[ignore = "a process of its own, see child"]
fn a_process_that_runs_many() {
    let engine = WasmtimeEngine::pooled(1).unwrap();
    let open = "(local.set $fd (call $listen (i32.const 0))) (drop (call $tcp)) (drop (call $tcp))";
    let guests = [
        talks(port()),
        guest(open),
        guest(&format!("{open} unreachable")),
        guest(&format!("{open} (loop $again (drop (call $tcp)) (br $again))")),
        guest(&format!("{open} (call $poll (local.get $fd))")),
    ];
    let programs = guests.map(|guest| engine.compile(&guest).unwrap());
    let all = || {
        let limits = Limits::default().handles(20).deadline(Duration::from_millis(5));
        let task = |limited| if limited { task().limits(limits.clone()) } else { task() };
        let exits = [false, false, false, true, true].into_iter().zip(&programs);
        exits.map(|(limited, program)| program.run(task(limited)).unwrap()).collect::<Vec<_>>()
    };
    let exits = all();
    assert_eq!(exits[..2], [Exit::Code(0), Exit::Code(0)]);
    assert!(matches!(exits[2], Exit::Trap(_)));
    assert!(matches!(exits[3], Exit::Stopped(Stop::Handles | Stop::Deadline)));
    assert!(matches!(exits[4], Exit::Stopped(Stop::Deadline)));
    let before = child::count("fd");
    (0..30).for_each(|_| drop(all()));
    assert_eq!(child::count("fd"), before);
}

#[test]
fn requests_wait_for_a_place() {
    let Some(path) = guests::need!("http-component") else { return };
    let wasm = fs::read(path).unwrap();
    for reuse in [1, 10] {
        let pooling = Pooling::for_program(&wasm, 2).unwrap();
        let program = WasmtimeEngine::builder().pooling(pooling).build().unwrap().compile(&wasm).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = Http(listener.local_addr().unwrap());
        let running = program.serve(listener, Task::default(), Serve::default().reuse(reuse)).unwrap();
        let answers = thread::scope(|scope| {
            let asked = [(); 8].map(|()| scope.spawn(|| [(); 2].map(|()| http.get("/late"))));
            asked.map(|asked| asked.join().unwrap())
        });
        for answer in answers.into_iter().flatten() {
            assert_eq!(answer, (200, "early\nlate\n".to_owned()));
        }
        running.cancel();
        running.wait().unwrap();
    }
}
