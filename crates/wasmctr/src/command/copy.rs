use std::{io::Write, process::ExitCode};

use clap::Args;
use wasm_oci::{Location, Platform, Reference};

use super::{pull::pick, push::Moved};
use crate::{Failure, form::Form, remote::Remote};

/// The flags of `wasmctr copy`.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is kept on this machine, and within a registry nothing is moved where it allows that. \
                  --username is for the registry that is copied to."
)]
pub(crate) struct Copy {
    /// What to copy: `HOST/NAME:TAG` or `NAME@DIGEST`
    #[arg(value_name = "FROM", value_parser = Location::reference)]
    from: Reference,
    /// Where it goes: `HOST/NAME:TAG`
    #[arg(value_name = "TO", value_parser = Location::reference)]
    to: Reference,
    /// This image of an index only [default: all of it]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// And what is attached to it, to the images of an index, and to the attachments: SBOMs, signatures
    #[arg(short, long)]
    referrers: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

impl Copy {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let (registry, progress) = self.remote.client(&self.to)?;
        let pick = pick(self.platform.is_none(), self.platform.as_ref());
        let moved = match self.referrers {
            true => {
                let (copied, referrers) = registry.copy_with_referrers(&self.from, &pick, &self.to)?;
                Moved::of(&self.to, &copied).with_referrers(&referrers)
            }
            false => Moved::of(&self.to, &registry.copy(&self.from, &pick, &self.to)?),
        };
        drop(progress);
        self.format.tell(out, &moved)
    }
}
