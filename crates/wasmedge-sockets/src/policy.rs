use std::{
    fmt,
    future::{Future, ready},
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

/// Decides what a guest may do with the network.
///
/// [`Network`](crate::Network) is one that is ready-made, [`policy_fn`] makes one of a function. The answer is a future,
/// so that a policy may ask somebody, for instance the resolver; a guest whose policy thinks can still be ended.
///
/// What is refused is `EACCES` for the guest.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Tells whether the guest may do this.
    fn allows<'a>(&'a self, access: Access<'a>) -> Decision<'a>;
}

/// What a [`Policy`] answers: see [`Policy::allows`].
pub type Decision<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// What a guest wants to do with the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access<'a> {
    /// To have a socket at all.
    Open,
    /// To bind a socket to this address of the host, of TCP or UDP. What was bound is asked about once more before it
    /// listens.
    Bind(SocketAddr),
    /// To wait for connections at this address.
    Listen(SocketAddr),
    /// To connect a socket, of TCP or UDP.
    Connect(SocketAddr),
    /// To send a datagram.
    SendTo(SocketAddr),
    /// To be given a datagram. One that is refused is dropped, and the guest sees nothing of it.
    ///
    /// Who has sent the one before to the same socket, or to whom that socket has sent last, is not asked about again.
    Receive {
        /// Who has sent it.
        from: SocketAddr,
        /// The address of the socket; `None` if whoever asks does not know it.
        at: Option<SocketAddr>,
    },
    /// To look up the addresses of a name. An address in the place of a name asks nobody, and no policy.
    LookUp(&'a str),
}

/// Makes a policy of a function.
///
/// ```
/// use wasmedge_sockets::{Access, policy_fn};
///
/// let loopback = policy_fn(|access| match access {
///     Access::Connect(to) | Access::SendTo(to) => to.ip().is_loopback(),
///     Access::Receive { from, .. } => from.ip().is_loopback(),
///     Access::Open => true,
///     _ => false,
/// });
/// # let _: &dyn wasmedge_sockets::Policy = &loopback;
/// ```
pub fn policy_fn(allows: impl Fn(Access<'_>) -> bool + Send + Sync + 'static) -> impl Policy {
    Function(allows)
}

struct Function<F>(F);

impl<F: Fn(Access<'_>) -> bool + Send + Sync> Policy for Function<F> {
    fn allows<'a>(&'a self, access: Access<'a>) -> Decision<'a> {
        Box::pin(ready((self.0)(access)))
    }
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("policy_fn(..)")
    }
}

/// Tells whether an address is one of those where clouds give out credentials to whoever asks: `169.254.0.0/16`,
/// `fe80::/10` and `fd00:ec2::254`.
///
/// A policy should refuse to connect there, or to send there, unless somebody named exactly this.
///
/// ```
/// use wasmedge_sockets::is_metadata;
///
/// assert!(is_metadata("169.254.169.254".parse().unwrap()));
/// assert!(is_metadata("::ffff:169.254.169.254".parse().unwrap()));
/// assert!(!is_metadata("192.168.1.1".parse().unwrap()));
/// ```
#[must_use]
pub fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.segments() == AWS,
    }
}

/// Where the instances of EC2 find their metadata by IPv6.
const AWS: [u16; 8] = [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
