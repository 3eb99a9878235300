//! How much of the host a guest may use.

use std::fs;

use wasm_exec::{Capability, Capture, Error, Exit, Limits, Output, Preopen, Stop, Task};

use super::{EXACT_OUTPUT, MANY_BUFFERS, NAME, engine, task};
use crate::{
    child,
    support::{calling, code, run, try_run, wasm},
};

/// A task of which nothing is limited but what the engine limits by default.
fn limited(limit: impl FnOnce(Limits) -> Limits) -> Task {
    let task = task();
    let limits = limit(task.limits.clone());
    task.limits(limits)
}

/// Tells whether the engine has it; if not, that it refuses a task that needs it.
#[track_caller]
fn can(capability: Capability, limit: impl FnOnce(Limits) -> Limits) -> bool {
    let can = engine().info().can(capability);
    if !can {
        let error = try_run(&*engine(), &guests::HELLO.wasm(), limited(limit)).unwrap_err();
        assert!(matches!(error, Error::Unsupported { capability: c, .. } if c == capability), "{error:?}");
    }
    can
}

/// A guest that grows a memory or table, again and again, and ends with how often it could.
fn grower(declared: &str, grow: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             {declared}
             (global $times (mut i32) (i32.const 0))
             (func (export "_start")
               (loop $again
                 (if (i32.eq {grow} (i32.const -1)) (then (call $exit (global.get $times))))
                 (global.set $times (i32.add (global.get $times) (i32.const 1)))
                 (br_if $again (i32.lt_u (global.get $times) (i32.const 100000))))
               (call $exit (i32.const -2))))"#
    ))
}

