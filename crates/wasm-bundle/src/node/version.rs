use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// The version of a containerd configuration file: its first line, `version = 3`.
///
/// The versions differ in which table holds the runtimes, and a containerd ignores, without a word, what stands in the
/// other one:
///
/// | | read by | table of the runtimes | drop-ins |
/// |---|---|---|---|
/// | [`V2`](Version::V2) | 1.x, and migrated by 2.x | `plugins."io.containerd.grpc.v1.cri"` | replace all that the file says of CRI |
/// | [`V3`](Version::V3) | 2.0 and later | `plugins."io.containerd.cri.v1.runtime"` | are merged |
/// | [`V4`](Version::V4) | 2.3 and later | as version 3 | are merged |
///
/// (containerd `version/version.go`, `plugins/cri/runtime/plugin.go`, `cmd/containerd/server/config/config.go`;
/// containerd pull request 9982 for drop-ins.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// `version = 2`.
    V2,
    /// `version = 3`.
    V3,
    /// `version = 4`.
    V4,
}

impl Version {
    /// Every version, the oldest first.
    pub const ALL: [Self; 3] = [Self::V2, Self::V3, Self::V4];

    /// Returns the newest version that a release of containerd reads, such as `1.7.24` or `2.1`; `None` for what is no
    /// release of 1.x or 2.x.
    #[must_use]
    pub fn of_containerd(release: &str) -> Option<Self> {
        let mut numbers = release.strip_prefix('v').unwrap_or(release).split(['.', '-', '+', '~']);
        let major = numbers.next()?.parse::<u32>().ok()?;
        let minor = numbers.next().map_or(Some(0), |minor| minor.parse::<u32>().ok())?;
        match (major, minor) {
            (1, _) => Some(Self::V2),
            (2, 0..=2) => Some(Self::V3),
            (2, _) => Some(Self::V4),
            _ => None,
        }
    }

    /// Returns the number that the file has.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }

    /// Returns the name of the plugin whose table holds the runtimes.
    #[must_use]
    pub fn plugin(self) -> &'static str {
        if self == Self::V2 { Self::OLD } else { Self::NEW }
    }

    /// Returns the name of the plugin that holds them in the other versions.
    pub(crate) fn other_plugin(self) -> &'static str {
        if self == Self::V2 { Self::NEW } else { Self::OLD }
    }

    pub(crate) fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    const OLD: &'static str = "io.containerd.grpc.v1.cri";
    const NEW: &'static str = "io.containerd.cri.v1.runtime";
}

/// The number.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

/// A release of containerd: [`Version::of_containerd`].
impl FromStr for Version {
    type Err = Error;

    fn from_str(release: &str) -> Result<Self> {
        Self::of_containerd(release)
            .ok_or_else(|| Error::value("containerd", release, "is no release of containerd 1.x or 2.x"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_read_versions() {
        for (release, version) in [
            ("1.6.20~ds1-1+deb12u1", Some(Version::V2)),
            ("1.7", Some(Version::V2)),
            ("2", Some(Version::V3)),
            ("v2.2.1", Some(Version::V3)),
            ("2.3.4", Some(Version::V4)),
            ("2.4.0-beta.0", Some(Version::V4)),
            ("3.0", None),
            ("0.9", None),
            ("", None),
            ("2.x", None),
        ] {
            assert_eq!(Version::of_containerd(release), version, "{release}");
        }
    }
}
