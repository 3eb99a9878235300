use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, MediaType};
use serde::Deserialize;

use crate::{
    Artifact, Error, Overwrite, Platform, Result,
    artifact::json,
    canonical_json_pretty,
    fs::{directory_beside, parent, read_capped, sync_directory, write_atomic},
};

/// An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/`.
///
/// See [image-layout.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md). Opening reads the
/// index; an image's blobs are read, and checked, when it is asked for.
#[derive(Debug, Clone)]
pub struct Layout {
    dir: PathBuf,
    index: ImageIndex,
}

/// Carries an image's tag in `index.json`.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
pub(crate) const MARKER: &str = "oci-layout";
pub(crate) const MARKER_TEXT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX: &str = "index.json";

impl Layout {
    /// Opens the layout in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read, [`Error::NotLayout`] when it is something else or of another version,
    /// [`Error::Json`] and [`Error::TooLarge`] for its documents.
    pub fn open(dir: &Path) -> Result<Self> {
        let not = |why| Error::NotLayout { path: dir.to_owned(), why };
        let document = |name: &'static str| read_capped(&dir.join(name), name, Artifact::DOCUMENT_LIMIT);
        if !fs::metadata(dir).map_err(Error::io("read", dir))?.is_dir() {
            return Err(not("it is no directory"));
        }
        let marker = document(MARKER).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
                not("there is no file `oci-layout`")
            }
            other => other,
        })?;
        check_marker(dir, &marker)?;
        let index = json(INDEX, &document(INDEX)?)?;
        Ok(Self { dir: dir.to_owned(), index })
    }

    /// Returns the tags, in the order of the index.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.index.manifests().iter().filter_map(tag_of)
    }

    /// Reads the image under `tag`, or the only one there is.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTag`] when there is none or not exactly one; those of [`Artifact::resolve`].
    pub fn artifact(&self, tag: Option<&str>) -> Result<Artifact> {
        self.artifact_for(tag, None)
    }

    /// Reads the image under `tag`; where that is an index of several, the one for `platform`.
    ///
    /// # Errors
    ///
    /// As [`artifact`](Self::artifact).
    pub fn artifact_for(&self, tag: Option<&str>, platform: Option<&Platform>) -> Result<Artifact> {
        let descriptor = find(&self.index, tag)?;
        Artifact::resolve(descriptor, platform, |wanted| {
            let path = self.dir.join(blob_path(wanted));
            Ok(Bytes::from(read_capped(&path, "the blob", wanted.size()).map_err(|error| match error {
                Error::TooLarge { size, limit, .. } => {
                    Error::Size { digest: Box::new(wanted.digest().clone()), expected: limit, actual: size }
                }
                other => other,
            })?))
        })
    }

    /// Puts `artifact` under `tag` into the layout in `dir`, which is made when it is not there.
    ///
    /// A new layout is written beside its place and renamed, an existing one gets its new index last: whatever happens,
    /// what is there can be read.
    ///
    /// # Errors
    ///
    /// [`Error::Tag`] for a malformed tag, [`Error::TagExists`] when the tag is taken and `overwrite` refuses,
    /// [`Error::NotLayout`] when `dir` is a directory of something else, [`Error::Io`].
    pub fn write(dir: &Path, tag: &str, artifact: &Artifact, overwrite: Overwrite) -> Result<()> {
        check_tag(tag)?;
        match fs::read_dir(dir) {
            Ok(mut entries) => match entries.next() {
                None => Self::create(dir, tag, artifact),
                Some(_) => Self::open(dir)?.add(tag, artifact, overwrite),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Self::create(dir, tag, artifact),
            Err(error) => Err(Error::io("write", dir)(error)),
        }
    }

    fn create(dir: &Path, tag: &str, artifact: &Artifact) -> Result<()> {
        let beside = directory_beside(dir)?;
        let index = empty_index()?;
        let marker = beside.path().join(MARKER);
        fs::write(&marker, MARKER_TEXT).map_err(Error::io("write", marker))?;
        Self { dir: beside.path().to_owned(), index }.add(tag, artifact, Overwrite::Refuse)?;
        fs::rename(beside.path(), dir).map_err(Error::io("create", dir))?;
        let _ = beside.keep(); // renamed: there is nothing to remove
        sync_directory(parent(dir))
    }

    fn add(mut self, tag: &str, artifact: &Artifact, overwrite: Overwrite) -> Result<()> {
        if overwrite == Overwrite::Refuse && self.tags().any(|there| there == tag) {
            return Err(Error::TagExists { tag: tag.to_owned() });
        }
        self.store(artifact.manifest().config(), artifact.config_bytes())?;
        for layer in artifact.layers() {
            self.store(layer.descriptor(), layer.blob())?;
        }
        self.store(artifact.descriptor(), artifact.manifest_bytes())?;
        let others = self.index.manifests().iter().filter(|descriptor| tag_of(descriptor) != Some(tag));
        let manifests = others.cloned().chain([entry(artifact, Some(tag))]).collect();
        self.index.set_manifests(manifests);
        write_atomic(&self.dir.join(INDEX), &canonical_json_pretty(&self.index)?)?;
        sync_directory(&self.dir)
    }

    /// Writes a blob that is not there yet, or is there and damaged.
    fn store(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
        let path = self.dir.join(blob_path(descriptor));
        if read_capped(&path, "the blob", descriptor.size()).is_ok_and(|found| found == bytes) {
            return Ok(());
        }
        fs::create_dir_all(parent(&path)).map_err(Error::io("create", parent(&path)))?;
        write_atomic(&path, bytes)
    }
}

