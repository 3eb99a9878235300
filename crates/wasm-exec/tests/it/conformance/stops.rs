//! How guests are ended from outside, wherever they are.

use std::{
    fs::File,
    io::Write,
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{CWD, FileType, Mode};
use wasm_exec::{
    Cancel, Capability, Error, Exit, Input, Limits, Network, Output, Preopen, Stop, Stopping, Task,
};

use super::{NAME, engine, sockets, task};
use crate::{
    child,
    support::{calling, try_run, wasm},
};

/// A guest that does not end, and the task that it needs for that.
pub(crate) struct Endless {
    pub(crate) what: &'static str,
    pub(crate) wasm: Vec<u8>,
    /// Makes the streams that keep it waiting.
    pub(crate) task: fn() -> Task,
    waits_in_a_host_call: bool,
}

impl Endless {
    fn computes(what: &'static str, text: &str) -> Self {
        Self { what, wasm: wasm(text), task, waits_in_a_host_call: false }
    }

    fn waits(what: &'static str, wasm: Vec<u8>, task: fn() -> Task) -> Self {
        Self { what, wasm, task, waits_in_a_host_call: true }
    }

    /// All of them that the engine can end.
    pub(crate) fn all() -> Vec<Self> {
        let host_calls = engine().info().can(Capability::InterruptHostCall);
        let all = vec![
            Self::computes("a loop", r#"(module (func (export "_start") (loop $again (br $again))))"#),
            Self::computes(
                "a loop in the start function",
                r#"(module (func $start (loop $again (br $again))) (start $start) (func (export "_start")))"#,
            ),
            Self {
                task: || task().entry("run"),
                ..Self::computes(
                    "a loop in _initialize",
                    r#"(module
                         (func (export "_initialize") (loop $again (br $again)))
                         (func (export "run")))"#,
                )
            },
            Self::computes("tail calls", r#"(module (func $again (export "_start") (return_call $again)))"#),
            Self {
                waits_in_a_host_call: false,
                ..Self::waits("polling without waiting", poll_again(0), task)
            },
            Self { waits_in_a_host_call: false, ..Self::waits("yields", yields(), task) },
            Self {
                waits_in_a_host_call: false,
                ..Self::waits("random numbers without end", random_numbers(), task)
            },
            Self::waits("a sleep of a year", poll_again(YEAR), task),
            Self::waits("reading a pipe that stays open", guests::CAT.wasm(), || task().stdin(open_pipe())),
            Self::waits("polling a pipe that stays open", poll_stdin(), || task().stdin(open_pipe())),
            Self::waits("writing to a pipe that nobody reads", floods(), || task().stdout(full_pipe())),
        ];
        let all = all.into_iter().chain(with_sockets()).chain(components());
        all.filter(|guest| host_calls || !guest.waits_in_a_host_call).collect()
    }
}

/// Core modules with WasmEdge's sockets.
fn with_sockets() -> Vec<Endless> {
    vec![
        Endless::waits(
            "accepting what does not come",
            sockets::guest("(drop (call $accept (call $listen (i32.const 0))))"),
            on_host,
        ),
        Endless::waits(
            "polling a socket",
            sockets::guest("(call $poll (call $listen (i32.const 0)))"),
            on_host,
        ),
        Endless::waits(
            "receiving what does not come",
            sockets::connected(&format!("(drop {RECEIVED})")),
            on_host,
        ),
        Endless::waits(
            "sending to whom does not read",
            sockets::connected(
                "(loop $again
                   (call $do (call $sock_send
                     (local.get $fd) (i32.const 1040) (i32.const 1) (i32.const 0) (i32.const 8)))
                   (br $again))",
            ),
            on_host,
        ),
        Endless {
            waits_in_a_host_call: false,
            ..Endless::waits(
                "receiving nothing again and again",
                sockets::connected(&format!(
                    "(call $do (call $fd_fdstat_set_flags (local.get $fd) (i32.const 4)))
                     (loop $again (call $do (i32.ne (i32.const 6) {RECEIVED})) (br $again))"
                )),
                on_host,
            )
        },
    ]
}

/// What a call that receives returns.
const RECEIVED: &str = "(call $sock_recv (local.get $fd) (i32.const 1040) (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 12))";

fn on_host() -> Task {
    task().network(Network::Host)
}

/// The same of components, where the engine has them and the guest is compiled.
fn components() -> Vec<Endless> {
    let has_components = engine().info().can(Capability::Component);
    let Some(path) = has_components.then(|| guests::need("probe-component", "stops")).flatten() else {
        return Vec::new();
    };
    let probe = std::fs::read(path).unwrap();
    let computes = r#"(component
        (core module $main (func (export "run") (result i32) (loop $again (br $again)) unreachable))
        (core instance $main (instantiate $main))
        (func $run (result (result)) (canon lift (core func $main "run")))
        (instance $command (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $command)))"#;
    let waits = |what, task| Endless::waits(what, probe.clone(), task);
    vec![
        Endless::computes("a component's loop", computes),
        waits("a component's sleep of a year", || task().args(["probe", "sleep"])),
        waits("a component that reads a pipe", || task().args(["probe", "cat"]).stdin(open_pipe())),
        waits("a component that writes to a full pipe", || {
            task().args(["probe", "flood"]).stdout(full_pipe())
        }),
        waits("a component that accepts", || {
            task().args(["probe", "listen", "127.0.0.1:0"]).network(Network::Host)
        }),
    ]
}

