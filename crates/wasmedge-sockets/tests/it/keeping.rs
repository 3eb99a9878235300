//! Guests that have their threads for themselves: `link_blocking`.

use std::{
    future::{Future, poll_fn},
    io::Write,
    net::TcpListener,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use wasmedge_sockets::{Network, Reactor, Ready, Sockets, TokioReactor, Wait, Wanted};

use crate::support::run_blocking;

/// Keeps the thread, and counts for how many calls it had to.
#[derive(Debug, Default, Clone)]
struct Keeps {
    calls: Arc<AtomicU32>,
    /// At how many the guest has to end.
    most: Option<u32>,
}

impl Reactor for Keeps {
    fn wait<'a>(&'a self, wanted: &'a [Wanted<'a>], timeout: Option<Duration>) -> Wait<'a> {
        Box::pin(poll_fn(move |_| Poll::Ready(Ready::block(wanted, None, timeout))))
    }

    fn block_on(
        self: Arc<Self>,
        mut call: Pin<&mut dyn Future<Output = wasmtime::Result<i32>>>,
    ) -> wasmtime::Result<i32> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.most == Some(calls) {
            wasmtime::bail!("enough");
        }
        loop {
            if let Poll::Ready(ended) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return ended;
            }
        }
    }
}

fn host(reactor: impl Reactor + 'static) -> Sockets {
    Sockets::new(Network::Host, reactor)
}

/// A socket that is connected, and receives: `$fd`.
const CONNECTED: &str = "(local $fd i32) (call $listen) (local.set $fd (call $connected))";
const RECEIVED: &str = "(call $sock_recv (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 24))";

#[test]
fn what_comes_late_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        thread::sleep(Duration::from_millis(20));
        stream.write_all(b"abc").unwrap();
    });
    let keeps = Keeps::default();
    let body = format!(
        "(local $fd i32) (global.set $port (i32.const {port})) (local.set $fd (call $connected))
        (call $is {RECEIVED} (i32.const 0))
        (call $is (i32.load (i32.const 4)) (i32.const 3))"
    );
    let ran = run_blocking(&body, host(keeps.clone())).ok();
    assert_eq!(ran.bytes(1024, 3), b"abc");
    assert_eq!(keeps.calls.load(Ordering::Relaxed), 1);
    other.join().unwrap();
}

/// Calls that need not wait are only those that give way, once in a while.
#[test]
fn who_does_not_wait_is_not_kept() {
    let keeps = Keeps::default();
    let body = format!(
        "{CONNECTED} (call $nonblocking (local.get $fd))
        (loop $again
            (call $is {RECEIVED} (i32.const 6))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 1280))))"
    );
    run_blocking(&body, host(keeps.clone())).ok();
    let gave_way = keeps.calls.load(Ordering::Relaxed);
    assert!((9..=10).contains(&gave_way), "{gave_way}");
}

#[test]
fn a_reactor_can_end_the_guest() {
    let keeps = Keeps { most: Some(1), ..Keeps::default() };
    let ran = run_blocking(&format!("{CONNECTED} (drop {RECEIVED})"), host(keeps));
    assert_eq!(ran.result.unwrap_err().root_cause().to_string(), "enough");
}

#[test]
fn a_reactor_that_does_not_block_says_so() {
    let ran = run_blocking(&format!("{CONNECTED} (drop {RECEIVED})"), host(TokioReactor::default()));
    assert_eq!(
        ran.result.unwrap_err().root_cause().to_string(),
        "TokioReactor does not block, which a module that was linked by `link_blocking` needs"
    );
}
