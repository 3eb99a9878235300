use bytes::Bytes;
use oci_spec::image::{Config, Descriptor};
use serde_json::Value;

use crate::{
    Artifact, Error, Format, Kind, Layer, Pack, Platform, Result,
    artifact::{NAMED, others},
    carried::{self, Carried},
    cncf, interface,
    pack::{LAYERS_LABEL, VARIANT, check_path},
    time::rfc3339,
};

/// What a conversion does about that for which the target has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there are two answers to the question")]
pub enum Loss {
    /// It is an error that names it. The default.
    #[default]
    Refuse,
    /// It is left out and named in [`Conversion::lost`].
    Accept,
}

/// What [`Artifact::convert`] made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Conversion {
    /// The same program in the other format.
    pub artifact: Artifact,
    /// What was left out.
    pub lost: Vec<String>,
}

impl Artifact {
    /// Packs the same program in another format.
    ///
    /// The bytes of the module, title, annotations, entrypoint, arguments, environment and the other fields of an image's
    /// process, the dates, the author and the platform stay. What the format has no field for goes into annotations whose
    /// names begin with `dev.wasmctr.`, and comes back when the result is converted again. An image's history does not
    /// travel: it tells how layers were made that the result has not.
    ///
    /// To its own format an artifact is converted by leaving it as it is.
    ///
    /// ```
    /// use wasm_oci::{Format, Loss, Pack};
    ///
    /// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.arg("--loud").build(Format::Compat)?;
    /// let artifact = image.convert(Format::Artifact, Loss::Refuse)?.artifact;
    /// assert_eq!(artifact.wasm()?, image.wasm()?);
    /// let back = artifact.convert(Format::Compat, Loss::Refuse)?.artifact;
    /// assert_eq!(back.digest(), image.digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Lossy`] with what cannot travel (other files, other modules, static files of Spin); those of
    /// [`wasm`](Self::wasm) and of [`Pack::new`] and [`Pack::build`].
    pub fn convert(&self, format: Format, loss: Loss) -> Result<Conversion> {
        if format == self.format() {
            return Ok(Conversion { artifact: self.clone(), lost: vec![] });
        }
        if !format.is_written() {
            return Err(Error::ReadOnlyFormat { format });
        }
        let Source { mut pack, mut lost } = Source::of(self)?;
        if !format.has_files() {
            let files;
            (pack, files) = pack.without_files()?;
            lost.extend(files);
        }
        if loss == Loss::Refuse && !lost.is_empty() {
            return Err(Error::Lossy { format, lost: lost.into() });
        }
        Ok(Conversion { artifact: pack.build(format)?, lost })
    }
}

impl Pack {
    /// Takes the program of an image and what the image says about it, to be packed again with some of it changed.
    ///
    /// Returns as well what will not be in the result, as [`Conversion::lost`] has it.
    ///
    /// ```
    /// use wasm_oci::{Format, Pack};
    ///
    /// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.arg("--loud").build(Format::Compat)?;
    /// let (pack, lost) = Pack::of_image(&image)?;
    /// let other = pack.platform("linux/amd64".parse()?).build(Format::Compat)?;
    /// assert!(lost.is_empty());
    /// assert_eq!(other.config().config(), image.config().config());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Artifact::convert`] but [`Error::Lossy`].
    pub fn of_image(artifact: &Artifact) -> Result<(Self, Vec<String>)> {
        Source::of(artifact).map(|source| (source.pack, source.lost))
    }
}

/// What an artifact is made of, without its format.
struct Source {
    pack: Pack,
    lost: Vec<String>,
}

impl Source {
    fn of(artifact: &Artifact) -> Result<Self> {
        let carried = Carried::read(artifact.manifest())?;
        let Program { wasm, path, modified, layer, below, mut lost } = program(artifact)?;
        check_path(&path)?;
        let kind = Kind::of(&wasm)?;
        interface::validate(&wasm)?;
        lost.extend(odd_documents(artifact)?);
        lost.extend(layer_annotations(layer.descriptor()));
        let mut pack = Pack::of(wasm, kind, path, process(artifact)?);
        pack.modified = carried.modified.filter(|_| artifact.format() != Format::Compat).unwrap_or(modified);
        pack.compression = match artifact.format() {
            Format::Compat => layer.compression()?,
            _ => carried.compression.unwrap_or_default(),
        };
        pack.below = below;
        pack.title = title(layer.descriptor(), pack.path());
        pack.target = target(artifact)?.or_else(|| carried.target.clone());
        pack.platform = platform(artifact, &carried, kind);
        if pack.platform.to_string().parse().ok().as_ref() != Some(&pack.platform) {
            lost.push(format!("the platform `{}`", pack.platform));
            pack.platform = Platform::default();
        }
        pack.author = artifact.config().author().clone();
        pack.created = created(artifact, &carried, pack.modified);
        pack.annotations = annotations(artifact, carried);
        Ok(Self { pack, lost })
    }
}

/// The module, and what is beside it.
struct Program<'a> {
    wasm: Bytes,
    path: String,
    modified: u64,
    /// The layer that has it.
    layer: &'a Layer,
    /// The tar layers besides.
    below: Vec<Layer>,
    lost: Vec<String>,
}

fn program(artifact: &Artifact) -> Result<Program<'_>> {
    if artifact.format() != Format::Compat {
        return module(artifact);
    }
    let (path, file) = artifact.file()?;
    let layer = artifact.layers().get(file.layer).ok_or(Error::NoEntrypoint)?;
    let lost = others(std::slice::from_ref(layer), &path)?;
    let layers = artifact.layers().iter().enumerate();
    let below = layers.filter(|(index, _)| *index != file.layer).map(|(_, layer)| layer.clone()).collect();
    let (wasm, path) = (file.bytes.into(), format!("/{path}"));
    Ok(Program { wasm, path, modified: file.modified, layer, below, lost })
}

