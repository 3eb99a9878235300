use std::{
    fs::File,
    io::{self, IoSlice, IsTerminal},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ReadWriteFlags, retry_on_intr},
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::Stream;

/// One of the process's standard streams, or a file of the caller: read and written as it is, with system calls.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Process(Stream),
    File(Arc<File>),
}

impl Handle {
    pub(super) fn is_terminal(&self) -> bool {
        self.with(|fd| fd.is_terminal())
    }

    fn with<T>(&self, f: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match self {
            Self::Process(Stream::Stdin) => f(io::stdin().as_fd()),
            Self::Process(Stream::Stdout) => f(io::stdout().as_fd()),
            Self::Process(Stream::Stderr) => f(io::stderr().as_fd()),
            Self::File(file) => f(file.as_fd()),
        }
    }
}

/// A handle that can be waited for without a thread.
///
/// The descriptor stays in blocking mode, because it may be shared with other processes, so it is read and written only
/// when `poll` says that this would not block. If it does not, the reactor waits for a duplicate of it.
#[derive(Debug)]
pub(super) struct Descriptor {
    handle: Handle,
    interest: Interest,
    watched: Option<AsyncFd<OwnedFd>>,
}

impl Descriptor {
    pub(super) fn input(handle: Handle) -> Self {
        Self { handle, interest: Interest::READABLE, watched: None }
    }

    pub(super) fn output(handle: Handle) -> Self {
        Self { handle, interest: Interest::WRITABLE, watched: None }
    }

    /// Tells whether a read or write would not block.
    pub(super) fn is_ready(&self) -> bool {
        let flags = if self.interest.is_readable() { PollFlags::IN } else { PollFlags::OUT };
        // Errors and ends are answers too, which the read or write gives.
        self.handle.with(|fd| {
            let mut descriptor = [PollFd::new(&fd, flags)];
            retry_on_intr(|| poll(&mut descriptor, Some(&AT_ONCE))) != Ok(0)
        })
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let reading = self.interest.is_readable();
        while !self.is_ready() {
            let Some(watched) = self.watched() else { return Poll::Ready(()) };
            let event = if reading {
                ready!(watched.poll_read_ready(cx))
            } else {
                ready!(watched.poll_write_ready(cx))
            };
            match event {
                Ok(mut event) => event.clear_ready(),
                Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.handle.with(|fd| Ok(retry_on_intr(|| rustix::io::read(fd, &mut *buffer))?))
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.handle.with(|fd| Ok(retry_on_intr(|| rustix::io::write(fd, bytes))?))
    }

    /// Writes if that does not block, in one system call; `None` if it might, or if that cannot be told in this way.
    #[cfg(target_os = "linux")]
    pub(super) fn write_now(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let at_cursor = u64::MAX;
        let buffers = [IoSlice::new(bytes)];
        let written = self.handle.with(|fd| {
            retry_on_intr(|| rustix::io::pwritev2(fd, &buffers, at_cursor, ReadWriteFlags::NOWAIT))
        });
        match written {
            Ok(written) => Ok(Some(written)),
            // Pipes and files know it, terminals do not.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::SPIPE) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn write_now(&self, _: &[u8]) -> io::Result<Option<usize>> {
        Ok(None)
    }

    /// The duplicate that the reactor waits for; `None` for what cannot be waited for, as regular files.
    fn watched(&mut self) -> Option<&AsyncFd<OwnedFd>> {
        if self.watched.is_none() {
            let duplicate = self.handle.with(|fd| fd.try_clone_to_owned()).ok()?;
            self.watched = watch(duplicate, self.interest);
        }
        self.watched.as_ref()
    }
}

#[expect(
    deprecated,
    reason = "only a type that lies about its descriptor makes it unsound, which OwnedFd does not"
)]
fn watch(descriptor: OwnedFd, interest: Interest) -> Option<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, interest).ok()
}

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
