use std::{io::Write, process::ExitCode};

use clap::Args;
use wasm_oci::{Format, Kind, Location, Loss, Overwrite, Platform, sha256};

use super::{pack::check_target, written::Written};
use crate::{Failure, input, remote::Remote, table::Table};

/// The flags of `wasmctr convert`.
#[derive(Debug, Args)]
#[command(
    after_help = "The module, its title, annotations, entrypoint, arguments, environment, dates and platform stay. What \
                  the format has no field for goes into annotations that begin with dev.wasmctr. and comes back from \
                  there. To convert there and back gives the same digest, for images that wasmctr packed."
)]
pub(crate) struct Convert {
    /// The image: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` or `HOST/NAME:TAG`
    from: Location,
    /// Where it goes: `oci:DIR:TAG`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME:TAG]` or `HOST/NAME:TAG`
    #[arg(short, long, value_name = "LOCATION")]
    output: Location,
    /// The format: compat, runwasi, artifact or legacy; several make an index of them, as `compat,artifact`
    #[arg(long, required = true, value_delimiter = ',')]
    format: Vec<Format>,
    /// Leave out what the format has no place for, as other files and other modules
    #[arg(long)]
    lossy: bool,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Replace the archive, or move the tag if the layout has it already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Convert {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        check_target(&self.output)?;
        let from = input::image(&self.from, self.platform.as_ref(), &self.remote)?;
        let loss = if self.lossy { Loss::Accept } else { Loss::Refuse };
        let (mut images, mut lost) = (vec![], vec![]);
        for &format in &self.format {
            let converted = from.convert(format, loss)?;
            images.push(converted.artifact);
            lost.extend(converted.lost.into_iter().map(|lost| (format, lost)));
        }
        let wasm = images[0].wasm()?;
        let made = Written::from(images)?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        self.remote.write(&self.output, made.content(), overwrite)?;

        let mut table = Table::new(out);
        table.line("from", format_args!("{} {}, {}", from.digest(), from.format(), from.platform()))?;
        table.line(&Kind::of(&wasm)?.to_string(), format_args!("{} {} bytes", sha256(&wasm), wasm.len()))?;
        for (format, lost) in lost {
            match self.format.as_slice() {
                [_] => table.line("left out", lost)?,
                _ => table.line("left out", format_args!("{lost} (of {format})"))?,
            }
        }
        made.text(&mut table, &self.output)?;
        Ok(ExitCode::SUCCESS)
    }
}
