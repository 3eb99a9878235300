use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use crate::policy::is_metadata;

/// What a guest may do with the network.
///
/// It is a ready-made [`Policy`](crate::Policy). A server that may listen on one port, as in a pod of Kubernetes, is one
/// line:
///
/// ```
/// use wasmedge_sockets::{Host, Network, Rule};
///
/// let network = Network::Allow(vec![Rule::listen(Host::Any).port(8080)]);
/// assert_eq!(network.to_string(), "listen:*:8080");
/// ```
///
/// No guest connects to where [`is_metadata`] says that clouds give out credentials, unless a rule names that very
/// address, or a network that has no others: neither `Host` nor `*` nor the name of a host leads there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Network {
    /// Nothing: no sockets, no HTTP requests, no name lookup.
    #[default]
    None,
    /// All that this process may do.
    Host,
    /// What one of the rules allows, and nothing else.
    ///
    /// The same rules hold for sockets, for HTTP requests that a component sends, and for name lookup, which is allowed
    /// for the names of the rules (for any name if a rule allows to connect anywhere).
    Allow(Vec<Rule>),
}

/// One thing that a guest may do with the network.
///
/// As text it is `[connect:|listen:]HOST[:PORT]`: who says neither connects. The host is a name, an address, a network
/// as `10.0.0.0/8`, or `*`; an IPv6 address stands in brackets if a port follows. The port is a number or `*`, which is
/// the default.
///
/// A name is compared as it is written, without regard to case. Where only an address is known, as for a socket, the
/// name is looked up at that moment, and one of its addresses must be the one.
///
/// ```
/// use wasmedge_sockets::{Direction, Host, Rule};
///
/// let rule: Rule = "db.internal:5432".parse()?;
/// assert_eq!(rule, Rule::connect(Host::Name("db.internal".to_owned())).port(5432));
/// let rule: Rule = "listen:127.0.0.1:8080".parse()?;
/// assert_eq!(rule.direction, Direction::Listen);
/// let rule: Rule = "10.0.0.0/8".parse()?;
/// assert_eq!(rule.to_string(), "connect:10.0.0.0/8:*");
/// assert!("db.internal:http".parse::<Rule>().is_err());
/// # Ok::<(), wasmedge_sockets::RuleError>(())
/// ```
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

/// Text that is no [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no network rule: {reason}", text.escape_debug())]
pub struct RuleError {
    text: Box<str>,
    reason: &'static str,
}

impl RuleError {
    /// Returns how a rule is written.
    #[must_use]
    pub fn help(&self) -> &'static str {
        "write [connect:|listen:]HOST[:PORT], such as db.internal:5432 or listen:127.0.0.1:8080"
    }
}

/// Who begins a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// The guest: it connects to the host, sends datagrams there and gets the answers.
    Connect,
    /// Others: the guest binds a socket to this address and listens.
    Listen,
}

/// Whom a [`Rule`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// Every address and every name.
    Any,
    /// The addresses whose first bits, as many as the number says, are those of this one.
    Addresses(IpAddr, u8),
    /// A name that is looked up.
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

    /// Tells whether the rule allows this address, by the address alone: never by a name.
    #[must_use]
    pub fn allows(&self, direction: Direction, address: SocketAddr) -> bool {
        let ip = address.ip();
        let is_named = direction == Direction::Listen || !is_metadata(ip) || self.host.is_narrow();
        self.direction == direction && self.has_port(address.port()) && self.host.has(ip) && is_named
    }

    /// Tells whether the rule lets the guest connect to this name.
    #[must_use]
    pub fn allows_name(&self, name: &str, port: u16) -> bool {
        self.direction == Direction::Connect && self.has_port(port) && self.host.is_named(name)
    }

    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
    }
}

impl Host {
    /// Tells whether an address is one of these; a name has none.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            // ::ffff:10.0.0.1 leads to 10.0.0.1.
            Self::Addresses(network, bits) => {
                same_bits(network.to_canonical(), address.to_canonical(), *bits)
            }
            Self::Name(_) => false,
        }
    }

    /// Tells whether these are addresses of metadata and no others.
    fn is_narrow(&self) -> bool {
        let Self::Addresses(network, bits) = self else { return false };
        let least = match network.to_canonical() {
            IpAddr::V4(_) => 16,
            IpAddr::V6(address) if address.is_unicast_link_local() => 10,
            IpAddr::V6(_) => 128,
        };
        is_metadata(*network) && *bits >= least
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Addresses(..) => false,
            Self::Name(own) => own.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.')),
        }
    }
}

