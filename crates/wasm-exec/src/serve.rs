use std::{fmt, sync::Arc, time::Duration};

use crate::{Exit, Result};

/// How a program answers HTTP requests: [`Program::serve`](crate::Program::serve).
///
/// ```
/// use std::time::Duration;
/// use wasm_exec::Serve;
///
/// let serve = Serve::default().reuse(100).grace(Duration::from_secs(30));
/// assert_eq!((serve.reuse, serve.concurrency), (100, 128));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Serve {
    /// How many requests one instance answers, one after the other, before a fresh one takes its place. Default: 1, so
    /// that no request sees what another left behind.
    pub reuse: u32,
    /// How many requests are answered at once; others wait. Default: 128, and never more than an engine that keeps places
    /// for instances has of them.
    pub concurrency: usize,
    /// How long requests that are under way may take when the service is told to end. Default: 10 seconds.
    pub grace: Duration,
    /// Who is told of instances that did not end well. Default: nobody.
    pub failures: Option<Failures>,
}

impl Serve {
    /// Sets how many requests one instance answers.
    #[must_use]
    pub fn reuse(mut self, requests: u32) -> Self {
        self.reuse = requests;
        self
    }

    /// Sets how many requests are answered at once.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// Sets how long requests that are under way may take when the service is told to end.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the closure that is told of each instance that trapped, was stopped at a limit, gave no answer, or could not
    /// be made. It is called on the threads that answer, which it must not keep.
    #[must_use]
    pub fn on_failure(mut self, on_failure: impl Fn(&Result<Exit>) + Send + Sync + 'static) -> Self {
        self.failures = Some(Failures(Arc::new(on_failure)));
        self
    }
}

impl Default for Serve {
    fn default() -> Self {
        Self { reuse: 1, concurrency: 128, grace: Duration::from_secs(10), failures: None }
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("reuse", &self.reuse)
            .field("concurrency", &self.concurrency)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// A closure that is told of instances that did not end well: [`Serve::on_failure`].
#[derive(Clone)]
pub struct Failures(Arc<Closure>);

type Closure = dyn Fn(&Result<Exit>) + Send + Sync;

impl Failures {
    /// Tells it of one; engines call this.
    pub fn notify(&self, failure: &Result<Exit>) {
        (self.0)(failure);
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failures(..)")
    }
}
