use std::{
    any::Any,
    fmt,
    future::Future,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
};

/// Waits for sockets, in the way of whoever drives the guest.
///
/// [`TokioReactor`](crate::TokioReactor) is for guests that run in a tokio runtime. A guest waits in one call at a time,
/// so each has a reactor of its own, or one that many share.
pub trait Reactor: fmt::Debug + Send + Sync {
    /// Waits until one of the sockets is what is wanted of it, or until the time is over; without sockets, only for the
    /// time; without a time, for ever.
    ///
    /// It may return earlier, as whoever calls looks again: too late is wrong, too early only costs. It must notice also
    /// what was there before it was called.
    fn wait<'a>(&'a self, wanted: Vec<Wanted<'a>>, timeout: Option<Duration>) -> Wait<'a>;
}

/// What [`Reactor::wait`] returns.
pub type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A socket, and what is waited for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wanted<'a> {
    /// The socket.
    pub socket: &'a Descriptor,
    /// That there is something to read, or a connection to accept, or that the other side has ended.
    pub read: bool,
    /// That something can be written, or that a connection was made or was not.
    pub write: bool,
}

impl Wanted<'_> {
    /// Tells whether one of these is so now: one system call.
    #[must_use]
    pub fn any_is_ready(wanted: &[Self]) -> bool {
        ready(wanted).iter().any(|flags| !flags.is_empty())
    }

    fn flags(&self) -> PollFlags {
        let read = if self.read { PollFlags::IN } else { PollFlags::empty() };
        let write = if self.write { PollFlags::OUT } else { PollFlags::empty() };
        read | write
    }
}

/// Asks the system about all of these at once. It is asked again after each wait: what it says is true now, and it also
/// says that a connection is over.
pub(crate) fn ready(wanted: &[Wanted<'_>]) -> Vec<PollFlags> {
    let mut polled: Vec<_> =
        wanted.iter().map(|wanted| PollFd::new(&wanted.socket.fd, wanted.flags())).collect();
    match retry_on_intr(|| poll(&mut polled, Some(&AT_ONCE))) {
        Ok(_) => polled.iter().map(PollFd::revents).collect(),
        // No memory: whoever then reads or writes learns how it is.
        Err(_) => wanted.iter().map(Wanted::flags).collect(),
    }
}

/// An open socket of the host, never in blocking mode.
pub struct Descriptor {
    fd: Arc<OwnedFd>,
    kept: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Descriptor {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd: Arc::new(fd), kept: OnceLock::new() }
    }

    /// Returns the socket itself, for a reactor that needs it beyond a borrow. Whoever keeps it keeps the port taken.
    #[must_use]
    pub fn share(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }

    /// Drops what a reactor keeps: the socket is another one now, because it connects or listens.
    pub(crate) fn renew(&mut self) {
        self.kept.take();
    }

    /// What a reactor keeps with a socket for as long as it is open, for instance its registration; made when it is
    /// first waited for.
    pub fn kept(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.kept
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor").field(&self.fd).finish()
    }
}

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
