//! Components: what they get, how they end, and what stops them; or that the engine refuses them.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use wasm_exec::{Capability, Error, Exit, Input, Limits, Preopen, Program, Stop, Task, TrapKind};

use super::{NAME, engine, task};
use crate::support::{Ran, run, try_run, wasm};

/// Whether the engine runs them; if not, that it says so.
fn runs_components() -> bool {
    let can = engine().info().can(Capability::Component);
    if !can {
        let error = engine().compile(&command("i32.const 0")).unwrap_err();
        assert!(matches!(error, Error::Component { engine: NAME }), "{error:?}");
    }
    can
}

/// A command whose `run` is this: 0 is `Ok`, 1 is `Err`.
fn command(run: &str) -> Vec<u8> {
    around(&format!(r#"(core module $main (func (export "run") (result i32) {run}))"#))
}

/// A command whose core module is this.
fn around(module: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(component
             {module}
             (core instance $main (instantiate $main))
             (func $run (result (result)) (canon lift (core func $main "run")))
             (instance $command (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $command)))"#
    ))
}

/// The guest that does what its arguments say.
#[track_caller]
fn probe(args: &[&str], task: Task) -> Result<Ran, Error> {
    let path = guests::compiled("probe-component").unwrap();
    try_run(&*engine(), &fs::read(path).unwrap(), task.arg("probe").args(args.iter().copied()))
}

macro_rules! need_probe {
    () => {
        if !runs_components() || guests::need!("probe-component").is_none() {
            return;
        }
    };
}

#[test]
fn hello() {
    if !runs_components() {
        return;
    }
    let Some(path) = guests::need!("hello-component") else { return };
    let ran = run(&*engine(), &fs::read(path).unwrap(), task());
    assert_eq!((ran.exit, &*ran.stdout, &*ran.stderr), (Exit::Code(0), "Hello, World!\n", ""));
}

#[test]
fn arguments_environment_and_input_arrive_unchanged() {
    need_probe!();
    let ran = probe(&["args", "", " a b ", "--x=é"], task()).unwrap();
    assert_eq!((ran.exit, &*ran.stdout), (Exit::Code(0), "probe\nargs\n\n a b \n--x=é\n"));
    let ran = probe(&["env"], task().env("B", " x=y ").env("A", "")).unwrap();
    assert_eq!(ran.stdout, "B= x=y \nA=\n");
    let input = "x".repeat(300_000);
    let ran = probe(&["cat"], task().stdin(Input::bytes(input.clone()))).unwrap();
    assert_eq!((ran.exit, ran.stdout), (Exit::Code(0), input));
}

#[test]
fn the_result_of_run_is_the_exit_code() {
    if !runs_components() {
        return;
    }
    assert_eq!(run(&*engine(), &command("i32.const 0"), task()).exit, Exit::Code(0));
    assert_eq!(run(&*engine(), &command("i32.const 1"), task()).exit, Exit::Code(1));
    let ran = run(&*engine(), &command("unreachable"), task());
    assert!(matches!(&ran.exit, Exit::Trap(trap) if trap.kind == TrapKind::Unreachable), "{ran:?}");
}

#[test]
fn exit_codes_are_those_of_the_guest() {
    if !runs_components() {
        return;
    }
    for code in [0, 1, 7, 124, 126, 255] {
        let exits = wasm(&format!(
            r#"(component
                 (import "wasi:cli/exit@0.2.12" (instance $exit
                   (export "exit-with-code" (func (param "status-code" u8)))))
                 (core module $main
                   (import "" "exit" (func $exit (param i32)))
                   (func (export "run") (result i32) (call $exit (i32.const {code})) unreachable))
                 (core func $lowered (canon lower (func $exit "exit-with-code")))
                 (core instance $main (instantiate $main (with "" (instance (export "exit" (func $lowered))))))
                 (func $run (result (result)) (canon lift (core func $main "run")))
                 (instance $command (export "run" (func $run)))
                 (export "wasi:cli/run@0.2.0" (instance $command)))"#
        ));
        assert_eq!(run(&*engine(), &exits, task()).exit, Exit::Code(code));
    }
}

