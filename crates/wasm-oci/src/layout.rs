use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageIndex, ImageIndexBuilder, MediaType};
use serde::Deserialize;

use crate::{
    Artifact, Content, Error, Overwrite, Platform, Result,
    artifact::json,
    canonical_json_pretty,
    fs::{create_atomic, directory_beside, open_regular, parent, read_capped, sync_directory, write_atomic},
};

mod blob;
mod gc;
mod lock;
mod reach;
mod reader;
mod tag;
mod verify;

pub use blob::{Begun, BlobWriter};
pub use gc::Collected;
pub use reach::Missing;
pub use reader::BlobReader;
pub(crate) use tag::{check_tag, entry, find, name_annotation};
pub use verify::{Corrupt, Verified};

use tag::{REF_NAME, tag_of};

/// An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/`.
///
/// See [image-layout.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md). Opening reads the
/// index; an image's blobs are read, and checked, when it is asked for.
///
/// Any number of threads and processes may read and write one layout at once. Each value says, by a lock on the file
/// `oci-layout` that ends with the process at the latest, that the layout is in use, and [`gc`](Self::gc) waits for it.
/// The index is changed by one at a time, a blob is written by one at a time, and both are seen only when they are whole.
/// Other tools do not know these locks: what skopeo and we write into one layout at the same moment may be lost from the
/// index.
#[derive(Debug, Clone)]
pub struct Layout {
    dir: PathBuf,
    index: ImageIndex,
    _in_use: Arc<File>,
}

pub(crate) const MARKER: &str = "oci-layout";
pub(crate) const MARKER_TEXT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX: &str = "index.json";
const BLOBS: &str = "blobs";

