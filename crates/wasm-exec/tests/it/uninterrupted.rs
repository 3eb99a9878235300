//! Code that does not look whether it is to end.

use std::{thread, time::Duration};

use wasm_exec::{Cancel, Capability, Engine, Error, Exit, Limits, Stop, Stopping, Task, WasmtimeEngine};

use crate::support::wasm;

fn engine() -> WasmtimeEngine {
    WasmtimeEngine::builder().interruptible(false).build().unwrap()
}

#[test]
fn who_waits_is_ended() {
    let sleeper = wasm(
        r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (i32.store (i32.const 16) (i32.const 1))
                (i64.store (i32.const 24) (i64.const 31536000000000000))
                (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#,
    );
    let program = engine().compile(&sleeper).unwrap();
    let cancel = Cancel::new();
    let kept = cancel.clone();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        kept.cancel();
    });
    let task = Task::default().stopping(Stopping::HostCall);
    assert_eq!(program.run(task.clone().cancel(cancel)).unwrap(), Exit::Stopped(Stop::Cancelled));
    other.join().unwrap();
    let limits = Limits::default().deadline(Duration::from_millis(20));
    assert_eq!(program.run(task.limits(limits)).unwrap(), Exit::Stopped(Stop::Deadline));
}

#[test]
fn who_has_to_be_ended_wherever_it_is_is_refused() {
    let program = engine().compile(&wasm(r#"(module (func (export "_start")))"#)).unwrap();
    for stopping in [Stopping::Always, Stopping::BestEffort] {
        let error = program.run(Task::default().cancel(Cancel::new()).stopping(stopping)).unwrap_err();
        assert!(matches!(error, Error::Unsupported { capability: Capability::Interrupt, .. }), "{error:?}");
    }
}

/// Neither loads the code of the other.
#[test]
fn it_is_other_code() {
    let wasm = wasm(r#"(module (func (export "_start")))"#);
    let plain = WasmtimeEngine::new().unwrap();
    assert_ne!(plain.info().compatibility, engine().info().compatibility);
    assert!(plain.load(&engine().precompile(&wasm).unwrap()).is_err());
    assert!(engine().load(&plain.precompile(&wasm).unwrap()).is_err());
}