/// Checks the document `oci-layout` of what is at `path`.
pub(crate) fn check_marker(path: &Path, bytes: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    if json::<Marker>(MARKER, bytes)?.image_layout_version == "1.0.0" {
        return Ok(());
    }
    Err(Error::NotLayout { path: path.to_owned(), why: "its version is not 1.0.0" })
}

/// An index without entries.
pub(crate) fn empty_index() -> Result<ImageIndex> {
    ImageIndexBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageIndex)
        .manifests(vec![])
        .build()
        .map_err(|source| Error::malformed(INDEX, source.to_string()))
}

/// The entry under `tag`, or the only one.
pub(crate) fn find<'a>(index: &'a ImageIndex, tag: Option<&str>) -> Result<&'a Descriptor> {
    let mut found = index.manifests().iter().filter(|descriptor| tag.is_none() || tag_of(descriptor) == tag);
    match (found.next(), found.next()) {
        (Some(descriptor), None) => Ok(descriptor),
        _ => Err(Error::NoSuchTag {
            tag: tag.map(str::to_owned),
            tags: index.manifests().iter().filter_map(tag_of).map(str::to_owned).collect(),
        }),
    }
}

fn tag_of(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations().as_ref()?.get(REF_NAME).map(String::as_str)
}

/// A digest is parsed: its parts hold nothing that leads out of `blobs/`.
pub(crate) fn blob_path(descriptor: &Descriptor) -> PathBuf {
    let digest = descriptor.digest();
    ["blobs", digest.algorithm().as_ref(), digest.digest()].iter().collect()
}

/// The artifact's entry in an index.
pub(crate) fn entry(artifact: &Artifact, tag: Option<&str>) -> Descriptor {
    let mut descriptor = artifact.descriptor().clone();
    let Platform { os, architecture, variant } = artifact.platform();
    let mut platform = oci_spec::image::Platform::default();
    platform.set_os(os.as_str().into());
    platform.set_architecture(architecture.as_str().into());
    platform.set_variant(variant);
    descriptor.set_platform(Some(platform));
    descriptor.set_annotations(tag.map(|tag| [(REF_NAME.to_owned(), tag.to_owned())].into()));
    descriptor
}

/// The form of tags in the
/// [distribution specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests).
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let valid = tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'));
    if valid { Ok(()) } else { Err(Error::Tag { tag: tag.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for good in ["v1", "_", "1.0-rc_1"] {
            assert!(check_tag(good).is_ok());
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", "ü", &"a".repeat(129)] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
    }
}
