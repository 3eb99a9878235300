//! Datagrams, by both families.

use std::net::UdpSocket;

use wasmedge_sockets::{Host, Network, Rule, Sockets, TokioReactor};

use crate::support::run;

fn host() -> Sockets {
    Sockets::new(Network::Host, TokioReactor::default())
}

/// Receives with the 8 parameters of version 2 into a storage of 128 bytes at 2048, the port at 28.
const ECHO: &str = r#"(local $fd i32)
    (local.set $fd (call $udp))
    (drop (call $bound (local.get $fd)))
    (i32.store (i32.const 128) (i32.const 2048)) (i32.store (i32.const 132) (i32.const 128))
    (i32.store (i32.const 28) (i32.const 0xffffffff))
    (call $is (call $sock_send_to (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 80) (i32.const PORT) (i32.const 0) (i32.const 4)) (i32.const 0))
    (call $is (call $sock_recv_from (local.get $fd) (i32.const 104) (i32.const 1) (i32.const 128) (i32.const 0) (i32.const 28) (i32.const 4) (i32.const 24)) (i32.const 0))"#;

fn echo() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut bytes = [0; 128];
        let (length, from) = socket.recv_from(&mut bytes).unwrap();
        socket.send_to(&[&bytes[..length], b"and more"].concat(), from).unwrap();
    });
    port
}

#[test]
fn an_answer_comes_with_its_address() {
    let port = echo();
    let ran = run(&ECHO.replace("PORT", &port.to_string()), host()).ok();
    // It was longer than the buffer.
    assert_eq!((ran.number(4), ran.number(24) & 0xffff), (64, 1));
    assert_eq!(ran.bytes(2048, 6), [1, 0, 127, 0, 0, 1]);
    assert_eq!(ran.number(28), u32::from(port));
}

#[test]
fn the_port_can_be_as_wasmedge_has_it() {
    let port = echo();
    let ran = run(&ECHO.replace("PORT", &port.to_string()), host().swapped_ports(true)).ok();
    let [high, low] = port.to_be_bytes();
    assert_eq!(ran.bytes(28, 4), [high, low, 0xff, 0xff]);
}

/// Answers, after somebody else has said something.
fn echo_after_a_stranger() -> u16 {
    let [stranger, socket] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut bytes = [0; 128];
        let (length, from) = socket.recv_from(&mut bytes).unwrap();
        stranger.send_to(&[b'!'; 64], from).unwrap();
        socket.send_to(&bytes[..length], from).unwrap();
    });
    port
}

#[test]
fn a_stranger_is_not_heard() {
    let port = echo_after_a_stranger();
    let host = Host::Addresses("127.0.0.1".parse().unwrap(), 32);
    // Without an address of its own: the system chooses one when the guest sends.
    let guest = ECHO.replace("(drop (call $bound (local.get $fd)))", "").replace("PORT", &port.to_string());
    let network = Network::Allow(vec![Rule::connect(host.clone()).port(port)]);
    let ran = run(&guest, Sockets::new(network, TokioReactor::default())).ok();
    assert_eq!((ran.number(4), ran.number(28)), (64, u32::from(port)));
    assert_eq!(ran.bytes(1088, 64), [0; 64]);

    let port = echo_after_a_stranger();
    let guest = ECHO.replace("PORT", &port.to_string());
    let rules = vec![Rule::connect(host.clone()).port(port), Rule::listen(host)];
    let ran = run(&guest, Sockets::new(Network::Allow(rules), TokioReactor::default())).ok();
    assert_ne!(ran.number(28), u32::from(port));
    assert_eq!(ran.bytes(1088, 64), [b'!'; 64]);
}