/// The program of a format that has it as it is.
fn module(artifact: &Artifact) -> Result<Program<'_>> {
    let layer = artifact.modules().next().ok_or(Error::Modules { count: 0 })?;
    let others = artifact.layers().iter().filter(|other| other.descriptor() != layer.descriptor());
    let takes = |other: &&Layer| artifact.format() == Format::Runwasi && other.compression().is_ok();
    let (below, others): (Vec<_>, Vec<_>) = others.partition(takes);
    let lost = others.into_iter().take(NAMED).map(describe).collect();
    let path = match artifact.entrypoint() {
        Some(entrypoint) => format!("/{}", artifact.resolve_path(entrypoint)),
        None => carried::path_of(carried::title(layer.descriptor())),
    };
    let below = below.into_iter().cloned().collect();
    Ok(Program { wasm: layer.blob().clone(), path, modified: 0, layer, below, lost })
}

fn describe(layer: &Layer) -> String {
    let descriptor = layer.descriptor();
    match carried::title(descriptor) {
        Some(title) => format!("the layer `{title}` ({})", descriptor.media_type()),
        None => format!("the layer {} ({})", descriptor.digest(), descriptor.media_type()),
    }
}

/// The fields of documents that no other format has.
fn odd_documents(artifact: &Artifact) -> Result<Vec<String>> {
    let mut lost = vec![];
    let config = artifact.config();
    if artifact.manifest().subject().is_some() {
        lost.push("the subject".to_owned());
    }
    if config.os_version().is_some() || config.os_features().is_some() {
        lost.push("the version and features of the operating system".to_owned());
    }
    if matches!(artifact.format(), Format::Compat | Format::Runwasi) {
        lost.extend(unknown_fields(artifact)?);
    }
    if matches!(artifact.format(), Format::Legacy | Format::Solo) {
        let document = crate::artifact::json::<Value>("the config", artifact.config_bytes())?;
        if document.as_object().is_none_or(|object| !object.is_empty()) {
            lost.push("the config document".to_owned());
        }
    }
    Ok(lost)
}

/// The fields of the image's process that the image specification does not have, as Docker's health check.
fn unknown_fields(artifact: &Artifact) -> Result<Vec<String>> {
    const KNOWN: [&str; 9] =
        ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"];
    let document = crate::artifact::json::<Value>("the config", artifact.config_bytes())?;
    let says_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let fields = document.get("config").and_then(Value::as_object).into_iter().flatten();
    let unknown = fields.filter(|(name, value)| !KNOWN.contains(&name.as_str()) && says_something(value));
    Ok(unknown.take(NAMED).map(|(name, _)| format!("the config's field {name}")).collect())
}

fn layer_annotations(layer: &Descriptor) -> Vec<String> {
    let mut names: Vec<_> = layer.annotations().iter().flat_map(|annotations| annotations.keys()).collect();
    names.retain(|name| *name != carried::TITLE);
    names.sort();
    names.into_iter().take(NAMED).map(|name| format!("the layer's annotation {name}")).collect()
}

/// The image's process; one that says nothing of it runs the program.
fn process(artifact: &Artifact) -> Result<Config> {
    let Some(config) = artifact.config().config() else {
        return carried::plain_config(&format!("/{}", artifact.program_path()?));
    };
    let mut config = config.clone();
    if artifact.entrypoint().is_none() {
        config.set_entrypoint(Some(vec![format!("/{}", artifact.program_path()?)]));
    }
    if artifact.format() == Format::Runwasi {
        let labels = config.labels().clone().map(|mut labels| {
            labels.remove(LAYERS_LABEL);
            labels
        });
        config.set_labels(labels.filter(|labels| !labels.is_empty()));
    }
    Ok(config)
}

/// The title, where it tells more than the path does.
fn title(layer: &Descriptor, path: &str) -> Option<String> {
    let title = carried::title(layer)?;
    (title != carried::file_name(path)).then(|| title.to_owned())
}

fn target(artifact: &Artifact) -> Result<Option<String>> {
    if artifact.format() != Format::Artifact {
        return Ok(None);
    }
    Ok(artifact.cncf()?.component.and_then(|component| component.target))
}

fn platform(artifact: &Artifact, carried: &Carried, kind: Kind) -> Platform {
    let named = artifact.platform();
    match (artifact.format(), &carried.platform) {
        (Format::Compat, _) | (Format::Runwasi, None) => named,
        (_, Some(platform)) => platform.clone(),
        (Format::Artifact, None) if named != cncf::platform(kind) => named,
        (_, None) => Platform::default(),
    }
}

fn created(artifact: &Artifact, carried: &Carried, modified: u64) -> Option<String> {
    let created = artifact.config().created().clone();
    match artifact.format() {
        Format::Artifact => carried.created.clone().or(created.filter(|time| *time != rfc3339(modified))),
        _ => created,
    }
}

fn annotations(artifact: &Artifact, carried: Carried) -> std::collections::BTreeMap<String, String> {
    let mut annotations = carried.rest;
    let is_default = annotations.get(VARIANT).is_some_and(|variant| variant == "compat");
    if artifact.format() == Format::Compat && is_default && !carried.variant {
        annotations.remove(VARIANT);
    }
    annotations
}
