use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::alarm::Bell;
use crate::Stop;

/// Counts the bytes that a guest writes to both outputs, and ends the run when it wants to write more.
#[derive(Clone)]
pub(super) struct Meter(Arc<Count>);

struct Count {
    left: AtomicU64,
    over: AtomicBool,
    bell: Arc<Bell>,
}

impl Meter {
    pub(super) fn new(bytes: u64, bell: &Arc<Bell>) -> Self {
        let (left, over) = (AtomicU64::new(bytes), AtomicBool::new(false));
        Self(Arc::new(Count { left, over, bell: Arc::clone(bell) }))
    }

    /// Tells whether the guest wanted to write more.
    pub(super) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// Writes as many bytes, of which there is one at least, as there is room for.
    pub(super) fn write(
        &self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let room = self.take(bytes.len());
        if room == 0 {
            self.0.over.store(true, Ordering::Relaxed);
            self.0.bell.ring(Stop::Output);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = write(&bytes[..room]);
        let unused = room - written.as_ref().map_or(0, |written| *written);
        self.0.left.fetch_add(unused as u64, Ordering::Relaxed);
        written
    }

    /// The outputs are read by two threads: what one may write is no longer there for the other.
    fn take(&self, wanted: usize) -> usize {
        let fits = |left: u64| usize::try_from(left).map_or(wanted, |left| left.min(wanted));
        let take = |left| Some(left - fits(left) as u64);
        self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map_or(0, fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_is_given_back() {
        let bell = Arc::default();
        let meter = Meter::new(5, &bell);
        assert_eq!(meter.write(b"abc", |bytes| Ok(bytes.len())).unwrap(), 3);
        meter.write(b"abc", |_| Err(io::ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(meter.write(b"abc", |_| Ok(1)).unwrap(), 1);
        assert_eq!(meter.write(b"abc", |bytes| Ok(bytes.len())).unwrap(), 1);
        assert!(!meter.is_over());
        meter.write(b"abc", |_| unreachable!()).unwrap_err();
        assert!(meter.is_over());
    }
}
