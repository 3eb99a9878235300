//! Images that bring the engine of their module along.

use bytes::Bytes;

use super::{Artifact, file};
use crate::{Format, Kind, Result};

/// The module of a Linux image that starts it by an engine inside, as [`Pack::engine`](crate::Pack::engine) makes one: for
/// whoever runs the image it is a program as any other.
///
/// ```no_run
/// # let image: wasm_oci::Artifact = unimplemented!();
/// if let Some(embedded) = image.embedded()? {
///     println!("{} runs {}", embedded.engine.join(" "), embedded.path);
/// }
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Embedded {
    /// The words before the path of the module: the engine's program, and its arguments.
    pub engine: Vec<String>,
    /// The path of the module, as the engine gets it.
    pub path: String,
    /// The module or component.
    pub wasm: Bytes,
}

impl Artifact {
    /// Returns the module that an engine in the image starts: of an image for Linux whose program is no WebAssembly, the file
    /// that the last word of its entrypoint names, or of its command where there is no entrypoint.
    ///
    /// `None` for every other image: [`wasm`](Self::wasm) gives what those run.
    ///
    /// # Errors
    ///
    /// Those of [`wasm`](Self::wasm) for a layer that cannot be read.
    pub fn embedded(&self) -> Result<Option<Embedded>> {
        if self.format() != Format::Compat || self.platform().os != "linux" {
            return Ok(None);
        }
        let config = self.config().config().as_ref();
        let words = |words: Option<&Vec<String>>| words.filter(|words| !words.is_empty()).cloned();
        let started = config
            .and_then(|config| words(config.entrypoint().as_ref()).or_else(|| words(config.cmd().as_ref())));
        let Some(mut engine) = started.filter(|words| words.len() > 1) else { return Ok(None) };
        let Some(path) = engine.pop() else { return Ok(None) };
        let usable = !path.contains('\0') && path.len() <= Self::PATH;
        if !usable || self.file().is_ok() {
            return Ok(None);
        }
        let found = file::lookup(self.layers(), &self.resolve_path(&path))?;
        Ok(found.ok().filter(|file| Kind::of(&file.bytes).is_ok()).map(|file| Embedded {
            engine,
            path,
            wasm: file.bytes.into(),
        }))
    }
}
