use std::{collections::BTreeMap, io::Write, process::ExitCode};

use clap::Args;
use serde::Serialize;
use wasm_oci::{Location, Reference, canonical_json_pretty, oci_spec::image::Descriptor};

use crate::{Failure, form::Form, remote::Remote, table::Table};

/// The flags of `wasmctr discover`.
#[derive(Debug, Args)]
pub(crate) struct Discover {
    /// What something may be attached to: `HOST/NAME:TAG` or `HOST/NAME@DIGEST`
    #[arg(value_name = "NAME", value_parser = Location::reference)]
    name: Reference,
    /// Only what is of this type
    #[arg(long = "type", value_name = "TYPE")]
    artifact_type: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

/// Something that is attached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    name: String,
    digest: String,
    artifact_type: Option<String>,
    size: u64,
    annotations: BTreeMap<String, String>,
}

impl Discover {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let (registry, progress) = self.remote.client(&self.name)?;
        let found = registry.referrers(&self.name, self.artifact_type.as_deref())?;
        drop(progress);
        let found: Vec<_> = found.iter().map(|entry| self.found(entry)).collect();
        match self.format {
            Form::Json => {
                let document = serde_json::json!({"subject": self.name.to_string(), "referrers": found});
                out.write_all(&canonical_json_pretty(&document)?)?;
            }
            Form::Text => {
                let mut table = Table::new(out);
                for Found { name, artifact_type, annotations, .. } in &found {
                    table.line("type", artifact_type.as_deref().unwrap_or("-"))?;
                    table.line("name", name)?;
                    for (name, value) in annotations {
                        table.line("", format_args!("{name}={value}"))?;
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn found(&self, entry: &Descriptor) -> Found {
        let digest = entry.digest().to_string();
        Found {
            name: format!("{}/{}@{digest}", self.name.registry(), self.name.repository()),
            digest,
            artifact_type: entry.artifact_type().as_ref().map(ToString::to_string),
            size: entry.size(),
            annotations: entry.annotations().clone().unwrap_or_default().into_iter().collect(),
        }
    }
}
