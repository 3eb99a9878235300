//! Guests that do not block: each call returns at once, and a poll says when there is more.

use wasmedge_sockets::{Network, Sockets, TokioReactor};

use crate::support::run;

fn host() -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default())
}

#[test]
fn a_connection_is_made_and_used() {
    run(
        r#"(local $client i32) (local $server i32)
        (call $listen)
        (call $nonblocking (global.get $listener))
        (call $is (call $sock_accept (global.get $listener) (i32.const 0)) (i32.const 6))
        (call $is (call $look (global.get $listener) (i32.const 1)) (i32.const 0))
        (local.set $client (call $tcp))
        (call $nonblocking (local.get $client))
        (call $is (call $sock_connect (local.get $client) (i32.const 80) (global.get $port)) (i32.const 26))
        (call $is (call $wait (local.get $client) (i32.const 2)) (i32.const 1))
        (i32.store (i32.const 112) (i32.const 4))
        (call $is (call $sock_getsockopt (local.get $client) (i32.const 0) (i32.const 2) (i32.const 116) (i32.const 112)) (i32.const 0))
        (call $is (i32.load (i32.const 116)) (i32.const 0))
        (call $is (call $wait (global.get $listener) (i32.const 1)) (i32.const 1))
        (local.set $server (call $accepted))
        (call $nonblocking (local.get $server))
        (call $is (call $fd_read (local.get $server) (i32.const 96) (i32.const 1) (i32.const 4)) (i32.const 6))
        (call $is (call $look (local.get $server) (i32.const 1)) (i32.const 0))
        (call $is (call $fd_write (local.get $client) (i32.const 96) (i32.const 1) (i32.const 4)) (i32.const 0))
        (call $is (call $wait (local.get $server) (i32.const 1)) (i32.const 1))
        (call $is (call $fd_read (local.get $server) (i32.const 96) (i32.const 1) (i32.const 4)) (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 64))
        ;; What the other side has ended is there to be read, with the flag that says so.
        (call $ok (call $fd_close (local.get $client)))
        (call $is (call $wait (local.get $server) (i32.const 1)) (i32.const 1))
        (call $is (call $fd_read (local.get $server) (i32.const 96) (i32.const 1) (i32.const 4)) (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 0))"#,
        host(),
    )
    .ok();
}

#[test]
fn a_refused_connection_is_told_by_the_option() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    run(
        &format!(
            r#"(local $client i32)
            (local.set $client (call $tcp))
            (call $nonblocking (local.get $client))
            (call $is (call $sock_connect (local.get $client) (i32.const 80) (i32.const {port})) (i32.const 26))
            (call $is (call $wait (local.get $client) (i32.const 2)) (i32.const 1))
            ;; The event itself has no error.
            (call $is (i32.load16_u (i32.const 520)) (i32.const 0))
            (i32.store (i32.const 112) (i32.const 4))
            (call $is (call $sock_getsockopt (local.get $client) (i32.const 0) (i32.const 2) (i32.const 116) (i32.const 112)) (i32.const 0))
            (call $is (i32.load (i32.const 116)) (i32.const 14))"#
        ),
        host(),
    )
    .ok();
}

#[test]
fn a_full_buffer_is_eagain_and_then_writable() {
    run(
        r#"(local $client i32) (local $server i32) (local $errno i32)
        (call $listen)
        (local.set $client (call $connected))
        (local.set $server (call $accepted))
        (call $nonblocking (local.get $client))
        (call $nonblocking (local.get $server))
        (i32.store (i32.const 96) (i32.const 4096)) (i32.store (i32.const 100) (i32.const 100000))
        (loop $again
            (local.set $errno (call $fd_write (local.get $client) (i32.const 96) (i32.const 1) (i32.const 4)))
            (br_if $again (i32.eqz (local.get $errno))))
        (call $is (local.get $errno) (i32.const 6))
        (call $is (call $look (local.get $client) (i32.const 2)) (i32.const 0))
        (loop $again
            (local.set $errno (call $fd_read (local.get $server) (i32.const 96) (i32.const 1) (i32.const 4)))
            (br_if $again (i32.eqz (local.get $errno))))
        (call $is (call $wait (local.get $client) (i32.const 2)) (i32.const 1))"#,
        host(),
    )
    .ok();
}

#[test]
fn a_socket_that_was_polled_before_it_connected_is_waited_for() {
    run(
        r#"(local $client i32) (local $server i32)
        (call $listen)
        (local.set $client (call $tcp))
        ;; Nobody is there yet: it is at its end.
        (call $is (call $wait (local.get $client) (i32.const 1)) (i32.const 1))
        (call $is (i32.load16_u (i32.const 536)) (i32.const 1))
        (call $ok (call $sock_connect (local.get $client) (i32.const 80) (global.get $port)))
        (local.set $server (call $accepted))
        (call $is (call $look (local.get $client) (i32.const 1)) (i32.const 0))
        ;; 20 ms, in which nothing comes.
        (call $subscribe (i32.const 256) (local.get $client) (i32.const 1))
        (call $clock (i32.const 304) (i32.const 1) (i64.const 20000000) (i32.const 0))
        (call $is (call $poll (i32.const 2)) (i32.const 1))
        (call $is (i32.load8_u (i32.const 522)) (i32.const 0))"#,
        host(),
    )
    .ok();
}
