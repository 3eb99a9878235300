//! Options, and what a socket has in common with a file.

use wasmedge_sockets::{Network, Sockets, TokioReactor};

use crate::support::run;

fn host() -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default())
}

#[test]
fn options_are_set_and_read() {
    run(
        r#"(local $fd i32)
        (local.set $fd (call $tcp))
        (i32.store (i32.const 112) (i32.const 1))
        (i32.store (i32.const 116) (i32.const 4))
        ;; REUSEADDR, BROADCAST, KEEPALIVE
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 112) (i32.const 4)) (i32.const 0))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 4) (i32.const 112) (i32.const 4)) (i32.const 0))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 7) (i32.const 112) (i32.const 4)) (i32.const 0))
        (i32.store (i32.const 112) (i32.const 0))
        (call $is (call $sock_getsockopt (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 112) (i32.const 116)) (i32.const 0))
        (call $is (i32.load (i32.const 112)) (i32.const 1))
        ;; TYPE is 2, in the numbers of the ABI, also where the buffer is larger.
        (i32.store (i32.const 116) (i32.const 100))
        (call $is (call $sock_getsockopt (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 128) (i32.const 116)) (i32.const 0))
        (call $is (i32.load (i32.const 128)) (i32.const 2))
        (call $is (i32.load (i32.const 116)) (i32.const 4))
        ;; A level, a name, a pointer and a device that there are not.
        (call $is (call $sock_getsockopt (local.get $fd) (i32.const 1) (i32.const 1) (i32.const 128) (i32.const 116)) (i32.const 28))
        (call $is (call $sock_getsockopt (local.get $fd) (i32.const 0) (i32.const 15) (i32.const 128) (i32.const 116)) (i32.const 28))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 131070) (i32.const 4)) (i32.const 21))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 14) (i32.const 128) (i32.const 4)) (i32.const 63))"#,
        host(),
    )
    .ok();
}

#[test]
fn a_close_does_not_linger() {
    // 60 seconds, with more on its way than the other side takes: the thread would be kept for as long.
    run(
        r#"(local $client i32)
        (call $listen)
        (local.set $client (call $connected))
        (drop (call $accepted))
        (i32.store (i32.const 112) (i32.const 1)) (i32.store (i32.const 116) (i32.const 60))
        (call $is (call $sock_setsockopt (local.get $client) (i32.const 0) (i32.const 9) (i32.const 112) (i32.const 8)) (i32.const 0))
        (call $nonblocking (local.get $client))
        (i32.store (i32.const 96) (i32.const 4096)) (i32.store (i32.const 100) (i32.const 100000))
        (loop $again
            (br_if $again (i32.eqz (call $fd_write (local.get $client) (i32.const 96) (i32.const 1) (i32.const 4)))))
        (call $ok (call $fd_close (local.get $client)))"#,
        host(),
    )
    .ok();
}

#[test]
fn a_socket_is_described() {
    let ran = run(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (call $nonblocking (local.get $fd))
        (call $ok (call $fd_fdstat_get (local.get $fd) (i32.const 128)))
        (call $ok (call $fd_filestat_get (call $tcp) (i32.const 192)))
        (call $is (call $fd_fdstat_set_flags (local.get $fd) (i32.const 32)) (i32.const 28))
        (call $is (call $fd_fdstat_get (i32.const 0x40000009) (i32.const 128)) (i32.const 8))
        (call $is (call $fd_fdstat_get (local.get $fd) (i32.const 131064)) (i32.const 21))
        (call $is (call $fd_fdstat_get (local.get $fd) (i32.const 132)) (i32.const 4))
        ;; A descriptor that is no socket, and one that is nothing.
        (call $is (call $sock_listen (i32.const 1) (i32.const 1)) (i32.const 57))
        (call $is (call $sock_listen (i32.const 99) (i32.const 1)) (i32.const 8))"#,
        host(),
    )
    .ok();
    assert_eq!(ran.bytes(128, 4), [5, 0, 4, 0]);
    assert_eq!(ran.bytes(192 + 16, 1), [6]);
}

#[test]
fn descriptors_are_renumbered_on_one_side() {
    run(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (drop (call $tcp))
        (call $is (call $fd_renumber (i32.const 0x40000001) (local.get $fd)) (i32.const 0))
        (call $is (call $fd_close (i32.const 0x40000001)) (i32.const 8))
        (call $ok (call $fd_fdstat_get (local.get $fd) (i32.const 128)))
        (call $is (i32.load8_u (i32.const 128)) (i32.const 6))
        (call $is (call $fd_renumber (local.get $fd) (local.get $fd)) (i32.const 0))
        (call $is (call $fd_renumber (local.get $fd) (i32.const 0x40000005)) (i32.const 8))
        (call $is (call $fd_renumber (local.get $fd) (i32.const 1)) (i32.const 58))
        (call $is (call $fd_renumber (i32.const 1) (local.get $fd)) (i32.const 58))
        (call $is (call $fd_renumber (i32.const 1) (i32.const 2)) (i32.const 0))"#,
        host(),
    )
    .ok();
}

#[test]
fn pointers_that_lead_nowhere_are_errors() {
    let ran = run(
        r#"(call $is (call $sock_open (i32.const 1) (i32.const 2) (i32.const 131072)) (i32.const 21))
        (call $is (call $sock_open (i32.const 1) (i32.const 2) (i32.const 2)) (i32.const 4))
        (call $is (call $sock_open (i32.const 0) (i32.const 2) (i32.const 0)) (i32.const 28))
        (call $is (call $sock_open (i32.const 1) (i32.const 3) (i32.const 0)) (i32.const 28))
        (call $is (call $sock_open (i32.const 3) (i32.const 2) (i32.const 0)) (i32.const 52))
        (call $is (call $sock_bind (i32.const 0x40000000) (i32.const -8) (i32.const 0)) (i32.const 21))
        (call $is (call $sock_accept (i32.const 0x40000000) (i32.const -4)) (i32.const 21))
        (call $is (call $sock_send (i32.const 0x40000000) (i32.const 96) (i32.const 1) (i32.const 1) (i32.const 4)) (i32.const 28))
        (call $is (call $sock_recv (i32.const 0x40000000) (i32.const 96) (i32.const 1) (i32.const 4) (i32.const 4) (i32.const 24)) (i32.const 28))
        (call $is (call $sock_shutdown (i32.const 0x40000000) (i32.const 4)) (i32.const 28))
        (call $is (call $sock_shutdown (i32.const 0x40000000) (i32.const 3)) (i32.const 8))"#,
        host(),
    );
    assert_eq!(ran.ok().open(), 0);
}
