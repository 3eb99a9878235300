use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::{Args, ValueEnum};
use wasm_bundle::{Handler, Network, Workload};
use wasm_oci::{Format, Location, Loss, Overwrite, Platform};

use crate::{Failure, input, table::Table};

/// The flags of `wasmctr bundle`.
#[derive(Debug, Args)]
pub(crate) struct Bundle {
    /// The image: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, or a .wasm file
    image: Location,
    /// The directory to make
    bundle: PathBuf,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// The runtime that the bundle is for
    #[arg(long, value_enum, default_value_t)]
    runtime: Runtime,
    /// The network: none (an empty namespace of its own), host (the caller's), or the path of a network namespace
    #[arg(long, default_value = "none")]
    net: Net,
    /// Replace a bundle that is there already
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Runtime {
    /// crun with a Wasm engine
    #[default]
    Crun,
}

impl Runtime {
    /// The annotation that asks this runtime to take the program for WebAssembly.
    fn handler(self) -> Handler {
        match self {
            Self::Crun => Handler::Compat,
        }
    }
}

/// What `--net` says.
#[derive(Debug, Clone)]
struct Net(Network);

impl FromStr for Net {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(Network::Isolated)),
            "host" => Ok(Self(Network::Host)),
            path if path.starts_with('/') => Ok(Self(Network::Path(path.into()))),
            _ => Err("write none, host, or the absolute path of a network namespace"),
        }
    }
}

impl Bundle {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let source = input::image(&self.image, self.platform.as_ref())?;
        // What is no tar is not unpacked but packed as one.
        let image = source.convert(Format::Compat, Loss::Refuse)?.artifact;
        let workload = Workload::from_image(image.config())?.network(self.net.0.clone());
        let handler = self.runtime.handler();
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        let bundle =
            wasm_bundle::Bundle::write(&self.bundle, &workload.to_spec(handler)?, &image, overwrite)?;

        let mut table = Table::new(out);
        table.line("image", source.digest())?;
        table.line("program", bundle.workload().args.join(" "))?;
        table.line("handler", format_args!("{}={}", Handler::ANNOTATION, handler.value()))?;
        table.line("written", self.bundle.display())?;
        table.line("next", format_args!("crun run -b {} {}", self.bundle.display(), name(&self.bundle)))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A name for the container: that of the directory, as far as a container may be called so.
fn name(bundle: &Path) -> String {
    let name = bundle.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = name.chars().filter(|c| word(*c)).collect();
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) { name } else { "wasm".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_container_may_have() {
        for (path, expected) in [("bundle", "bundle"), ("a/b c", "bc"), ("..", "wasm"), ("/tmp/é.1", "wasm")]
        {
            assert_eq!(name(Path::new(path)), expected);
        }
    }
}