#[test]
fn entries_are_exported_functions() {
    if !runs_components() {
        return;
    }
    let library = wasm(
        r#"(component
             (core module $main (func (export "go")) (func (export "no") (param i32)))
             (core instance $main (instantiate $main))
             (func (export "go") (canon lift (core func $main "go")))
             (func (export "no") (param "a" u32) (canon lift (core func $main "no"))))"#,
    );
    assert_eq!(run(&*engine(), &library, task().entry("go")).exit, Exit::Code(0));
    for (entry, named) in [("_start", "wasi:cli/run"), ("no", "no"), ("x", "x")] {
        let error = try_run(&*engine(), &library, task().entry(entry)).unwrap_err();
        let Error::MissingEntry { entry, others } = error else { panic!("{error:?}") };
        assert_eq!((entry.as_str(), &*others), (named, &["go".to_owned()][..]));
    }
}

#[test]
fn what_nobody_provides_is_said_before_it_is_compiled() {
    if !runs_components() {
        return;
    }
    let error =
        engine().compile(&wasm(r#"(component (import "wasi:nn/graph@0.2.0" (instance)))"#)).unwrap_err();
    assert!(matches!(&error, Error::MissingImports { .. }), "{error:?}");
    assert!(error.to_string().contains("wasi:nn/graph@0.2.0"), "{error}");
    // An interface that is there, with a function that is not.
    let text = r#"(component (import "wasi:cli/exit@0.2.12" (instance (export "leap" (func)))))"#;
    assert!(engine().compile(&wasm(text)).unwrap_err().is_not_runnable());
}

#[test]
fn damaged_components_are_refused() {
    if !runs_components() {
        return;
    }
    let whole = command("i32.const 0");
    for length in 8..whole.len() {
        // What is left may be a shorter component; nothing may panic.
        match engine().compile(&whole[..length]) {
            Ok(_) => {}
            Err(error) => assert!(error.is_not_runnable(), "{error:?}"),
        }
    }
}

/// Runs what never ends, and measures how long it took beyond its deadline.
#[track_caller]
fn is_stopped(program: &Program, task: Task) {
    let deadline = Duration::from_millis(50);
    let start = Instant::now();
    let exit = program.run(task.limits(Limits::default().deadline(deadline))).unwrap();
    assert_eq!(exit, Exit::Stopped(Stop::Deadline));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_computes_for_ever_is_stopped() {
    if !runs_components() {
        return;
    }
    let in_start = around(
        r#"(core module $main (func $start (loop $again (br $again))) (start $start)
             (func (export "run") (result i32) (i32.const 0)))"#,
    );
    for endless in [command("(loop $again (br $again)) unreachable"), in_start] {
        is_stopped(&engine().compile(&endless).unwrap(), task());
    }
}

#[test]
fn what_waits_for_ever_is_stopped() {
    need_probe!();
    let program = engine().compile(&fs::read(guests::compiled("probe-component").unwrap()).unwrap()).unwrap();
    is_stopped(&program, task().args(["probe", "sleep"]));
    let (reader, _writer) = std::io::pipe().unwrap();
    let stdin = Input::file(std::os::fd::OwnedFd::from(reader).into());
    is_stopped(&program, task().args(["probe", "cat"]).stdin(stdin));
    let listen = ["probe", "listen", "127.0.0.1:0"];
    is_stopped(&program, task().args(listen).network(wasm_exec::Network::Host));
}

#[test]
fn limits_hold_for_all_instances_together() {
    if !runs_components() {
        return;
    }
    let limits = |limits: Limits| task().limits(limits);
    let two = |pages: u32| {
        wasm(&format!(
            r#"(component
                 (core module $m (memory {pages}) (func (export "run") (result i32)
                   (i32.eq (memory.grow (i32.const 1)) (i32.const -1))))
                 (core instance $a (instantiate $m))
                 (core instance $main (instantiate $m))
                 (func $run (result (result)) (canon lift (core func $main "run")))
                 (instance $command (export "run" (func $run)))
                 (export "wasi:cli/run@0.2.0" (instance $command)))"#
        ))
    };
    let page = 65_536;
    let exit = |memory| run(&*engine(), &two(2), limits(Limits::default().memory(memory))).exit;
    assert_eq!(exit(5 * page), Exit::Code(0));
    assert_eq!(exit(4 * page), Exit::Code(1));
    let error = try_run(&*engine(), &two(2), limits(Limits::default().memory(4 * page - 1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the module begins with 262144 bytes of memory, and the task allows 262143"
    );
    let error = try_run(&*engine(), &two(2), limits(Limits::default().instances(1))).unwrap_err();
    assert_eq!(error.to_string(), "the module begins with 2 instances, and the task allows 1");
}

#[test]
fn output_and_handles_are_limited() {
    need_probe!();
    let ran = probe(&["flood"], task().limits(Limits::default().output_bytes(10_000))).unwrap();
    assert_eq!(ran.exit, Exit::Stopped(Stop::Output));
    assert_eq!(ran.stdout.len() + ran.stderr.len(), 10_000);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "text").unwrap();
    let files = || task().preopen(Preopen::read_only(dir.path(), "/"));
    assert_eq!(probe(&["open", "/file"], files()).unwrap().exit, Exit::Stopped(Stop::Handles));
}

#[test]
fn directories_are_as_granted() {
    need_probe!();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "text").unwrap();
    std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
    let read_only = || task().preopen(Preopen::read_only(dir.path(), "/data"));
    let read_write = || task().preopen(Preopen::read_write(dir.path(), "/data"));
    assert_eq!(probe(&["read", "/data/file"], read_only()).unwrap().stdout, "text");
    for escape in ["/data/../etc/passwd", "/data/out/passwd", "/etc/passwd"] {
        assert_eq!(probe(&["read", escape], read_write()).unwrap().exit, Exit::Code(1), "{escape}");
    }
    assert_eq!(probe(&["write", "/data/file"], read_only()).unwrap().exit, Exit::Code(1));
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"text");
    assert_eq!(probe(&["write", "/data/new"], read_write()).unwrap().exit, Exit::Code(0));
    assert_eq!(fs::read(dir.path().join("new")).unwrap(), b"written");
}

