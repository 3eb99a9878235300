use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use wasm_bundle::kubernetes::{self, App, Controller, Shim, Subject, Via};
use wasm_oci::{Location, Platform, Reference};

use crate::{Failure, form::Form, input, lint, remote::Remote};

/// The flags of `wasmctr k8s`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct K8s {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    write: WriteManifests,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is taken apart at once")]
enum Action {
    /// Tell what is wrong in manifests; ends with 3 when something is
    Lint(Lint),
    /// Bring manifests of Krustlet and KWasm, or a line of `docker run`, into today's form
    Migrate(Migrate),
    /// Write a Shim of runtime-class-manager, which installs a shim on nodes
    Shim(WriteShim),
}

/// Write manifests for an image.
#[derive(Debug, Args)]
struct WriteManifests {
    /// The image in its registry, by digest: HOST/NAME@sha256:…
    #[arg(required = true)]
    image: Option<String>,
    /// What runs it: crun, youki, shim, shim-NAME
    #[arg(long, required = true)]
    via: Option<Via>,
    /// The same image here: its digest is taken, and whether the runtime takes it is looked at
    #[arg(long, value_name = "LOCATION")]
    layout: Option<Location>,
    /// The name of the objects [default: the last part of the image's name]
    #[arg(long)]
    name: Option<String>,
    /// What keeps the pods
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// The handler of the RuntimeClass [default: as --via]
    #[arg(long)]
    handler: Option<String>,
    /// The namespace
    #[arg(long)]
    namespace: Option<String>,
    /// How many pods
    #[arg(long, default_value_t = 1)]
    replicas: u32,
    /// At most so many pods, by an autoscaler
    #[arg(long, value_name = "MOST")]
    autoscale: Option<u32>,
    /// The port that the program listens on, and the Service
    #[arg(long)]
    port: Option<u16>,
    /// The path that probes ask for [default: they only connect]
    #[arg(long, value_name = "PATH")]
    probe: Option<String>,
    /// Bytes of memory
    #[arg(long, default_value = "64Mi")]
    memory: String,
    /// CPU
    #[arg(long, default_value = "500m")]
    cpu: String,
    /// A variable of its environment
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// A label of the nodes that have the runtime [default: runtime=wasm]; `any` for no label
    #[arg(long = "node", value_name = "NAME=VALUE", value_parser = node)]
    nodes: Vec<(String, String)>,
    /// The program in the place of the image's entrypoint; artifacts need it
    #[arg(long, value_name = "PROGRAM")]
    command: Vec<String>,
    /// Its arguments
    #[arg(last = true)]
    args: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Lint {
    /// A file of manifests, or `-`
    file: PathBuf,
    /// What runs the pods, where the names of the classes do not tell
    #[arg(long)]
    via: Option<Via>,
    /// The image of the pods, for what only the image tells
    #[arg(long, value_name = "LOCATION")]
    layout: Option<Location>,
    /// Which image of an index of several
    #[arg(long, value_name = "OS/ARCH", requires = "layout")]
    platform: Option<Platform>,
    /// A rule to leave out
    #[arg(long = "allow", value_name = "ID")]
    allowed: Vec<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Migrate {
    /// A file of manifests or with a line of `docker run`, or `-`
    file: PathBuf,
    /// What shall run Krustlet's pods
    #[arg(long, default_value = "shim-wasmtime")]
    via: Via,
}

#[derive(Debug, Args)]
struct WriteShim {
    /// The name of the shim, the RuntimeClass and the handler
    name: String,
    /// Where its program is: ARCH=https://…/NAME.tar.gz=SHA256
    #[arg(long = "platform", value_name = "ARCH=URL=SHA256", required = true, value_parser = download)]
    platforms: Vec<(String, String, String)>,
    /// A label of the nodes that get it [default: runtime=wasm]; `any` for no label
    #[arg(long = "node", value_name = "NAME=VALUE", value_parser = node)]
    nodes: Vec<(String, String)>,
    /// An option of the runtime in containerd's configuration, as SystemdCgroup=true
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// A bare Pod
    Pod,
    /// A Deployment
    #[default]
    Deployment,
    /// A Job, which runs once
    Job,
}

impl K8s {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        match &self.action {
            None => self.write.run(out),
            Some(Action::Lint(lint)) => lint.run(out),
            Some(Action::Migrate(migrate)) => migrate.run(out),
            Some(Action::Shim(shim)) => shim.run(out),
        }
    }
}

impl WriteManifests {
    fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        // clap has seen to both.
        let (Some(image), Some(via)) = (&self.image, &self.via) else { return Ok(ExitCode::from(2)) };
        let image = self.image(image, via)?;
        let mut app = App::new(self.name.clone().unwrap_or_else(|| name_of(&image)), image, via.clone())?;
        app.controller = match self.kind {
            Kind::Pod => Controller::Pod,
            Kind::Deployment => Controller::Deployment,
            Kind::Job => Controller::Job,
        };
        app.handler = self.handler.clone();
        app.namespace = self.namespace.clone();
        app.replicas = self.replicas;
        app.autoscale = self.autoscale;
        app.port = self.port;
        app.probe = self.probe.clone();
        app.memory = self.memory.clone();
        app.cpu = self.cpu.clone();
        app.env = self.env.iter().cloned().collect();
        app.command = self.command.clone();
        app.args = self.args.clone();
        if !self.nodes.is_empty() {
            app.node_selector = labels(&self.nodes);
        }
        out.write_all(app.manifests()?.to_yaml()?.as_bytes())?;
        if *via == Via::Youki {
            let note = "youki takes the pause container for WebAssembly as well where the annotation reaches it, and the \
                        pod fails; `wasmctr node --runtime youki` writes a node's file by which it does not";
            let _ = writeln!(io::stderr().lock(), "note        {note}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The image by its digest.
    fn image(&self, image: &str, via: &Via) -> Result<String, Failure> {
        let reference: Reference = image.parse()?;
        let Some(layout) = &self.layout else {
            if reference.digest().is_none() {
                let error = anyhow::anyhow!(
                    "the image `{image}` has no digest, so that nobody knows what it will be"
                );
                return Err(Failure::from(error).help(format!(
                    "write {image}@sha256:…, or name the image here with --layout oci:DIR:TAG"
                )));
            }
            return Ok(image.to_owned());
        };
        let artifact = input::image(layout, None, &self.remote)?;
        if reference.digest().is_some_and(|digest| digest != artifact.digest()) {
            return Err(
                anyhow::anyhow!("`{layout}` is {}, and not what `{image}` names", artifact.digest()).into()
            );
        }
        let name = image.split_once('@').map_or(image, |(name, _)| name);
        let full = format!("{name}@{}", artifact.digest());
        if let Some(why) = Subject::of(artifact)?.refused_by(via) {
            let error = anyhow::anyhow!("{via} does not take `{layout}`: {why}");
            return Err(
                Failure::from(error).help(format!("wasmctr inspect {layout} --for … tells what to do"))
            );
        }
        Ok(full)
    }
}

impl Lint {
    fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let subject = match &self.layout {
            Some(layout) => Some(Subject::of(input::image(layout, self.platform.as_ref(), &self.remote)?)?),
            None => None,
        };
        let findings = kubernetes::lint(&input::text(&self.file)?, self.via.as_ref(), subject.as_ref())?;
        lint::known(&self.allowed, &[&kubernetes::RULES])?;
        lint::tell(&lint::without(findings, &self.allowed), self.format, out)
    }
}

impl Migrate {
    fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let migration = kubernetes::migrate(&input::text(&self.file)?, &self.via)?;
        out.write_all(migration.manifests.to_yaml()?.as_bytes())?;
        for note in &migration.notes {
            let _ = writeln!(io::stderr().lock(), "note        {}", crate::table::visible(note));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl WriteShim {
    fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let mut shim = Shim::new(self.name.clone());
        shim.platforms = self.platforms.clone();
        shim.options = self.options.iter().cloned().collect();
        if !self.nodes.is_empty() {
            shim.node_selector = labels(&self.nodes);
        }
        out.write_all(shim.manifests()?.to_yaml()?.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The last part of the image's name, as far as an object may be called so.
fn name_of(image: &str) -> String {
    let last = image.split('@').next().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    let last = last.split(':').next().unwrap_or_default().to_ascii_lowercase();
    last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn labels(nodes: &[(String, String)]) -> std::collections::BTreeMap<String, String> {
    nodes.iter().filter(|(name, _)| !name.is_empty()).cloned().collect()
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A label; `any` is none.
fn node(text: &str) -> Result<(String, String), &'static str> {
    if text == "any" { Ok((String::new(), String::new())) } else { pair(text) }
}

fn download(text: &str) -> Result<(String, String, String), &'static str> {
    let form = "write ARCH=URL=SHA256";
    let (arch, rest) = text.split_once('=').ok_or(form)?;
    let (url, sha256) = rest.rsplit_once('=').ok_or(form)?;
    Ok((arch.to_owned(), url.to_owned(), sha256.to_owned()))
}
