//! A clock that is set while a guest runs. Nobody's clock is touched: this binary tells itself another time.

use std::{
    process::Stdio,
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant, SystemTime},
};

use rustix::time::{ClockId, Timespec};
use wasm_exec::{Engine, Exit, Limits, Stop, Task, WasmtimeEngine};

use crate::{child, support::calling};

/// How many seconds the time of day is off in this process.
static STEP: AtomicI64 = AtomicI64::new(0);

/// What the standard library asks for the time: it finds this one and not the C library's. rustix asks the kernel.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "the name and the arguments are those of the C library's function")]
extern "C" fn clock_gettime(id: i32, time: Option<NonNull<Timespec>>) -> i32 {
    let (clock, step) = match id {
        0 => (ClockId::Realtime, STEP.load(Relaxed)),
        1 => (ClockId::Monotonic, 0),
        2 => (ClockId::ProcessCPUTime, 0),
        3 => (ClockId::ThreadCPUTime, 0),
        7 => (ClockId::Boottime, 0),
        _ => return -1,
    };
    let Timespec { tv_sec, tv_nsec } = rustix::time::clock_gettime(clock);
    if let Some(time) = time {
        // SAFETY: callers of this function pass a place for the time.
        unsafe { time.write(Timespec { tv_sec: tv_sec + step, tv_nsec }) };
    }
    0
}

#[test]
fn a_clock_that_is_set_moves_no_deadline_and_no_sleep() {
    child::finish(child::start("clock::is_set", Stdio::null()));
}

#[test]
#[ignore = "started by the test above"]
fn is_set() {
    let before = SystemTime::now();
    STEP.store(-3600, Relaxed);
    assert!(SystemTime::now() < before, "the clock of this process cannot be set");

    let engine = WasmtimeEngine::new().unwrap();
    let looping = wat::parse_str(r#"(module (func (export "_start") (loop $again (br $again))))"#).unwrap();
    let half_a_second = Duration::from_millis(500);
    let cases = [
        ("a deadline", looping, Some(half_a_second), Exit::Stopped(Stop::Deadline)),
        ("a sleep", sleeps(), None, Exit::Code(0)),
        ("the monotonic clock", reads_the_monotonic_clock(), None, Exit::Code(0)),
    ];
    for (what, wasm, deadline, expected) in cases {
        let program = engine.compile(&wasm).unwrap();
        let limits = deadline.map_or_else(Limits::default, |after| Limits::default().deadline(after));
        let start = Instant::now();
        let exit = while_the_clock_is_set(|| program.run(Task::default().limits(limits)).unwrap());
        assert_eq!(exit, expected, "{what}");
        let took = start.elapsed();
        assert!(took >= half_a_second && took < Duration::from_secs(20), "{what}: {took:?}");
    }
}

/// Sets the clock back and forth, an hour and ten years, until `run` is done.
fn while_the_clock_is_set<T>(run: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for step in [0, -3600, 315_360_000, -315_360_000].into_iter().cycle() {
                if done.load(Relaxed) {
                    return;
                }
                STEP.store(step, Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let result = run();
        done.store(true, Relaxed);
        result
    })
}

/// Waits for half a second, by `poll_oneoff` and the monotonic clock.
fn sleeps() -> Vec<u8> {
    let timeout: String = 500_000_000_u64.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let zeros = |count| "\\00".repeat(count);
    let subscription = format!("{}\\01{}{timeout}{}", zeros(16), zeros(7), zeros(16));
    calling(
        &[("poll_oneoff", "i32 i32 i32 i32")],
        &subscription,
        "(call $poll_oneoff (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 512))",
    )
}

/// Reads the monotonic clock for half a second; gives 1 if it ever goes back.
fn reads_the_monotonic_clock() -> Vec<u8> {
    let now = "(drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8)))";
    calling(
        &[("clock_time_get", "i32 i64 i32")],
        "",
        &format!(
            "(block $done (result i32)
               {now} (i64.store (i32.const 16) (i64.load (i32.const 8)))
               (loop $again
                 (i64.store (i32.const 24) (i64.load (i32.const 8)))
                 {now}
                 (drop (br_if $done (i32.const 1) (i64.lt_u (i64.load (i32.const 8)) (i64.load (i32.const 24)))))
                 (br_if $again (i64.lt_u (i64.sub (i64.load (i32.const 8)) (i64.load (i32.const 16)))
                   (i64.const 500000000))))
               (i32.const 0))"
        ),
    )
}
