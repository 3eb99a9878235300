//! What is refused, and how it is said.

use wasm_exec::{Capability, Error, Network};

use super::{NAME, engine, task};
use crate::support::wasm;

fn refused(bytes: &[u8]) -> Error {
    let error = engine().compile(bytes).unwrap_err();
    assert!(error.is_not_runnable(), "{error:?}");
    error
}

#[test]
fn what_is_no_wasm_is_named() {
    for (bytes, message) in [
        (&b""[..], "not WebAssembly but an empty file"),
        (b"\x7fELF\x02\x01\x01", "not WebAssembly but a native program or library (ELF)"),
        (b"<!DOCTYPE html><p>404", "not WebAssembly but a web page (HTML)"),
        (b"(module)", "not WebAssembly but WebAssembly text (.wat)"),
        (b"hello", "not WebAssembly but text"),
    ] {
        assert_eq!(refused(bytes).to_string(), message);
    }
}

#[test]
fn a_component_is_named() {
    if engine().info().can(Capability::Component) {
        return;
    }
    let error = refused(&guests::COMPONENT.wasm());
    assert_eq!(error.to_string(), format!("this is a component, and {NAME} runs only core modules here"));
    assert!(error.help().is_some());
}

#[test]
fn an_invalid_module_says_where() {
    let invalid =
        [&b"\0asm\x01\0\0\0"[..], &[1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 5, 1, 3, 0, 0x6a, 0x0b]].concat();
    let error = refused(&invalid);
    assert!(matches!(error, Error::InvalidWasm { offset: 23.., .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_truncated_module_is_refused_at_every_byte() {
    let hello = guests::HELLO.wasm();
    for end in 0..hello.len() {
        // A cut between two sections leaves a module, if not this one.
        if let Err(error) = engine().compile(&hello[..end]) {
            assert!(error.is_not_runnable(), "cut at {end}: {error:?}");
        }
    }
}

#[test]
fn a_module_with_one_byte_changed_does_not_panic() {
    let hello = guests::HELLO.wasm();
    for at in 8..hello.len() {
        for change in [1, 0x80] {
            let mut changed = hello.clone();
            changed[at] ^= change;
            // Whatever comes of it comes as a value; what compiles may loop, so it is not run.
            let _ = engine().compile(&changed).map_err(|error| assert!(error.is_not_runnable(), "{error:?}"));
        }
    }
}

#[test]
fn an_import_that_nobody_has_is_named() {
    let error = refused(&guests::UNKNOWN_IMPORT.wasm());
    assert_eq!(
        error.to_string(),
        format!("{NAME} does not provide nothing from env (left undefined by the linker)")
    );
}

#[test]
fn sockets_of_another_type_are_named_with_theirs() {
    let error = refused(&wasm(
        r#"(module
            (import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_bind" (func (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")))"#,
    ));
    assert_eq!(
        error.to_string(),
        format!(
            "{NAME} does not provide sock_open as (i32, i32) -> (i32) and not (i32, i32, i32) -> (i32) \
             from wasi_snapshot_preview1 (unknown here)"
        )
    );
}

#[test]
fn imports_are_checked_before_anything_is_compiled() {
    // The function's body is no code: whoever looks at it says so.
    let mut module = wasm(r#"(module (import "env" "f" (func)) (func (export "_start") nop nop))"#);
    let body = module.iter().rposition(|byte| *byte == 0x01).unwrap();
    module[body] = 0xff;
    assert!(matches!(refused(&module), Error::MissingImports { .. }));
}

#[test]
fn the_network_is_granted_or_refused() {
    let program = engine().compile(&guests::HELLO.wasm()).unwrap();
    let run = program.run(task().network(Network::Host));
    if engine().info().can(Capability::Sockets) {
        assert!(run.unwrap().success());
    } else {
        let error = run.unwrap_err();
        assert_eq!(error.to_string(), format!("{NAME} does not support the network"));
        assert!(!error.is_not_runnable());
    }
}

#[test]
fn the_sockets_of_preview_1_open_nothing() {
    let guest = crate::support::calling(
        &[("sock_shutdown", "i32 i32")],
        "",
        "(call $sock_shutdown (i32.const 3) (i32.const 3))",
    );
    assert_ne!(crate::support::code(&*engine(), &guest, task()), 0);
}
