//! OCI runtime bundles for WebAssembly: a `config.json` and a root file system that crun, youki and runc start.
//!
//! # The nouns
//!
//! - [`Workload`]: what to run and what to grant it ([`Mount`], [`Network`]); nothing is granted by default.
//! - [`Resources`] and [`UserNamespace`]: what limits and separates it further, on request.
//! - [`Workload::to_spec`] and [`Workload::from_spec`]: the runtime configuration of a workload, and back.
//! - [`Handler`]: which annotation asks the runtime to run WebAssembly.
//! - [`Bundle`]: the directory, written from an image's layers or opened.
//! - [`select`](mod@select): what crun, youki and the shims of containerd make of a configuration.
//!
//! The crate is files and data: no async runtime, no network, no C. It never prints, never reads the clock or the
//! environment, and writes the same bytes for the same input.
//!
//! # Features
//!
//! Both are off: a runtime that only reads bundles needs neither.
//!
//! | Feature | Adds | What it brings |
//! |---|---|---|
//! | `node` | module `node`: configuration of containerd, CRI-O and podman; module `doctor` | `toml_edit` |
//! | `kubernetes` | module `kubernetes`: manifests, written, linted and migrated | `serde-saphyr` |
//!
//! # Example
//!
//! ```
//! use wasm_bundle::{Bundle, Handler, Mount, Workload};
//! use wasm_oci::{Format, Overwrite, Pack};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("bundle");
//! # let wasm = b"\0asm\x01\0\0\0".to_vec();
//! let image = Pack::new(wasm, "/app.wasm")?.build(Format::Compat)?;
//!
//! let workload = Workload::from_image(image.config())?.mount(Mount::new("/srv/data", "/data"));
//! let spec = workload.to_spec(Handler::Compat)?;
//! let bundle = Bundle::write(&path, &spec, &image, Overwrite::Refuse)?; // now: crun run -b BUNDLE ID
//!
//! assert_eq!(Bundle::open(&path)?.workload(), &workload);
//! assert!(bundle.rootfs().join("app.wasm").is_file());
//! # Ok(())
//! # }
//! ```
//!
//! # What is trusted
//!
//! The caller's workload, not the image and not a bundle that is opened. Layers are unpacked without leaving the root file
//! system: a link leads where it would lead a process that has it as `/`. What no container needs is refused with the name
//! of the entry ([`Refusal`]): devices, names with `..`, absolute names, sparse files. At most 100,000 entries and 4 GiB are unpacked. A config.json
//! is read up to [`Bundle::CONFIG_LIMIT`] and each value in it is checked.
#![forbid(unsafe_code)]

mod bundle;
mod check;
#[cfg(feature = "node")]
pub mod doctor;
mod error;
#[cfg(any(feature = "kubernetes", feature = "node"))]
mod finding;
mod handler;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(any(feature = "kubernetes", feature = "node"))]
mod label;
mod like;
#[cfg(feature = "node")]
pub mod node;
mod problem;
mod refusal;
mod resources;
mod root;
pub mod select;
mod spec;
mod unpack;
mod user_namespace;
mod workload;

#[cfg(any(feature = "kubernetes", feature = "node"))]
pub use self::finding::{Finding, Rule};
pub use self::{
    bundle::Bundle,
    error::{Error, Result},
    handler::Handler,
    like::Like,
    problem::Problem,
    refusal::Refusal,
    resources::Resources,
    spec::config_json,
    user_namespace::{IdMapping, UserNamespace},
    workload::{Mount, Network, Workload},
};
/// The OCI types that appear in this crate's signatures.
pub use oci_spec;