#[test]
fn a_memory_grows_to_its_limit() {
    if !can(Capability::LimitMemory, |limits| limits.memory(1)) {
        return;
    }
    let bomb = grower(r#"(memory (export "memory") 1)"#, "(memory.grow (i32.const 1))");
    assert_eq!(code(&*engine(), &bomb, limited(|limits| limits.memory(10 * PAGE))), 9);
    assert_eq!(code(&*engine(), &bomb, limited(|limits| limits.memory(10 * PAGE - 1))), 8);
    assert_eq!(code(&*engine(), &bomb, task()), 4095);
    let all_at_once = grower("(memory 1)", "(memory.grow (i32.const 65535))");
    assert_eq!(code(&*engine(), &all_at_once, task()), 0);
}

#[test]
fn memories_grow_to_their_limit_together() {
    if !can(Capability::LimitMemory, |limits| limits.memory(1)) {
        return;
    }
    let both = "(i32.or (memory.grow 0 (i32.const 1)) (memory.grow 1 (i32.const 1)))";
    let bomb = grower("(memory 1) (memory 2)", both);
    assert_eq!(code(&*engine(), &bomb, limited(|limits| limits.memory(11 * PAGE))), 4);
    // What a memory's own maximum refuses does not count.
    let refused = "(i32.and (memory.grow 0 (i32.const 1)) (memory.grow 1 (i32.const 1)))";
    let bomb = grower("(memory 1 1) (memory 2)", refused);
    assert_eq!(code(&*engine(), &bomb, limited(|limits| limits.memory(11 * PAGE))), 8);
}

#[test]
fn a_module_that_begins_above_its_limit_is_an_error() {
    if !can(Capability::LimitMemory, |limits| limits.memory(1)) {
        return;
    }
    let hundred = format!(r#"(module {} (func (export "_start")))"#, "(memory 1)".repeat(100));
    for (declared, limits, message) in [
        (
            r#"(module (memory 65536) (func (export "_start")))"#,
            Limits::default(),
            "the module begins with 4294967296 bytes of memory, and the task allows 268435456",
        ),
        (
            &hundred,
            Limits::default().memory(99 * PAGE),
            "the module begins with 6553600 bytes of memory, and the task allows 6488064",
        ),
        (
            r#"(module (table 10000000 funcref) (func (export "_start")))"#,
            Limits::default(),
            "the module begins with 10000000 table elements, and the task allows 100000",
        ),
        (
            r#"(module (func (export "_start")))"#,
            Limits::default().instances(0),
            "the module begins with 1 instance, and the task allows 0",
        ),
    ] {
        let limits = limits.enforced_by(engine().info());
        let error = try_run(&*engine(), &wasm(declared), task().limits(limits)).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.help().is_some() && !error.is_not_runnable());
    }
    assert_eq!(run(&*engine(), &wasm(&hundred), task()).exit, Exit::Code(0));
}

#[test]
fn a_table_grows_to_its_limit() {
    if !can(Capability::LimitTableElements, |limits| limits.table_elements(1)) {
        return;
    }
    let grow = "(table.grow (ref.null func) (i32.const 1000))";
    let bomb = grower("(table 1000 funcref)", grow);
    assert_eq!(code(&*engine(), &bomb, task()), 99);
    assert_eq!(code(&*engine(), &bomb, limited(|limits| limits.table_elements(5999))), 4);
    let all_at_once = grower("(table 0 funcref)", "(table.grow (ref.null func) (i32.const -2))");
    assert_eq!(code(&*engine(), &all_at_once, task()), 0);
}

#[test]
fn fuel_is_refused_where_it_is_not_counted() {
    // An engine made by its name has its default settings: on wasmtime it does not count.
    if can(Capability::LimitFuel, |limits| limits.fuel(1)) {
        let forever = wasm(r#"(module (func (export "_start") (loop $forever (br $forever))))"#);
        let ran = run(&*engine(), &forever, limited(|limits| limits.fuel(100_000)));
        assert_eq!(ran.exit, Exit::Stopped(Stop::Fuel));
    }
}

/// Writes "0123456789" for ever, to both outputs in turn; what it gets in the end is its exit code.
fn flood(when_it_fails: &str) -> Vec<u8> {
    calling(
        &[("fd_write", "i32 i32 i32 i32")],
        "\\10\\04\\00\\00\\0a\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\000123456789",
        &format!(
            "(loop $again (result i32)
               (i32.store (i32.const 600) (i32.xor (i32.load (i32.const 600)) (i32.const 1)))
               (i32.store (i32.const 604)
                 (call $fd_write (i32.add (i32.load (i32.const 600)) (i32.const 1))
                   (i32.const 1024) (i32.const 1) (i32.const 0)))
               (br_if $again (i32.eqz (i32.load (i32.const 604))))
               {when_it_fails}
               (i32.load (i32.const 604)))"
        ),
    )
}

#[test]
fn a_flood_of_output_ends_at_its_limit() {
    if !can(Capability::LimitOutput, |limits| limits.output_bytes(1)) {
        return;
    }
    // One ends by itself with the error number, one writes on, one goes on without an end that would come.
    for then in ["", "(br $again)", "(drop (i32.div_u (i32.const 1) (i32.const 0)))"] {
        let ran = run(&*engine(), &flood(then), limited(|limits| limits.output_bytes(25)));
        assert_eq!(ran.exit, Exit::Stopped(Stop::Output), "{then}");
        if EXACT_OUTPUT {
            assert_eq!((&*ran.stderr, &*ran.stdout), ("012345678901234", "0123456789"));
        } else {
            assert_eq!(ran.stderr.len() + ran.stdout.len(), 25);
            assert!([&ran.stderr, &ran.stdout].iter().all(|text| DIGITS.starts_with(text.as_str())));
        }
        // What is discarded counts too.
        let program = engine().compile(&flood(then)).unwrap();
        let exit = program.run(limited(|limits| limits.output_bytes(100_000))).unwrap();
        assert_eq!(exit, Exit::Stopped(Stop::Output));
    }
}

#[test]
fn output_that_fits_is_as_without_a_limit() {
    if !can(Capability::LimitOutput, |limits| limits.output_bytes(1)) {
        return;
    }
    let ran = run(&*engine(), &guests::HELLO.wasm(), limited(|limits| limits.output_bytes(14)));
    assert_eq!((ran.exit, &*ran.stdout), (Exit::Code(0), "Hello, World!\n"));
    // A capture that is full is the guest's own affair.
    let capture = Capture::new(5);
    let task = limited(|limits| limits.output_bytes(14)).stdout(Output::Capture(capture.clone()));
    let exit = engine().compile(&guests::HELLO.wasm()).unwrap().run(task).unwrap();
    assert!(!matches!(exit, Exit::Stopped(_)) && capture.overflowed());
}

#[test]
fn a_guest_that_opens_files_without_end_is_stopped() {
    if !can(Capability::LimitHandles, |limits| limits.handles(1)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    let opens = |times: u32| {
        let body = format!(
            "(loop $again (result i32)
               (if (call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 4) (i32.const 0)
                     (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0))
                 (then (call $proc_exit (i32.const -1))))
               (i32.store (i32.const 600) (i32.add (i32.load (i32.const 600)) (i32.const 1)))
               (br_if $again (i32.lt_u (i32.load (i32.const 600)) (i32.const {times})))
               (i32.const 0))"
        );
        calling(&[("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32")], "file", &body)
    };
    let ran = |times, limits| {
        let task = task().limits(limits).preopen(Preopen::read_only(dir.path(), "/"));
        run(&*engine(), &opens(times), task).exit
    };
    assert_eq!(ran(1000, Limits::default()), Exit::Code(0));
    assert_eq!(ran(1_000_000, Limits::default()), Exit::Stopped(Stop::Handles));
    assert_eq!(ran(6, Limits::default().handles(10)), Exit::Code(0));
    assert_eq!(ran(7, Limits::default().handles(10)), Exit::Stopped(Stop::Handles));
}

