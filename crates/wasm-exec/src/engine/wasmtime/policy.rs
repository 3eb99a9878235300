use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::net::{TcpStream, lookup_host};
use wasmedge_sockets::{Access, Decision, Policy as _, is_metadata};
use wasmtime_wasi::{WasiCtxBuilder, sockets::SocketAddrUse};

use crate::Network;

/// What a guest may do with the network, in one place for sockets, HTTP requests and name lookup.
#[derive(Debug, Clone)]
pub(super) struct Policy(Arc<Network>);

impl Policy {
    pub(super) fn new(network: Network) -> Self {
        Self(Arc::new(network))
    }

    /// Tells wasmtime-wasi, which grants nothing by itself.
    pub(super) fn grant(&self, wasi: &mut WasiCtxBuilder) {
        if *self.0 == Network::None {
            return;
        }
        let policy = self.clone();
        wasi.socket_addr_check(move |address, purpose| {
            let policy = policy.clone();
            let decision: Decision<'_> = Box::pin(async move { policy.permits(address, purpose).await });
            // It is asked for by one thread at a time, but for a type that may be shared.
            let mut decision = Mutex::new(decision);
            Box::pin(poll_fn(move |cx| {
                decision.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
            }))
        });
        wasi.allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
    }

    /// Tells whether the guest may look a name up.
    pub(super) fn may_look_up(&self, name: &str) -> bool {
        self.0.allows_lookup(name)
    }

    /// Connects to a host, if the guest may: by the name if it gave one, and then to whatever address that has, but for
    /// those where clouds give out credentials.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let denied = || Err(io::ErrorKind::PermissionDenied.into());
        if let Ok(ip) = host.parse() {
            let address = SocketAddr::new(ip, port);
            let may = self.0.allows(Access::Connect(address)).await;
            return if may { TcpStream::connect(address).await } else { denied() };
        }
        if !self.0.allows_name(host, port) {
            return denied();
        }
        let found: Vec<_> =
            lookup_host((host, port)).await?.filter(|address| !is_metadata(address.ip())).collect();
        if found.is_empty() { denied() } else { TcpStream::connect(&*found).await }
    }

    /// What the sockets of components ask.
    async fn permits(&self, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        match purpose {
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => self.0.allows(Access::Bind(address)).await,
            SocketAddrUse::TcpListen => self.0.allows(Access::Listen(address)).await,
            // Whoever comes to where the guest may listen.
            SocketAddrUse::TcpAccept => true,
            SocketAddrUse::TcpConnect => self.0.allows(Access::Connect(address)).await,
            SocketAddrUse::UdpSend => self.0.allows(Access::SendTo(address)).await,
            // wasmtime-wasi does not say of which socket.
            SocketAddrUse::UdpReceive => self.0.allows(Access::Receive { from: address, at: None }).await,
        }
    }
}

/// What the sockets of modules ask.
impl wasmedge_sockets::Policy for Policy {
    fn allows<'a>(&'a self, access: Access<'a>) -> Decision<'a> {
        self.0.allows(access)
    }
}
