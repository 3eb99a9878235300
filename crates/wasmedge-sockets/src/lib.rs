//! TODO
mod address;
mod calls;
mod errno;
mod link;
mod lookup;
mod memory;
mod network;
mod policy;
mod reactor;
mod socket;
mod sockets;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "tokio")]
pub use self::tokio::TokioReactor;
pub use self::{
    link::{Error, link, needs_sockets},
    network::{Direction, Host, Network, Rule},
    policy::{Access, Decision, Policy, is_metadata, policy_fn},
    reactor::{Descriptor, Reactor, Wait, Wanted},
    sockets::{Limits, Sockets, SocketsView, View},
};
