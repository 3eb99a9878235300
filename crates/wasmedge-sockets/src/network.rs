use std::{
    future::ready,
    net::{IpAddr, SocketAddr},
};

use crate::{
    lookup,
    policy::{Access, Decision, Policy, is_metadata},
};

/// What a guest may do with the network: a ready-made [`Policy`].
///
/// A server that may listen on one port, as a Kubernetes pod would, is one line:
///
/// ```
/// use wasmedge_sockets::{Network, Rule};
///
/// let network = Network::Allow(vec![Rule::listen(Host::Any).port(8080)]);
/// # use wasmedge_sockets::Host;
/// # let _: &dyn wasmedge_sockets::Policy = &network;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Network {
    /// Nothing: not even a socket.
    #[default]
    None,
    /// All that this process may do, but for what [`is_metadata`] names.
    Host,
    /// What one of the rules allows, and nothing else.
    Allow(Vec<Rule>),
}

/// One thing that a guest may do with the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Who begins.
    pub direction: Direction,
    /// The other side's address for [`Direction::Connect`], this side's for [`Direction::Listen`].
    pub host: Host,
    /// The port; any if `None`.
    pub port: Option<u16>,
}

/// Who begins a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// The guest: it connects to the host, or sends datagrams there.
    Connect,
    /// Others: the guest binds a socket to this address and listens.
    Listen,
}

/// Whom a [`Rule`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// Every name, and every address but for what [`is_metadata`] names.
    Any,
    /// The addresses whose first bits, as many as the number says, are those of this one. Those that [`is_metadata`]
    /// names are only allowed by a rule that is about no others.
    Addresses(IpAddr, u8),
    /// A name: the guest may look it up, and connect to the addresses that it has at that moment.
    Name(String),
}

impl Rule {
    /// Lets the guest connect to a host, at any port.
    #[must_use]
    pub fn connect(host: Host) -> Self {
        Self { direction: Direction::Connect, host, port: None }
    }

    /// Lets the guest listen at an address, on any port.
    #[must_use]
    pub fn listen(host: Host) -> Self {
        Self { direction: Direction::Listen, host, port: None }
    }

    /// Sets the port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
    }

    fn has(&self, direction: Direction, address: SocketAddr) -> bool {
        self.direction == direction && self.has_port(address.port()) && self.host.has(address.ip())
    }
}

impl Host {
    fn has(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => !is_metadata(address),
            Self::Addresses(network, bits) => {
                same_bits(network.to_canonical(), address.to_canonical(), *bits)
                    && (!is_metadata(address) || is_narrow(*network, *bits))
            }
            Self::Name(_) => false,
        }
    }

    fn is_named(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Addresses(..) => false,
            Self::Name(own) => own.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.')),
        }
    }
}

/// Tells whether a network has addresses of metadata only.
fn is_narrow(network: IpAddr, bits: u8) -> bool {
    let least = match network.to_canonical() {
        IpAddr::V4(_) => 16,
        IpAddr::V6(address) if address.is_unicast_link_local() => 10,
        IpAddr::V6(_) => 128,
    };
    is_metadata(network) && bits >= least
}

fn same_bits(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let (difference, width) = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    difference.checked_shr(u32::saturating_sub(width, bits.into())).unwrap_or(0) == 0
}

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

async fn allows(rules: &[Rule], access: Access<'_>) -> bool {
    let by = |direction, address| rules.iter().any(|rule| rule.has(direction, address));
    match access {
        Access::Open => true,
        // Before it connects, a socket may be bound to what the system chooses.
        Access::Bind(at) => by(Direction::Listen, at) || (at.ip().is_unspecified() && at.port() == 0),
        Access::Listen(at) => by(Direction::Listen, at),
        Access::Connect(to) | Access::SendTo(to) => by(Direction::Connect, to) || is_named(rules, to).await,
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
