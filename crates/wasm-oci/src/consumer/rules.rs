//! Who takes what: the one place that says it.

use super::Consumer;
use crate::{Artifact, Format, Kind, Result, pack::VARIANT};

/// What one consumer takes.
pub(super) struct Rule {
    pub(super) consumer: Consumer,
    pub(super) name: &'static str,
    /// The formats that it takes, the best one first, each with how it does.
    pub(super) formats: &'static [(Format, &'static str)],
    /// Why it takes no other.
    pub(super) others: &'static str,
    /// What else must be.
    pub(super) conditions: &'static [Condition],
    /// How it runs an image that brings its engine along, if it does.
    pub(super) native: Option<&'static str>,
}

/// What must be besides the format.
#[derive(Clone, Copy)]
pub(super) enum Condition {
    Module(&'static str),
    /// Of that format only.
    Component(Format, &'static str),
    Architecture(Format, &'static str),
    Platforms(&'static [&'static str], &'static str),
    Suffix(&'static str),
    /// What the annotation may say, if there is one.
    Variant(Smart, &'static str),
    Plugin(Format, &'static str),
    OneLayer(Format, &'static str),
}

/// Whether `compat-smart` is known, which asks for a file whose name tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Smart {
    Known,
    Unknown,
}

const UNPACKED: &str = "an image of tar layers becomes a bundle, and its annotation asks for the Wasm engine";
const TARS: &str = "only an image of tar layers can be unpacked to a bundle";

const NATIVE: Option<&str> = Some("it starts the engine in the image as any Linux program");
/// Why an image that brings its engine along is taken for something else.
pub(super) const ANNOTATED: &str =
    "its annotation asks for a Wasm engine outside, and what it starts is a native program";

const VARIANTS_OF_CRUN: Condition = Condition::Variant(
    Smart::Known,
    "crun knows the variant compat and, where the file's name ends in .wasm or .wat, compat-smart",
);

/// From the sources of each; the book has the same table, and a test compares them.
pub(super) const RULES: [Rule; 9] = [
    Rule {
        consumer: Consumer::Crun,
        name: "crun",
        formats: &[(Format::Compat, UNPACKED)],
        others: TARS,
        conditions: &[Condition::Module("no engine of crun runs components"), VARIANTS_OF_CRUN],
        native: NATIVE,
    },
    Rule {
        consumer: Consumer::Youki,
        name: "youki",
        formats: &[(Format::Compat, UNPACKED)],
        others: TARS,
        conditions: &[
            Condition::Module("no engine of youki runs components"),
            Condition::Variant(Smart::Unknown, "youki knows the variant compat and no other"),
            Condition::Suffix("youki wants a file whose name ends in .wasm or .wat"),
        ],
        native: NATIVE,
    },
    Rule {
        consumer: Consumer::Runwasi,
        name: "runwasi",
        formats: &[
            (Format::Runwasi, "the shim gets the layer from containerd 1.6.25, 1.7.7, 2.0 or later"),
            (Format::Compat, "the shim finds the file in the unpacked image by its first bytes"),
            (Format::Artifact, "the shim gets the layer through CRI (`ctr` refuses the config)"),
        ],
        others: "the shims pass over layers of other media types",
        conditions: &[Condition::Architecture(
            Format::Runwasi,
            "the shims want an image whose architecture is wasm",
        )],
        native: Some(
            "the shim sees by its first bytes that the engine in the image is a Linux program, and starts it as such",
        ),
    },
    Rule {
        consumer: Consumer::Spin,
        name: "spin",
        formats: &[
            (Format::Spin, "it is a Spin application"),
            (Format::Artifact, "the shim runs an artifact with one component"),
        ],
        others: "it is neither a Spin application nor an artifact with one component",
        conditions: &[
            Condition::OneLayer(Format::Artifact, "the shim wants exactly one layer"),
            Condition::Component(Format::Artifact, "a module is no Spin application: build a component"),
        ],
        native: None,
    },
    Rule {
        consumer: Consumer::Wkg,
        name: "wkg",
        formats: &[(Format::Artifact, "the config and the layer have the media types that oci-wasm wants")],
        others: "oci-wasm wants the config `application/vnd.wasm.config.v0+json` and a layer `application/wasm`",
        conditions: &[Condition::OneLayer(Format::Artifact, "oci-wasm wants exactly one layer")],
        native: None,
    },
    Rule {
        consumer: Consumer::Podman,
        name: "podman",
        formats: &[(Format::Compat, "podman gives images of this platform to crun-wasm")],
        others: TARS,
        conditions: &[
            Condition::Module("no engine of crun runs components"),
            VARIANTS_OF_CRUN,
            Condition::Platforms(
                &["wasi/wasm", "wasi/wasm32", "wasi/wasm64"],
                "podman gives wasi/wasm, wasi/wasm32 and wasi/wasm64 to crun-wasm, other platforms to its usual runtime",
            ),
        ],
        native: NATIVE,
    },
    Rule {
        consumer: Consumer::Docker,
        name: "docker",
        formats: &[(Format::Compat, "an image of tar layers is run with `--runtime` and a runwasi shim")],
        others: "Docker unpacks tar layers and no others",
        conditions: &[],
        native: NATIVE,
    },
    Rule {
        consumer: Consumer::Ctr,
        name: "ctr",
        formats: &[
            (Format::Compat, "`ctr run` unpacks tar layers"),
            (Format::Runwasi, "containerd 1.6.25, 1.7.7, 2.0 or later passes the layer to the shim"),
        ],
        others: "`ctr` refuses configs that are no image's: unknown image config media type",
        conditions: &[],
        native: NATIVE,
    },
    Rule {
        consumer: Consumer::Istio,
        name: "istio",
        formats: &[
            (Format::Compat, "the layer has a file plugin.wasm"),
            (Format::Solo, "it is what solo-io's wasme writes"),
        ],
        others: "Istio reads solo-io's media types, and images with a file plugin.wasm",
        conditions: &[
            Condition::Module("Envoy runs modules only"),
            Condition::Plugin(Format::Compat, "the file must be /plugin.wasm"),
        ],
        native: None,
    },
];

impl Condition {
    pub(super) fn holds(self, artifact: &Artifact) -> Result<bool> {
        let of = |format: Format| artifact.format() == format;
        Ok(match self {
            Self::Module(_) => Kind::of(&artifact.wasm()?)? == Kind::Module,
            Self::Component(format, _) => !of(format) || Kind::of(&artifact.wasm()?)? == Kind::Component,
            Self::Architecture(format, _) => !of(format) || artifact.platform().architecture == "wasm",
            Self::Platforms(platforms, _) => platforms.contains(&artifact.platform().to_string().as_str()),
            Self::Suffix(_) => has_suffix(artifact),
            Self::Variant(smart, _) => {
                let annotations = artifact.manifest().annotations().as_ref();
                match annotations.and_then(|all| all.get(VARIANT)).map(String::as_str) {
                    None | Some("compat") => true,
                    Some("compat-smart") => smart == Smart::Known && has_suffix(artifact),
                    Some(_) => false,
                }
            }
            Self::Plugin(format, _) => !of(format) || artifact.program_path()? == "plugin.wasm",
            Self::OneLayer(format, _) => !of(format) || artifact.layers().len() == 1,
        })
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Module(text)
            | Self::Component(_, text)
            | Self::Architecture(_, text)
            | Self::Platforms(_, text)
            | Self::Suffix(text)
            | Self::Variant(_, text)
            | Self::Plugin(_, text)
            | Self::OneLayer(_, text) => text,
        }
    }

    /// The flags of `wasmctr pack` that make it hold; `None` where none do.
    pub(super) fn flags(self) -> Option<&'static str> {
        match self {
            Self::Platforms(..) | Self::Architecture(..) => Some(" --platform wasi/wasm"),
            Self::Suffix(_) => Some(" --entrypoint /app.wasm"),
            Self::Plugin(..) => Some(" --entrypoint /plugin.wasm"),
            Self::Variant(..) => Some(" --annotation module.wasm.image/variant=compat"),
            Self::OneLayer(..) => Some(" --lossy"),
            Self::Module(_) | Self::Component(..) => None,
        }
    }
}

fn has_suffix(artifact: &Artifact) -> bool {
    artifact.entrypoint().is_some_and(|path| path.ends_with(".wasm") || path.ends_with(".wat"))
}
