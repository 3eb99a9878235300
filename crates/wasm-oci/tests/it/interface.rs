use wasm_oci::{Interface, Kind, Wasi};

#[test]
fn component() {
    let wasm = wat::parse_str(
        r#"(component
             (import "wasi:cli/stdout@0.2.3" (instance))
             (core module (import "env" "inner" (func)))
             (component (import "inner" (func))))"#,
    );
    let interface = Interface::of(&wasm.unwrap()).unwrap();
    assert_eq!((interface.kind, interface.wasi), (Kind::Component, Wasi::Preview2));
    let names: Vec<_> = interface.imports.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["wasi:cli/stdout@0.2.3 instance"]);
}

#[test]
fn wasmedge_sockets_are_told_by_name_and_type() {
    let interface = Interface::of(&guests::WASMEDGE_SOCKETS.wasm()).unwrap();
    assert!(!interface.wasmedge_sockets().is_empty());

    let standard = wat::parse_str(
        r#"(module
             (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "sock_send" (func (param i32 i32 i32 i32 i32) (result i32)))
             (import "other" "sock_open" (func)))"#,
    );
    assert!(Interface::of(&standard.unwrap()).unwrap().wasmedge_sockets().is_empty());
}

#[test]
fn every_kind_of_import_has_a_type() {
    let wasm = wat::parse_str(
        r#"(module
             (import "e" "f" (func (param i64) (result f32 f64)))
             (import "e" "t" (table 1 funcref))
             (import "e" "m" (memory 1))
             (import "e" "g" (global i32))
             (import "e" "x" (tag)))"#,
    );
    let types: Vec<_> = Interface::of(&wasm.unwrap()).unwrap().imports.into_iter().map(|i| i.ty).collect();
    assert_eq!(types, ["(i64) -> (f32, f64)", "table", "memory", "global", "tag"]);
}
