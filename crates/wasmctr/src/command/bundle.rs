use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::{Args, ValueEnum};
use wasm_bundle::{Handler, Like, Network, Workload, oci_spec::runtime::Spec};
use wasm_oci::{Artifact, Format, Location, Loss, Overwrite, Platform};

use crate::{Failure, container::ContainerFlags, input, remote::Remote, table::Table};

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
    /// Which programs the runtime takes for WebAssembly
    #[arg(long, value_enum, default_value_t)]
    variant: Variant,
    /// Write what `crun spec` or `youki spec` writes, in place of the safer default
    #[arg(long, value_enum, value_name = "RUNTIME")]
    like: Option<Template>,
    /// The network: none (an empty namespace of its own), host (the caller's), or the path of a network namespace
    #[arg(long, default_value = "none")]
    net: Net,
    #[command(flatten)]
    container: ContainerFlags,
    /// Replace a bundle that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Runtime {
    /// crun with a Wasm engine
    #[default]
    Crun,
    /// youki with a Wasm engine
    Youki,
    /// runc: the image has a program of Linux, such as an engine with a module
    Runc,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Variant {
    /// All of them; crun and youki know it
    #[default]
    Compat,
    /// Those that end in .wasm or .wat; crun only
    CompatSmart,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Template {
    /// As `crun spec`
    Crun,
    /// As `youki spec`
    Youki,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Self::Crun => "crun",
            Self::Youki => "youki",
            Self::Runc => "runc",
        }
    }

    /// The annotation that asks this runtime to take the program for WebAssembly.
    fn handler(self, variant: Variant) -> Result<Option<Handler>, Failure> {
        match (self, variant) {
            (Self::Runc, Variant::Compat) => Ok(None),
            (_, Variant::Compat) => Ok(Some(Handler::Compat)),
            (Self::Crun, Variant::CompatSmart) => Ok(Some(Handler::CompatSmart)),
            (_, Variant::CompatSmart) => {
                let error = anyhow::anyhow!("{} does not know compat-smart", self.name());
                Err(Failure::new(2, error).help("leave `--variant` out"))
            }
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
        let handler = self.runtime.handler(self.variant)?;
        let source = input::image(&self.image, self.platform.as_ref(), &self.remote)?;
        let image = self.unpackable(&source)?;
        let workload = Workload::from_image(image.config())?.network(self.net.0.clone());
        let spec = self.spec(&self.container.apply(workload), handler)?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        let bundle = wasm_bundle::Bundle::write(&self.bundle, &spec, &image, overwrite)?;

        let mut table = Table::new(out);
        table.line("image", source.digest())?;
        table.line("program", bundle.workload().args.join(" "))?;
        match handler {
            Some(handler) => {
                table.line("handler", format_args!("{}={}", Handler::ANNOTATION, handler.value()))?;
            }
            None => table.line("handler", "none: the program is executed")?,
        }
        table.line("written", self.bundle.display())?;
        let (runtime, name) = (self.runtime.name(), name(&self.bundle));
        table.line("next", format_args!("{runtime} run -b {} {name}", self.bundle.display()))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What is no tar is not unpacked but packed as one. An image of Linux is taken as it is.
    fn unpackable(&self, source: &Artifact) -> Result<Artifact, Failure> {
        match self.runtime {
            Runtime::Runc => Ok(source.clone()),
            _ => Ok(source.convert(Format::Compat, Loss::Refuse)?.artifact),
        }
    }

    fn spec(&self, workload: &Workload, handler: Option<Handler>) -> Result<Spec, Failure> {
        Ok(match self.like {
            None => workload.to_spec(handler)?,
            Some(Template::Crun) => workload.to_spec_like(Like::Crun, handler)?,
            Some(Template::Youki) => workload.to_spec_like(Like::Youki, handler)?,
        })
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
