use std::{fmt, fmt::Write as _, str::FromStr};

use crate::{Artifact, Error, Format, Kind, Loss, Result, pack::VARIANT};

/// Who takes WebAssembly from a registry or a bundle.
///
/// ```
/// use wasm_oci::{Consumer, Format, Pack};
///
/// let artifact = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Artifact)?;
/// assert!(Consumer::Wkg.judge(&artifact)?.accepts);
/// let verdict = Consumer::Crun.judge(&artifact)?;
/// assert!(!verdict.accepts);
/// assert_eq!(verdict.remedy.as_deref(), Some("wasmctr convert IMAGE -o oci:DIR:TAG --format compat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Consumer {
    /// crun with a Wasm engine.
    Crun,
    /// youki with a Wasm engine.
    Youki,
    /// containerd's runwasi shims.
    Runwasi,
    /// containerd's Spin shim.
    Spin,
    /// wkg, and wasmCloud, which uses the same crate.
    Wkg,
    /// podman with crun-wasm.
    Podman,
    /// Docker with containerd's image store and a runwasi shim.
    Docker,
    /// containerd's own command.
    Ctr,
    /// Istio and Envoy.
    Istio,
}

/// Whether a [`Consumer`] takes an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Yes or no.
    pub accepts: bool,
    /// Why.
    pub why: &'static str,
    /// The command that would make it yes, where there is one; `IMAGE` stands for the artifact's location.
    pub remedy: Option<String>,
}

/// What one consumer takes.
struct Rule {
    consumer: Consumer,
    name: &'static str,
    /// The formats that it takes, the best one first, each with how it does.
    formats: &'static [(Format, &'static str)],
    /// Why it takes no other.
    others: &'static str,
    /// What else must be.
    conditions: &'static [Condition],
}

