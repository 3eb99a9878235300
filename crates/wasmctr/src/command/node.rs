use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use wasm_bundle::node::{self, Config, Distribution, Runtime, Version};

use crate::{Failure, form::Form, input, lint};

/// The flags of `wasmctr node`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Node {
    /// A runtime to offer to pods: crun, youki, wasmtime, wasmedge, spin, NAME=PATH, NAME=io.containerd.NAME.vN
    #[arg(long = "runtime", value_name = "RUNTIME", required_unless_present = "check")]
    runtimes: Vec<Runtime>,
    /// Who runs containers on the node
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// The release of containerd, as `containerd --version` tells it
    #[arg(long, value_name = "RELEASE", default_value = "2.0")]
    containerd: Version,
    /// Whether systemd makes the cgroups [default: as the file has it for runc]
    #[arg(long, value_name = "BOOL")]
    systemd_cgroup: Option<bool>,
    /// Add the runtimes to this file, and keep everything else in it
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    edit: Option<PathBuf>,
    /// With --edit: write the file, and not standard output
    #[arg(long, requires = "edit")]
    write: bool,
    /// Tell what is wrong in a configuration of containerd; ends with 3 when something is
    #[arg(long, value_name = "FILE", conflicts_with = "runtimes")]
    check: Option<PathBuf>,
    /// With --check: a rule to leave out
    #[arg(long = "allow", value_name = "ID", requires = "check")]
    allowed: Vec<String>,
    /// With --check: how to print it
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

const AFTER_HELP: &str = "\
The configuration goes to standard output, where to put it to standard error.
A RuntimeClass names a runtime as its handler: `wasmctr k8s`.";

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Engine {
    /// containerd by itself: kubeadm, most managed nodes
    #[default]
    Containerd,
    /// k3s
    K3s,
    /// rke2
    Rke2,
    /// MicroK8s
    Microk8s,
    /// k0s
    K0s,
    /// kind: a cluster configuration
    Kind,
    /// CRI-O
    Crio,
    /// podman
    Podman,
}

impl Node {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        if let Some(file) = &self.check {
            let findings = self.config(&input::text(file)?)?.lint();
            lint::known(&self.allowed, &[&node::RULES])?;
            return lint::tell(&lint::without(findings, &self.allowed), self.format, out);
        }
        let runtimes: Vec<_> =
            self.runtimes.iter().cloned().map(|runtime| self.with_cgroup(runtime)).collect();
        let text = match (self.engine.distribution(), &self.edit) {
            (Some(distribution), None) => distribution.setup(self.containerd, &runtimes)?,
            (Some(distribution), Some(file)) => {
                distribution.edit(&input::text(file)?, self.containerd, &runtimes)?
            }
            (None, Some(_)) => return Err(anyhow::anyhow!("--edit is for containerd's files").into()),
            (None, None) if matches!(self.engine, Engine::Crio) => node::crio(&runtimes)?,
            (None, None) => node::podman(&runtimes)?,
        };
        match &self.edit {
            Some(file) if self.write => replace(file, &text)?,
            _ => out.write_all(text.as_bytes())?,
        }
        self.say_where(&mut io::stderr().lock());
        Ok(ExitCode::SUCCESS)
    }

    fn with_cgroup(&self, runtime: Runtime) -> Runtime {
        match self.systemd_cgroup {
            Some(on) => runtime.systemd_cgroup(on),
            None => runtime,
        }
    }

    /// A drop-in may leave its version out, and a template is not all TOML; a whole file must say what it is.
    fn config(&self, text: &str) -> Result<Config, Failure> {
        Ok(match self.engine.distribution() {
            Some(Distribution::K3s | Distribution::Rke2) => Config::parse_template(text, self.containerd)?,
            Some(Distribution::K0s) => Config::parse_fragment(text, self.containerd)?,
            _ => Config::parse(text)?,
        })
    }

    /// Standard error may be closed.
    fn say_where(&self, to: &mut dyn Write) {
        let Some(distribution) = self.engine.distribution() else {
            let place = match self.engine {
                Engine::Crio => "/etc/crio/crio.conf.d/50-wasm.conf, then systemctl restart crio",
                _ => "/etc/containers/containers.conf.d/50-wasm.conf",
            };
            let _ = writeln!(to, "file        {place}");
            return;
        };
        let path = self.edit.as_deref().unwrap_or(Path::new(distribution.path(self.containerd)));
        let _ = writeln!(to, "file        {}, then {}", path.display(), distribution.restart());
        if let Some(note) = distribution.note(self.containerd).filter(|_| self.edit.is_none()) {
            let _ = writeln!(to, "note        {note}");
        }
        if let Some(base) = self.runtimes.iter().find_map(Runtime::base) {
            let _ = writeln!(to, "note        youki needs {base} on each node: {}", Runtime::WRITE_BASE);
        }
    }
}

impl Engine {
    fn distribution(self) -> Option<Distribution> {
        Some(match self {
            Self::Containerd => Distribution::Containerd,
            Self::K3s => Distribution::K3s,
            Self::Rke2 => Distribution::Rke2,
            Self::Microk8s => Distribution::Microk8s,
            Self::K0s => Distribution::K0s,
            Self::Kind => Distribution::Kind,
            Self::Crio | Self::Podman => return None,
        })
    }
}

/// Replaces a file in one step, with the rights that it had.
fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let context = || format!("cannot write `{}`", file.display());
    // The file itself, where the name is a link to it.
    let file = fs::canonicalize(file).with_context(context)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".wasmctr-new");
    let new = file.with_file_name(name);
    let rights = fs::metadata(&file).with_context(context)?.permissions();
    let written = fs::write(&new, text)
        .and_then(|()| fs::set_permissions(&new, rights))
        .and_then(|()| fs::File::open(&new)?.sync_all())
        .and_then(|()| fs::rename(&new, &file));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    Ok(written.with_context(context)?)
}
