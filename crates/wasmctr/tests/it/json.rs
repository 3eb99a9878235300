//! `wasmctr run --format json`: how it ended, for scripts.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Place, Ran};

/// The document, without what is another each time.
fn document(ran: &Ran) -> Value {
    let mut document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(document["processCode"].as_i64(), ran.code.map(i64::from), "{ran:?}");
    let times = document.as_object_mut().unwrap().remove("times").unwrap();
    assert!(times.as_object().unwrap().values().all(Value::is_f64), "{times}");
    document
}

fn exit(code: i32) -> String {
    format!(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (func (export "_start") (call $exit (i32.const {code}))))"#
    )
}

/// The process ends with 124 both times.
#[test]
fn the_guests_124_is_not_ours() {
    let place = Place::new();
    let guest = place.file("exit.wat", exit(124));
    let ran = place.wasmctr(&["run", "--format", "json", guest]);
    assert_eq!(
        document(&ran),
        json!({
            "engine": {"name": "wasmtime", "version": "48"},
            "exit": {"kind": "code", "by": "guest", "code": 124, "reason": null, "causes": []},
            "processCode": 124,
        })
    );
    assert_eq!(ran.stderr, "");

    let guest = place.file("loop.wasm", guests::LOOP.wasm());
    let ran = place.wasmctr(&["run", "--format", "json", "--timeout", "0.1", guest]);
    let reason = "the deadline has passed";
    let ended = json!({"kind": "stopped", "by": "wasmctr", "code": null, "reason": reason, "causes": []});
    assert_eq!((document(&ran)["exit"].clone(), ran.code), (ended, Some(124)));
    assert_eq!(ran.stderr, format!("error: the guest was stopped: {reason}\n"));
}

#[test]
fn codes_are_whole() {
    let place = Place::new();
    for (code, process) in [(0, 0), (255, 255), (256, 0), (70_000, 112), (-1, 255)] {
        let guest = place.file("exit.wat", exit(code));
        let ran = place.wasmctr(&["run", "--format", "json", guest]);
        assert_eq!(document(&ran)["exit"]["code"], code);
        assert_eq!(ran.code, Some(process));
    }
}

#[test]
fn a_trap_and_an_error_say_why() {
    let place = Place::new();
    let guest = place.file("trap.wasm", guests::TRAP.wasm());
    let ran = place.wasmctr(&["run", "--format", "json", guest]);
    let reason = "unreachable instruction executed";
    let ended = json!({"kind": "trap", "by": "guest", "code": null, "reason": reason, "causes": []});
    assert_eq!((document(&ran)["exit"].clone(), ran.code), (ended, Some(134)));

    let ran = place.wasmctr(&["run", "--format", "json", "none.wasm"]);
    let document = document(&ran);
    let causes = ["No such file or directory (os error 2)"];
    let reason = "cannot read `none.wasm`";
    let ended = json!({"kind": "error", "by": "wasmctr", "code": null, "reason": reason, "causes": causes});
    assert_eq!((&document["exit"], &document["engine"], ran.code), (&ended, &Value::Null, Some(127)));
    assert!(ran.stderr.starts_with("error: cannot read `none.wasm`\n"), "{ran:?}");
}

#[test]
fn the_phases_are_there() {
    let place = Place::new();
    let guest = place.file("hello.wasm", guests::HELLO.wasm());
    for code in ["compile", "cache"] {
        let ran = place.wasmctr(&["run", "--format", "json", guest]);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        let phases: Vec<_> = document["times"].as_object().unwrap().keys().collect();
        let mut expected = vec!["engine", "instantiate", "load", "run", code];
        expected.sort_unstable();
        assert_eq!(phases, expected);
    }
}

/// Standard output is the document's alone.
#[test]
fn the_guests_output_is_elsewhere() {
    let place = Place::new();
    let guest = place.file("hello.wasm", guests::HELLO.wasm());
    let ran = place.wasmctr(&["run", "--format", "json", guest]);
    document(&ran);
    assert_eq!(ran.stderr, "Hello, World!\n");
    let ran = place.wasmctr(&["run", "--format", "json", "--stdout", "out.txt", guest]);
    document(&ran);
    assert_eq!(ran.stderr, "");
    assert_eq!(fs::read_to_string(place.path().join("out.txt")).unwrap(), "Hello, World!\n");
    let ran = place.wasmctr(&["run", "--format", "json", "--stdout", "inherit", guest]);
    assert_eq!(document(&ran)["exit"]["kind"], "error");
    assert_eq!(ran.code, Some(2));
}