/// What must be besides the format.
#[derive(Clone, Copy)]
enum Condition {
    Module(&'static str),
    /// Of that format only.
    Component(Format, &'static str),
    Architecture(Format, &'static str),
    Platforms(&'static [&'static str], &'static str),
    Suffix(&'static str),
    Compat(&'static str),
    Plugin(Format, &'static str),
    OneLayer(Format, &'static str),
}

const UNPACKED: &str = "an image of tar layers becomes a bundle, and its annotation asks for the Wasm engine";
const TARS: &str = "only an image of tar layers can be unpacked to a bundle";

/// From the sources of each; the book has the same table, and a test compares them.
const RULES: [Rule; 9] = [
    Rule {
        consumer: Consumer::Crun,
        name: "crun",
        formats: &[(Format::Compat, UNPACKED)],
        others: TARS,
        conditions: &[Condition::Module("no engine of crun runs components")],
    },
    Rule {
        consumer: Consumer::Youki,
        name: "youki",
        formats: &[(Format::Compat, UNPACKED)],
        others: TARS,
        conditions: &[
            Condition::Module("no engine of youki runs components"),
            Condition::Compat("youki knows the variant compat and no other"),
            Condition::Suffix("youki wants a file whose name ends in .wasm or .wat"),
        ],
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
    },
    Rule {
        consumer: Consumer::Wkg,
        name: "wkg",
        formats: &[(Format::Artifact, "the config and the layer have the media types that oci-wasm wants")],
        others: "oci-wasm wants the config `application/vnd.wasm.config.v0+json` and a layer `application/wasm`",
        conditions: &[Condition::OneLayer(Format::Artifact, "oci-wasm wants exactly one layer")],
    },
    Rule {
        consumer: Consumer::Podman,
        name: "podman",
        formats: &[(Format::Compat, "podman gives images of this platform to crun-wasm")],
        others: TARS,
        conditions: &[
            Condition::Module("no engine of crun runs components"),
            Condition::Platforms(
                &["wasi/wasm", "wasi/wasm32", "wasi/wasm64"],
                "podman gives wasi/wasm, wasi/wasm32 and wasi/wasm64 to crun-wasm, other platforms to its usual runtime",
            ),
        ],
    },
    Rule {
        consumer: Consumer::Docker,
        name: "docker",
        formats: &[(Format::Compat, "an image of tar layers is run with `--runtime` and a runwasi shim")],
        others: "Docker unpacks tar layers and no others",
        conditions: &[],
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
    },
];

impl Consumer {
    /// Every consumer, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Crun,
        Self::Youki,
        Self::Runwasi,
        Self::Spin,
        Self::Wkg,
        Self::Podman,
        Self::Docker,
        Self::Ctr,
        Self::Istio,
    ];

    /// Returns the format that suits it best, of those that are written.
    #[must_use]
    pub fn format(self) -> Format {
        let mut formats = self.rule().formats.iter().map(|(format, _)| *format);
        formats.find(Format::is_written).unwrap_or(Format::Compat)
    }

    /// Tells whether it takes an artifact, why, and what to do if not.
    ///
    /// # Errors
    ///
    /// Those of [`Artifact::wasm`] when the kind of the program matters and it cannot be read.
    pub fn judge(self, artifact: &Artifact) -> Result<Verdict> {
        let rule = self.rule();
        let refused = |why, remedy| Ok(Verdict { accepts: false, why, remedy });
        let Some((_, why)) = rule.formats.iter().find(|(format, _)| *format == artifact.format()) else {
            return refused(rule.others, self.convert(artifact));
        };
        for condition in rule.conditions {
            if !condition.holds(artifact)? {
                let remedy = condition.flags().map(|flags| {
                    format!("wasmctr pack FILE -o oci:DIR:TAG --format {}{flags}", artifact.format())
                });
                return refused(condition.text(), remedy);
            }
        }
        Ok(Verdict { accepts: true, why, remedy: None })
    }

    /// The command that converts it, if the result is taken; else the one for the result.
    fn convert(self, artifact: &Artifact) -> Option<String> {
        let format = self.format();
        let converted = artifact.convert(format, Loss::Accept).ok()?;
        let verdict = self.judge(&converted.artifact).ok()?;
        if !verdict.accepts {
            return verdict.remedy;
        }
        let lossy = if converted.lost.is_empty() { "" } else { " --lossy" };
        Some(format!("wasmctr convert IMAGE -o oci:DIR:TAG --format {format}{lossy}"))
    }

    /// Writes the table of all consumers in Markdown.
    ///
    /// ```
    /// assert!(wasm_oci::Consumer::table().starts_with("| Consumer | Takes | But |\n"));
    /// ```
    #[must_use]
    pub fn table() -> String {
        let mut table = "| Consumer | Takes | But |\n|---|---|---|\n".to_owned();
        for rule in &RULES {
            let formats = rule.formats.iter().map(|(format, how)| format!("`{format}`: {how}"));
            let conditions = rule.conditions.iter().map(|condition| condition.text());
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "| {} | {} | {} |",
                rule.name,
                formats.collect::<Vec<_>>().join("<br>"),
                conditions.collect::<Vec<_>>().join("<br>")
            );
        }
        table
    }

    fn rule(self) -> &'static Rule {
        // The first one is never taken: each has its rule, as a test sees.
        RULES.iter().find(|rule| rule.consumer == self).unwrap_or(&RULES[0])
    }
}

impl Condition {
    fn holds(self, artifact: &Artifact) -> Result<bool> {
        let of = |format: Format| artifact.format() == format;
        Ok(match self {
            Self::Module(_) => Kind::of(&artifact.wasm()?)? == Kind::Module,
            Self::Component(format, _) => !of(format) || Kind::of(&artifact.wasm()?)? == Kind::Component,
            Self::Architecture(format, _) => !of(format) || artifact.platform().architecture == "wasm",
            Self::Platforms(platforms, _) => platforms.contains(&artifact.platform().to_string().as_str()),
            Self::Suffix(_) => {
                artifact.entrypoint().is_some_and(|it| it.ends_with(".wasm") || it.ends_with(".wat"))
            }
            Self::Compat(_) => {
                let annotations = artifact.manifest().annotations().as_ref();
                annotations.and_then(|all| all.get(VARIANT)).is_none_or(|variant| variant == "compat")
            }
            Self::Plugin(format, _) => !of(format) || artifact.program_path()? == "plugin.wasm",
            Self::OneLayer(format, _) => !of(format) || artifact.layers().len() == 1,
        })
    }

    fn text(self) -> &'static str {
        match self {
            Self::Module(text)
            | Self::Component(_, text)
            | Self::Architecture(_, text)
            | Self::Platforms(_, text)
            | Self::Suffix(text)
            | Self::Compat(text)
            | Self::Plugin(_, text)
            | Self::OneLayer(_, text) => text,
        }
    }

    /// The flags of `wasmctr pack` that make it hold.
    fn flags(self) -> Option<&'static str> {
        match self {
            Self::Platforms(..) | Self::Architecture(..) => Some(" --platform wasi/wasm"),
            Self::Suffix(_) => Some(" --entrypoint /app.wasm"),
            Self::Plugin(..) => Some(" --entrypoint /plugin.wasm"),
            Self::Compat(_) => Some(""),
            Self::Module(_) | Self::Component(..) | Self::OneLayer(..) => None,
        }
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().name)
    }
}

impl FromStr for Consumer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let rule = RULES.iter().find(|rule| rule.name == text);
        rule.map(|rule| rule.consumer).ok_or_else(|| Error::UnknownConsumer { name: text.to_owned() })
    }
}
