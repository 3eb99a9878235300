//! Errors as the rest of the crate makes them.

use std::{io, path::PathBuf};

use super::Error;

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn engine(path: impl Into<PathBuf>, why: impl Into<Box<str>>) -> Self {
        Self::Engine { path: path.into(), why: why.into() }
    }

    pub(crate) fn malformed(what: &'static str, why: impl Into<Box<str>>) -> Self {
        Self::Malformed { what, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn says_its_own_level_only() {
        let error = Error::io("read", "a/b")(io::Error::other("inner"));
        assert_eq!(error.to_string(), "cannot read `a/b`");
        let error = Error::NoSuchTag { tag: Some("v2".into()), tags: ["v1".to_owned()].into() };
        assert_eq!(error.to_string(), "the layout has no tag `v2`: it has v1");
    }
}
