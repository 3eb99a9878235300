//! How a [`Network`] decides: the one place where its rules are applied.

use std::{
    future::ready,
    net::{IpAddr, SocketAddr},
};

use crate::{
    lookup,
    network::{Direction, Host, Network, Rule},
    policy::{Access, Decision, Policy, is_metadata},
};

impl Policy for Network {
    fn allows<'a>(&'a self, access: Access<'a>) -> Decision<'a> {
        match self {
            Self::None => Box::pin(ready(false)),
            Self::Host => Box::pin(ready(match access {
                Access::Connect(to) | Access::SendTo(to) => !is_metadata(to.ip()),
                _ => true,
            })),
            Self::Allow(rules) => Box::pin(allows(rules, access)),
        }
    }
}

impl Network {
    /// Tells whether the guest may connect to a name at this port, whatever its address is: what speaks for a guest, such
    /// as an HTTP client, looks it up and connects to where [`is_metadata`] says no.
    #[must_use]
    pub fn allows_name(&self, name: &str, port: u16) -> bool {
        match self {
            Self::None => false,
            Self::Host => true,
            Self::Allow(rules) => rules.iter().any(|rule| rule.allows_name(name, port)),
        }
    }

    /// Tells whether the guest may look a name up. An address is no name, and asks nobody.
    #[must_use]
    pub fn allows_lookup(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Host => true,
            Self::Allow(rules) => {
                let named = |rule: &Rule| rule.direction == Direction::Connect && rule.host.is_named(name);
                name.parse::<IpAddr>().is_ok() || rules.iter().any(named)
            }
        }
    }
}

async fn allows(rules: &[Rule], access: Access<'_>) -> bool {
    let by = |direction, address| rules.iter().any(|rule| rule.allows(direction, address));
    match access {
        Access::Open => true,
        // Before it connects a socket is bound to what the system chooses.
        Access::Bind(at) => by(Direction::Listen, at) || (at.ip().is_unspecified() && at.port() == 0),
        Access::Listen(at) => by(Direction::Listen, at),
        Access::Connect(to) | Access::SendTo(to) => by(Direction::Connect, to) || is_named(rules, to).await,
        // Anybody comes to where the guest may listen; elsewhere it gets answers.
        Access::Receive { from, at } => {
            let listens = match at {
                Some(at) => by(Direction::Listen, at),
                None => rules.iter().any(|rule| rule.direction == Direction::Listen),
            };
            listens || by(Direction::Connect, from) || is_named(rules, from).await
        }
        Access::LookUp(name) => {
            rules.iter().any(|rule| rule.direction == Direction::Connect && rule.host.is_named(name))
        }
    }
}

