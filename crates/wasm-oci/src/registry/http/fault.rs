use std::time::Duration;

use crate::Error;

/// An error, and whether the same may work later.
#[derive(Debug)]
pub(in crate::registry) struct Fault {
    pub(in crate::registry) error: Error,
    pub(in crate::registry) again: Again,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registry) enum Again {
    Never,
    /// After the usual time.
    Soon,
    /// When the registry says.
    After(Duration),
}

impl Fault {
    pub(in crate::registry) fn soon(error: Error) -> Self {
        Self { error, again: Again::Soon }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error, again: Again::Never }
    }
}
