use std::{
    io::IoSliceMut,
    net::SocketAddr,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    io::{Errno as System, retry_on_intr},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SocketAddrAny,
        SocketType, sockopt,
    },
};

use crate::{
    errno::Errno,
    memory::Buffers,
    reactor::{Descriptor, Reactor, Wanted},
};

/// One socket of a guest.
///
/// For the host it is never in blocking mode: a guest that blocks is one that waits here.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) descriptor: Descriptor,
    pub(crate) kind: Kind,
    /// Whether the guest wants its calls to return at once.
    pub(crate) nonblocking: bool,
    /// Whether `close` would wait for what was not yet sent.
    pub(crate) lingers: bool,
    /// The bytes that the guest has asked to be buffered: to be sent, and received.
    pub(crate) buffers: [usize; 2],
    /// Whose datagrams the policy allows, of those that it was asked about last.
    pub(crate) heard: Option<SocketAddr>,
    /// In which poll the guest was told last that there is something to read.
    pub(crate) told: u64,
    /// The last poll that asked for it, and its place there.
    pub(crate) polled: (u64, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Datagram,
    Stream,
}

impl Socket {
    pub(crate) fn open(family: AddressFamily, kind: Kind, nodelay: bool) -> Result<Self, System> {
        let ty = match kind {
            Kind::Datagram => SocketType::DGRAM,
            Kind::Stream => SocketType::STREAM,
        };
        let fd = system::socket(family, ty)?;
        if kind == Kind::Stream && nodelay {
            // Connections that are accepted from it have it too.
            let _ = sockopt::set_tcp_nodelay(&fd, true);
        }
        Ok(Self::new(fd, kind, false))
    }

    pub(crate) fn accepted(fd: OwnedFd, nonblocking: bool) -> Self {
        Self::new(fd, Kind::Stream, nonblocking)
    }

    fn new(fd: OwnedFd, kind: Kind, nonblocking: bool) -> Self {
        Self {
            descriptor: Descriptor::new(fd),
            kind,
            nonblocking,
            lingers: false,
            buffers: [0; 2],
            heard: None,
            told: 0,
            polled: (0, 0),
        }
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffers.iter().sum()
    }

    pub(crate) fn accept(&self) -> Result<OwnedFd, System> {
        system::accept(&self.descriptor)
    }