#[test]
fn a_guest_that_waits_for_too_much_at_once_is_stopped() {
    if !can(Capability::LimitHandles, |limits| limits.handles(1)) {
        return;
    }
    // 100,000 subscriptions for the clock at its very beginning.
    let polls = calling(
        &[("poll_oneoff", "i32 i32 i32 i32")],
        "",
        "(loop $again (result i32)
           (drop (memory.grow (i32.const 200)))
           (i32.store (i32.add (i32.const 65552) (i32.mul (i32.load (i32.const 0)) (i32.const 48)))
             (i32.const 1))
           (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
           (br_if $again (i32.lt_u (i32.load (i32.const 0)) (i32.const 100000)))
           (call $poll_oneoff (i32.const 65536) (i32.const 6000000) (i32.const 100000) (i32.const 8)))",
    );
    assert_eq!(run(&*engine(), &polls, task()).exit, Exit::Stopped(Stop::Handles));
}

#[test]
fn a_write_of_many_buffers_is_a_write() {
    // 8000 buffers, which are all the whole memory: half a gigabyte.
    let writes = calling(
        &[("fd_write", "i32 i32 i32 i32")],
        "",
        "(loop $again (result i32)
           (i32.store (i32.add (i32.const 1028) (i32.mul (i32.load (i32.const 0)) (i32.const 8)))
             (i32.const 65536))
           (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
           (br_if $again (i32.lt_u (i32.load (i32.const 0)) (i32.const 8000)))
           (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 8000) (i32.const 8)))",
    );
    let exit = engine().compile(&writes).unwrap().run(task()).unwrap();
    assert_eq!(exit, Exit::Code(if MANY_BUFFERS { 0 } else { INVAL }));
}

#[test]
fn the_host_takes_no_more_memory_than_the_limit_says() {
    if can(Capability::LimitMemory, |limits| limits.memory(1)) {
        child::finish(child::start(&format!("{NAME}::limits::takes_memory"), std::process::Stdio::null()));
    }
}

#[test]
#[ignore = "started by the test above"]
fn takes_memory() {
    let limit = 32 << 20;
    let touches = grower(
        r#"(memory (export "memory") 1)"#,
        "(block (result i32)
           (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
           (memory.grow (i32.const 1)))",
    );
    let program = engine().compile(&touches).unwrap();
    let before = child::memory("VmHWM");
    for _ in 0..3 {
        let exit = program.run(limited(|limits| limits.memory(limit))).unwrap();
        assert_eq!(exit, Exit::Code(511));
    }
    let taken = child::memory("VmHWM") - before;
    assert!(taken <= limit + (8 << 20), "{taken}");
}

#[test]
fn a_guest_that_is_stopped_leaves_others_alone() {
    if !can(Capability::LimitMemory, |limits| limits.memory(1)) {
        return;
    }
    let program = engine().compile(&grower("(memory 1)", "(memory.grow (i32.const 1))")).unwrap();
    std::thread::scope(|scope| {
        for pages in 1..=4_u16 {
            let program = &program;
            scope.spawn(move || {
                for _ in 0..20 {
                    let exit = program.run(limited(|limits| limits.memory(u64::from(pages) * PAGE)));
                    assert_eq!(exit.unwrap(), Exit::Code(i32::from(pages) - 1));
                }
            });
        }
    });
}

const PAGE: u64 = 65536;

/// More than a flood may write.
const DIGITS: &str = "012345678901234567890123456789";

/// An error number of preview 1.
const INVAL: i32 = 28;
