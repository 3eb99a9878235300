//! WasmEdge's sockets, which modules have on both engines.

use std::{
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use wasm_exec::{Cache, Capability, Exit, Limits, Network, Stop};

use super::{NAME, engine, task};
use crate::support::{code, try_run, wasm};

/// A guest that ends with the first error number that a `$do` gets.
///
/// 127.0.0.1 is at 1024, where it is at 1028, and a list of one buffer of 4 bytes at 1040; the last socket that was
/// opened or accepted is at 0.
pub(crate) fn guest(body: &str) -> Vec<u8> {
    let import = |(name, params): &(&str, usize)| {
        let params = " i32".repeat(*params);
        format!(r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param{params}) (result i32)))"#)
    };
    let imports: String = FUNCTIONS.iter().map(import).collect();
    wasm(&format!(
        r#"(module
             {imports}
             (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
             (memory (export "memory") 1)
             (data (i32.const 1024) "\7f\00\00\01\00\04\00\00\04\00\00\00")
             (data (i32.const 1040) "\20\04\00\00\04\00\00\00")
             (func $do (param $errno i32)
               (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))
             (func $tcp (result i32)
               (call $do (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)))
               (i32.load (i32.const 0)))
             (func $listen (param $port i32) (result i32) (local $fd i32)
               (local.set $fd (call $tcp))
               (i32.store (i32.const 8) (i32.const 1))
               (call $do (call $sock_setsockopt
                 (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 4)))
               (call $do (call $sock_bind (local.get $fd) (i32.const 1028) (local.get $port)))
               (call $do (call $sock_listen (local.get $fd) (i32.const 8)))
               (local.get $fd))
             (func $accept (param $fd i32) (result i32)
               (call $do (call $sock_accept (local.get $fd) (i32.const 0)))
               (i32.load (i32.const 0)))
             (func $poll (param $fd i32)
               (i32.store8 (i32.const 72) (i32.const 1))
               (i32.store (i32.const 80) (local.get $fd))
               (call $do (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 8))))
             (func (export "_start") (local $fd i32) (local $other i32) {body}))"#
    ))
}

const FUNCTIONS: &[(&str, usize)] = &[
    ("fd_close", 1),
    ("fd_fdstat_set_flags", 2),
    ("fd_read", 4),
    ("fd_write", 4),
    ("poll_oneoff", 4),
    ("sock_accept", 2),
    ("sock_bind", 3),
    ("sock_connect", 3),
    ("sock_getlocaladdr", 4),
    ("sock_listen", 2),
    ("sock_open", 3),
    ("sock_recv", 6),
    ("sock_send", 5),
    ("sock_setsockopt", 5),
];

/// Connects to itself and does something with the one side, `$fd`; the other one neither reads nor writes.
pub(crate) fn connected(body: &str) -> Vec<u8> {
    guest(&format!(
        r#"(local.set $other (call $listen (i32.const 0)))
           (call $do (call $sock_getlocaladdr
             (local.get $other) (i32.const 1028) (i32.const 1064) (i32.const 1068)))
           (local.set $fd (call $tcp))
           (call $do (call $sock_connect (local.get $fd) (i32.const 1028) (i32.load (i32.const 1068))))
           (i32.store (i32.const 1044) (i32.const 60000))
           {body}"#
    ))
}

/// Connects to itself, and sends four bytes.
pub(crate) fn talks(port: u16) -> Vec<u8> {
    guest(&format!(
        r#"(local.set $fd (call $listen (i32.const {port})))
           (local.set $other (call $tcp))
           (call $do (call $sock_connect (local.get $other) (i32.const 1028) (i32.const {port})))
           (i32.store (i32.const 1056) (i32.const 1234))
           (call $do (call $fd_write (local.get $other) (i32.const 1040) (i32.const 1) (i32.const 8)))
           (local.set $fd (call $accept (local.get $fd)))
           (call $poll (local.get $fd))
           (i32.store (i32.const 1056) (i32.const 0))
           (call $do (call $fd_read (local.get $fd) (i32.const 1040) (i32.const 1) (i32.const 8)))
           (call $do (i32.ne (i32.load (i32.const 1056)) (i32.const 1234)))
           (call $do (call $fd_close (local.get $other)))
           (call $do (call $fd_close (local.get $fd)))"#
    ))
}

/// One that nobody has now.
pub(crate) fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn has_rules() -> bool {
    engine().info().can(Capability::NetworkRules)
}

#[test]
fn a_guest_talks_to_itself() {
    assert_eq!(code(&*engine(), &talks(port()), task().network(Network::Host)), 0);
    // Without a network it gets no socket, or does not get far with it.
    assert_ne!(code(&*engine(), &talks(port()), task()), 0);
}

#[test]
fn a_rule_allows_what_it_says() {
    if !has_rules() {
        return;
    }
    let port = port();
    let guest = talks(port);
    let with = |rules: &[String]| {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        code(&*engine(), &guest, task().network(Network::Allow(rules)))
    };
    let [listen, connect] = ["listen", "connect"].map(|direction| format!("{direction}:127.0.0.1:{port}"));
    assert_eq!(with(&[listen.clone(), connect.clone()]), 0);
    assert_eq!(with(&[listen]), ACCES);
    assert_eq!(with(&[connect]), ACCES);
    assert_eq!(with(&["listen:127.0.0.1:1".to_owned(), "*".to_owned()]), ACCES);
}