/// By each function that receives, also if it only peeks.
#[test]
fn nothing_of_a_stranger_gets_into_memory() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..4 {
            let (_, from) = socket.recv_from(&mut [0; 128]).unwrap();
            stranger.send_to(&[b'!'; 64], from).unwrap();
        }
    });
    let host = Host::Addresses("127.0.0.1".parse().unwrap(), 32);
    let network = Network::Allow(vec![Rule::connect(host).port(port)]);
    let receives = [
        "(call $fd_read (local.get $fd) (i32.const 104) (i32.const 1) (i32.const 4))",
        "(call $sock_recv (local.get $fd) (i32.const 104) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 24))",
        "(call $sock_recv (local.get $fd) (i32.const 104) (i32.const 1) (i32.const 1) (i32.const 4) (i32.const 24))",
        "(call $sock_recv_from (local.get $fd) (i32.const 104) (i32.const 1) (i32.const 128) (i32.const 0) (i32.const 28) (i32.const 4) (i32.const 24))",
    ];
    let receive = |receive: &str| {
        format!(
            "(call $ok (call $sock_send_to (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 80) (i32.const {port}) (i32.const 0) (i32.const 4)))
            (drop (call $wait (local.get $fd) (i32.const 1)))
            (call $is {receive} (i32.const 6))\n"
        )
    };
    let body = format!(
        "(local $fd i32) (local.set $fd (call $udp)) (call $nonblocking (local.get $fd))
        (i32.store (i32.const 128) (i32.const 2048)) (i32.store (i32.const 132) (i32.const 128))
        {}",
        receives.map(receive).concat()
    );
    let ran = run(&body, Sockets::new(network, TokioReactor::default())).ok();
    assert_eq!((ran.bytes(1088, 64), ran.bytes(2048, 128)), (&[0; 64][..], &[0; 128][..]));
}

#[test]
fn addresses_may_have_16_bytes() {
    let ran = run(
        r#"(local $fd i32) (local $port i32)
        ;; ::1 at 160, and where it is at 176.
        (i32.store8 (i32.const 175) (i32.const 1))
        (i32.store (i32.const 176) (i32.const 160)) (i32.store (i32.const 180) (i32.const 16))
        (local.set $fd (call $open (i32.const 2) (i32.const 1)))
        (call $is (call $sock_bind (local.get $fd) (i32.const 176) (i32.const 0)) (i32.const 0))
        (i32.store (i32.const 32) (i32.const 48)) (i32.store (i32.const 36) (i32.const 4))
        (call $is (call $sock_getlocaladdr (local.get $fd) (i32.const 32) (i32.const 40) (i32.const 44)) (i32.const 48))
        (i32.store (i32.const 32) (i32.const 192)) (i32.store (i32.const 36) (i32.const 16))
        (call $is (call $sock_getlocaladdr (local.get $fd) (i32.const 32) (i32.const 40) (i32.const 44)) (i32.const 0))
        (call $is (i32.load (i32.const 40)) (i32.const 6))
        (call $is (call $sock_send_to (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 176) (i32.load (i32.const 44)) (i32.const 0) (i32.const 4)) (i32.const 0))
        (i32.store (i32.const 128) (i32.const 2048)) (i32.store (i32.const 132) (i32.const 128))
        (call $is (call $sock_recv_from (local.get $fd) (i32.const 104) (i32.const 1) (i32.const 128) (i32.const 0) (i32.const 28) (i32.const 4) (i32.const 24)) (i32.const 0))
        (call $is (i32.load (i32.const 28)) (i32.load (i32.const 44)))"#,
        host(),
    )
    .ok();
    let one = std::net::Ipv6Addr::LOCALHOST.octets();
    assert_eq!((ran.bytes(192, 16), ran.bytes(2050, 16)), (&one[..], &one[..]));
    assert_eq!(ran.bytes(2048, 2), [2, 0]);
}

#[test]
fn an_address_of_the_other_family_is_the_systems_error() {
    run(
        r#"(i32.store (i32.const 176) (i32.const 160)) (i32.store (i32.const 180) (i32.const 16))
        (call $is (call $sock_bind (call $udp) (i32.const 176) (i32.const 0)) (i32.const 5))"#,
        host(),
    )
    .ok();
}