#[test]
fn special_files_are_opened_only_if_that_is_asked_for() {
    need_probe!();
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let files = |host: &Path| task().preopen(Preopen::read_only(host, "/data"));
    assert_eq!(probe(&["read", "/data/fifo"], files(dir.path())).unwrap().exit, Exit::Code(1));
    assert_eq!(probe(&["read", "/data/zero"], files(Path::new("/dev"))).unwrap().exit, Exit::Code(1));

    let devices = files(Path::new("/dev")).special_files(true);
    assert_eq!(probe(&["read", "/data/zero"], devices).unwrap().stdout, "\0\0\0\0");
    let deadline = Limits::default().deadline(Duration::from_millis(50));
    let waits = files(dir.path()).special_files(true).limits(deadline);
    assert_eq!(probe(&["read", "/data/fifo"], waits).unwrap().exit, Exit::Stopped(Stop::Deadline));
    // Somebody still waits for the other end.
    drop(fs::File::options().read(true).write(true).open(&fifo).unwrap());
}

#[test]
fn precompiled_components_run() {
    if !runs_components() {
        return;
    }
    let code = engine().precompile(&command("i32.const 1")).unwrap();
    assert_eq!(engine().load(&code).unwrap().run(task()).unwrap(), Exit::Code(1));
    let dir = tempfile::tempdir().unwrap();
    let cache = wasm_exec::Cache::open(dir.path().join("code")).unwrap();
    for _ in 0..2 {
        let cached = cache.program(&*engine(), &command("i32.const 1")).unwrap();
        assert_eq!(cached.program.run(task()).unwrap(), Exit::Code(1));
    }
    assert_eq!(cache.entries().unwrap().len(), 1);
}
