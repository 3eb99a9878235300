use std::{io::Write, process::ExitCode};

use anyhow::{Context, anyhow};
use clap::Args;
use wasm_oci::{Layout, Location, Overwrite, Platform, Reference, registry::Pick};

use super::push::Moved;
use crate::{Failure, form::Form, remote::Remote};

/// The flags of `wasmctr pull`.
#[derive(Debug, Args)]
#[command(
    after_help = "What the layout has already is not fetched again, and a download that broke is gone on with. Prints the \
                  name of what was pulled, by digest, as its last line."
)]
pub(crate) struct Pull {
    /// What to pull: `HOST/NAME:TAG`, `NAME@DIGEST` or `docker://NAME[:TAG]`
    #[arg(value_name = "NAME", value_parser = Location::reference)]
    from: Reference,
    /// Where it goes: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME:TAG]`, or a file for the module
    #[arg(short, long, value_name = "LOCATION")]
    output: Location,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// The whole index, with all its images
    #[arg(long, conflicts_with = "platform")]
    all: bool,
    /// Replace the file, or move the tag if the layout has it already
    #[arg(long)]
    force: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

impl Pull {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        let moved = match &self.output {
            Location::Layout { dir, tag } => self.to_layout(dir, tag.as_deref(), overwrite)?,
            _ if self.all => {
                let error = anyhow!("only a layout holds a whole index");
                return Err(Failure::new(2, error).help("`-o oci:DIR:TAG`"));
            }
            Location::Stdin | Location::Registry(_) => {
                let error = anyhow!("cannot pull to `{}`", self.output);
                return Err(
                    Failure::new(2, error).help("`-o oci:DIR:TAG`, or `-o app.wasm` for the module alone")
                );
            }
            output => {
                let (registry, _progress) = self.remote.client(&self.from)?;
                let image = registry.artifact(&self.from, self.platform.as_ref())?;
                match output {
                    Location::Path(path) => write(path, &image.wasm()?, self.force)?,
                    archive => archive.write(&image, overwrite)?,
                }
                Moved::of(&self.from, image.descriptor())
            }
        };
        self.format.tell(out, &moved.written(&self.output))
    }

    fn to_layout(
        &self,
        dir: &std::path::Path,
        tag: Option<&str>,
        overwrite: Overwrite,
    ) -> Result<Moved, Failure> {
        let mut layout = Layout::open_or_create(dir)?;
        let pick = pick(self.all, self.platform.as_ref());
        let (registry, _progress) = self.remote.client(&self.from)?;
        let tag = tag.or(self.from.tag());
        let pulled = registry.pull(&self.from, &pick, &mut layout, tag, overwrite)?;
        Ok(Moved::of(&self.from, &pulled))
    }
}

/// Which part of an index.
pub(super) fn pick(all: bool, platform: Option<&Platform>) -> Pick {
    match (all, platform) {
        (true, _) => Pick::All,
        (false, Some(platform)) => Pick::Platform(platform.clone()),
        (false, None) => Pick::Wasm,
    }
}

/// Writes a module; half of it is never there.
fn write(path: &std::path::Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    if !force && path.symlink_metadata().is_ok() {
        let error = anyhow!("`{}` exists already", path.display());
        return Err(Failure::from(error).help("choose another name, or say `--force` to replace it"));
    }
    let beside = path.with_added_extension("part");
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(())
}
