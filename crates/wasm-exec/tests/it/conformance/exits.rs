//! How guests end.

use wasm_exec::{Error, Exit, Trap, TrapKind};

use super::{BACKTRACES, CALL_DEPTH, HOST_TRAPS, engine, task};
use crate::support::{calling, run, try_run, wasm};

fn exit(wasm: &[u8]) -> Exit {
    run(&*engine(), wasm, task()).exit
}

#[track_caller]
fn trap(wasm: &[u8]) -> Trap {
    match exit(wasm) {
        Exit::Trap(trap) => trap,
        exit => panic!("{exit}"),
    }
}

#[test]
fn a_return_is_code_0() {
    assert_eq!(exit(&wasm(r#"(module (func (export "_start")))"#)), Exit::Code(0));
    assert_eq!(exit(&guests::HELLO.wasm()), Exit::Code(0));
}

#[test]
fn codes_keep_all_their_bits() {
    assert_eq!(exit(&guests::EXIT_CODE.wasm()), Exit::Code(7));
    assert_eq!(exit(&guests::EXIT_BIG.wasm()), Exit::Code(200));
    for code in (0..=256).step_by(16).chain([1, 124, 125, 126, 127, 134, 255, 70_000, i32::MAX, -1, i32::MIN])
    {
        assert_eq!(exit(&calling(&[], "", &format!("(i32.const {code})"))), Exit::Code(code));
    }
}

#[test]
fn an_exit_leaves_nested_calls() {
    let nested = wasm(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (table funcref (elem $deep))
             (func $deep (param $n i32)
               (if (i32.eqz (local.get $n)) (then (call $exit (i32.const 3))))
               (call_indirect (param i32) (i32.sub (local.get $n) (i32.const 1)) (i32.const 0)))
             (memory (export "memory") 1)
             (func (export "_start") (call $deep (i32.const 50)) (unreachable)))"#,
    );
    assert_eq!(exit(&nested), Exit::Code(3));
}

#[test]
fn each_trap_has_its_kind() {
    let body = |body: &str| {
        wasm(&format!(
            r#"(module
                 (memory 1) (table 2 funcref) (elem (i32.const 0) $other)
                 (func $other (param i64))
                 (func (export "_start") {body}))"#
        ))
    };
    for (guest, kind) in [
        (guests::TRAP.wasm(), TrapKind::Unreachable),
        (guests::DIVIDE_BY_ZERO.wasm(), TrapKind::DivisionByZero),
        (guests::STACK_OVERFLOW.wasm(), TrapKind::StackOverflow),
        (body("(drop (i32.load (i32.const 65536)))"), TrapKind::MemoryOutOfBounds),
        (body("(i32.store (i32.const -1) (i32.const 0))"), TrapKind::MemoryOutOfBounds),
        (body("(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000))"), TrapKind::MemoryOutOfBounds),
        (body("(drop (table.get (i32.const 2)))"), TrapKind::TableOutOfBounds),
        (body("(call_indirect (i32.const 1))"), TrapKind::UninitializedElement),
        (body("(call_indirect (i32.const 0))"), TrapKind::IndirectCallType),
        (body("(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))"), TrapKind::IntegerOverflow),
        (body("(drop (i32.trunc_f32_s (f32.const nan)))"), TrapKind::InvalidConversion),
    ] {
        if kind == TrapKind::StackOverflow && !CALL_DEPTH {
            continue;
        }
        let trap = trap(&guest);
        assert_eq!(trap.kind, kind);
        assert_eq!(trap.to_string(), kind.to_string());
        assert_eq!(Exit::Trap(trap).code(), 134);
    }
}

#[test]
fn a_trap_tells_where() {
    let guest = wasm(r#"(module (func $inner unreachable) (func $outer (export "_start") call $inner))"#);
    let backtrace = trap(&guest).backtrace;
    assert_eq!(backtrace.is_some(), BACKTRACES);
    let Some(backtrace) = backtrace else { return };
    let lines: Vec<_> = backtrace.lines().collect();
    assert!(lines[0].starts_with("0: inner") && lines[1].starts_with("1: outer"), "{backtrace}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_guest_may_end_before_its_entry() {
    assert_eq!(trap(&guests::START_TRAP.wasm()).kind, TrapKind::Unreachable);
    let misfit = wasm(r#"(module (memory 1) (data (i32.const 65536) "x") (func (export "_start")))"#);
    assert_eq!(trap(&misfit).kind, TrapKind::MemoryOutOfBounds);
    let exits = wasm(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (func $start (call $exit (i32.const 9)))
             (start $start)
             (func (export "_start") (unreachable)))"#,
    );
    assert_eq!(exit(&exits), Exit::Code(9));
}

#[test]
fn a_program_runs_again_after_a_trap() {
    let counts = wasm(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (global $runs (mut i32) (i32.const 0))
             (func $count
               (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
               (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
             (func (export "trap") (call $count) (unreachable))
             (func (export "_start")
               (call $count)
               (call $exit (i32.add (i32.load (i32.const 0)) (global.get $runs)))))"#,
    );
    let program = engine().compile(&counts).unwrap();
    for _ in 0..3 {
        assert!(matches!(program.run(task().entry("trap")).unwrap(), Exit::Trap(_)));
        assert_eq!(program.run(task()).unwrap(), Exit::Code(2));
    }
}

#[test]
fn a_host_function_that_cannot_go_on_is_a_trap() {
    let no_memory = wasm(
        r#"(module
             (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
             (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
             (func (export "_start") (drop (call $random (i32.const 0) (i32.const 1)))))"#,
    );
    if !HOST_TRAPS {
        assert_eq!(exit(&no_memory), Exit::Code(0));
        return;
    }
    let trap = trap(&no_memory);
    assert_eq!(trap.kind, TrapKind::Host);
    assert!(!trap.detail.is_empty());
}

#[test]
fn a_task_chooses_the_entry() {
    let reactor = wasm(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (global $state (mut i32) (i32.const 0))
             (func (export "_initialize") (global.set $state (i32.const 40)))
             (func (export "handle") (call $exit (i32.add (global.get $state) (i32.const 2))))
             (func (export "typed") (param i32)))"#,
    );
    let run = |entry: &'static str| try_run(&*engine(), &reactor, task().entry(entry));
    assert_eq!(run("handle").unwrap().exit, Exit::Code(42));
    for entry in ["_start", "typed", "memory", ""] {
        let error = run(entry).unwrap_err();
        let Error::MissingEntry { entry: missing, others } = &error else { panic!("{error:?}") };
        assert_eq!(missing, entry);
        assert_eq!(**others, ["_initialize", "handle"]);
        assert!(error.is_not_runnable());
    }
}

#[test]
fn a_library_has_no_entry() {
    let error = try_run(&*engine(), &guests::NO_START.wasm(), task()).unwrap_err();
    assert_eq!(error.help().unwrap(), "a command exports `_start`: build a binary, not a library");
}
