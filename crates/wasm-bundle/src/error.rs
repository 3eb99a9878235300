use std::{error::Error as StdError, io, path::PathBuf};

use crate::{Handler, Refusal};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// Why a workload cannot be a bundle, or a bundle cannot be written or read.
///
/// `Display` tells this level only; [`std::error::Error::source`] has the cause, whose type is not promised, and
/// [`Error::help`] what to do, where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no program to run.
    #[error("{whose} names nothing to run")]
    NothingToRun {
        /// What should have named it: the workload, the image, config.json.
        whose: &'static str,
    },
    /// A value that no runtime would take, or that would not mean what it says.
    #[error("{field} {value:?} {why}")]
    Value {
        /// Where it stands.
        field: &'static str,
        /// The value, shortened when it is long.
        value: Box<str>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `create`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The output is there already and was not to be replaced.
    #[error("`{}` exists already", path.display())]
    AlreadyExists {
        /// The output.
        path: PathBuf,
    },
    /// The directory that the output should be in is not there.
    #[error("the parent directory of `{}` does not exist", path.display())]
    ParentMissing {
        /// The output.
        path: PathBuf,
    },
    /// The path is no bundle: it is not opened, and not replaced either.
    #[error("`{}` is not a bundle: {why}", path.display())]
    NotBundle {
        /// The path.
        path: PathBuf,
        /// What is missing or wrong.
        why: &'static str,
    },
    /// A config.json is no JSON, or JSON of another shape.
    #[error("`{}` is not a runtime configuration", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Cause,
    },
    /// A file is larger than this crate reads.
    #[error("`{}` is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The program cannot be read in the root file system.
    #[error("cannot read the program {path:?} in the root file system")]
    Program {
        /// The program as the configuration names it.
        path: Box<str>,
        /// The cause; its [`kind`](io::Error::kind) tells a missing file from other reasons.
        source: io::Error,
    },
    /// The program is no WebAssembly, but the handler would take it for a module.
    #[error("the program {path:?} is not for a Wasm handler")]
    NotWasm {
        /// The program as the configuration names it.
        path: Box<str>,
        /// What it is instead.
        source: Cause,
    },
    /// The program is a component, and the handler runs modules only.
    #[error("the program {path:?} is a component, which the handler `{handler}` does not run")]
    Component {
        /// The program as the configuration names it.
        path: Box<str>,
        /// The handler.
        handler: Handler,
    },
    /// A layer of the image cannot be read.
    #[error("cannot read layer {layer} of the image")]
    Layer {
        /// The layer, counted from 0, the lowest.
        layer: usize,
        /// The cause.
        source: Cause,
    },
    /// A layer is no well-formed tar.
    #[error("layer {layer} of the image is not a sound tar: {why}")]
    Tar {
        /// The layer, counted from 0, the lowest.
        layer: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A layer has an entry that is not unpacked.
    #[error("layer {layer} of the image has the entry {entry:?}, {refusal}")]
    Entry {
        /// The layer, counted from 0, the lowest.
        layer: usize,
        /// The entry's name, shortened when it is long.
        entry: Box<str>,
        /// Why it is refused.
        refusal: Refusal,
    },
    /// A text is not of the language that it should be.
    #[error("the {what} cannot be read")]
    Syntax {
        /// What the text is for.
        what: &'static str,
        /// What the parser says, and where.
        source: Cause,
    },
    /// A text is larger than what is read, or has more of something.
    #[error("the {what} has more than {limit} {unit}")]
    Oversized {
        /// What the text is for.
        what: &'static str,
        /// What there is too much of.
        unit: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A value in a text is of another kind than it must be.
    #[error("`{at}` in the {what} is not {expected}")]
    Kind {
        /// What the text is for.
        what: &'static str,
        /// The key, shortened when it is long.
        at: Box<str>,
        /// What it must be.
        expected: &'static str,
    },
    /// A containerd configuration does not say its version, or says one that is not known.
    #[cfg(feature = "node")]
    #[error("the containerd configuration {}", match found { Some(found) => format!("is of version {found}"), None => "does not say its version".to_owned() })]
    ConfigVersion {
        /// The version, if there is one.
        found: Option<i64>,
    },
    /// A containerd configuration has its runtimes where its version does not look for them.
    #[cfg(feature = "node")]
    #[error(
        "the containerd configuration is of version {version}, but has runtimes in `{plugin}`, which that version ignores"
    )]
    OtherDomain {
        /// The version of the file.
        version: crate::node::Version,
        /// The plugin in whose table they stand.
        plugin: &'static str,
    },
    /// containerd 1.x cannot be given runtimes in a file of their own.
    #[cfg(feature = "node")]
    #[error("a drop-in for containerd 1.x would replace everything that its configuration says of CRI")]
    DropIn,
    /// The layers have more of something than is unpacked.
    #[error("the image has more than {limit} {what}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