/// Polls the clock with this timeout, for ever.
fn poll_again(nanoseconds: u64) -> Vec<u8> {
    let timeout: String = nanoseconds.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let subscription = format!("{}\\01{}{timeout}{}", "\\00".repeat(16), "\\00".repeat(7), "\\00".repeat(16));
    calling(
        &[("poll_oneoff", "i32 i32 i32 i32")],
        &subscription,
        "(loop $again (result i32)
           (br_if $again
             (i32.eqz (call $poll_oneoff (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 512))))
           (i32.const 1))",
    )
}

fn poll_stdin() -> Vec<u8> {
    calling(
        &[("poll_oneoff", "i32 i32 i32 i32")],
        &format!("\\07{}\\01{}", "\\00".repeat(7), "\\00".repeat(39)),
        "(call $poll_oneoff (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 512))",
    )
}

fn yields() -> Vec<u8> {
    calling(
        &[("sched_yield", "")],
        "",
        "(loop $again (result i32) (br_if $again (i32.eqz (call $sched_yield))) (i32.const 1))",
    )
}

/// All that its memory holds, again and again.
fn random_numbers() -> Vec<u8> {
    calling(
        &[("random_get", "i32 i32")],
        "",
        "(loop $again (result i32)
           (drop (memory.grow (i32.const 4000)))
           (br_if $again
             (i32.eqz (call $random_get (i32.const 0) (i32.mul (memory.size) (i32.const 65536)))))
           (i32.const 1))",
    )
}

fn floods() -> Vec<u8> {
    calling(
        &[("fd_write", "i32 i32 i32 i32")],
        "\\00\\00\\00\\00\\00\\ff\\00\\00",
        "(loop $again (result i32)
           (br_if $again
             (i32.eqz (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 2048))))
           (i32.const 1))",
    )
}

/// The other end stays open as long as the process.
fn open_pipe() -> Input {
    let (reader, writer) = std::io::pipe().unwrap();
    std::mem::forget(writer);
    Input::file(OwnedFd::from(reader).into())
}

fn full_pipe() -> Output {
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::mem::forget(reader);
    writer.write_all(&[0; 4096]).unwrap();
    Output::file(OwnedFd::from(writer).into())
}

/// Tells whether the engine can end a guest; if not, that it refuses to try.
fn can() -> bool {
    let info = engine();
    let info = info.info();
    let missing = [Capability::Interrupt, Capability::InterruptHostCall].into_iter().find(|c| !info.can(*c));
    if let Some(missing) = missing {
        for task in [deadline(Duration::from_secs(1)), task().cancel(Cancel::new())] {
            let task = task.stopping(Stopping::Always);
            let error = try_run(&*engine(), &guests::HELLO.wasm(), task).unwrap_err();
            assert!(matches!(error, Error::Unsupported { capability, .. } if capability == missing));
        }
    }
    info.can(Capability::Interrupt)
}

fn deadline(after: Duration) -> Task {
    with_deadline(task(), after)
}

fn with_deadline(task: Task, after: Duration) -> Task {
    let limits = task.limits.clone().deadline(after);
    best(task.limits(limits))
}

/// As sure as the engine can.
pub(crate) fn best(task: Task) -> Task {
    let sure = engine().info().can(Capability::InterruptHostCall);
    task.stopping(if sure { Stopping::Always } else { Stopping::BestEffort })
}

