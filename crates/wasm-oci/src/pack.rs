use std::collections::BTreeMap;

use bytes::Bytes;
use oci_spec::image::Config;

use crate::{
    Artifact, Compression, Engine, Error, Format, Kind, Layer, Metadata, Platform, Result, artifact::others,
    carried, interface,
};

mod build;
mod tar;

pub(crate) use build::{LAYERS_LABEL, VARIANT};

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
    /// Where the file goes in an image, absolute.
    path: String,
    /// Entrypoint, arguments, environment and the rest of an image's process.
    config: Config,
    /// Other files of an image, by their paths.
    files: BTreeMap<String, Bytes>,
    /// Tar layers that lie below the program's.
    pub(crate) below: Vec<Layer>,
    pub(crate) compression: Compression,
    pub(crate) title: Option<String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) platform: Platform,
    pub(crate) modified: u64,
    pub(crate) created: Option<String>,
    pub(crate) author: Option<String>,
    /// The world that a component targets, as the config of an artifact has it.
    pub(crate) target: Option<String>,
    /// What runs the module in the image.
    engine: Option<Engine>,
}

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
        let config = carried::plain_config(entrypoint)?;
        Ok(Self::of(wasm, kind, entrypoint.to_owned(), config))
    }

    /// Takes what was checked.
    pub(crate) fn of(wasm: Bytes, kind: Kind, path: String, config: Config) -> Self {
        Self {
            wasm,
            kind,
            path,
            config,
            files: BTreeMap::new(),
            below: vec![],
            compression: Compression::default(),
            title: None,
            annotations: BTreeMap::new(),
            platform: Platform::default(),
            modified: 0,
            created: None,
            author: None,
            target: None,
            engine: None,
        }
    }

    /// The path of the file in an image.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether a module or a component is packed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the bytes of the module or component.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.wasm
    }

    /// Packs other bytes with all the rest, a stripped module for instance.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`] and [`Error::InvalidWasm`].
    pub fn wasm(mut self, wasm: impl Into<Bytes>) -> Result<Self> {
        let wasm = wasm.into();
        if wasm != self.wasm {
            self.kind = Kind::of(&wasm)?;
            interface::validate(&wasm)?;
            self.wasm = wasm;
        }
        Ok(self)
    }

    /// Moves the program to another path of the image.
    ///
    /// # Errors
    ///
    /// [`Error::ImagePath`], as [`new`](Self::new) and [`file`](Self::file).
    pub fn entrypoint(mut self, path: &str) -> Result<Self> {
        check_path(path)?;
        path.clone_into(&mut self.path);
        let mut words = self.config.entrypoint().clone().unwrap_or_default();
        match words.first_mut() {
            Some(program) => path.clone_into(program),
            None => words.push(path.to_owned()),
        }
        self.config.set_entrypoint(Some(words));
        let files = std::mem::take(&mut self.files);
        files.into_iter().try_fold(self, |pack, (path, content)| pack.file(&path, content))
    }

    /// Leaves out the tar layers that an image has besides the program's, and names what is in them.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when one cannot be read.
    pub fn without_files(mut self) -> Result<(Self, Vec<String>)> {
        let mut lost: Vec<_> = self.files.keys().map(|path| format!("the file {path}")).collect();
        lost.extend(others(&self.below, self.path.trim_start_matches('/'))?);
        self.files.clear();
        self.below.clear();
        Ok((self, lost))
    }

    /// Adds an argument that the program gets when the user gives none (`Cmd` of the image).
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        let mut args = self.config.cmd().clone().unwrap_or_default();
        args.push(arg.into());
        self.config.set_cmd(Some(args));
        self
    }

    /// Adds an environment variable, as `NAME=VALUE`.
    #[must_use]
    pub fn env(mut self, variable: impl Into<String>) -> Self {
        let mut env = self.config.env().clone().unwrap_or_default();
        env.push(variable.into());
        self.config.set_env(Some(env));
        self
    }

    /// Adds another file to the image, in place of one of the same path. It is readable by everybody and carries the time
    /// of [`modified`](Self::modified), as the program does.
    ///
    /// All such files are one tar layer below the program's. [`Format::Compat`] and [`Format::Runwasi`] have room for it.
    ///
    /// ```
    /// use wasm_oci::{Error, Format, Pack};
    ///
    /// let pack = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.file("/etc/app.toml", "level = 3")?;
    /// assert_eq!(pack.build(Format::Compat)?.layers().len(), 2);
    /// assert!(matches!(pack.build(Format::Artifact), Err(Error::Lossy { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ImagePath`] when the path is not one, as in [`new`](Self::new); is the program's; or is below another
    /// file's, or above it.
    pub fn file(mut self, path: &str, content: impl Into<Bytes>) -> Result<Self> {
        check_path(path)?;
        let within = |path: &str, dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
        let clash = |other: &str| within(path, other) || within(other, path);
        let refuse = |why| Err(Error::ImagePath { path: path.to_owned(), why });
        if path == self.path {
            return refuse("it is the program's");
        }
        if clash(&self.path) || self.files.keys().any(|other| clash(other)) {
            return refuse("a file cannot be a directory as well");
        }
        self.files.insert(path.to_owned(), content.into());
        Ok(self)
    }

    /// Compresses the tar layers in another way than with gzip.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Adds an annotation to the manifest, in place of one of the same name.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// Takes what the program says about itself ([`Metadata::annotations`]) as annotations, where there are none of the
    /// same name.
    #[must_use]
    pub fn described(mut self, metadata: &Metadata) -> Self {
        for (name, value) in &metadata.annotations {
            self.annotations.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// Sets the file name that the layer carries (`org.opencontainers.image.title`); by default, and where the format
    /// wants one, that of the entrypoint.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets who made the image.
    #[must_use]
    pub fn author(mut self, author: impl Into<String>) -> Self {
        self.author = Some(author.into());
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
        self.modified = seconds;
        self
    }

    /// Sets when the image was made, in the form of RFC 3339 (`2026-11-23T04:05:06Z`).
    ///
    /// By default images have no such date, and an artifact, which must have one, has that of its file.
    #[must_use]
    pub fn created(mut self, time: impl Into<String>) -> Self {
        self.created = Some(time.into());
        self
    }

    /// Puts a native engine into the image, which gets the engine's platform: any container engine then runs it, and no
    /// annotation asks for WebAssembly. Only [`Format::Compat`] has room for it.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.platform = engine.platform();
        self.engine = Some(engine);
        self
    }

    /// Builds the image or artifact.
    ///
    /// What the format has no field for is put into annotations whose names begin with `dev.wasmctr.`, from where
    /// [`Artifact::convert`] takes it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the module is larger than what this crate itself would read, [`Error::ReadOnlyFormat`] for
    /// [`Format::Spin`] and [`Format::Solo`], [`Error::Lossy`] for a format without room for the other files,
    /// [`Error::MediaType`] for zstd without the feature `zstd`, [`Error::EngineFormat`] for another format than
    /// [`Format::Compat`] when there is an engine, and [`Error::ImagePath`] when the engine has a file where the module goes.
    pub fn build(&self, format: Format) -> Result<Artifact> {
        build::build(self, format)
    }
}

pub(crate) fn check_path(path: &str) -> Result<()> {
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
