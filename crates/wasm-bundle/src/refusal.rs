use wasm_oci::Ambiguity;

/// Why an entry of a layer is not unpacked.
///
/// Each is either an attack that container tools have fallen for, or something that no guest has a use for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It has no name.
    #[error("whose name is empty")]
    Empty,
    /// Its name is not UTF-8, so that it could not stand in a config.json.
    #[error("whose name is not UTF-8")]
    NotUtf8,
    /// Its name has a NUL in it, where C programs see it end.
    #[error("whose name has a NUL in it")]
    Nul,
    /// A part of the name has more than 255 bytes, or all of it more than 4096.
    #[error("whose name is too long")]
    TooLong,
    /// It lies more than 128 directories deep, or its path has more than 256 parts with those of the links on it.
    #[error("which lies too deep")]
    TooDeep,
    /// Its path begins with `/`.
    #[error("whose path is absolute")]
    Absolute,
    /// Its path has a `..` part.
    #[error("whose path has `..` in it")]
    Parent,
    /// Two readers could understand it differently.
    #[error("{0}")]
    Ambiguous(Ambiguity),
    /// It would replace the root directory by something else.
    #[error("which would replace the root directory")]
    Root,
    /// What it lies in is no directory, and no symbolic link to one.
    #[error("which lies below what is no directory")]
    Below,
    /// `dev`, `proc` or `sys` as something else than a directory: runtimes mount there (CVE-2026-41579).
    #[error("which is where the runtime mounts and must be a directory")]
    MountPoint,
    /// Its path goes through more than 40 symbolic links, as many as Linux follows, or round in a circle.
    #[error("whose path goes through too many links")]
    Links,
    /// A link whose target is empty, too long, no UTF-8, or has a NUL.
    #[error("a link with an unusable target")]
    LinkTarget,
    /// A hard link to what is not there (yet), is a directory, is outside, or is the link itself.
    #[error("a hard link to {target:?}, which is no file in the layers so far")]
    HardLink {
        /// What it links to, shortened when it is long.
        target: Box<str>,
    },
    /// A character device, block device or FIFO. Those in `/dev` are passed over: the runtime mounts its own there.
    #[error("a device or pipe")]
    Special,
    /// A type that is none of the usual ones.
    #[error("of the unknown type {0:?}")]
    Unknown(char),
    /// A whiteout that deletes nothing one could name, or stands above other entries.
    #[error("a malformed whiteout")]
    Whiteout,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_the_sentence_that_names_the_entry() {
        let target = || "../x".into();
        let cases = [
            (Refusal::Empty, "whose name is empty"),
            (Refusal::NotUtf8, "whose name is not UTF-8"),
            (Refusal::Nul, "whose name has a NUL in it"),
            (Refusal::TooLong, "whose name is too long"),
            (Refusal::TooDeep, "which lies too deep"),
            (Refusal::Absolute, "whose path is absolute"),
            (Refusal::Parent, "whose path has `..` in it"),
            (Refusal::Ambiguous(Ambiguity::TwoSizes), "which has two sizes"),
            (Refusal::Root, "which would replace the root directory"),
            (Refusal::Below, "which lies below what is no directory"),
            (Refusal::MountPoint, "which is where the runtime mounts and must be a directory"),
            (Refusal::Links, "whose path goes through too many links"),
            (Refusal::LinkTarget, "a link with an unusable target"),
            (
                Refusal::HardLink { target: target() },
                r#"a hard link to "../x", which is no file in the layers so far"#,
            ),
            (Refusal::Special, "a device or pipe"),
            (Refusal::Unknown('V'), "of the unknown type 'V'"),
            (Refusal::Whiteout, "a malformed whiteout"),
        ];
        for (refusal, message) in cases {
            assert_eq!(refusal.to_string(), message);
        }
    }
}
