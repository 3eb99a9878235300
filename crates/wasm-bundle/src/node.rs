//! The configuration of a node: which runtimes containerd, CRI-O or podman offer, and what they let through.
//!
//! A pod runs WebAssembly when its `RuntimeClass` names a handler, when the node's container engine has a runtime of that
//! name, and when that runtime selects WebAssembly: crun and youki by an annotation, which containerd drops unless
//! `pod_annotations` lets it through; a runwasi shim by what the image is. [`Config`] edits and lints containerd's file,
//! [`Distribution`] knows where it lies, [`crio`] and [`podman`] write drop-ins.
//!
//! ```
//! use wasm_bundle::node::{Config, Distribution, Runtime, Version};
//!
//! let crun: Runtime = "crun=/usr/bin/crun".parse()?;
//! let drop_in = Distribution::Containerd.setup(Version::V3, &[crun])?;
//! assert!(Config::parse(&drop_in)?.lint().is_empty());
//! # Ok::<(), wasm_bundle::Error>(())
//! ```

mod containerd;
mod engines;
mod kind;
mod lint;
mod pattern;
mod place;
mod runtime;
mod version;

pub use self::{
    containerd::Config,
    engines::{crio, podman},
    lint::RULES,
    pattern::Pattern,
    place::Distribution,
    runtime::{Program, Runtime},
    version::Version,
};