/// Tells whether an address is one that the names of the rules have now. A name cannot lead to metadata.
async fn is_named(rules: &[Rule], address: SocketAddr) -> bool {
    if is_metadata(address.ip()) {
        return false;
    }
    for rule in rules.iter().filter(|rule| rule.direction == Direction::Connect) {
        if let Host::Name(name) = &rule.host
            && rule.has_port(address.port())
            && lookup::addresses(name).await.iter().any(|found| *found == address.ip().to_canonical())
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The futures of these policies are ready, but for those that look names up.
    fn allows(network: &Network, access: Access<'_>) -> bool {
        let mut decision = network.allows(access);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        loop {
            if let std::task::Poll::Ready(allowed) = decision.as_mut().poll(&mut context) {
                return allowed;
            }
            std::thread::yield_now();
        }
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn network(text: &str, bits: u8) -> Host {
        Host::Addresses(text.parse().unwrap(), bits)
    }

    #[test]
    fn nothing_is_allowed_by_itself() {
        for access in [
            Access::Open,
            Access::Bind(at("127.0.0.1:0")),
            Access::Listen(at("127.0.0.1:80")),
            Access::Connect(at("127.0.0.1:80")),
            Access::SendTo(at("127.0.0.1:80")),
            Access::Receive { from: at("127.0.0.1:80"), at: Some(at("127.0.0.1:0")) },
            Access::LookUp("localhost"),
        ] {
            assert!(!allows(&Network::default(), access), "{access:?}");
            assert!(allows(&Network::Host, access), "{access:?}");
        }
    }

    #[test]
    fn a_server_may_only_listen() {
        let network = Network::Allow(vec![Rule::listen(Host::Any).port(8080)]);
        assert!(allows(&network, Access::Bind(at("0.0.0.0:8080"))));
        assert!(allows(&network, Access::Listen(at("[::]:8080"))));
        assert!(!allows(&network, Access::Bind(at("0.0.0.0:8081"))));
        assert!(!allows(&network, Access::Listen(at("0.0.0.0:0"))));
        assert!(!allows(&network, Access::Connect(at("127.0.0.1:8080"))));
        assert!(!allows(&network, Access::LookUp("localhost")));
    }

    #[test]
    fn datagrams_are_answers_or_come_to_where_the_guest_listens() {
        let rules = vec![
            Rule::listen(network("127.0.0.1", 32)).port(53),
            Rule::connect(network("10.0.0.1", 32)).port(53),
        ];
        let network = Network::Allow(rules);
        let receives =
            |from, own: Option<&str>| allows(&network, Access::Receive { from: at(from), at: own.map(at) });
        assert!(
            receives("10.0.0.1:53", Some("0.0.0.0:40000")) && receives("1.2.3.4:5", Some("127.0.0.1:53"))
        );
        assert!(
            !receives("10.0.0.1:54", Some("0.0.0.0:40000")) && !receives("1.2.3.4:5", Some("127.0.0.1:54"))
        );
        // Who does not know the socket's address cannot tell them apart.
        assert!(receives("1.2.3.4:5", None));
        let client = Network::Allow(vec![Rule::connect(self::network("10.0.0.1", 32)).port(53)]);
        assert!(!allows(&client, Access::Receive { from: at("1.2.3.4:5"), at: None }));
    }

    #[test]
    fn networks_are_compared_by_their_first_bits() {
        let network = Network::Allow(vec![
            Rule::connect(network("10.0.0.0", 8)).port(80),
            Rule::connect(network("fd00::", 8)),
        ]);
        let connects = |to| allows(&network, Access::Connect(at(to)));
        assert!(connects("10.255.0.1:80") && connects("[::ffff:10.0.0.1]:80") && connects("[fd12::1]:1"));
        assert!(!connects("10.255.0.1:81") && !connects("11.0.0.1:80") && !connects("[fe00::1]:1"));
        let everything = Network::Allow(vec![Rule::connect(self::network("0.0.0.0", 0))]);
        assert!(allows(&everything, Access::SendTo(at("1.2.3.4:1"))));
        assert!(!allows(&everything, Access::SendTo(at("[2001:db8::1]:1"))));
    }

    #[test]
    fn metadata_must_be_named() {
        let connects = |network: &Network| {
            ["169.254.169.254:80", "[::ffff:169.254.169.254]:80"]
                .map(|to| allows(network, Access::Connect(at(to))))
        };
        let six = |network: &Network| {
            ["[fe80::1]:80", "[fd00:ec2::254]:80"].map(|to| allows(network, Access::SendTo(at(to))))
        };
        for wide in [
            Network::Host,
            Network::Allow(vec![Rule::connect(Host::Any)]),
            Network::Allow(vec![Rule::connect(network("0.0.0.0", 0)), Rule::connect(network("::", 0))]),
            Network::Allow(vec![
                Rule::connect(network("169.254.0.0", 15)),
                Rule::connect(network("fd00:ec2::", 64)),
            ]),
        ] {
            assert_eq!((connects(&wide), six(&wide)), ([false; 2], [false; 2]), "{wide:?}");
        }
        let narrow = Network::Allow(vec![
            Rule::connect(network("169.254.169.254", 32)),
            Rule::connect(network("fe80::", 10)),
            Rule::connect(network("fd00:ec2::254", 128)),
        ]);
        assert_eq!((connects(&narrow), six(&narrow)), ([true; 2], [true; 2]));
    }

    #[test]
    fn a_name_is_looked_up() {
        let network = Network::Allow(vec![Rule::connect(Host::Name("localhost".to_owned())).port(80)]);
        assert!(allows(&network, Access::LookUp("LOCALHOST.")));
        assert!(!allows(&network, Access::LookUp("example.com")));
        assert!(allows(&network, Access::Connect(at("127.0.0.1:80"))));
        assert!(!allows(&network, Access::Connect(at("127.0.0.1:81"))));
        assert!(!allows(&network, Access::Connect(at("127.0.0.2:80"))));
    }
}
