//! What one guest may use of the host.

use wasmedge_sockets::{Limits, Network, Sockets, TokioReactor};
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::{WasiCtxBuilder, WasiView};

use crate::support::{State, guest, run, run_with};

fn host(limits: Limits) -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default()).limits(limits)
}

#[test]
fn sockets_are_counted() {
    let ran = run(
        r#"(drop (call $tcp))
        (drop (call $udp))
        (call $is (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)) (i32.const 33))
        (call $ok (call $fd_close (i32.load (i32.const 0))))
        ;; The place of the one that was closed is used again.
        (call $is (call $tcp) (i32.const 0x40000001))
        (call $is (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)) (i32.const 33))"#,
        host(Limits::default().sockets(2)),
    );
    assert_eq!(ran.ok().open(), 2);
}

#[test]
fn sockets_have_a_place_in_the_table_of_files() {
    let mut wasi = WasiCtxBuilder::new().build_p1();
    wasi.ctx().table.set_max_capacity(10);
    let state = State { wasi, sockets: host(Limits::default()) };
    let open = guest(
        "(loop $again (call $ok (call $fd_close (call $tcp))) (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 100)))) (loop $again (drop (call $tcp)) (br $again))",
    );
    let ran = run_with(std::time::Duration::from_secs(10), &open, state);
    assert!(ran.result.as_ref().unwrap_err().is::<ResourceTableError>(), "{:?}", ran.result);
    assert!((1..=10).contains(&ran.open()), "{}", ran.open());
}

#[test]
fn subscriptions_are_counted() {
    run(
        r#"(drop (call $look (call $udp) (i32.const 1)))
        (call $is (call $poll_oneoff (i32.const 256) (i32.const 512) (i32.const 3) (i32.const 16)) (i32.const 48))
        (call $is (call $poll_oneoff (i32.const 256) (i32.const 512) (i32.const 0) (i32.const 16)) (i32.const 28))"#,
        host(Limits::default().subscriptions(2)),
    )
    .ok();
}

#[test]
fn buffers_are_counted() {
    run(
        r#"(local $fd i32)
        (local.set $fd (call $udp))
        (i32.store (i32.const 112) (i32.const 40000))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 5) (i32.const 112) (i32.const 4)) (i32.const 0))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 5) (i32.const 112) (i32.const 4)) (i32.const 0))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 6) (i32.const 112) (i32.const 4)) (i32.const 42))
        (call $is (call $sock_setsockopt (call $udp) (i32.const 0) (i32.const 6) (i32.const 112) (i32.const 4)) (i32.const 42))
        (i32.store (i32.const 112) (i32.const -1))
        (call $is (call $sock_setsockopt (local.get $fd) (i32.const 0) (i32.const 5) (i32.const 112) (i32.const 4)) (i32.const 42))
        ;; What is closed buffers nothing.
        (call $ok (call $fd_close (local.get $fd)))
        (i32.store (i32.const 112) (i32.const 40000))
        (call $is (call $sock_setsockopt (call $udp) (i32.const 0) (i32.const 6) (i32.const 112) (i32.const 4)) (i32.const 0))"#,
        host(Limits::default().buffered(50_000)),
    )
    .ok();
}
