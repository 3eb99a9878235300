//! Every guest of the package `guests`, and what it does: one table, for every engine. Where engines differ, the table
//! says so and which.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use wasm_exec::{Capability, Capture, Error, Exit, Input, Network, Output, Preopen, Stop, Stopping, Task};

use super::{CALL_DEPTH, NAME, engine, task};
use crate::support::{Http, try_run};

/// What a guest does, with the arguments `guest` and `one`, `A=1`, the input `input` and the directory of [`ran`].
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    /// How it ends, without what an engine adds, and what it writes to both outputs.
    Ends(&'static str, &'static str, &'static str),
    /// It does not end by itself: so much of what it writes is there when it is stopped.
    GoesOn(&'static str),
    /// It is not run, for this reason.
    Refused(&'static str),
    /// It does not do the same on WasmEdge.
    Differs { wasmtime: &'static Does, wasmedge: &'static Does },
    /// It is not tried on WasmEdge, whose calls have no limit: it would take all memory.
    NeedsCallDepth(&'static Does),
}

use Does::{Differs, Ends, GoesOn, NeedsCallDepth, Refused};

const TABLE: &[(&str, Does)] = &[
    ("args-env", Ends("exit code 0", "guest\none\nA=1\n", "")),
    ("cat", Ends("exit code 0", "input", "")),
    ("component", Differs { wasmtime: &Refused("MissingEntry"), wasmedge: &Refused("Component") }),
    ("divide-by-zero", Ends("trap: integer division by zero", "", "")),
    ("exit-big", Ends("exit code 200", "", "")),
    ("exit-code", Ends("exit code 7", "", "")),
    ("hello", Ends("exit code 0", "Hello, World!\n", "")),
    ("loop", GoesOn("")),
    ("memory-grow", Ends("exit code 0", "", "")),
    ("no-start", Refused("MissingEntry")),
    ("read-file", Ends("exit code 0", "content\n", "")),
    ("stack-overflow", NeedsCallDepth(&Ends("trap: call stack exhausted", "", ""))),
    ("start-trap", Ends("trap: unreachable instruction executed", "", "")),
    ("stderr", Ends("exit code 0", "", "Hello, stderr!\n")),
    ("trap", Ends("trap: unreachable instruction executed", "", "")),
    ("unknown-import", Refused("MissingImports")),
    ("wasmedge-sockets", Ends("exit code 0", "", "")),
    ("write-file", Ends("exit code 0", "", "")),
];

const HELLO_COMPONENT: Does =
    Differs { wasmtime: &Ends("exit code 0", "Hello, World!\n", ""), wasmedge: &Refused("Component") };

#[test]
fn every_guest_does_what_the_table_says() {
    let names: Vec<_> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, guests::ALL.iter().map(|guest| guest.name).collect::<Vec<_>>());
    for ((name, does), guest) in TABLE.iter().zip(guests::ALL) {
        assert_does(name, &guest.wasm(), *does);
    }
}

#[test]
fn hello_world_goes_on() {
    let Some(guest) = guests::need!("hello-world") else { return };
    assert_does("hello-world", &fs::read(guest).unwrap(), GoesOn("Hello, World!\n"));
}

#[test]
fn hello_component_ends() {
    let Some(guest) = guests::need!("hello-component") else { return };
    assert_does("hello-component", &fs::read(guest).unwrap(), HELLO_COMPONENT);
}

#[test]
fn http_server_answers() {
    let Some(guest) = guests::need!("http-server") else { return };
    let guest = fs::read(guest).unwrap();
    let _lock = port_8080();
    let task = task().network(Network::Host).stopping(Stopping::BestEffort);
    let running = engine().compile(&guest).unwrap().start(task).unwrap();
    let there = (Ipv4Addr::LOCALHOST, 8080).into();
    let patience = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(there).is_err() {
        assert!(!running.is_finished() && Instant::now() < patience, "it does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(Http(there).get("/"), (200, "Hello, World!".to_owned()));
    running.cancel();
    // Where a host call goes on until it returns, this is what it waits for.
    while !running.is_finished() && Instant::now() < patience {
        let _ = TcpStream::connect(there);
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(running.wait().unwrap(), Exit::Stopped(Stop::Cancelled));
}

#[track_caller]
fn assert_does(name: &str, guest: &[u8], does: Does) {
    match does {
        Differs { wasmtime, wasmedge } => {
            assert_does(name, guest, if NAME == "wasmedge" { *wasmedge } else { *wasmtime });
        }
        NeedsCallDepth(does) if CALL_DEPTH => assert_does(name, guest, *does),
        NeedsCallDepth(_) => {}
        GoesOn(stdout) => {
            if engine().info().can(Capability::Interrupt) {
                assert_eq!(stopped(guest), stdout, "{name}");
            }
        }
        Ends(exit, stdout, stderr) => {
            let ran = ran(guest).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(ran, [exit, stdout, stderr], "{name}");
        }
        Refused(variant) => {
            let error = ran(guest).expect_err(name);
            assert!(
                error.is_not_runnable() && format!("{error:?}").starts_with(variant),
                "{name}: {error:?}"
            );
        }
    }
}

fn ran(guest: &[u8]) -> Result<[String; 3], Error> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file.txt"), "content\n").unwrap();
    let task = task()
        .args(["guest", "one"])
        .env("A", "1")
        .stdin(Input::bytes("input"))
        .preopen(Preopen::read_write(dir.path(), "/"));
    let ran = try_run(&*engine(), guest, task)?;
    let exit = match ran.exit {
        Exit::Trap(trap) => format!("trap: {}", trap.kind),
        exit => exit.to_string(),
    };
    let written = fs::read_to_string(dir.path().join("out.txt")).ok();
    assert!(written.is_none_or(|text| text == "written\n"));
    Ok([exit, ran.stdout, ran.stderr])
}

/// Runs a guest until its deadline, and returns what it has written.
fn stopped(guest: &[u8]) -> String {
    let program = engine().compile(guest).unwrap();
    let stdout = Capture::new(1 << 10);
    let limits = task().limits.deadline(Duration::from_millis(300));
    let task: Task =
        task().limits(limits).stopping(Stopping::BestEffort).stdout(Output::Capture(stdout.clone()));
    let start = Instant::now();
    assert_eq!(program.run(task).unwrap(), Exit::Stopped(Stop::Deadline));
    assert!(start.elapsed() < Duration::from_secs(10));
    String::from_utf8(stdout.take()).unwrap()
}

/// The guest listens on a fixed port of this machine: one test at a time.
fn port_8080() -> File {
    let lock = File::create(std::env::temp_dir().join("wasmctr-port-8080.lock")).unwrap();
    lock.lock().unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).is_err(), "something else listens on port 8080");
    lock
}
