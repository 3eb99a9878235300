//! Compiling in a process of its own.

use std::{
    fs::File,
    io,
    process::Stdio,
    time::{Duration, Instant},
};

use wasm_exec::{Budget, CompilerProcess, Engine, Error, Exit, Limits, Stop, Task, WasmtimeEngine};

use crate::{child, support::wasm};

/// This very program, told to compile. Its test harness writes to standard output too, so the answer goes around it.
fn itself() -> CompilerProcess {
    let script = r#"exec 3>&1 >/dev/null; exec "$0" --ignored --exact compile_child::compiles"#;
    CompilerProcess::new("/bin/sh").arg("-c").arg(script).arg(std::env::current_exe().unwrap())
}

#[test]
#[ignore = "the compiler of the tests below"]
fn compiles() {
    let answer = File::options().write(true).open("/proc/self/fd/3").unwrap();
    WasmtimeEngine::compile_for_parent(io::stdin(), answer).unwrap();
}

fn engine(compiler: CompilerProcess) -> WasmtimeEngine {
    WasmtimeEngine::builder().budget(Budget::unlimited()).compile_in(compiler).build().unwrap()
}

/// Blocks that hand on many values: for 900 of 900, Cranelift takes 17 s and 5 GB.
fn bomb() -> Vec<u8> {
    let types = "i32 ".repeat(900);
    let block = format!("(block (param {types}) (result {types}) (br_if 0 (local.get 0)))").repeat(900);
    wasm(&format!(
        "(module (func (local i32) {} {block} {}))",
        "(i32.const 1)".repeat(900),
        "drop ".repeat(900)
    ))
}

#[test]
fn what_another_process_compiled_runs_as_ever() {
    let loops = wasm(r#"(module (func (export "_start") (loop $again (br $again))))"#);
    let counts = WasmtimeEngine::builder().fuel(true).compile_in(itself()).build().unwrap();
    let goes_on = WasmtimeEngine::builder().interruptible(false).compile_in(itself()).build().unwrap();
    for engine in [&engine(itself()), &counts, &goes_on] {
        let program = engine.compile(&guests::EXIT_CODE.wasm()).unwrap();
        assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(7));
        assert!(engine.compile(&guests::COMPONENT.wasm()).is_ok());
    }
    let exit = counts.compile(&loops).unwrap().run(Task::default().limits(Limits::default().fuel(10_000)));
    assert_eq!(exit.unwrap(), Exit::Stopped(Stop::Fuel));
    let code = engine(itself()).precompile(&guests::EXIT_BIG.wasm()).unwrap();
    let program = wasm_exec::engine("wasmtime").unwrap().load(&code).unwrap();
    assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(200));
}

#[test]
fn a_large_module_goes_through() {
    let functions = "(func (result i32) (i32.mul (i32.const 3) (i32.const 5)))".repeat(1000);
    let large = wasm(&format!(
        r#"(module (memory 100) (data (i32.const 0) "{}") {functions} (func (export "_start")))"#,
        "x".repeat(5_000_000)
    ));
    assert_eq!(engine(itself()).compile(&large).unwrap().run(Task::default()).unwrap(), Exit::Code(0));
}

#[test]
fn errors_are_those_of_any_engine() {
    let invalid = wasm_without_check(&[10, 5, 1, 3, 0, 0x6a, 0x0b]);
    let error = engine(itself()).compile(&invalid).unwrap_err();
    assert!(matches!(error, Error::InvalidWasm { offset: 23.., .. }), "{error:?}");
    // What is refused before costs no process.
    let nobody = engine(CompilerProcess::new("/nonexistent/compiler"));
    let error = nobody.compile(&guests::UNKNOWN_IMPORT.wasm()).unwrap_err();
    assert!(matches!(error, Error::MissingImports { .. }), "{error:?}");
    let budget = WasmtimeEngine::builder().compile_in(CompilerProcess::new("/nonexistent/compiler"));
    let error = budget.build().unwrap().compile(&bomb()).unwrap_err();
    assert!(matches!(error, Error::OverBudget { .. }), "{error:?}");
}

fn wasm_without_check(code: &[u8]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0", &[1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0][..], code].concat()
}

#[test]
fn a_bomb_is_killed_in_time() {
    let start = Instant::now();
    let compiler = itself().time(Duration::from_millis(300)).memory(1 << 40);
    let error = engine(compiler).compile(&bomb()).unwrap_err();
    assert_eq!(error.to_string(), "to compile it takes 301 milliseconds, and the budget allows 300");
    assert!(error.is_not_runnable());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_bomb_gets_no_more_memory_than_allowed() {
    let error = engine(itself().memory(1 << 30)).compile(&bomb()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "to compile it takes 1073741825 bytes of memory, and the budget allows 1073741824"
    );
}

#[test]
fn a_program_that_is_no_compiler_is_an_error() {
    for (program, source) in [
        ("/nonexistent/compiler", "/nonexistent/compiler: No such file or directory (os error 2)"),
        ("/bin/false", "/bin/false did not compile: exit status: 1"),
        ("/bin/true", "/bin/true did not compile: exit status: 0"),
        ("/bin/cat", "/bin/cat did not compile: exit status: 0"),
    ] {
        let error = engine(CompilerProcess::new(program)).compile(&guests::HELLO.wasm()).unwrap_err();
        assert!(matches!(error, Error::Engine { .. }) && !error.is_not_runnable(), "{error:?}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), source);
    }
    let sleeps = CompilerProcess::new("/bin/sleep").arg("100").time(Duration::from_millis(50));
    assert!(matches!(engine(sleeps).compile(&guests::HELLO.wasm()), Err(Error::OverBudget { .. })));
    let closes = CompilerProcess::new("/bin/sh").arg("-c").arg("exec >&- ; exec sleep 100");
    let closes = engine(closes.time(Duration::from_millis(50)));
    assert!(matches!(closes.compile(&guests::HELLO.wasm()), Err(Error::OverBudget { .. })));
}

#[test]
fn a_compiler_is_asked_by_its_parent_only() {
    for input in [&b""[..], b"hello", &[0; 1000]] {
        assert!(WasmtimeEngine::compile_for_parent(input, io::sink()).is_err());
    }
}

#[test]
fn no_process_thread_or_descriptor_is_left() {
    child::finish(child::start("compile_child::leaves_nothing", Stdio::null()));
}

#[test]
#[ignore = "started by the test above"]
fn leaves_nothing() {
    let compilers = [
        engine(itself()),
        engine(CompilerProcess::new("/bin/sleep").arg("100").time(Duration::from_millis(20))),
        engine(CompilerProcess::new("/bin/false")),
    ];
    let before = (child::count("task"), child::count("fd"));
    for engine in &compilers {
        for _ in 0..3 {
            let _ = engine.precompile(&guests::HELLO.wasm());
        }
    }
    assert_eq!((child::count("task"), child::count("fd")), before);
    assert_eq!(
        rustix::process::waitpid(None, rustix::process::WaitOptions::NOHANG).unwrap_err(),
        rustix::io::Errno::CHILD
    );
}
