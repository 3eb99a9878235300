//! What a policy refuses is `EACCES`, before anything is done.

use std::net::{TcpListener, UdpSocket};

use wasmedge_sockets::{Access, Host, Network, Rule, Sockets, TokioReactor, policy_fn};

use crate::support::run;

fn allowing(network: Network) -> Sockets {
    Sockets::new(network, TokioReactor::default())
}

#[test]
fn nothing_is_granted_by_itself() {
    let ran = run(
        "(call $is (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)) (i32.const 2))",
        allowing(Network::default()),
    );
    assert_eq!(ran.ok().open(), 0);
}

#[test]
fn a_server_cannot_connect() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let network = Network::Allow(vec![Rule::listen(Host::Any).port(port)]);
    run(
        &format!(
            r#"(local $fd i32)
            (local.set $fd (call $tcp))
            (call $is (call $sock_bind (local.get $fd) (i32.const 80) (i32.const 1)) (i32.const 2))
            (call $is (call $sock_connect (local.get $fd) (i32.const 80) (i32.const {port})) (i32.const 2))
            ;; Without an address the system would choose a port.
            (call $is (call $sock_listen (local.get $fd) (i32.const 8)) (i32.const 2))
            (call $is (call $sock_bind (local.get $fd) (i32.const 80) (i32.const {port})) (i32.const 0))
            (call $is (call $sock_listen (local.get $fd) (i32.const 8)) (i32.const 0))
            (call $is (call $sock_send_to (call $udp) (i32.const 96) (i32.const 1) (i32.const 80) (i32.const {port}) (i32.const 0) (i32.const 4)) (i32.const 2))"#
        ),
        allowing(network),
    )
    .ok();
}

#[test]
fn a_client_connects_where_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let [port, other] = [listener.local_addr(), other.local_addr()].map(|at| at.unwrap().port());
    let loopback = Host::Addresses("127.0.0.0".parse().unwrap(), 8);
    run(
        &format!(
            r#"(call $is (call $sock_connect (call $tcp) (i32.const 80) (i32.const {port})) (i32.const 0))
            (call $is (call $sock_connect (call $udp) (i32.const 80) (i32.const {other})) (i32.const 2))
            (call $is (call $sock_bind (call $udp) (i32.const 80) (i32.const 0)) (i32.const 2))
            ;; 169.254.169.254
            (i32.store (i32.const 64) (i32.const 0xfea9fea9))
            (call $is (call $sock_connect (call $tcp) (i32.const 80) (i32.const {port})) (i32.const 2))"#
        ),
        allowing(Network::Allow(vec![Rule::connect(loopback).port(port)])),
    )
    .ok();
}

#[test]
fn metadata_is_refused_also_with_the_hosts_network() {
    run(
        r#"(i32.store (i32.const 64) (i32.const 0xfea9fea9))
        (call $is (call $sock_connect (call $tcp) (i32.const 80) (i32.const 80)) (i32.const 2))
        (call $is (call $sock_send_to (call $udp) (i32.const 96) (i32.const 1) (i32.const 80) (i32.const 80) (i32.const 0) (i32.const 4)) (i32.const 2))"#,
        allowing(Network::Host),
    )
    .ok();
}

#[test]
fn a_function_decides() {
    let datagrams = policy_fn(|access| matches!(access, Access::Open | Access::Bind(_)));
    run(
        r#"(drop (call $bound (call $udp)))
        (call $is (call $sock_connect (call $udp) (i32.const 80) (i32.const 9)) (i32.const 2))"#,
        Sockets::new(datagrams, TokioReactor::default()),
    )
    .ok();
}
