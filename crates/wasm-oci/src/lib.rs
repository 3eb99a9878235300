//! WebAssembly in OCI: look into a module, pack it as an image, write and read OCI image layouts.
//!
//! Without features the crate is plain data and files: no async runtime, no HTTP client, no C. The feature `registry` adds
//! the module `registry`: push, pull and copy, with an HTTP client and TLS. It never prints, never reads the clock or
//! the environment, and gives the same bytes for the same input.
//!
//! # The nouns
//!
//! - [`Kind`]: is it a core module or a component? Told from the first eight bytes.
//! - [`Interface`]: what a module or component imports and exports, which generation of WASI it was built for, and
//!   whether it needs WasmEdge's socket extension.
//! - [`Pack`]: turns the bytes of a module into an [`Artifact`] of a chosen [`Format`]; [`Artifact::convert`] into another.
//! - [`Engine`]: a native engine that goes into the image below the module, for machines that have none.
//! - [`Artifact`]: manifest, config and layers, each checked against its digest and size before anything reads it.
//! - [`Index`]: several of them under one name, for several platforms or in several formats.
//! - [`Layout`]: an OCI image-layout directory that holds artifacts under tags, for many processes at once.
//! - [`Store`]: the layout of one user, which nobody else can change.
//! - [`Consumer`]: crun, youki, runwasi, … : would it take an artifact, and if not, what to do.
//! - [`Metadata`]: what a module says about itself; [`strip`]: a module without what only a debugger reads.
//! - [`Archive`]: the same in one tar file, and what `docker load` reads.
//! - [`Reference`]: the name of an image in a registry.
//! - [`Location`]: how a command line names any of these (`app.wasm`, `-`, `oci:DIR:TAG`, `oci-archive:FILE`).
//!
//! # Features
//!
//! | feature | adds | costs |
//! |---|---|---|
//! | `zstd` | layers compressed with zstd, read and written | the C library zstd |
//!
//! # Example
//!
//! ```
//! use wasm_oci::{Format, Layout, Overwrite, Pack};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let wasm = wat::parse_str(r#"(module (func (export "_start")))"#)?;
//! let artifact = Pack::new(wasm, "/app.wasm")?.build(Format::Compat)?;
//!
//! Layout::write(&dir.join("layout"), "v1", &artifact, Overwrite::Refuse)?;
//!
//! let read = Layout::open(&dir.join("layout"))?.artifact(Some("v1"))?;
//! assert_eq!(read.digest(), artifact.digest());
//! assert_eq!(read.entrypoint(), Some("/app.wasm"));
//! # Ok(())
//! # }
//! ```
//!
//! # What is trusted
//!
//! Nothing that is read. Documents are capped at 4 MiB and 32,768 values, blobs are compared with the size and the digest
//! that their descriptor promises, tars are read strictly ([`Entries`]), a decompressed layer may not grow past
//! [`Layer::expansion_limit`], and a digest is a parsed type before it becomes part of a path.
#![forbid(unsafe_code)]

mod archive;
mod artifact;
mod carried;
mod cncf;
mod consumer;
mod convert;
mod digest;
mod engine;
mod entries;
mod error;
mod format;
mod fs;
mod index;
mod interface;
mod json;
mod kind;
mod layer;
mod layout;
mod location;
mod media;
mod metadata;
mod pack;
mod platform;
mod reference;
#[cfg(feature = "registry")]
pub mod registry;
mod shape;
mod store;
mod strip;
mod time;

pub use self::{
    archive::Archive,
    artifact::{Artifact, Embedded},
    consumer::{Consumer, Remedy, Verdict},
    convert::{Conversion, Loss},
    digest::sha256,
    engine::Engine,
    entries::{Ambiguity, Entries, Entry, EntryKind},
    error::{Error, Result},
    format::Format,
    fs::Overwrite,
    index::{Content, Index},
    interface::{Export, Import, Interface, Wasi},
    json::{canonical_json, canonical_json_pretty},
    kind::Kind,
    layer::{Compression, Layer},
    layout::{Begun, BlobReader, BlobWriter, Collected, Corrupt, Layout, Missing, Verified},
    location::Location,
    metadata::{Metadata, Producer},
    pack::Pack,
    platform::Platform,
    reference::Reference,
    shape::check_json,
    store::Store,
    strip::{Strip, strip},
};
/// The OCI types that appear in this crate's signatures.
pub use oci_spec;
