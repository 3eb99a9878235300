use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use wasm_oci::{Location, Reference, registry::Attachment};

use super::{pack::pair, push::Moved};
use crate::{Failure, form::Form, remote::Remote};

/// The flags of `wasmctr attach`.
#[derive(Debug, Args)]
#[command(
    after_help = "Prints the name of what was attached, by digest, as its last line. `wasmctr discover` finds it."
)]
pub(crate) struct Attach {
    /// What it is attached to: `HOST/NAME:TAG` or `HOST/NAME@DIGEST`
    #[arg(value_name = "NAME", value_parser = Location::reference)]
    to: Reference,
    /// The files: an SBOM, a signature, a document
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What it is: `application/vnd.cyclonedx+json`, `application/spdx+json`, …; the files' media type too
    #[arg(long = "type", value_name = "TYPE")]
    artifact_type: String,
    /// An annotation (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

impl Attach {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let mut attachment = Attachment::new(&self.artifact_type);
        for file in &self.files {
            let bytes = fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let name = file.file_name().and_then(|name| name.to_str());
            let name = name.with_context(|| format!("`{}` has no name in UTF-8", file.display()))?;
            attachment = attachment.file(&self.artifact_type, name, bytes);
        }
        for (name, value) in &self.annotation {
            attachment = attachment.annotation(name, value);
        }
        let (registry, progress) = self.remote.client(&self.to)?;
        let attached = registry.attach(&self.to, &attachment)?;
        drop(progress);
        self.format.tell(out, &Moved::of(&self.to, &attached))
    }
}