impl Layout {
    /// Opens the layout in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read, [`Error::NotLayout`] when it is something else or of another version,
    /// [`Error::Json`] and [`Error::TooLarge`] for its documents, [`Error::Busy`] when garbage is collected for more than
    /// 30 seconds.
    pub fn open(dir: &Path) -> Result<Self> {
        let not = |why| Error::NotLayout { path: dir.to_owned(), why };
        if !fs::metadata(dir).map_err(Error::io("read", dir))?.is_dir() {
            return Err(not("it is no directory"));
        }
        let path = dir.join(MARKER);
        let (marker, _) = open_regular(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => not(NO_MARKER),
            _ => Error::io("read", &path)(error),
        })?;
        lock::shared(&marker, &path)?;
        Self::read(dir, marker)
    }

    /// Opens the layout in `dir`, and makes one without images where there is none: `dir` must be missing or empty then.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); [`Error::Io`] when it cannot be made.
    pub fn open_or_create(dir: &Path) -> Result<Self> {
        match vacancy(dir)? {
            Vacancy::None => Self::open(dir),
            Vacancy::Absent | Vacancy::Empty => Self::create(dir, |_| Ok(())),
        }
    }

    /// Reads the documents of the layout whose marker is open and locked.
    fn read(dir: &Path, marker: File) -> Result<Self> {
        let mut text = vec![];
        let limit = Artifact::DOCUMENT_LIMIT;
        (&marker).take(limit + 1).read_to_end(&mut text).map_err(Error::io("read", dir.join(MARKER)))?;
        if text.len() as u64 > limit {
            return Err(Error::TooLarge { what: MARKER, size: text.len() as u64, limit });
        }
        check_marker(dir, &text)?;
        let index = json(INDEX, &read_capped(&dir.join(INDEX), INDEX, limit)?)?;
        Ok(Self { dir: dir.to_owned(), index, _in_use: Arc::new(marker) })
    }

    /// Returns the directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the index, as it was when the layout was opened or last changed by this value.
    #[must_use]
    pub fn index(&self) -> &ImageIndex {
        &self.index
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
            let path = self.blob_path(wanted.digest());
            Ok(Bytes::from(read_capped(&path, "the blob", wanted.size()).map_err(|error| match error {
                Error::TooLarge { size, limit, .. } => {
                    Error::Size { digest: Box::new(wanted.digest().clone()), expected: limit, actual: size }
                }
                other => other,
            })?))
        })
    }

    /// Puts an image or an index under `tag` into the layout in `dir`, which is made when it is not there.
    ///
    /// A new layout is written beside its place and renamed, an existing one gets its new index last: whatever happens,
    /// what is there can be read.
    ///
    /// # Errors
    ///
    /// [`Error::Tag`] for a malformed tag, [`Error::TagExists`] when the tag is taken and `overwrite` refuses,
    /// [`Error::NotLayout`] when `dir` is a directory of something else, [`Error::Busy`], [`Error::Io`].
    pub fn write(dir: &Path, tag: &str, content: &dyn Content, overwrite: Overwrite) -> Result<()> {
        check_tag(tag)?;
        match vacancy(dir)? {
            Vacancy::None => Self::open(dir)?.put(Some(tag), content, overwrite),
            Vacancy::Absent | Vacancy::Empty => {
                Self::create(dir, |layout| layout.put(Some(tag), content, overwrite)).map(drop)
            }
        }
    }

    /// Writes the blobs of an image or an index and gives it an entry in the layout's index, under `tag` if there is one.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn put(&mut self, tag: Option<&str>, content: &dyn Content, overwrite: Overwrite) -> Result<()> {
        tag.map_or(Ok(()), check_tag)?;
        self.refuse_taken(tag, overwrite)?; // before anything is written; and again when it is
        for (descriptor, bytes) in content.blobs() {
            self.store(descriptor, bytes)?;
        }
        self.insert(tag, content.entry(None), overwrite)
    }

    /// Gives a manifest or index that is in the layout already an entry in the index, under `tag` if there is one.
    ///
    /// The entry is the descriptor with its platform and annotations. It takes the place of an entry with the same tag,
    /// or, without a tag, of one with the same digest that has none either.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no such blob; [`Error::Tag`], [`Error::TagExists`], [`Error::Busy`].
    pub fn insert(
        &mut self,
        tag: Option<&str>,
        mut descriptor: Descriptor,
        overwrite: Overwrite,
    ) -> Result<()> {
        tag.map_or(Ok(()), check_tag)?;
        let path = self.blob_path(descriptor.digest());
        open_regular(&path).map_err(Error::io("read", path))?;
        let mut annotations = descriptor.annotations().clone().unwrap_or_default();
        annotations.remove(REF_NAME);
        annotations.extend(tag.map(|tag| (REF_NAME.to_owned(), tag.to_owned())));
        descriptor.set_annotations(Some(annotations).filter(|annotations| !annotations.is_empty()));
        self.change(|layout| {
            layout.refuse_taken(tag, overwrite)?;
            let same = |there: &Descriptor| {
                tag_of(there) == tag && (tag.is_some() || there.digest() == descriptor.digest())
            };
            let others = layout.index.manifests().iter().filter(|there| !same(there)).cloned();
            let manifests = others.chain([descriptor.clone()]).collect();
            layout.index.set_manifests(manifests);
            Ok(())
        })
    }

    /// Takes a tag out of the index. Its blobs stay until garbage is collected.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTag`], [`Error::Busy`], [`Error::Io`].
    pub fn untag(&mut self, tag: &str) -> Result<()> {
        self.change(|layout| {
            find(&layout.index, Some(tag))?;
            let manifests = layout.index.manifests().iter().filter(|there| tag_of(there) != Some(tag));
            let manifests = manifests.cloned().collect();
            layout.index.set_manifests(manifests);
            Ok(())
        })
    }

    fn refuse_taken(&self, tag: Option<&str>, overwrite: Overwrite) -> Result<()> {
        match tag {
            Some(tag) if overwrite == Overwrite::Refuse && self.tags().any(|there| there == tag) => {
                Err(Error::TagExists { tag: tag.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Changes the index while nobody else does, beginning with what it is now.
    fn change(&mut self, change: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let path = self.dir.join(INDEX);
        let _locked = lock::current(&path)?;
        self.index = json(INDEX, &read_capped(&path, INDEX, Artifact::DOCUMENT_LIMIT)?)?;
        change(self)?;
        // Flushing the new index flushes most of that as well, where the file system has a journal: it is cheaper after it.
        write_atomic(&path, &canonical_json_pretty(&self.index)?, || self.sync_blobs())?;
        sync_directory(&self.dir)
    }

    /// Opens the layout in a directory that is there, or makes one in it.
    pub(crate) fn open_or_begin_in(dir: &Path) -> Result<Self> {
        match Self::open(dir) {
            Err(Error::NotLayout { why: NO_MARKER, .. }) => Self::begin_in(dir),
            opened => opened,
        }
    }

    /// Makes a layout and fills it. It gets its place when it is whole; if somebody else was faster, theirs is filled.
    fn create(dir: &Path, fill: impl Fn(&mut Self) -> Result<()>) -> Result<Self> {
        let beside = directory_beside(dir)?;
        let mut layout = Self::begin_in(beside.path())?;
        fill(&mut layout)?;
        let mut there = match fs::rename(beside.path(), dir).map_err(|error| (error.kind(), error)) {
            Ok(()) => {
                let _ = beside.keep(); // renamed: there is nothing to remove
                dir.clone_into(&mut layout.dir);
                return sync_directory(parent(dir)).map(|()| layout);
            }
            Err((ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists, _)) => Self::open(dir)?,
            // A mount point cannot be replaced.
            Err((ErrorKind::ResourceBusy, _)) => Self::open_or_begin_in(dir)?,
            Err((_, error)) => return Err(Error::io("create", dir)(error)),
        };
        fill(&mut there).map(|()| there)
    }

    /// Writes what a layout without images has. Others may do the same.
    fn begin_in(dir: &Path) -> Result<Self> {
        let index = canonical_json_pretty(&empty_index()?)?;
        let blobs = dir.join(BLOBS).join("sha256");
        fs::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
        sync_directory(parent(&blobs))?;
        // The marker last: what has one has an index.
        for (name, content) in [(INDEX, index.as_slice()), (MARKER, MARKER_TEXT.as_bytes())] {
            let path = dir.join(name);
            let made = create_atomic(&path, Overwrite::Refuse, |file| {
                file.write_all(content).map_err(Error::io("write", &path))
            });
            match made {
                Ok(()) | Err(Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Self::open(dir)
    }
}

const NO_MARKER: &str = "there is no file `oci-layout`";

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

/// Whether a layout can be made in a place.
enum Vacancy {
    /// There is nothing.
    Absent,
    /// There is an empty directory.
    Empty,
    /// There is something.
    None,
}

fn vacancy(dir: &Path) -> Result<Vacancy> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(Vacancy::Empty),
        Ok(false) => Ok(Vacancy::None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vacancy::Absent),
        Err(error) => Err(Error::io("write", dir)(error)),
    }
}

/// A digest is parsed: its parts hold nothing that leads out of `blobs/`.
pub(crate) fn blob_path(digest: &Digest) -> PathBuf {
    [BLOBS, digest.algorithm().as_ref(), digest.digest()].iter().collect()
}