#[test]
fn metadata_is_refused_unless_it_is_named() {
    if !has_rules() {
        return;
    }
    // What is sent to 169.254.169.254 without a route there is an error too, but another one.
    let guest = guest(
        r#"(local.set $fd (call $tcp))
           (i32.store (i32.const 1024) (i32.const 0xfea9fea9))
           (call $do (call $sock_setsockopt
             (local.get $fd) (i32.const 0) (i32.const 12) (i32.const 2048) (i32.const 16)))
           (call $do (call $sock_connect (local.get $fd) (i32.const 1028) (i32.const 80)))"#,
    );
    let with = |network| code(&*engine(), &guest, task().network(network));
    assert_eq!(with(Network::Host), ACCES);
    assert_eq!(with(Network::Allow(vec!["*".parse().unwrap()])), ACCES);
}

#[test]
fn sockets_count_as_handles() {
    if !engine().info().can(Capability::LimitHandles) {
        return;
    }
    let guest = guest("(loop $again (drop (call $tcp)) (br $again))");
    let limits = Limits::default().handles(20);
    let ran = try_run(&*engine(), &guest, task().network(Network::Host).limits(limits)).unwrap();
    assert_eq!(ran.exit, Exit::Stopped(Stop::Handles));
    // Those that are closed do not.
    let closes = self::guest(
        r#"(loop $again
             (call $do (call $fd_close (call $tcp)))
             (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
             (br_if $again (i32.lt_u (local.get $fd) (i32.const 100))))"#,
    );
    let limits = Limits::default().handles(20);
    assert_eq!(code(&*engine(), &closes, task().network(Network::Host).limits(limits)), 0);
}

#[test]
fn the_port_is_free_when_the_guest_is_gone() {
    let port = port();
    let accepts = guest(&format!(
        "(local.set $fd (call $listen (i32.const {port})))
         (loop $again (drop (call $accept (local.get $fd))) (br $again))"
    ));
    if !engine().info().can(Capability::InterruptHostCall) {
        return;
    }
    let program = engine().compile(&accepts).unwrap();
    for _ in 0..3 {
        let running = program.start(task().network(Network::Host)).unwrap();
        let begin = Instant::now();
        let client = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(client) => break client,
                Err(error) if begin.elapsed() > Duration::from_secs(10) => panic!("{error}"),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        };
        running.cancel();
        assert!(matches!(running.wait().unwrap(), Exit::Stopped(Stop::Cancelled)));
        drop(client);
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

#[test]
fn code_that_was_compiled_before_has_sockets_too() {
    if !engine().info().can(Capability::Precompile) {
        return;
    }
    let guest = talks(port());
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path().join("cache")).unwrap();
    for _ in 0..2 {
        let cached = cache.program(&*engine(), &guest).unwrap();
        assert_eq!(cached.program.run(task().network(Network::Host)).unwrap(), Exit::Code(0));
    }
}

/// A guest that opens a socket and closes it, with a memory and the rest as given.
fn opens(rest: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module
             (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
             {rest})"#
    ))
}

#[test]
fn a_memory_that_the_functions_cannot_use_is_refused() {
    for (memory, reason) in [
        ("(memory 1)", "the module exports no memory by the name `memory`"),
        ("(memory (export \"other\") 1)", "the module exports no memory by the name `memory`"),
        ("(memory (export \"memory\") 1 1 shared)", "shared"),
    ] {
        // Nothing runs: the start section would be a trap.
        let module =
            opens(&format!("{memory} (func $trap unreachable) (start $trap) (func (export \"_start\"))"));
        match engine().compile(&module) {
            // WasmEdge takes the first memory, whatever its name.
            Ok(_) => assert_eq!(NAME, "wasmedge", "{memory}"),
            Err(error) => {
                assert!(error.is_not_runnable());
                let causes =
                    std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
                let told: String = causes.map(|error| format!("{error}; ")).collect();
                // WasmEdge's loader does not know the flag of a shared memory, and says so in its own words.
                assert!(told.contains(reason) || NAME == "wasmedge", "{memory}: {told}");
            }
        }
    }
}

/// Its pointers are those of preview 1, with 32 bits.
#[test]
fn a_memory_with_64_bits_works() {
    let module = opens(
        r#"(memory (export "memory") i64 1)
           (func (export "_start")
             (if (call $open (i32.const 1) (i32.const 2) (i32.const 8)) (then unreachable))
             (if (call $close (i32.load (i64.const 8))) (then unreachable)))"#,
    );
    match engine().compile(&module) {
        Ok(program) => assert_eq!(program.run(task().network(Network::Host)).unwrap(), Exit::Code(0)),
        // Its loader knows the proposal only when it is switched on.
        Err(error) => assert!(NAME == "wasmedge" && error.is_not_runnable(), "{error:?}"),
    }
}

#[test]
fn a_start_section_may_have_sockets() {
    let module = opens(
        r#"(memory (export "memory") 1)
           (func $start
             (if (call $open (i32.const 1) (i32.const 2) (i32.const 8)) (then unreachable)))
           (start $start)
           (func (export "_start")
             (if (call $close (i32.load (i32.const 8))) (then unreachable)))"#,
    );
    let program = engine().compile(&module).unwrap();
    assert_eq!(program.run(task().network(Network::Host)).unwrap(), Exit::Code(0));
}

const ACCES: i32 = 2;
