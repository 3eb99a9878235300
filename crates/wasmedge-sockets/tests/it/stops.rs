//! A guest is ended where it waits, and everybody else gets on with theirs.

use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use wasmedge_sockets::{Network, Sockets, TokioReactor};

use crate::support::run_for;

fn host() -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default())
}

#[test]
fn wherever_it_waits_it_can_be_dropped() {
    for body in [
        "(call $listen) (drop (call $accepted))",
        "(call $listen) (drop (call $wait (global.get $listener) (i32.const 1)))",
        "(call $listen) (drop (call $fd_read (call $connected) (i32.const 96) (i32.const 1) (i32.const 4)))",
        "(call $listen) (call $clock (i32.const 256) (i32.const 1) (i64.const 1000000000000) (i32.const 0)) (drop (call $poll (i32.const 1)))",
        // It always finds something to write to, and never waits.
        "(local $fd i32) (local.set $fd (call $udp)) (loop $again (drop (call $wait (local.get $fd) (i32.const 2))) (br $again))",
        // It does not even ask.
        "(call $listen) (call $nonblocking (global.get $listener)) (loop $again (drop (call $sock_accept (global.get $listener) (i32.const 0))) (br $again))",
    ] {
        let begin = Instant::now();
        let ran = run_for(Duration::from_millis(50), body, host());
        assert_eq!(ran.result.as_ref().unwrap_err().to_string(), "out of time", "{body}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{body}");
    }
}

#[test]
fn what_it_had_is_closed_and_free() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let body = format!(
        r#"(global.set $listener (call $tcp))
        (i32.store (i32.const 112) (i32.const 1))
        (call $is (call $sock_setsockopt (global.get $listener) (i32.const 0) (i32.const 0) (i32.const 112) (i32.const 4)) (i32.const 0))
        (call $ok (call $sock_bind (global.get $listener) (i32.const 80) (i32.const {port})))
        (call $ok (call $sock_listen (global.get $listener) (i32.const 8)))
        (loop $again (drop (call $accepted)) (br $again))"#
    );
    let client = std::thread::spawn(move || {
        let begin = Instant::now();
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(_) if begin.elapsed() < Duration::from_secs(5) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // The guest says nothing: that it is gone is the end, or a reset.
        !matches!(stream.read(&mut [0]), Ok(1..))
    });
    drop(run_for(Duration::from_millis(300), &body, host()));
    assert!(client.join().unwrap());
    TcpListener::bind(("127.0.0.1", port)).unwrap();
}
