//! Code that is compiled now and loaded later.

use wasm_exec::{Cache, Capability, Capture, Error, Exit, Origin, Output, Precompiled, Program, TrapKind};

use super::{NAME, engine, task};
use crate::support::wasm;

/// Tells whether the engine can; if not, asserts that it says so.
fn can() -> bool {
    let can = engine().info().can(Capability::Precompile);
    if !can {
        let refused =
            |error| assert!(matches!(error, Error::Unsupported { capability: Capability::Precompile, .. }));
        refused(engine().precompile(&guests::HELLO.wasm()).unwrap_err());
        refused(engine().load(&made_by(NAME, vec![])).unwrap_err());
        assert_eq!(engine().info().compatibility, "");
    }
    can
}

#[expect(unsafe_code, reason = "code that must be refused is never run")]
fn made_by(engine: &'static str, bytes: Vec<u8>) -> Precompiled {
    // SAFETY: not what the contract asks for; whoever gets it refuses it before looking at the bytes.
    unsafe { Precompiled::from_bytes(engine, bytes) }
}

fn loaded(wasm: &[u8]) -> Program {
    let code = engine().precompile(wasm).unwrap();
    assert_eq!(code.engine(), NAME);
    wasm_exec::engine(NAME).unwrap().load(&code).unwrap()
}

#[test]
fn behaves_as_if_it_was_compiled() {
    if !can() {
        return;
    }
    let traps = wasm(r#"(module (func $inner unreachable) (func $outer (export "_start") call $inner))"#);
    for guest in [guests::HELLO.wasm(), guests::EXIT_BIG.wasm(), guests::DIVIDE_BY_ZERO.wasm(), traps] {
        let [now, later] = [engine().compile(&guest).unwrap(), loaded(&guest)].map(|program| {
            let stdout = Capture::new(1 << 10);
            (program.run(task().stdout(Output::Capture(stdout.clone()))).unwrap(), stdout.take())
        });
        assert_eq!(now, later);
    }
}

#[test]
fn traps_tell_where() {
    if !can() {
        return;
    }
    let traps = wasm(r#"(module (func $inner unreachable) (func $outer (export "_start") call $inner))"#);
    let Exit::Trap(trap) = loaded(&traps).run(task()).unwrap() else { panic!() };
    assert_eq!(trap.kind, TrapKind::Unreachable);
    let backtrace = engine().compile(&traps).unwrap().run(task()).unwrap();
    assert_eq!(Exit::Trap(trap), backtrace);
}

#[test]
fn the_import_check_comes_first() {
    if !can() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path().join("code")).unwrap();
    let guest = guests::UNKNOWN_IMPORT.wasm();
    for error in [engine().precompile(&guest).unwrap_err(), cache.program(&*engine(), &guest).unwrap_err()] {
        assert!(matches!(error, Error::MissingImports { .. }), "{error:?}");
    }
    let error = engine().precompile(b"hello").unwrap_err();
    assert!(matches!(error, Error::NotWasm { .. }), "{error:?}");
    assert!(cache.entries().unwrap().is_empty());
}

#[test]
fn code_of_another_engine_is_refused() {
    if !can() {
        return;
    }
    let error = engine().load(&made_by("another", b"\x7fELF".to_vec())).unwrap_err();
    assert_eq!(error.to_string(), format!("{NAME} cannot load the precompiled code"));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "another made it");
}

#[test]
fn a_cache_works_with_every_engine() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path().join("code")).unwrap();
    let cached = cache.program(&*engine(), &guests::EXIT_CODE.wasm()).unwrap();
    assert_eq!(cached.program.run(task().inherit_stdio()).unwrap(), Exit::Code(7));
    match cached.origin {
        Origin::Compiled(_) => assert!(can()),
        Origin::NotStored(Error::Unsupported { .. }) => assert!(!can()),
        origin => panic!("{origin:?}"),
    }
}
