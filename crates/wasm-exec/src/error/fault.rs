use std::fmt;

/// Why a directory is no place for a [`Cache`](crate::Cache).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheFault {
    /// It is a symbolic link, which may lead elsewhere tomorrow.
    Symlink,
    /// It is no directory.
    NotADirectory,
    /// It belongs to somebody else.
    Owner {
        /// To whom.
        uid: u32,
    },
    /// Its group or everybody may write to it.
    Writable {
        /// Its mode.
        mode: u32,
    },
}

impl fmt::Display for CacheFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symlink => f.write_str("is a symbolic link"),
            Self::NotADirectory => f.write_str("is no directory"),
            Self::Owner { uid } => write!(f, "belongs to user {uid}"),
            Self::Writable { mode } => write!(f, "can be written by others (mode {mode:o})"),
        }
    }
}

/// Why an environment variable cannot be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VariableFault {
    /// The name is empty.
    EmptyName,
    /// There is a `=` in the name.
    EqualsInName,
    /// There is no `=` that parts a name from a value.
    NoEquals,
    /// There is a NUL byte in the name or the value.
    Nul,
}

impl VariableFault {
    pub(crate) fn of(name: &str, value: &str) -> Option<Self> {
        if name.is_empty() {
            Some(Self::EmptyName)
        } else if name.contains('=') {
            Some(Self::EqualsInName)
        } else if name.contains('\0') || value.contains('\0') {
            Some(Self::Nul)
        } else {
            None
        }
    }
}

impl fmt::Display for VariableFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyName => "has an empty name",
            Self::EqualsInName => "has a `=` in its name",
            Self::NoEquals => "has no `=`",
            Self::Nul => "holds a NUL byte",
        })
    }
}

/// Why a directory cannot have a name in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GuestPathFault {
    /// The name is empty.
    Empty,
    /// There is a NUL byte in it.
    Nul,
    /// It is not UTF-8.
    NotUtf8,
    /// There is a colon in it, which WasmEdge cannot be told.
    Colon,
}

impl GuestPathFault {
    pub(crate) fn of(path: &str) -> Option<Self> {
        if path.is_empty() { Some(Self::Empty) } else { path.contains('\0').then_some(Self::Nul) }
    }
}

impl fmt::Display for GuestPathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Nul => "holds a NUL byte",
            Self::NotUtf8 => "is not UTF-8",
            Self::Colon => "holds a `:`, which WasmEdge cannot be told",
        })
    }
}