fn same_bits(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let shift = |width: u32| width.saturating_sub(bits.into());
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Host => f.write_str("host"),
            Self::Allow(rules) => rules.iter().enumerate().try_for_each(|(index, rule)| {
                let separator = if index == 0 { "" } else { ", " };
                write!(f, "{separator}{rule}")
            }),
        }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let refused = |reason| RuleError { text: text.into(), reason };
        let (direction, rest) = match text.split_once(':') {
            Some(("connect", rest)) => (Direction::Connect, rest),
            Some(("listen", rest)) => (Direction::Listen, rest),
            _ => (Direction::Connect, text),
        };
        let (host, port) = split(rest);
        let port = match port {
            None | Some("*") => None,
            Some(port) => Some(port.parse().map_err(|_| refused("its port is no number up to 65535"))?),
        };
        let host = host.parse().map_err(refused)?;
        if direction == Direction::Listen && matches!(host, Host::Name(_)) {
            return Err(refused("a guest listens at an address, and not at a name"));
        }
        Ok(Self { direction, host, port })
    }
}

/// Parts host and port: `[v6]:port`, a bare v6 address, `host:port`, `host`.
fn split(text: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = address.parse::<IpAddr>() {
            let width = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(width), str::parse).ok().filter(|bits| *bits <= width);
            return Ok(Self::Addresses(address, bits.ok_or("its network has more bits than an address")?));
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = !text.is_empty() && text.len() <= NAME && text.bytes().all(letter);
        is_name.then(|| Self::Name(text.to_owned())).ok_or("its host is no name, address, network or `*`")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Connect => "connect",
            Direction::Listen => "listen",
        };
        write!(f, "{direction}:{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Addresses(address, 32) if address.is_ipv4() => write!(f, "{address}"),
            Self::Addresses(address, bits) if address.is_ipv4() => write!(f, "{address}/{bits}"),
            Self::Addresses(address, 128) => write!(f, "[{address}]"),
            Self::Addresses(address, bits) => write!(f, "[{address}/{bits}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The longest name of the domain name system.
const NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn text_and_rule_are_one() {
        for (text, whole) in [
            ("example.com", "connect:example.com:*"),
            ("connect:example.com:443", "connect:example.com:443"),
            ("10.1.2.3:80", "connect:10.1.2.3:80"),
            ("10.0.0.0/8:80", "connect:10.0.0.0/8:80"),
            ("::1", "connect:[::1]:*"),
            ("[::1]:80", "connect:[::1]:80"),
            ("[fd00::/8]:*", "connect:[fd00::/8]:*"),
            ("*:53", "connect:*:53"),
            ("listen:*:8080", "listen:*:8080"),
            ("listen:[::]:8080", "listen:[::]:8080"),
        ] {
            assert_eq!(rule(text).to_string(), whole);
            assert_eq!(rule(whole), rule(text));
        }
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (text, reason) in [
            ("", "its host is no name, address, network or `*`"),
            ("a b", "its host is no name, address, network or `*`"),
            ("http://a", "its port is no number up to 65535"),
            ("a:65536", "its port is no number up to 65535"),
            ("a:", "its port is no number up to 65535"),
            ("10.0.0.0/33", "its network has more bits than an address"),
            ("listen:example.com:80", "a guest listens at an address, and not at a name"),
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is no network rule: {reason}"));
            assert!(error.help().starts_with("write "));
        }
    }

    #[test]
    fn addresses_are_compared_by_their_first_bits() {
        let allows =
            |text: &str, address: &str| rule(text).allows(Direction::Connect, address.parse().unwrap());
        assert!(allows("10.0.0.0/8", "10.255.0.1:80"));
        assert!(!allows("10.0.0.0/8", "11.0.0.1:80"));
        assert!(allows("10.0.0.1", "10.0.0.1:80"));
        assert!(allows("10.0.0.1", "[::ffff:10.0.0.1]:80"));
        assert!(!allows("10.0.0.1", "10.0.0.2:80"));
        assert!(allows("0.0.0.0/0", "1.2.3.4:1"));
        assert!(!allows("0.0.0.0/0", "[2001:db8::1]:1"));
        assert!(allows("[fd00::/8]", "[fd12::1]:1"));
        assert!(!allows("[fd00::/8]", "[fe80::1]:1"));
        assert!(allows("*:80", "[::1]:80"));
        assert!(!allows("*:80", "[::1]:81"));
        assert!(!allows("listen:*:80", "[::1]:80"));
        assert!(!allows("localhost:80", "127.0.0.1:80"));
    }

    #[test]
    fn names_are_compared_whole() {
        let rule = rule("Example.com:443");
        assert!(rule.allows_name("example.COM.", 443));
        assert!(!rule.allows_name("example.com", 80));
        assert!(!rule.allows_name("a.example.com", 443));
        assert!(!rule.allows_name("xample.com", 443));
    }
}
