use std::time::Duration;

use oci_spec::image::Digest;

/// Something that happens while a registry is used: what [`Options::on_event`](super::Options::on_event) tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A blob begins to move, or goes on where it was.
    Began {
        /// The blob.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// How much of it is there already.
        from: u64,
        /// Which way.
        way: Way,
    },
    /// More of a blob has moved.
    Moved {
        /// The blob.
        digest: Digest,
        /// How much of it is there now, in bytes.
        position: u64,
    },
    /// A blob is where it should be.
    Ended {
        /// The blob.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// How it came there.
        how: How,
    },
    /// Something failed that may work later, and is tried again.
    Retrying {
        /// What went wrong.
        why: String,
        /// After how long.
        after: Duration,
    },
    /// The registry has something to say to its users.
    Warning {
        /// Its words, as it sent them.
        text: String,
    },
}

/// Which way a blob moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ways")]
pub enum Way {
    /// From the registry.
    Down,
    /// To the registry.
    Up,
}

/// How a blob came where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// It was transferred.
    Moved,
    /// It was there.
    Present,
    /// The registry had it in another repository, and took it from there.
    Mounted,
}
