use std::{fmt, fmt::Write as _, str::FromStr};

use crate::{Artifact, Error, Format, Loss, Result, pack::VARIANT};

mod rules;

use rules::{ANNOTATED, RULES, Rule};

/// Who takes WebAssembly from a registry or a bundle.
///
/// ```
/// use wasm_oci::{Consumer, Format, Pack};
///
/// let artifact = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Artifact)?;
/// assert!(Consumer::Wkg.judge(&artifact)?.accepts);
/// let verdict = Consumer::Crun.judge(&artifact)?;
/// assert!(!verdict.accepts);
/// let remedy = verdict.remedy.map(|remedy| remedy.to_string());
/// assert_eq!(remedy.as_deref(), Some("wasmctr convert IMAGE -o oci:DIR:TAG --format compat"));
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
    /// What would make it yes, where something does.
    pub remedy: Option<Remedy>,
}

/// The command that makes an artifact one that a [`Consumer`] takes.
///
/// [`Display`](fmt::Display) writes it with `IMAGE` for the artifact and `oci:DIR:TAG` for the result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remedy {
    /// The subcommand of `wasmctr`: `convert` or `pack`.
    pub subcommand: &'static str,
    /// The format that is to be written.
    pub format: Format,
    /// Further flags, each with a space in front.
    flags: String,
}

impl Remedy {
    /// Writes the command with the location of the artifact and one for the result.
    #[must_use]
    pub fn command(&self, from: &str, to: &str) -> String {
        format!("wasmctr {} {from} -o {to} --format {}{}", self.subcommand, self.format, self.flags)
    }

    fn add(&mut self, flag: &str) {
        if !self.flags.contains(flag) {
            self.flags.push_str(flag);
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command("IMAGE", "oci:DIR:TAG"))
    }
}

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
        if artifact.embedded()?.is_some() {
            return Ok(rule.embedded(artifact));
        }
        let Some((_, why)) = rule.formats.iter().find(|(format, _)| *format == artifact.format()) else {
            return refused(rule.others, self.convert(artifact));
        };
        let mut remedy = Remedy { subcommand: "pack", format: artifact.format(), flags: String::new() };
        let mut broken = rule.conditions.iter().filter_map(|condition| match condition.holds(artifact) {
            Ok(true) => None,
            Ok(false) => Some(Ok(condition)),
            Err(error) => Some(Err(error)),
        });
        let Some(first) = broken.next().transpose()? else {
            return Ok(Verdict { accepts: true, why, remedy: None });
        };
        let mut flags = Some(first).into_iter().map(Ok).chain(broken);
        let possible = flags.try_fold(true, |possible, condition| match condition?.flags() {
            Some(flag) => {
                remedy.add(flag);
                Ok::<_, Error>(possible)
            }
            None => Ok(false),
        })?;
        refused(first.text(), Some(remedy).filter(|remedy| possible && remedy.format.is_written()))
    }

    /// The command that converts it; with the flags that the result needs besides.
    fn convert(self, artifact: &Artifact) -> Option<Remedy> {
        let format = self.format();
        let converted = artifact.convert(format, Loss::Accept).ok()?;
        let verdict = self.judge(&converted.artifact).ok()?;
        let mut remedy = match (verdict.accepts, verdict.remedy) {
            (true, _) => Remedy { subcommand: "convert", format, flags: String::new() },
            (false, remedy) => remedy?,
        };
        if !converted.lost.is_empty() {
            remedy.add(" --lossy");
        }
        Some(remedy)
    }

    /// Writes the table of all consumers in Markdown.
    ///
    /// ```
    /// assert!(wasm_oci::Consumer::table().starts_with("| Consumer | Takes | But |"));
    /// ```
    #[must_use]
    pub fn table() -> String {
        let mut table =
            "| Consumer | Takes | But | With the engine in the image |\n|---|---|---|---|\n".to_owned();
        for rule in &RULES {
            let formats = rule.formats.iter().map(|(format, how)| format!("`{format}`: {how}"));
            let conditions = rule.conditions.iter().map(|condition| condition.text());
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} |",
                rule.name,
                formats.collect::<Vec<_>>().join("<br>"),
                conditions.collect::<Vec<_>>().join("<br>"),
                rule.native.unwrap_or("no"),
            );
        }
        table
    }

    fn rule(self) -> &'static Rule {
        // The first one is never taken: each has its rule, as a test sees.
        RULES.iter().find(|rule| rule.consumer == self).unwrap_or(&RULES[0])
    }
}

impl Rule {
    /// What becomes of an image that brings its engine along.
    fn embedded(&self, artifact: &Artifact) -> Verdict {
        let annotations = artifact.manifest().annotations().as_ref();
        let asks = annotations.is_some_and(|all| all.contains_key(VARIANT));
        let (accepts, why) = match self.native {
            Some(_) if asks => (false, ANNOTATED),
            Some(why) => (true, why),
            None => (false, self.others),
        };
        Verdict { accepts, why, remedy: None }
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