#[test]
fn a_deadline_ends_a_guest_wherever_it_is() {
    if !can() {
        return;
    }
    for guest in Endless::all() {
        let program = engine().compile(&guest.wasm).unwrap();
        let start = Instant::now();
        let exit = program.run(with_deadline((guest.task)(), SOON)).unwrap();
        let took = start.elapsed();
        assert_eq!(exit, Exit::Stopped(Stop::Deadline), "{}", guest.what);
        assert!(took >= SOON && took < SOON + PATIENCE, "{}: {took:?}", guest.what);
    }
}

#[test]
fn a_request_ends_a_guest_wherever_it_is() {
    if !can() {
        return;
    }
    for (guest, number) in Endless::all().into_iter().zip(1..) {
        let running = engine().compile(&guest.wasm).unwrap().start(best((guest.task)())).unwrap();
        thread::sleep(SOON);
        assert!(!running.is_finished(), "{}", guest.what);
        let start = Instant::now();
        let stop = if number % 2 == 0 {
            running.cancel();
            Stop::Cancelled
        } else {
            running.signal(number);
            Stop::Signal(number)
        };
        assert_eq!(running.wait().unwrap(), Exit::Stopped(stop), "{}", guest.what);
        assert!(start.elapsed() < PATIENCE, "{}: {:?}", guest.what, start.elapsed());
    }
}

#[test]
fn a_guest_that_ends_by_itself_is_not_stopped() {
    if !can() {
        return;
    }
    let program = engine().compile(&guests::EXIT_CODE.wasm()).unwrap();
    for after in [Duration::from_secs(3600), Duration::MAX] {
        assert_eq!(program.run(deadline(after)).unwrap(), Exit::Code(7));
    }
    let cancel = Cancel::new();
    for _ in 0..100 {
        assert_eq!(program.run(best(task()).cancel(cancel.clone())).unwrap(), Exit::Code(7));
    }
    let running = program.start(best(task())).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(7));
}

