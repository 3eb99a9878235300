use std::{collections::BTreeMap, io};

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use oci_spec::image::{
    Arch, Config, ConfigBuilder, Descriptor, ImageConfiguration, ImageConfigurationBuilder,
    ImageManifestBuilder, MediaType, Os, RootFsBuilder,
};

use crate::{Artifact, Error, Format, Kind, Platform, Result, canonical_json, interface, sha256};

/// Packs WebAssembly into an image.
///
/// By default the image has the platform `wasi/wasm`, no arguments, no environment, no annotations besides those that
/// the format wants, and no date: the same input gives the same bytes, for one release of this crate. (Across releases
/// the compressor may change and with it the digest; the `diff_id`, the digest of the uncompressed layer, stays.)
///
/// ```
/// use wasm_oci::{Format, Pack};
///
/// let wasm = wat::parse_str("(module)")?;
/// let image = Pack::new(wasm, "/app.wasm")?.arg("--port=80").env("MODE=test").build(Format::Compat)?;
/// assert_eq!(image.platform().to_string(), "wasi/wasm");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pack {
    wasm: Bytes,
    kind: Kind,
    entrypoint: String,
    args: Vec<String>,
    env: Vec<String>,
    annotations: BTreeMap<String, String>,
    platform: Platform,
    created: u64,
}

/// The annotation by which crun, youki and podman know a Wasm image.
const VARIANT: &str = "module.wasm.image/variant";

impl Pack {
    /// Takes the bytes of a module or component and the absolute path that it gets in the image.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`] and [`Error::InvalidWasm`] (the whole file is validated); [`Error::ImagePath`] when
    /// `entrypoint` is not absolute or has empty, `.` or `..` parts or control characters.
    pub fn new(wasm: impl Into<Bytes>, entrypoint: &str) -> Result<Self> {
        let wasm = wasm.into();
        let kind = Kind::of(&wasm)?;
        interface::validate(&wasm)?;
        check_path(entrypoint)?;
        Ok(Self {
            wasm,
            kind,
            entrypoint: entrypoint.to_owned(),
            args: vec![],
            env: vec![],
            annotations: BTreeMap::new(),
            platform: Platform::default(),
            created: 0,
        })
    }

    /// Returns whether a module or a component is packed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds an argument that the program gets when the user gives none (`Cmd` of the image).
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds an environment variable, as `NAME=VALUE`.
    #[must_use]
    pub fn env(mut self, variable: impl Into<String>) -> Self {
        self.env.push(variable.into());
        self
    }

    /// Adds an annotation to the manifest, in place of one of the same name.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// Says that the image is for another platform than `wasi/wasm`.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// Sets the time that the files in the image carry, in seconds since 1970; 0 by default.
    ///
    /// Callers pass what `SOURCE_DATE_EPOCH` says; this crate reads no environment.
    #[must_use]
    pub fn modified(mut self, seconds: u64) -> Self {
        self.created = seconds;
        self
    }

    /// Builds the image.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the module is larger than what this crate itself would read.
    pub fn build(&self, format: Format) -> Result<Artifact> {
        match format {
            Format::Compat => self.compat(),
        }
    }

    fn compat(&self) -> Result<Artifact> {
        let tar = self.tar().map_err(|source| Error::malformed("the layer", source.to_string()))?;
        let layer = gzip(&tar);
        let layer = Blob::new(MediaType::ImageLayerGzip, layer);
        let config = Blob::new(MediaType::ImageConfig, canonical_json(&self.config(&tar)?)?);
        let mut annotations = self.annotations.clone();
        annotations.entry(VARIANT.to_owned()).or_insert_with(|| "compat".to_owned());
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .config(config.descriptor.clone())
            .layers([layer.descriptor.clone()])
            .annotations(annotations.into_iter().collect::<std::collections::HashMap<_, _>>())
            .build()
            .map_err(|source| Error::malformed("the manifest", source.to_string()))?;
        let manifest = Blob::new(MediaType::ImageManifest, canonical_json(&manifest)?);
        let blobs = [&manifest, &config, &layer];
        Artifact::read(&manifest.descriptor, |wanted| {
            let blob = blobs.iter().find(|blob| blob.descriptor.digest() == wanted.digest());
            blob.map(|blob| blob.bytes.clone())
                .ok_or_else(|| Error::malformed("the manifest", "it names another blob"))
        })
    }

    /// One layer with one file, as `FROM scratch` and `COPY` make it: owned by root, executable, nothing of this machine.
    fn tar(&self) -> io::Result<Vec<u8>> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.created);
        header.set_size(self.wasm.len() as u64);
        let mut tar = tar::Builder::new(Vec::with_capacity(self.wasm.len() + 2048));
        tar.append_data(&mut header, self.entrypoint.trim_start_matches('/'), self.wasm.as_ref())?;
        tar.into_inner()
    }

    fn config(&self, tar: &[u8]) -> Result<ImageConfiguration> {
        let build = || {
            let rootfs =
                RootFsBuilder::default().typ("layers").diff_ids([sha256(tar).to_string()]).build()?;
            let mut config = ImageConfigurationBuilder::default()
                .os(Os::from(self.platform.os.as_str()))
                .architecture(Arch::from(self.platform.architecture.as_str()))
                .config(self.process()?)
                .rootfs(rootfs)
                .build()?;
            config.set_variant(self.platform.variant.clone());
            Ok(config)
        };
        build().map_err(|source: oci_spec::OciSpecError| Error::malformed("the config", source.to_string()))
    }

    fn process(&self) -> Result<Config, oci_spec::OciSpecError> {
        let mut config =
            ConfigBuilder::default().entrypoint([self.entrypoint.clone()]).working_dir("/").build()?;
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        config.set_cmd(some(&self.args));
        config.set_env(some(&self.env));
        Ok(config)
    }
}

struct Blob {
    descriptor: Descriptor,
    bytes: Bytes,
}

impl Blob {
    fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Self {
            descriptor: Descriptor::new(media_type, bytes.len() as u64, sha256(&bytes)),
            bytes: bytes.into(),
        }
    }
}

/// No name, no time, operating system "unknown": the header has nothing of this machine.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).read(bytes, Compression::best());
    // Both ends are in memory: there is nothing to fail.
    let _ = io::copy(&mut encoder, &mut packed);
    packed
}

fn check_path(path: &str) -> Result<()> {
    let refuse = |why| Err(Error::ImagePath { path: path.to_owned(), why });
    let Some(relative) = path.strip_prefix('/') else {
        return refuse("it does not begin with `/`");
    };
    if path.chars().any(char::is_control) {
        return refuse("it has a control character");
    }
    if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refuse("it has an empty, `.` or `..` part");
    }
    if relative.rsplit('/').next().is_some_and(|name| name.starts_with(".wh.")) {
        return refuse("names with `.wh.` in front delete files of lower layers");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_entrypoints_are_refused() {
        for (path, why) in [
            ("app.wasm", "it does not begin with `/`"),
            ("/", "it has an empty, `.` or `..` part"),
            ("/a/../b", "it has an empty, `.` or `..` part"),
            ("/a\n", "it has a control character"),
            ("/.wh.a", "names with `.wh.` in front delete files of lower layers"),
        ] {
            let error = check_path(path).unwrap_err();
            assert_eq!(error.to_string(), format!("`{path}` cannot be a path in an image: {why}"));
        }
    }
}
