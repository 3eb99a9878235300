use std::{io::Write, process::ExitCode, str::FromStr};

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use wasm_oci::{
    Archive, Format, Layout, Location, Platform, Reference, canonical_json_pretty,
    oci_spec::image::Descriptor,
};

use super::written::Written;
use crate::{Failure, form::Form, input, remote::Remote, table::Table};

/// The flags of `wasmctr push`.
#[derive(Debug, Args)]
#[command(
    after_help = "Prints the name of what is there now, by digest, as its last line: what `cosign sign` wants, and \
                  what a manifest should name."
)]
pub(crate) struct Push {
    /// What to push: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, or a .wasm or .wat file, which is packed as an image
    from: Location,
    /// Where it goes: `HOST/NAME:TAG` or `docker://NAME[:TAG]`
    #[arg(value_name = "NAME", value_parser = Location::reference)]
    to: Reference,
    /// The format to pack a file in, or to convert an image to: compat, runwasi, artifact, legacy; several make an index of
    /// them, as `compat,artifact`; and with json the answer is one document
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    format: Vec<Said>,
    /// Push this image of an index only [default: all of it]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    remote: Remote,
}

/// What `--format` says: how it is packed, or how it is told.
#[derive(Debug, Clone, Copy)]
enum Said {
    Packed(Format),
    Told(Form),
}

impl FromStr for Said {
    type Err = wasm_oci::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Told(Form::Text)),
            "json" => Ok(Self::Told(Form::Json)),
            format => format.parse().map(Self::Packed),
        }
    }
}

impl Push {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let packed = self.format.iter().filter_map(|said| match said {
            Said::Packed(format) => Some(*format),
            Said::Told(_) => None,
        });
        let packed: Vec<_> = packed.collect();
        let whole = packed.is_empty() && self.platform.is_none();
        let told = self.format.iter().rev().find_map(|said| match said {
            Said::Told(form) => Some(*form),
            Said::Packed(_) => None,
        });
        let pushed = match &self.from {
            // As it is, an index with all its images, and read as it is sent.
            Location::Layout { dir, tag } if whole => {
                let layout = Layout::open(dir)?;
                let (registry, _progress) = self.remote.client(&self.to)?;
                registry.push_layout(&layout, tag.as_deref(), &self.to)?
            }
            Location::Archive { file, tag } if whole => {
                let archive = Archive::open(file)?;
                let (registry, _progress) = self.remote.client(&self.to)?;
                registry.push_archive(&archive, tag.as_deref(), &self.to)?
            }
            Location::Registry(_) => {
                let error = anyhow!("`{}` is in a registry already", self.from);
                return Err(Failure::from(error).help("`wasmctr copy FROM TO` brings it into another"));
            }
            from => {
                let image = input::image(from, self.platform.as_ref(), &self.remote)?;
                let made = match packed.is_empty() {
                    true => Written::from(vec![image])?,
                    false => Written::converted(&image, &packed)?,
                };
                let (registry, _progress) = self.remote.client(&self.to)?;
                registry.push(made.content(), &self.to)?
            }
        };
        told.unwrap_or_default().tell(out, &Moved::of(&self.to, &pushed))
    }
}

/// What was pushed, pulled, copied or attached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moved {
    reference: String,
    /// By digest.
    name: String,
    digest: String,
    media_type: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    /// What is attached to it and was copied too, by digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    referrers: Option<Vec<String>>,
}

impl Moved {
    pub(super) fn of(reference: &Reference, descriptor: &Descriptor) -> Self {
        let digest = descriptor.digest().to_string();
        Self {
            reference: reference.to_string(),
            name: format!("{}/{}@{digest}", reference.registry(), reference.repository()),
            digest,
            media_type: descriptor.media_type().to_string(),
            size: descriptor.size(),
            written: None,
            referrers: None,
        }
    }

    /// And what came along.
    pub(super) fn with_referrers(mut self, referrers: &[Descriptor]) -> Self {
        let digests = referrers.iter().map(|referrer| referrer.digest().to_string());
        self.referrers = Some(digests.collect());
        self
    }

    /// And where it is now.
    pub(super) fn written(mut self, to: &Location) -> Self {
        self.written = Some(to.to_string());
        self
    }
}

impl Form {
    /// Tells what was moved; the name by digest is the last line.
    pub(super) fn tell(self, out: &mut dyn Write, moved: &Moved) -> Result<ExitCode, Failure> {
        match self {
            Self::Json => out.write_all(&canonical_json_pretty(moved)?)?,
            Self::Text => {
                let mut table = Table::new(out);
                table.line("manifest", format_args!("{} {} bytes", moved.media_type, moved.size))?;
                table.line("name", &moved.reference)?;
                for referrer in moved.referrers.iter().flatten() {
                    table.line("referrer", referrer)?;
                }
                if let Some(written) = &moved.written {
                    table.line("written", written)?;
                }
                writeln!(out, "{}", moved.name)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