impl Error {
    /// Returns what the user can do, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NothingToRun { whose: "the image" } => {
                "pack the image with an entrypoint, or name the program and its arguments"
            }
            Self::Value { field: "user", .. } => "pack the image with a numeric user, such as 1000:1000",
            Self::AlreadyExists { .. } => "choose another name, or say `--force` to replace it",
            Self::NotBundle { why: ROOT_LEAVES, .. } => {
                "name a directory in the bundle, or an absolute path, as `root.path` in its config.json"
            }
            Self::NotBundle { .. } => {
                "a bundle is a directory with `config.json` and a root file system in it"
            }
            Self::ParentMissing { .. } => "create the directory first",
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "the first argument is the program: a path in the root file system, or relative to `cwd`"
            }
            Self::Component { .. } => "crun and youki run modules only: build for wasm32-wasip1",
            Self::Entry { .. } | Self::Tar { .. } => {
                "images that a build tool made have no such layers: do not trust where this one comes from"
            }
            #[cfg(feature = "node")]
            Self::ConfigVersion { .. } => {
                "write `version = 2` for containerd 1.x, or `version = 3` for 2.x, in front of all tables"
            }
            #[cfg(feature = "node")]
            Self::OtherDomain { .. } => {
                "let containerd rewrite the file, with `containerd config migrate`, or move the tables"
            }
            #[cfg(feature = "node")]
            Self::DropIn => {
                "edit its configuration itself: `wasmctr node --edit /etc/containerd/config.toml`"
            }
            _ => return None,
        })
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn value(field: &'static str, value: &str, why: &'static str) -> Self {
        Self::Value { field, value: shortened(value), why }
    }

    pub(crate) fn not_bundle(path: impl Into<PathBuf>, why: &'static str) -> Self {
        Self::NotBundle { path: path.into(), why }
    }
}

/// What [`Error::NotBundle`] says of a root outside the bundle.
pub(crate) const ROOT_LEAVES: &str = "its root file system is outside of it";

/// The text, or its beginning: a message is for people, and a hostile name may be as long as it likes.
pub(crate) fn shortened(text: &str) -> Box<str> {
    const CHARS: usize = 200;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
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
    fn messages_are_of_their_own_level() {
        let name = || "/app.wasm".into();
        let cases: [(Error, &str); 15] = [
            (Error::NothingToRun { whose: "the image" }, "the image names nothing to run"),
            (Error::value("cwd", "a", "is not absolute"), r#"cwd "a" is not absolute"#),
            (Error::io("create", "a/b")(io::Error::other("inner")), "cannot create `a/b`"),
            (Error::AlreadyExists { path: "b".into() }, "`b` exists already"),
            (Error::ParentMissing { path: "a/b".into() }, "the parent directory of `a/b` does not exist"),
            (Error::not_bundle("b", "it has no config.json"), "`b` is not a bundle: it has no config.json"),
            (
                Error::Config { path: "b/config.json".into(), source: "inner".into() },
                "`b/config.json` is not a runtime configuration",
            ),
            (Error::TooLarge { path: "f".into(), limit: 4 }, "`f` is larger than 4 bytes"),
            (
                Error::Program { path: name(), source: io::Error::other("inner") },
                r#"cannot read the program "/app.wasm" in the root file system"#,
            ),
            (
                Error::NotWasm { path: name(), source: "inner".into() },
                r#"the program "/app.wasm" is not for a Wasm handler"#,
            ),
            (
                Error::Component { path: name(), handler: Handler::Compat },
                r#"the program "/app.wasm" is a component, which the handler `compat` does not run"#,
            ),
            (Error::Layer { layer: 1, source: "inner".into() }, "cannot read layer 1 of the image"),
            (
                Error::Tar { layer: 0, why: "it is cut off" },
                "layer 0 of the image is not a sound tar: it is cut off",
            ),
            (
                Error::Entry { layer: 0, entry: "../x\n".into(), refusal: Refusal::Parent },
                r#"layer 0 of the image has the entry "../x\n", whose path has `..` in it"#,
            ),
            (Error::TooMuch { what: "entries", limit: 9 }, "the image has more than 9 entries"),
        ];
        for (error, message) in cases {
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn help_is_for_the_case() {
        assert!(Error::not_bundle("b", ROOT_LEAVES).help().unwrap().contains("root.path"));
        assert!(Error::not_bundle("b", "it has no config.json").help().unwrap().contains("`config.json`"));
        assert_eq!(Error::TooLarge { path: "f".into(), limit: 4 }.help(), None);
    }

    #[test]
    fn long_values_are_shortened_between_characters() {
        assert_eq!(&*shortened("äb"), "äb");
        assert_eq!(shortened(&"ä".repeat(9999)).chars().count(), 201);
    }
}
