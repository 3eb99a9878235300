use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::net::{TcpStream, lookup_host};
use wasmedge_sockets::{Access, Decision};
use wasmtime_wasi::{WasiCtxBuilder, sockets::SocketAddrUse};

use crate::{Direction, Host, Network, Rule};

/// What a guest may do with the network, in one place for sockets, HTTP requests and name lookup.
#[derive(Debug, Clone)]
pub(super) enum Policy {
    None,
    Host,
    Rules(Arc<[Rule]>),
}

impl Policy {
    pub(super) fn new(network: Network) -> Self {
        match network {
            Network::None => Self::None,
            Network::Host => Self::Host,
            Network::Allow(rules) => Self::Rules(rules.into()),
        }
    }

    /// Tells wasmtime-wasi, which grants nothing by itself.
    pub(super) fn grant(&self, wasi: &mut WasiCtxBuilder) {
        match self {
            Self::None => return,
            Self::Host => wasi.inherit_network(),
            Self::Rules(rules) => {
                let rules = Arc::clone(rules);
                wasi.socket_addr_check(move |address, purpose| {
                    Box::pin(allows(Arc::clone(&rules), address, purpose))
                })
            }
        };
        wasi.allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
    }

    /// Tells whether the guest may look a name up. An address is no name, and asks nobody.
    pub(super) fn may_look_up(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Host => true,
            Self::Rules(rules) => {
                let named = |rule: &Rule| rule.direction == Direction::Connect && rule.host.is_named(name);
                name.parse::<IpAddr>().is_ok() || rules.iter().any(named)
            }
        }
    }

    /// Connects to a host, if the guest may: by the name if it gave one, and then to whatever address that has.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let may = match (self, host.parse()) {
            (Self::None, _) => false,
            (Self::Host, _) => true,
            (Self::Rules(rules), Ok(address)) => {
                let purpose = SocketAddrUse::TcpConnect;
                allows(Arc::clone(rules), SocketAddr::new(address, port), purpose).await
            }
            (Self::Rules(rules), Err(_)) => rules.iter().any(|rule| rule.allows_name(host, port)),
        };
        if may { TcpStream::connect((host, port)).await } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

/// What the sockets of modules ask.
impl wasmedge_sockets::Policy for Policy {
    fn allows<'a>(&'a self, access: Access<'a>) -> Decision<'a> {
        Box::pin(async move {
            let rules = match self {
                Self::None => return false,
                Self::Host => return true,
                Self::Rules(rules) => Arc::clone(rules),
            };
            match access {
                Access::Open => true,
                Access::Bind(at) => allows(rules, at, SocketAddrUse::TcpBind).await,
                Access::Listen(at) => allows(rules, at, SocketAddrUse::TcpListen).await,
                Access::Connect(to) => allows(rules, to, SocketAddrUse::TcpConnect).await,
                Access::SendTo(to) => allows(rules, to, SocketAddrUse::UdpSend).await,
                Access::LookUp(name) => self.may_look_up(name),
                _ => false,
            }
        })
    }
}

async fn allows(rules: Arc<[Rule]>, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    let by = |direction| rules.iter().any(|rule| rule.allows(direction, address));
    match purpose {
        // Before it connects a socket is bound to what the system chooses.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
            by(Direction::Listen) || (address.ip().is_unspecified() && address.port() == 0)
        }
        SocketAddrUse::TcpListen => by(Direction::Listen),
        // Whoever comes to where the guest may listen.
        SocketAddrUse::TcpAccept => true,
        SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => {
            by(Direction::Connect) || is_named(&rules, address).await
        }
        SocketAddrUse::UdpReceive => {
            let listens = rules.iter().any(|rule| rule.direction == Direction::Listen);
            listens || by(Direction::Connect) || is_named(&rules, address).await
        }
    }
}

/// Tells whether an address is one that the names of the rules have now.
async fn is_named(rules: &[Rule], address: SocketAddr) -> bool {
    for rule in rules.iter().filter(|rule| rule.direction == Direction::Connect) {
        if let Host::Name(name) = &rule.host
            && rule.has_port(address.port())
            && let Ok(mut found) = lookup_host((name.as_str(), address.port())).await
            && found.any(|found| found.ip().to_canonical() == address.ip().to_canonical())
        {
            return true;
        }
    }
    false
}
