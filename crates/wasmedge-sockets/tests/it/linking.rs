//! Which modules are linked, and which are refused before anything runs.

use wasmedge_sockets::{Error, Network, Sockets, TokioReactor, link, needs_sockets};
use wasmtime::{Config, Engine, Linker, Module};
use wasmtime_wasi::{WasiCtxBuilder, p1};

use crate::support::{State, run_with};

const OPEN: &str =
    r#"(import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))"#;

fn linked(text: &str) -> Result<(), Error> {
    let engine = Engine::new(&Config::new()).unwrap();
    let module = Module::new(&engine, wat::parse_str(format!("(module {text})")).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi).unwrap();
    link(&linker, &module).map(drop)
}

#[test]
fn memories_that_cannot_be_used_are_refused() {
    assert_eq!(
        linked(&format!("{OPEN} (memory 1)")).unwrap_err().to_string(),
        "the module exports no memory by the name `memory`"
    );
    assert_eq!(
        linked(&format!("{OPEN} (memory (export \"other\") 1)")).unwrap_err().to_string(),
        "the module exports no memory by the name `memory`"
    );
}

/// The functions have pointers of 32 bits, and so what they are given is in the first 4 GiB.
#[test]
fn a_memory_with_64_bits_works() {
    let text = format!(
        r#"(module {OPEN}
            (import "wasi_snapshot_preview1" "sock_bind" (func $bind (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_send_to" (func $send_to (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_recv" (func $receive (param i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_getlocaladdr" (func $local (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (memory (export "memory") i64 1)
            (data (i64.const 16) "\20\00\00\00\04\00\00\00")
            (data (i64.const 32) "\7f\00\00\01")
            (data (i64.const 48) "\00\04\00\00\05\00\00\00" "\00\08\00\00\05\00\00\00")
            (data (i64.const 1024) "hello")
            (func $ok (param $errno i32) (if (local.get $errno) (then unreachable)))
            (func (export "_start") (local $fd i32)
                (call $ok (call $open (i32.const 1) (i32.const 1) (i32.const 0)))
                (local.set $fd (i32.load (i64.const 0)))
                (call $ok (call $bind (local.get $fd) (i32.const 16) (i32.const 0)))
                (call $ok (call $local (local.get $fd) (i32.const 16) (i32.const 4) (i32.const 8)))
                (call $ok (call $send_to (local.get $fd) (i32.const 48) (i32.const 1) (i32.const 16) (i32.load (i64.const 8)) (i32.const 0) (i32.const 4)))
                (call $ok (call $receive (local.get $fd) (i32.const 56) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 12)))
                (call $ok (call $close (local.get $fd)))
                ;; Outside of it, as of any other: EFAULT.
                (if (i32.ne (call $open (i32.const 1) (i32.const 1) (i32.const 0xfffffffc)) (i32.const 21)) (then unreachable))))"#
    );
    let sockets = Sockets::new(Network::Host, TokioReactor::default());
    let state = State { wasi: WasiCtxBuilder::new().build_p1(), sockets };
    let ran = run_with(std::time::Duration::from_secs(10), &text, state).ok();
    assert_eq!((ran.open(), ran.bytes(2048, 5)), (0, &b"hello"[..]));
}

#[test]
fn both_types_of_one_function_are_refused() {
    let both = r#"
        (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)"#;
    assert_eq!(linked(both).unwrap_err().to_string(), "the module imports sock_accept by both of its types");
}

#[test]
fn what_is_missing_is_an_error() {
    let text = format!("{OPEN} (import \"env\" \"f\" (func)) (memory (export \"memory\") 1)");
    assert!(matches!(linked(&text), Err(Error::Link { .. })));
}

/// The functions that have two types, in the second one; and those that say so in their names.
#[test]
fn all_functions_are_there_in_version_2() {
    let import = |(name, params): &(&str, usize)| {
        let params = " i32".repeat(*params);
        format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func (param{params}) (result i32)))\n")
    };
    let functions = [
        ("epoll_oneoff", 4),
        ("sock_accept", 3),
        ("sock_accept_v2", 3),
        ("sock_bind_v2", 3),
        ("sock_connect_v2", 3),
        ("sock_getlocaladdr", 3),
        ("sock_getlocaladdr_v2", 3),
        ("sock_getpeeraddr", 3),
        ("sock_getpeeraddr_v2", 3),
        ("sock_listen_v2", 2),
        ("sock_open_v2", 3),
        ("sock_recv_from", 8),
        ("sock_recv_from_v2", 8),
        ("sock_recv_v2", 6),
        ("sock_send_to_v2", 7),
        ("sock_send_v2", 5),
    ];
    let imports: String = functions.iter().map(import).collect();
    linked(&format!("{imports} (memory (export \"memory\") 1)")).unwrap();
}

#[test]
fn only_who_imports_more_than_preview_1_needs_sockets() {
    let engine = Engine::default();
    let needs = |text: &str| {
        needs_sockets(&Module::new(&engine, wat::parse_str(format!("(module {text})")).unwrap()).unwrap())
    };
    assert!(needs(OPEN));
    assert!(needs(r#"(import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32) (result i32)))"#));
    assert!(!needs(
        r#"(import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_recv" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#
    ));
    assert!(!needs(r#"(import "env" "sock_open" (func (param i32 i32 i32) (result i32)))"#));
}

#[test]
fn a_start_section_may_call_them_too() {
    let text = format!(
        r#"(module {OPEN}
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (memory (export "memory") 1)
            (func $start
                (if (call $open (i32.const 1) (i32.const 1) (i32.const 0)) (then unreachable))
                (if (call $close (i32.load (i32.const 0))) (then unreachable)))
            (start $start)
            (func (export "_start") (call $start)))"#
    );
    let sockets = Sockets::new(Network::Host, TokioReactor::default());
    let state = State { wasi: WasiCtxBuilder::new().build_p1(), sockets };
    assert_eq!(run_with(std::time::Duration::from_secs(10), &text, state).ok().open(), 0);
}