    /// Sends what it can at once.
    pub(crate) fn send(
        &self,
        buffers: &Buffers,
        memory: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<usize, System> {
        if let (None, Some(range)) = (to, buffers.only()) {
            return retry_on_intr(|| rustix::net::send(&self.descriptor, &memory[range.clone()], SEND));
        }
        let slices = buffers.slices(memory);
        let mut none = SendAncillaryBuffer::new(&mut []);
        match to {
            None => retry_on_intr(|| rustix::net::sendmsg(&self.descriptor, &slices, &mut none, SEND)),
            Some(to) => {
                retry_on_intr(|| rustix::net::sendmsg_addr(&self.descriptor, &to, &slices, &mut none, SEND))
            }
        }
    }

    /// Receives what there is.
    pub(crate) fn receive(
        &self,
        buffers: &Buffers,
        memory: &mut [u8],
        flags: RecvFlags,
    ) -> Result<Received, System> {
        if let (Kind::Stream, Some(range)) = (self.kind, buffers.only()) {
            let flags = flags | RecvFlags::DONTWAIT;
            let (bytes, _) =
                retry_on_intr(|| rustix::net::recv(&self.descriptor, &mut memory[range.clone()], flags))?;
            return Ok(Received { bytes, truncated: false, from: None });
        }
        if let Some(mut slices) = buffers.slices_mut(memory) {
            return self.receive_into(&mut slices, flags);
        }
        // What is written twice is not written by the system.
        let mut bytes = vec![0; buffers.total().min(COPIED)];
        let received = self.receive_into(&mut [IoSliceMut::new(&mut bytes)], flags)?;
        buffers.fill(memory, &bytes[..received.bytes.min(bytes.len())]);
        Ok(received)
    }

    /// Tells who has sent the datagram that is next; nobody, if no more will come.
    pub(crate) fn sender(&self) -> Result<Option<SocketAddr>, System> {
        Ok(self.receive_into(&mut [], RecvFlags::PEEK)?.from)
    }

    /// Drops the datagram that is next.
    pub(crate) fn discard(&self) {
        // What cannot be dropped is asked about once more.
        let _ = self.receive_into(&mut [], RecvFlags::empty());
    }

    fn receive_into(&self, slices: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<Received, System> {
        let mut none = RecvAncillaryBuffer::default();
        let flags = flags | RecvFlags::DONTWAIT;
        let message = retry_on_intr(|| rustix::net::recvmsg(&self.descriptor, slices, &mut none, flags))?;
        Ok(Received {
            bytes: message.bytes,
            truncated: message.flags.contains(ReturnFlags::TRUNC),
            from: message.address.and_then(internet),
        })
    }

    /// Waits until it is ready, if the guest wants to wait; `EAGAIN` if not, or after the time that it has set.
    pub(crate) async fn wait(&self, reactor: &dyn Reactor, read: bool) -> Result<(), Errno> {
        if self.nonblocking {
            return Err(Errno::AGAIN);
        }
        let wanted = Wanted { socket: &self.descriptor, read, write: !read };
        let Some(timeout) = self.timeout(read) else {
            reactor.wait(&[wanted], None).await;
            return Ok(());
        };
        let begin = Instant::now();
        while let Some(rest) = timeout.checked_sub(begin.elapsed()) {
            if reactor.wait(&[wanted], Some(rest)).await.any() {
                return Ok(());
            }
        }
        Err(Errno::AGAIN)
    }

    /// How long the guest wants to wait at most.
    fn timeout(&self, read: bool) -> Option<Duration> {
        let which = if read { sockopt::Timeout::Recv } else { sockopt::Timeout::Send };
        sockopt::socket_timeout(&self.descriptor, which).ok().flatten()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.lingers {
            // The thread belongs to others too: the system sends the rest by itself.
            let _ = sockopt::set_socket_linger(&self.descriptor, None);
        }
    }
}

/// What was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: usize,
    /// That there was more in the datagram.
    pub(crate) truncated: bool,
    pub(crate) from: Option<SocketAddr>,
}

/// An address of the internet; what the system may say beside that is none.
pub(crate) fn internet(address: SocketAddrAny) -> Option<SocketAddr> {
    SocketAddr::try_from(address).ok()
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::{
        io::Errno,
        net::{AddressFamily, SendFlags, SocketFlags, SocketType, accept_with, socket_with},
    };

    pub(super) const SEND: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);
    const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

    pub(super) fn socket(family: AddressFamily, ty: SocketType) -> Result<OwnedFd, Errno> {
        socket_with(family, ty, FLAGS, None)
    }

    pub(super) fn accept(listener: impl AsFd) -> Result<OwnedFd, Errno> {
        accept_with(listener, FLAGS)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::{
        io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio},
        net::{AddressFamily, SendFlags, SocketType},
    };

    pub(super) const SEND: SendFlags = SendFlags::DONTWAIT;

    pub(super) fn socket(family: AddressFamily, ty: SocketType) -> Result<OwnedFd, Errno> {
        prepared(rustix::net::socket(family, ty, None)?)
    }

    pub(super) fn accept(listener: impl AsFd) -> Result<OwnedFd, Errno> {
        prepared(rustix::net::accept(listener)?)
    }

    fn prepared(fd: OwnedFd) -> Result<OwnedFd, Errno> {
        fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
        ioctl_fionbio(&fd, true)?;
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&fd, true)?;
        Ok(fd)
    }
}

use system::SEND;

/// The most that is copied at once: more than a datagram holds.
const COPIED: usize = 64 << 10;
