//! Guests that block: each call waits until it is done.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use wasmedge_sockets::{Network, Sockets, TokioReactor};

use crate::support::run;

fn host() -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default())
}

#[test]
fn a_guest_talks_to_itself() {
    let ran = run(
        r#"(local $client i32) (local $server i32)
        (call $listen)
        (local.set $client (call $connected))
        (local.set $server (call $accepted))
        (i32.store (i32.const 1024) (i32.const 0x6f6c6c65))
        (call $is (call $sock_send (local.get $client) (i32.const 96) (i32.const 1) (i32.const 0) (i32.const 4)) (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 64))
        (call $is (call $fd_read (local.get $server) (i32.const 104) (i32.const 1) (i32.const 4)) (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 64))
        (call $is (i32.load (i32.const 1088)) (i32.const 0x6f6c6c65))
        (call $ok (call $sock_getpeeraddr (local.get $client) (i32.const 32) (i32.const 40) (i32.const 44)))
        (call $is (i32.load (i32.const 44)) (global.get $port))
        (call $is (i32.load (i32.const 40)) (i32.const 4))
        (call $is (i32.load (i32.const 48)) (i32.const 0x0100007f))
        ;; The end of what one side has to say.
        (call $ok (call $sock_shutdown (local.get $server) (i32.const 2)))
        (call $ok (call $sock_recv (local.get $client) (i32.const 96) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 24)))
        (call $is (i32.load (i32.const 4)) (i32.const 0))
        (call $ok (call $fd_close (local.get $client)))
        (call $is (call $fd_close (local.get $client)) (i32.const 8))
        (call $ok (call $fd_close (local.get $server)))"#,
        host(),
    );
    assert_eq!(ran.ok().open(), 1);
}

#[test]
fn what_is_sent_late_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for byte in b"abc" {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(&[*byte]).unwrap();
        }
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest.len()
    });
    // 3 bytes as one, and then more than the system buffers: both sides must wait for each other.
    let ran = run(
        &format!(
            r#"(local $fd i32)
            (global.set $port (i32.const {port}))
            (local.set $fd (call $connected))
            (i32.store (i32.const 100) (i32.const 3))
            (call $is (call $sock_recv (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 2) (i32.const 4) (i32.const 24)) (i32.const 0))
            (call $is (i32.load (i32.const 4)) (i32.const 3))
            (i32.store (i32.const 96) (i32.const 4096)) (i32.store (i32.const 100) (i32.const 100000))
            (loop $again
                (call $is (call $fd_write (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 4)) (i32.const 0))
                (call $is (i32.load (i32.const 4)) (i32.const 100000))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const 100))))"#
        ),
        host(),
    )
    .ok();
    assert_eq!(ran.bytes(1024, 3), b"abc");
    drop(ran);
    assert_eq!(other.join().unwrap(), 10_000_000);
}

#[test]
fn a_refused_connection_says_so() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    run(
        &format!(
            r#"(call $is (call $sock_connect (call $tcp) (i32.const 80) (i32.const {port})) (i32.const 14))"#
        ),
        host(),
    )
    .ok();
}

#[test]
fn a_time_to_receive_is_kept() {
    // SO_RCVTIMEO of 20 ms, as the seconds and microseconds of a timeval.
    run(
        r#"(local $client i32)
        (call $listen)
        (local.set $client (call $connected))
        (i64.store (i32.const 120) (i64.const 20000))
        (call $is (call $sock_setsockopt (local.get $client) (i32.const 0) (i32.const 11) (i32.const 112) (i32.const 16)) (i32.const 0))
        (call $is (call $sock_recv (local.get $client) (i32.const 96) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 24)) (i32.const 6))"#,
        host(),
    )
    .ok();
}

#[test]
fn many_buffers_and_ones_that_overlap() {
    // 1,024 buffers of one byte each, all of them the same.
    run(
        r#"(local $client i32) (local $server i32)
        (call $listen)
        (local.set $client (call $connected))
        (local.set $server (call $accepted))
        (loop $again
            (i32.store offset=4096 (i32.shl (local.get $i) (i32.const 3)) (i32.const 1024))
            (i32.store offset=4100 (i32.shl (local.get $i) (i32.const 3)) (i32.const 1))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 1025))))
        (i32.store8 (i32.const 1024) (i32.const 7))
        (call $is (call $sock_send (local.get $client) (i32.const 4096) (i32.const 1025) (i32.const 0) (i32.const 4)) (i32.const 28))
        (call $is (call $sock_send (local.get $client) (i32.const 4096) (i32.const 1024) (i32.const 0) (i32.const 4)) (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 1024))
        (i32.store8 (i32.const 1024) (i32.const 0))
        (call $is (call $sock_recv (local.get $server) (i32.const 4096) (i32.const 1024) (i32.const 2) (i32.const 4) (i32.const 24)) (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 1024))
        (call $is (i32.load8_u (i32.const 1024)) (i32.const 7))"#,
        host(),
    )
    .ok();
}
