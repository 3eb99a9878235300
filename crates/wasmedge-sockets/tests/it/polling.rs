//! One wait for sockets, clocks, files and standard streams.

use std::time::{Duration, Instant};

use wasmedge_sockets::{Network, Sockets, TokioReactor};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::support::{State, guest, run, run_with};

fn host() -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default())
}

#[test]
fn clocks_are_relative_or_absolute() {
    let begin = Instant::now();
    // Each with a socket that never has anything: 10 ms by both clocks, and then a time that is long over.
    run(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (drop (call $bound (local.get $fd)))
        (loop $again
            (call $subscribe (i32.const 256) (local.get $fd) (i32.const 1))
            (call $clock (i32.const 304) (local.get $i) (i64.const 10000000) (i32.const 0))
            (call $is (call $poll (i32.const 2)) (i32.const 1))
            (call $is (i32.load8_u (i32.const 522)) (i32.const 0))
            (call $clock (i32.const 304) (local.get $i) (i64.const 1) (i32.const 1))
            (call $is (call $poll (i32.const 2)) (i32.const 1))
            (call $is (i32.load16_u (i32.const 520)) (i32.const 0))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 2))))
        ;; The time of a process, and what is no clock.
        (call $clock (i32.const 304) (i32.const 2) (i64.const 1) (i32.const 0))
        (call $is (call $poll (i32.const 2)) (i32.const 1))
        (call $is (i32.load16_u (i32.const 520)) (i32.const 28))"#,
        host(),
    )
    .ok();
    assert!(begin.elapsed() >= Duration::from_millis(20));
}

#[test]
fn to_look_costs_no_timer() {
    let begin = Instant::now();
    // mio_wasi gives way by a sleep of 10 ns, with sockets and without.
    run(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (drop (call $bound (local.get $fd)))
        (loop $again
            (call $is (call $look (local.get $fd) (i32.const 1)) (i32.const 0))
            (call $clock (i32.const 256) (i32.const 1) (i64.const 10) (i32.const 0))
            (call $is (call $poll (i32.const 1)) (i32.const 1))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 2000))))"#,
        host(),
    )
    .ok();
    // By tokio's timer it would be four seconds.
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[test]
fn subscriptions_that_cannot_be_are_events_with_an_error() {
    run(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (call $subscribe (i32.const 256) (local.get $fd) (i32.const 1))
        (call $subscribe (i32.const 304) (local.get $fd) (i32.const 1))
        (call $subscribe (i32.const 352) (i32.const 0x40000077) (i32.const 2))
        (call $subscribe (i32.const 400) (i32.const 77) (i32.const 2))
        (call $subscribe (i32.const 448) (local.get $fd) (i32.const 9))
        (call $is (call $poll (i32.const 5)) (i32.const 4))
        (call $is (i32.load16_u (i32.const 520)) (i32.const 20))
        (call $is (i32.load16_u (i32.const 552)) (i32.const 8))
        (call $is (i32.load16_u (i32.const 584)) (i32.const 8))
        (call $is (i32.load16_u (i32.const 616)) (i32.const 28))
        (call $is (call $poll_oneoff (i32.const 256) (i32.const 131064) (i32.const 1) (i32.const 16)) (i32.const 21))"#,
        host(),
    )
    .ok();
}

