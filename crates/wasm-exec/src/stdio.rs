use std::{
    fmt,
    fs::File,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// Where a guest's standard input comes from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Input {
    /// Nowhere: it is at its end at once.
    #[default]
    Empty,
    /// The standard input of this process.
    ///
    /// The guest reads the descriptor itself: what `std::io::stdin` has buffered already, it does not see.
    Inherit,
    /// A file, pipe or device, from where its cursor is.
    File(Arc<File>),
    /// These bytes.
    Bytes(Bytes),
}

impl Input {
    /// Reads an open file.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::File(Arc::new(file))
    }

    /// Reads bytes.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// Where a guest's standard output or standard error goes.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Output {
    /// Nowhere; each write succeeds.
    #[default]
    Discard,
    /// The same stream of this process.
    ///
    /// The guest writes to the descriptor itself, each write at once.
    Inherit,
    /// A file, pipe or device, at its cursor.
    File(Arc<File>),
    /// Memory.
    Capture(Capture),
}

impl Output {
    /// Writes to an open file.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::File(Arc::new(file))
    }
}

/// One of the three standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// Standard input.
    Stdin,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdin => "standard input",
            Self::Stdout => "standard output",
            Self::Stderr => "standard error",
        })
    }
}

/// A bounded buffer in memory that a guest writes to.
///
/// A clone is another handle on the same buffer: put one into the [`Task`](crate::Task) and keep one. Bytes can be taken
/// while the guest runs, which makes room. A guest that writes when there is none gets what fits written and then
/// `EPIPE`, and [`overflowed`](Self::overflowed) tells it afterwards.
///
/// ```
/// use std::io::Write;
/// use wasm_exec::Capture;
///
/// let capture = Capture::new(4);
/// assert!((&capture).write_all(b"12345").is_err());
/// assert!(capture.overflowed());
/// assert_eq!(capture.take(), b"1234");
/// ```
#[derive(Clone)]
pub struct Capture(Arc<Buffer>);

struct Buffer {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl Capture {
    /// Makes a buffer that holds at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Buffer { limit, state: Mutex::default() }))
    }

    /// Takes the bytes that were written since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        mem::take(&mut self.state().bytes)
    }

    /// Tells whether a write did not fit, or not all of it.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.state().overflowed
    }

    /// Returns the largest number of bytes that it holds.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Tells whether the other is a handle on the same buffer.
    #[cfg(feature = "wasmedge")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an engine writes: as much as fits, then [`io::ErrorKind::BrokenPipe`].
impl Write for &Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        let fits = bytes.len().min(self.0.limit - state.bytes.len());
        state.bytes.extend_from_slice(&bytes[..fits]);
        state.overflowed |= fits < bytes.len();
        if fits == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("limit", &self.0.limit)
            .field("held", &self.state().bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_fits_and_then_breaks() {
        let capture = Capture::new(5);
        assert_eq!((&capture).write(b"abc").unwrap(), 3);
        assert_eq!((&capture).write(b"").unwrap(), 0);
        assert!(!capture.overflowed());
        assert_eq!((&capture).write(b"def").unwrap(), 2);
        assert!(capture.overflowed());
        assert_eq!((&capture).write(b"f").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(capture.overflowed());
        assert_eq!(capture.take(), b"abcde");
    }

    #[test]
    fn taking_makes_room() {
        let capture = Capture::new(2);
        let kept = capture.clone();
        (&capture).write_all(b"ab").unwrap();
        assert_eq!(kept.take(), b"ab");
        (&capture).write_all(b"cd").unwrap();
        assert_eq!(kept.take(), b"cd");
        assert!(!kept.overflowed());
    }
}
