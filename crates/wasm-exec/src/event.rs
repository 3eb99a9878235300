use std::{fmt, sync::Arc};

/// Something that happened in a run, told to the [`Observer`] of its task at the moment it happens.
///
/// The library never reads a clock; a caller who wants to know how long a phase took reads his own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The instance exists, its start function has run, and the entry is called next.
    Instantiated,
    /// The guest's first bytes on standard output or standard error have been written.
    FirstOutput,
}

/// A closure that is told of [`Event`]s, on the thread of the run.
///
/// A panic in it ends the run with [`Error::Panicked`](crate::Error::Panicked).
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Event) + Send + Sync>);

impl Observer {
    /// Wraps the closure.
    #[must_use]
    pub fn new(on_event: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(on_event))
    }

    /// Tells it of an event; engines call this.
    pub fn notify(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer(..)")
    }
}
