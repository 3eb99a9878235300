use std::{io::Write, process::ExitCode};

use clap::Subcommand;

use crate::Failure;

mod attach;
mod bundle;
mod cache;
mod compile;
mod convert;
mod copy;
mod demo;
mod discover;
mod doctor;
mod inspect;
mod k8s;
mod node;
mod pack;
mod pull;
mod push;
mod run;
mod serve;
mod store;
mod tags;
mod validate;
mod written;

/// The subcommands, one file each.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is taken apart at once")]
pub(crate) enum Command {
    /// Take a built-in guest the whole road: image, bundle, run
    Demo(demo::Demo),
    /// Pack WebAssembly as an OCI image
    Pack(pack::Pack),
    /// Put an image into another format
    Convert(convert::Convert),
    /// Bring an image into a registry
    Push(push::Push),
    /// Bring an image from a registry here
    Pull(pull::Pull),
    /// Bring an image from one registry into another
    Copy(copy::Copy),
    /// List the tags of a repository in a registry, or delete one
    Tags(tags::Tags),
    /// Attach an SBOM, a signature or the like to an image in a registry
    Attach(attach::Attach),
    /// Find what is attached to an image in a registry
    Discover(discover::Discover),
    /// Show what a module or an image is and needs
    Inspect(inspect::Inspect),
    /// Write an OCI runtime bundle: config.json and rootfs
    Bundle(bundle::Bundle),
    /// Configure containerd, CRI-O or podman for WebAssembly, or check what they have
    Node(node::Node),
    /// Say what each runtime would do with a bundle, and what is wrong with it
    Validate(validate::Validate),
    /// Write manifests for Kubernetes, find what is wrong in them, or migrate old ones
    K8s(k8s::K8s),
    /// Tell what this machine lacks for WebAssembly in containers
    Doctor(doctor::Doctor),
    /// Run a module, an image or a bundle
    Run(run::Run),
    /// Answer HTTP requests with a component
    Serve(serve::Serve),
    /// Compile a module, so that it runs at once later
    Compile(compile::Compile),
    /// List and remove precompiled code
    Cache(cache::Cache),
    /// Check layouts and this user's store of images, and tidy them up
    Store(store::Store),
    /// Compile for the process that started this one: `--compile-timeout`
    #[cfg(feature = "wasmtime")]
    #[command(hide = true, name = crate::engine::COMPILE_FOR_PARENT)]
    CompileForParent,
}

impl Command {
    /// Runs the command; what it has to say goes to `out`.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Demo(demo) => demo.run(out),
            Self::Pack(pack) => pack.run(out),
            Self::Convert(convert) => convert.run(out),
            Self::Push(push) => push.run(out),
            Self::Pull(pull) => pull.run(out),
            Self::Copy(copy) => copy.run(out),
            Self::Tags(tags) => tags.run(out),
            Self::Attach(attach) => attach.run(out),
            Self::Discover(discover) => discover.run(out),
            Self::Inspect(inspect) => inspect.run(out),
            Self::Bundle(bundle) => bundle.run(out),
            Self::Node(node) => node.run(out),
            Self::Validate(validate) => validate.run(out),
            Self::K8s(k8s) => k8s.run(out),
            Self::Doctor(doctor) => doctor.run(out),
            Self::Run(run) => run.run(out),
            Self::Serve(serve) => serve.run(out),
            Self::Compile(compile) => compile.run(out),
            Self::Cache(cache) => cache.run(out),
            Self::Store(store) => store.run(out),
            #[cfg(feature = "wasmtime")]
            Self::CompileForParent => {
                wasm_exec::WasmtimeEngine::compile_for_parent(std::io::stdin().lock(), out)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