#[test]
fn what_has_passed_already_ends_a_guest_before_it_begins() {
    if !can() {
        return;
    }
    let loops = wasm(r#"(module (func (export "_start") (loop $again (br $again))))"#);
    let program = engine().compile(&loops).unwrap();
    assert_eq!(program.run(deadline(Duration::ZERO)).unwrap(), Exit::Stopped(Stop::Deadline));
    let cancel = Cancel::new();
    cancel.signal(15);
    assert_eq!(program.run(best(task()).cancel(cancel)).unwrap(), Exit::Stopped(Stop::Signal(15)));
}

#[test]
fn one_token_ends_many_runs_and_no_other() {
    if !can() {
        return;
    }
    let program = engine().compile(&poll_again(0)).unwrap();
    let cancel = Cancel::new();
    let others = Cancel::new();
    let start = |cancel: &Cancel| program.start(best(task()).cancel(cancel.clone())).unwrap();
    let ended: Vec<_> = (0..4).map(|_| start(&cancel)).collect();
    let other = start(&others);
    thread::sleep(SOON);
    cancel.cancel();
    for running in ended {
        assert_eq!(running.wait().unwrap(), Exit::Stopped(Stop::Cancelled));
    }
    thread::sleep(SOON);
    assert!(!other.is_finished());
    others.cancel();
    assert_eq!(other.wait().unwrap(), Exit::Stopped(Stop::Cancelled));
}

/// At a time that nobody chose, again and again: no request may be missed.
#[test]
fn a_request_is_never_missed() {
    if !can() {
        return;
    }
    let loops = wasm(r#"(module (func (export "_start") (loop $again (br $again))))"#);
    let program = engine().compile(&loops).unwrap();
    thread::scope(|scope| {
        for lane in 0..2_u64 {
            let program = &program;
            scope.spawn(move || {
                for turn in 0..150_u64 {
                    let running = program.start(best(task())).unwrap();
                    thread::sleep(Duration::from_micros((turn * 37 + lane * 101) % 300));
                    running.cancel();
                    assert_eq!(running.wait().unwrap(), Exit::Stopped(Stop::Cancelled));
                }
            });
        }
    });
}

#[test]
fn a_program_runs_again_after_a_stop() {
    if !can() {
        return;
    }
    let module = wasm(
        r#"(module
             (memory (export "memory") 1)
             (func (export "loop") (loop $again (br $again)))
             (func (export "_start") (if (i32.load (i32.const 0)) (then (unreachable)))
               (i32.store (i32.const 0) (i32.const 1))))"#,
    );
    let program = engine().compile(&module).unwrap();
    for _ in 0..3 {
        let exit = program.run(deadline(Duration::from_millis(2)).entry("loop")).unwrap();
        assert_eq!(exit, Exit::Stopped(Stop::Deadline));
        assert_eq!(program.run(task()).unwrap(), Exit::Code(0));
    }
}

#[test]
fn no_stopped_guest_leaves_a_thread_or_a_descriptor() {
    if can() {
        child::finish(child::start(&format!("{NAME}::stops::stops_many"), std::process::Stdio::null()));
    }
}

#[test]
#[ignore = "started by the test above"]
fn stops_many() {
    let dir = tempfile::tempdir().unwrap();
    let host_calls = engine().info().can(Capability::InterruptHostCall);
    let program = engine().compile(&poll_again(if host_calls { YEAR } else { 0 })).unwrap();
    let run = || {
        let (reader, _writer) = std::io::pipe().unwrap();
        let stdin = Input::file(File::from(OwnedFd::from(reader)));
        let task = deadline(Duration::from_millis(1)).stdin(stdin);
        let exit = program.run(task.preopen(Preopen::read_write(dir.path(), "/"))).unwrap();
        assert_eq!(exit, Exit::Stopped(Stop::Deadline));
    };
    run();
    let count = || (child::count("task"), child::count("fd"));
    // A thread that nobody can join may need a moment to go.
    thread::sleep(SOON);
    let before = count();
    for _ in 0..50 {
        run();
        let start = Instant::now();
        while count() != before && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(count(), before);
    }
}

#[test]
fn a_fifo_or_device_is_not_opened() {
    // Who does not promise to end a host call may wait for the other end.
    if !engine().info().can(Capability::InterruptHostCall) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, at("fifo"), FileType::Fifo, mode, 0).unwrap();
    std::os::unix::fs::symlink("fifo", at("link")).unwrap();
    std::fs::write(at("file"), "x").unwrap();
    // Whoever opens a FIFO waits for the other end, and no engine can be sure to end that.
    let opens = |host: &std::path::Path, path: &str, rights: u64| {
        let body = format!(
            "(call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const {}) (i32.const 0)
               (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 0))",
            path.len()
        );
        let guest = calling(&[("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32")], path, &body);
        let task = task().preopen(Preopen::read_write(host, "/"));
        crate::support::code(&*engine(), &guest, task)
    };
    for rights in [READ, WRITE, READ | WRITE] {
        for path in ["fifo", "./fifo", "link"] {
            assert_eq!(opens(dir.path(), path, rights), ACCES, "{path} {rights}");
        }
        assert_eq!(opens(dir.path(), "file", rights), 0);
    }
    assert_eq!(opens("/dev".as_ref(), "zero", READ), ACCES);
    assert_eq!(opens("/dev".as_ref(), "no such thing", READ), NOENT);
}

#[test]
fn special_files_are_opened_if_that_is_asked_for() {
    if !engine().info().can(Capability::InterruptHostCall) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let open = |path: &str| {
        let body = format!(
            "(call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const {}) (i32.const 0)
               (i64.const {READ}) (i64.const 0) (i32.const 0) (i32.const 0))",
            path.len()
        );
        calling(&[("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32")], path, &body)
    };
    let devices = task().preopen(Preopen::read_only("/dev", "/")).special_files(true);
    assert_eq!(crate::support::code(&*engine(), &open("zero"), devices), 0);

    // Nobody has the other end, and the run ends all the same.
    let limits = Limits::default().deadline(SOON);
    let waits = task().preopen(Preopen::read_only(dir.path(), "/")).special_files(true).limits(limits);
    let ran = try_run(&*engine(), &open("fifo"), waits).unwrap();
    assert_eq!(ran.exit, Exit::Stopped(Stop::Deadline));
    // A thread of the engine still waits, until there is another end.
    drop(File::options().read(true).write(true).open(&fifo).unwrap());
}

/// The guest has begun by then.
const SOON: Duration = Duration::from_millis(20);

/// Far more than it takes, on a machine that has much to do: the bench `stop` measures.
const PATIENCE: Duration = Duration::from_secs(5);

const YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;

/// Rights and error numbers of preview 1.
const READ: u64 = 2;
const WRITE: u64 = 64;
const ACCES: i32 = 2;
const NOENT: i32 = 44;