#[test]
fn what_was_read_from_longest_ago_comes_first() {
    run(
        r#"(local $first i32) (local $second i32) (local $port i32)
        (local.set $first (call $udp))
        (local.set $port (call $bound (local.get $first)))
        (call $ok (call $sock_send_to (local.get $first) (i32.const 96) (i32.const 1) (i32.const 80) (local.get $port) (i32.const 0) (i32.const 4)))
        (local.set $second (call $udp))
        (local.set $port (call $bound (local.get $second)))
        (call $subscribe (i32.const 256) (local.get $first) (i32.const 1))
        (call $subscribe (i32.const 304) (local.get $second) (i32.const 1))
        (call $is (call $poll (i32.const 2)) (i32.const 1))
        (call $is (i32.load (i32.const 512)) (local.get $first))
        (call $ok (call $sock_send_to (local.get $second) (i32.const 96) (i32.const 1) (i32.const 80) (local.get $port) (i32.const 0) (i32.const 4)))
        (call $is (call $poll (i32.const 2)) (i32.const 2))
        (call $is (i32.load (i32.const 512)) (local.get $second))
        (call $is (i32.load (i32.const 544)) (local.get $first))
        ;; Both were told then: they come as the guest asks.
        (call $is (call $poll (i32.const 2)) (i32.const 2))
        (call $is (i32.load (i32.const 512)) (local.get $first))
        (call $is (i32.load (i32.const 544)) (local.get $second))
        ;; Each of both sides is told, of a socket that is asked about once.
        (call $subscribe (i32.const 352) (local.get $second) (i32.const 2))
        (call $subscribe (i32.const 400) (local.get $second) (i32.const 2))
        (call $is (call $poll (i32.const 4)) (i32.const 4))
        (call $is (i32.load16_u (i32.const 520)) (i32.const 0))
        (call $is (i32.load8_u (i32.const 522)) (i32.const 2))
        (call $is (i32.load16_u (i32.const 552)) (i32.const 20))
        (call $is (i32.load8_u (i32.const 586)) (i32.const 1))
        (call $is (i32.load8_u (i32.const 618)) (i32.const 1))"#,
        host(),
    )
    .ok();
}

/// A guest that waits for a socket, and for another descriptor to be read or written.
fn with_other(fd: u32, ty: u32) -> String {
    guest(&format!(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (drop (call $bound (local.get $fd)))
        (call $subscribe (i32.const 256) (local.get $fd) (i32.const 1))
        (call $subscribe (i32.const 304) (i32.const {fd}) (i32.const {ty}))
        (call $is (call $poll (i32.const 2)) (i32.const 1))
        (call $is (i32.load (i32.const 512)) (i32.const {fd}))
        (call $is (i32.load16_u (i32.const 520)) (i32.const 0))"#
    ))
}

#[test]
fn standard_streams_are_waited_for_with_sockets() {
    let (reader, writer) = tokio::io::duplex(64);
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(wasmtime_wasi::cli::AsyncStdinStream::new(reader));
    let state = State { wasi: wasi.build_p1(), sockets: host() };
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(writer);
    });
    let begin = Instant::now();
    run_with(Duration::from_secs(10), &with_other(0, 1), state).ok();
    assert!(begin.elapsed() >= Duration::from_millis(50));
    other.join().unwrap();
    let state = State { wasi: WasiCtxBuilder::new().build_p1(), sockets: host() };
    run_with(Duration::from_secs(10), &with_other(1, 2), state).ok();
}

#[test]
fn regular_files_are_always_ready() {
    let dir = std::env::temp_dir().join(format!("wasmedge-sockets-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("f"), "content").unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "/", FsPerms::ReadOnly).unwrap();
    let text = with_other(4, 1)
        .replace(
            "(memory (export",
            r#"(import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (memory (export"#,
        )
        .replace(
            "(local.set $fd (call $udp))",
            r#"(i32.store (i32.const 24) (i32.const 0x66))
            (call $ok (call $path_open (i32.const 3) (i32.const 0) (i32.const 24) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 28)))
            (call $ok (call $fd_read (i32.load (i32.const 28)) (i32.const 96) (i32.const 1) (i32.const 4)))
            (local.set $fd (call $udp))"#,
        );
    let ran = run_with(Duration::from_secs(10), &text, State { wasi: wasi.build_p1(), sockets: host() }).ok();
    assert_eq!(ran.bytes(1024, 7), b"content");
    std::fs::remove_dir_all(&dir).unwrap();
}
