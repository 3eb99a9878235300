use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageIndex};
use serde::Serialize;

use crate::{
    Artifact, BlobReader, Content, Error, Format, Layer, Overwrite, Platform, Reference, Result,
    artifact::{json, normal},
    canonical_json_pretty, digest,
    fs::{create_atomic, regular},
    layout::{self, INDEX, MARKER, MARKER_TEXT, blob_path, check_marker, check_tag},
};

/// An OCI image layout in one tar file: skopeo's and podman's `oci-archive:`.
///
/// Opening notes where each blob is; nothing is unpacked, and blobs are read, and checked, when an image is asked for.
/// Compressed archives are not read.
#[derive(Debug, Clone)]
pub struct Archive {
    path: PathBuf,
    index: ImageIndex,
    members: HashMap<String, Member>,
}

/// Where a file's content is in the archive.
#[derive(Debug, Clone, Copy)]
struct Member {
    offset: u64,
    size: u64,
}

impl Archive {
    /// How many entries an archive may have: 10,000.
    pub const ENTRIES: usize = 10_000;

    /// Opens the archive in `file`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read; [`Error::NotLayout`] when it is an archive of something else;
    /// [`Error::Malformed`] when it is no tar or has a file twice; [`Error::Json`] and [`Error::TooLarge`] for its
    /// documents.
    pub fn open(file: &Path) -> Result<Self> {
        fs::metadata(file).and_then(regular).map_err(Error::io("read", file))?;
        let tar = File::open(file).map_err(Error::io("read", file))?;
        let members = members(BufReader::new(tar)).map_err(|source| match source.kind() {
            io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Error::malformed("the archive", source.to_string())
            }
            _ => Error::io("read", file)(source),
        })?;
        let mut archive = Self { path: file.to_owned(), index: layout::empty_index()?, members };
        let document = |name: &'static str, why| {
            archive
                .read(name, name, Artifact::DOCUMENT_LIMIT)?
                .ok_or(Error::NotLayout { path: file.into(), why })
        };
        check_marker(file, &document(MARKER, "there is no file `oci-layout`")?)?;
        archive.index = json(INDEX, &document(INDEX, "there is no file `index.json`")?)?;
        Ok(archive)
    }

    /// Reads the image under `tag`, or the only one; where that is an index of several, the one for `platform`.
    ///
    /// # Errors
    ///
    /// As [`Layout::artifact_for`](crate::Layout::artifact_for).
    pub fn artifact_for(&self, tag: Option<&str>, platform: Option<&Platform>) -> Result<Artifact> {
        Artifact::resolve(layout::find(&self.index, tag)?, platform, |wanted| self.bytes(wanted))
    }

    /// Writes an archive with one image or index, under `tag` if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Tag`] for a malformed tag, [`Error::AlreadyExists`] when the file is there and `overwrite` refuses,
    /// [`Error::Io`].
    pub fn write(file: &Path, tag: Option<&str>, content: &dyn Content, overwrite: Overwrite) -> Result<()> {
        tag.map_or(Ok(()), check_tag)?;
        let mut index = layout::empty_index()?;
        index.set_manifests(vec![content.entry(tag)]);
        let index = canonical_json_pretty(&index)?;
        let blobs = content.blobs().into_iter();
        let mut blobs: Vec<_> =
            blobs.map(|(descriptor, bytes)| (blob_path(descriptor.digest()), bytes)).collect();
        blobs.sort_by(|(one, _), (other, _)| one.cmp(other));
        blobs.dedup_by(|(one, _), (other, _)| one == other);
        create_atomic(file, overwrite, |to| {
            let mut tar = tar::Builder::new(to);
            let write = || {
                for (path, bytes) in blobs {
                    append(&mut tar, &path, bytes.len() as u64, bytes.as_ref())?;
                }
                append(&mut tar, Path::new(INDEX), index.len() as u64, index.as_slice())?;
                append(&mut tar, Path::new(MARKER), MARKER_TEXT.len() as u64, MARKER_TEXT.as_bytes())?;
                tar.finish()
            };
            write().map_err(Error::io("write", file))
        })
    }

    /// Writes an archive that `docker load` reads, skopeo's `docker-archive:`; `name` is what Docker calls the image.
    ///
    /// Its layers are not compressed, as with `docker save`.
    ///
    /// # Errors
    ///
    /// [`Error::NotForDocker`] when the layers are no tars; [`Error::Digest`] when a layer is not the one of the config's
    /// `diff_ids`; [`Error::AlreadyExists`] and [`Error::Io`].
    pub fn write_docker(
        file: &Path,
        name: Option<&Reference>,
        artifact: &Artifact,
        overwrite: Overwrite,
    ) -> Result<()> {
        if artifact.format() != Format::Compat {
            return Err(Error::NotForDocker { format: artifact.format() });
        }
        let config = format!("{}.json", artifact.manifest().config().digest().digest());
        let layers = tars(artifact)?;
        let paths = layers.iter().map(|tar| tar.path.clone()).collect();
        let document = [Saved {
            config: config.clone(),
            repo_tags: name.map(tagged).into_iter().collect(),
            layers: paths,
        }];
        let document = canonical_json_pretty(&document)?;
        create_atomic(file, overwrite, |to| {
            let mut tar = tar::Builder::new(to);
            let mut written = HashSet::new();
            for layer in layers.iter().filter(|layer| written.insert(layer.path.clone())) {
                append(&mut tar, Path::new(&layer.path), layer.size, layer.layer.open()?)
                    .map_err(Error::io("write", file))?;
            }
            let bytes = artifact.config_bytes();
            append(&mut tar, Path::new(&config), bytes.len() as u64, bytes.as_ref())
                .and_then(|()| {
                    append(&mut tar, Path::new("manifest.json"), document.len() as u64, document.as_slice())
                })
                .and_then(|()| tar.finish())
                .map_err(Error::io("write", file))
        })
    }

    /// Opens a blob to be read piece by piece.
    ///
    /// # Errors
    ///
    /// As [`Layout::blob`](crate::Layout::blob).
    pub fn blob(&self, descriptor: &Descriptor) -> Result<BlobReader> {
        let name = blob_path(descriptor.digest());
        let open = || -> io::Result<(File, u64)> {
            let member = self.members.get(&*name.to_string_lossy()).ok_or(io::ErrorKind::NotFound)?;
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(member.offset))?;
            Ok((file, member.size))
        };
        let (file, size) = open().map_err(Error::io("read", self.path.join(&name)))?;
        BlobReader::new(file, size, descriptor)
    }

    /// The index in it.
    #[cfg(feature = "registry")]
    pub(crate) fn index(&self) -> &ImageIndex {
        &self.index
    }

    fn bytes(&self, wanted: &Descriptor) -> Result<Bytes> {
        let path = blob_path(wanted.digest());
        let found =
            self.read(&path.to_string_lossy(), "the blob", wanted.size()).map_err(|error| match error {
                Error::TooLarge { size, limit, .. } => {
                    Error::Size { digest: Box::new(wanted.digest().clone()), expected: limit, actual: size }
                }
                other => other,
            })?;
        let missing = || Error::io("read", self.path.join(path))(io::ErrorKind::NotFound.into());
        found.map(Bytes::from).ok_or_else(missing)
    }

    /// Reads a member of at most `limit` bytes, if it is there.
    fn read(&self, name: &str, what: &'static str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(Member { offset, size }) = self.members.get(name).copied() else { return Ok(None) };
        if size > limit {
            return Err(Error::TooLarge { what, size, limit });
        }
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = vec![];
            file.take(size).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map(Some).map_err(Error::io("read", &self.path))
    }
}

