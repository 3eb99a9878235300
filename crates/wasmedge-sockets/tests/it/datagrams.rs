//! Datagrams, by both families.

use std::net::UdpSocket;

use wasmedge_sockets::{Network, Sockets, TokioReactor};

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
