//! How late a guest is ended: from its deadline, or from `cancel`, until the caller has the exit.
//!
//! Each guest is ended a few hundred times at times that differ; the lines have the percentiles of what it took longer.
//! The goal is 5 ms at p99 on an idle machine.
//!
//! `cargo bench -p benches --bench stop`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use wasm_exec::{Engine, Exit, Input, Limits, Network, Output, Program, Stop, Task, WasmtimeEngine};

fn main() {
    // `cargo test --benches` wants to know whether it works.
    let turns = if std::env::args().any(|arg| arg == "--bench") { 400 } else { 2 };
    let engine = WasmtimeEngine::new().unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    let stdin = Input::file(OwnedFd::from(reader).into());
    let measure = |name: &str, wasm: &[u8], task: &dyn Fn() -> Task| {
        let program = engine.compile(wasm).unwrap();
        report(name, "deadline", overshoots(turns, |after| deadline(&program, task(), after)));
        report(name, "cancel", overshoots(turns, |after| cancel(&program, task(), after)));
    };
    for (name, text) in GUESTS {
        measure(name, &wat::parse_str(text).unwrap(), &|| Task::default().stdin(stdin.clone()));
    }
    let Some(probe) = guests::need!("probe-component") else { return };
    let probe = std::fs::read(probe).unwrap();
    let task = |args: &[&str]| Task::default().arg("probe").args(args.iter().copied());
    measure("a component's sleep of a year", &probe, &|| task(&["sleep"]));
    // The first run fills it.
    let (_full, writer) = std::io::pipe().unwrap();
    let stdout = Output::file(OwnedFd::from(writer).into());
    measure("a component that writes to a full pipe", &probe, &|| task(&["flood"]).stdout(stdout.clone()));
    measure("a component that accepts", &probe, &|| task(&["listen", "127.0.0.1:0"]).network(Network::Host));
}

fn deadline(program: &Program, task: Task, after: Duration) -> Duration {
    let start = Instant::now();
    let exit = program.run(task.limits(Limits::default().deadline(after))).unwrap();
    assert_eq!(exit, Exit::Stopped(Stop::Deadline));
    start.elapsed().saturating_sub(after)
}

fn cancel(program: &Program, task: Task, after: Duration) -> Duration {
    let running = program.start(task).unwrap();
    thread::sleep(after);
    let start = Instant::now();
    running.cancel();
    assert_eq!(running.wait().unwrap(), Exit::Stopped(Stop::Cancelled));
    start.elapsed()
}

/// Ends a guest after 2 to 6 ms, so that no clock ticks in step with it.
fn overshoots(turns: u64, end: impl Fn(Duration) -> Duration) -> Vec<Duration> {
    let mut all: Vec<_> =
        (0..turns).map(|turn| end(Duration::from_micros(2000 + turn * 617 % 4000))).collect();
    all.sort_unstable();
    all
}

#[expect(clippy::print_stdout, reason = "a bench reports")]
fn report(guest: &str, by: &str, sorted: Vec<Duration>) {
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    println!(
        "stop/{guest}, by {by}: p50 {:?}, p99 {:?}, most {:?} ({} turns)",
        at(50),
        at(99),
        at(100),
        sorted.len()
    );
}

const GUESTS: [(&str, &str); 5] = [
    ("a loop", r#"(module (func (export "_start") (loop $again (br $again))))"#),
    (
        "a start function",
        r#"(module (func $start (loop $again (br $again))) (start $start) (func (export "_start")))"#,
    ),
    (
        "polling without waiting",
        r#"(module
             (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (func (export "_start")
               (i32.store (i32.const 16) (i32.const 1))
               (loop $again
                 (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
                 (br $again))))"#,
    ),
    (
        "a sleep of a year",
        r#"(module
             (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (func (export "_start")
               (i64.store (i32.const 24) (i64.const 31536000000000000))
               (i32.store (i32.const 16) (i32.const 1))
               (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#,
    ),
    (
        "reading a pipe that stays open",
        r#"(module
             (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (func (export "_start")
               (i32.store (i32.const 4) (i32.const 100))
               (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 128)))))"#,
    ),
];
