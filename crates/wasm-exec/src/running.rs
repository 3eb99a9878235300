use std::{panic, thread::JoinHandle};

use crate::{Cancel, Exit, Result};

/// A guest that runs on a thread of its own: what [`Program::start`](crate::Program::start) returns.
///
/// It is `std::process::Child`: dropping it lets the guest run on.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<Result<Exit>>,
    cancel: Cancel,
}

impl Running {
    pub(crate) fn new(thread: JoinHandle<Result<Exit>>, cancel: Cancel) -> Self {
        Self { thread, cancel }
    }

    /// Waits until the guest has ended and its thread too.
    ///
    /// # Errors
    ///
    /// When the guest could not be run, as [`Program::run`](crate::Program::run) says.
    pub fn wait(self) -> Result<Exit> {
        // Panics of the run are errors already.
        self.thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    /// Tells whether the guest has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Returns the token that ends the guest, for another thread: [`wait`](Self::wait) takes this value.
    #[must_use]
    pub fn token(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Ends the guest, and all that have the same [`Cancel`], as [`Stop::Cancelled`](crate::Stop::Cancelled).
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends the guest, and all that have the same [`Cancel`], as [`Stop::Signal`](crate::Stop::Signal).
    pub fn signal(&self, number: u8) {
        self.cancel.signal(number);
    }
}
