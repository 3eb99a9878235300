//! `sock_getaddrinfo`.

use wasmedge_sockets::{Host, Network, Rule, Sockets, TokioReactor};

use crate::support::run;

/// A list of two entries at 3000 and 3100, as `wasmedge_wasi_socket` makes it, hints at 2900, what leads to it at 2800;
/// the name at 2700 and the service at 2750.
const LIST: &str = r#"
    (i32.store (i32.const 2800) (i32.const 3000))
    (i32.store (i32.const 3012) (i32.const 3200)) (i32.store (i32.const 3016) (i32.const 3300)) (i32.store (i32.const 3020) (i32.const 30))
    (i32.store (i32.const 3024) (i32.const 3100))
    (i32.store (i32.const 3204) (i32.const 26)) (i32.store (i32.const 3208) (i32.const 3220))
    (i32.store (i32.const 3112) (i32.const 3400)) (i32.store (i32.const 3116) (i32.const 3500)) (i32.store (i32.const 3120) (i32.const 30))
    (i32.store (i32.const 3404) (i32.const 26)) (i32.store (i32.const 3408) (i32.const 3420))
    (i64.store (i32.const 2700) (i64.const 0x736f686c61636f6c)) (i32.store16 (i32.const 2708) (i32.const 0x74))
    (i32.store (i32.const 2750) (i32.const 0x303830))
    ;; INET4, a stream, TCP
    (i32.store (i32.const 2900) (i32.const 0x02010000)) (i32.store8 (i32.const 2904) (i32.const 1))
"#;

fn allowing(network: Network) -> Sockets {
    Sockets::new(network, TokioReactor::default())
}

#[test]
fn a_name_has_its_addresses() {
    let name = Host::Name("localhost".to_owned());
    let ran = run(
        &format!(
            r#"{LIST}
            ;; The zero byte at the end belongs to the length that the guest gives.
            (call $is (call $sock_getaddrinfo (i32.const 2700) (i32.const 10) (i32.const 2750) (i32.const 3) (i32.const 2900) (i32.const 2800) (i32.const 2) (i32.const 2804)) (i32.const 0))"#
        ),
        allowing(Network::Allow(vec![Rule::connect(name)])),
    )
    .ok();
    assert_eq!(ran.number(2804), 1);
    assert_eq!(ran.bytes(3002, 3), [1, 2, 1]);
    assert_eq!((ran.number(3008), ran.number(3204), ran.bytes(3200, 1)), (16, 14, &[1][..]));
    assert_eq!(ran.bytes(3220, 14), [0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_name_that_is_not_allowed_is_not_asked_for() {
    let call = "(call $sock_getaddrinfo (i32.const 2700) (i32.const 9) (i32.const 2750) (i32.const 3) (i32.const 2900) (i32.const 2800) (i32.const 2) (i32.const 2804))";
    let other = Host::Name("example.com".to_owned());
    run(
        &format!("{LIST} (call $is {call} (i32.const 2))"),
        allowing(Network::Allow(vec![Rule::connect(other)])),
    )
    .ok();
    // An address is no name: 0x7f000001 is 127.0.0.1, and 080 is a service.
    run(
        &format!(
            r#"{LIST}
            (i64.store (i32.const 2700) (i64.const 0x2e302e302e373231)) (i32.store16 (i32.const 2708) (i32.const 0x31))
            (call $is {call} (i32.const 0))
            (call $is (i32.load (i32.const 2804)) (i32.const 1))"#
        ),
        allowing(Network::Allow(vec![])),
    )
    .ok();
}

#[test]
fn what_is_asked_wrongly_is_an_error() {
    let call = |node: u32, service: u32, most: u32| {
        format!(
            "(call $sock_getaddrinfo (i32.const 2700) (i32.const {node}) (i32.const 2750) (i32.const {service}) (i32.const 2900) (i32.const 2800) (i32.const {most}) (i32.const 2804))"
        )
    };
    let both = call(9, 3, 2);
    run(
        &format!(
            r#"{LIST}
            (call $is {} (i32.const 84))
            (call $is {} (i32.const 82))
            (call $is {} (i32.const 21))
            (i32.store16 (i32.const 2900) (i32.const 128)) (call $is {both} (i32.const 79))
            (i32.store16 (i32.const 2900) (i32.const 2)) (call $is {} (i32.const 79))
            (i32.store16 (i32.const 2900) (i32.const 0))
            (i32.store8 (i32.const 2902) (i32.const 3)) (call $is {both} (i32.const 81))
            (i32.store8 (i32.const 2902) (i32.const 1))
            (i32.store8 (i32.const 2903) (i32.const 9)) (call $is {both} (i32.const 52))
            (i32.store8 (i32.const 2903) (i32.const 2))
            (i32.store8 (i32.const 2904) (i32.const 9)) (call $is {both} (i32.const 52))
            (i32.store8 (i32.const 2904) (i32.const 1))
            ;; An entry that is nowhere, and one without room.
            (i32.store (i32.const 2800) (i32.const -4)) (call $is {both} (i32.const 21))
            (i32.store (i32.const 2800) (i32.const 3000))
            (i32.store (i32.const 3204) (i32.const 13)) (call $is {both} (i32.const 82))"#,
            call(0, 0, 2),
            call(9, 3, 0),
            call(200_000, 3, 2),
            call(0, 3, 2),
        ),
        allowing(Network::Host),
    )
    .ok();
}