/// What `docker save` writes as `manifest.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

fn tagged(name: &Reference) -> String {
    format!("{}/{}:{}", name.registry(), name.repository(), name.tag().unwrap_or("latest"))
}

/// A layer as Docker wants it: not compressed, and named by its digest.
struct Tar<'a> {
    layer: &'a Layer,
    path: String,
    size: u64,
}

/// Reads every layer once: its size must be known before it is written, and its digest be that of the config.
fn tars(artifact: &Artifact) -> Result<Vec<Tar<'_>>> {
    let pairs = artifact.layers().iter().zip(artifact.config().rootfs().diff_ids());
    let tars = pairs.map(|(layer, diff_id)| {
        let mut hash = digest::Hash::sha256();
        let size = io::copy(&mut layer.open()?, &mut hash)
            .map_err(|source| Error::malformed("the layer", source.to_string()))?;
        let actual = hash.finish();
        if actual.as_ref() != diff_id {
            let expected = diff_id.parse::<Digest>();
            let expected = expected.map_err(|source| Error::malformed("the config", source.to_string()))?;
            return Err(Error::Digest { expected: Box::new(expected), actual: Box::new(actual) });
        }
        Ok(Tar { layer, path: format!("{}.tar", actual.digest()), size })
    });
    tars.collect()
}

/// Notes where the files of a layout are.
fn members(tar: impl Read + Seek) -> io::Result<HashMap<String, Member>> {
    let mut members = HashMap::new();
    let mut archive = tar::Archive::new(tar);
    // Raw: extended headers, which may be of any size, are passed over. No name of a layout needs one.
    for (count, entry) in archive.entries_with_seek()?.raw(true).enumerate() {
        let entry = entry?;
        if count >= Archive::ENTRIES {
            return Err(io::Error::other(format!("it has more than {} entries", Archive::ENTRIES)));
        }
        let name = normal(&String::from_utf8_lossy(&entry.path_bytes()));
        let wanted = name == MARKER || name == INDEX || name.starts_with("blobs/");
        if !wanted || entry.header().entry_type() != tar::EntryType::Regular {
            continue;
        }
        let member = Member { offset: entry.raw_file_position(), size: entry.size() };
        if members.insert(name.clone(), member).is_some() {
            return Err(io::Error::other(format!("it has `{name}` twice")));
        }
    }
    Ok(members)
}

/// One file, owned by root, of 1970: nothing of this machine.
fn append(tar: &mut tar::Builder<impl Write>, path: &Path, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    tar.append_data(&mut header, path, content)
}
