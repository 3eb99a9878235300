use std::{
    error::Error as StdError,
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::Stop;

/// Counts the bytes that a guest writes to both outputs.
///
/// What is above the limit is `EPIPE` for the guest, which it may take as a reason to end; if it writes once more, it is
/// ended. The run has then ended by its limit, whatever the guest makes of it.
#[derive(Debug, Clone)]
pub(super) struct Meter(Arc<Count>);

#[derive(Debug)]
struct Count {
    left: AtomicU64,
    over: AtomicBool,
}

impl Meter {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Arc::new(Count { left: AtomicU64::new(bytes), over: AtomicBool::new(false) }))
    }

    /// Tells whether the guest wanted to write more.
    pub(super) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// Returns how many of `wanted` bytes, of which there is one at least, may be written.
    pub(super) fn room(&self, wanted: usize) -> io::Result<usize> {
        let left = usize::try_from(self.0.left.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        if left > 0 {
            return Ok(left.min(wanted));
        }
        if self.0.over.swap(true, Ordering::Relaxed) {
            return Err(io::Error::other(Stopped(Stop::Output)));
        }
        Err(io::ErrorKind::BrokenPipe.into())
    }

    /// Counts what was written. The outputs of one guest are used by one thread, so that nothing comes between.
    pub(super) fn count(&self, written: usize) {
        self.0.left.fetch_sub(written as u64, Ordering::Relaxed);
    }
}

/// Ends a guest from inside of a host function.
#[derive(Debug)]
pub(super) struct Stopped(pub(super) Stop);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Stopped {}
