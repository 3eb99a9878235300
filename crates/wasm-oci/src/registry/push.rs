//! To a registry: from memory, from a layout, or from another registry.

use std::{collections::HashMap, io::Read, sync::Arc};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use oci_spec::image::Descriptor;
use tokio::sync::mpsc;

use super::{
    document::Document,
    download::Download,
    manifest::Fetched,
    pull::{DEPTH, Node, Source, once},
    session::Session,
    upload::{Pieces, Upload},
};
use crate::{Archive, Artifact, BlobReader, Content, Error, Layout, Reference, Result, digest};

/// Where blobs come from.
#[derive(Clone)]
pub(super) enum Origin {
    Memory(Arc<HashMap<String, Bytes>>),
    Layout(Arc<Layout>),
    Archive(Arc<Archive>),
    Registry(Source),
}

/// How much of a file is read at once.
const PIECE: usize = 256 << 10;

impl Origin {
    pub(super) fn of(content: &dyn Content) -> Self {
        let blobs = content.blobs().into_iter();
        Self::Memory(Arc::new(blobs.map(|(of, bytes)| (of.digest().to_string(), bytes.clone())).collect()))
    }

    /// The bytes of a blob, from the first one on.
    fn open(&self, descriptor: &Descriptor) -> Result<Pieces> {
        match self {
            Self::Memory(blobs) => {
                let found = blobs.get(descriptor.digest().as_ref()).cloned();
                let bytes = found.ok_or_else(|| {
                    Error::malformed("the manifest", "it leads to a blob that is not there")
                })?;
                digest::verify(descriptor, &bytes)?;
                Ok(Box::pin(stream::iter(pieces(bytes).map(Ok))))
            }
            Self::Layout(_) | Self::Archive(_) => Ok(Box::pin(file(self.file(descriptor)?))),
            Self::Registry(source) => Ok(relay(source.clone(), descriptor.clone())),
        }
    }

    /// A blob of a layout or an archive.
    fn file(&self, descriptor: &Descriptor) -> Result<BlobReader> {
        match self {
            Self::Layout(layout) => layout.blob(descriptor),
            Self::Archive(archive) => archive.blob(descriptor),
            Self::Memory(_) | Self::Registry(_) => Err(Error::malformed("the manifest", "it is in no file")),
        }
    }

    /// The repository that has the blobs, when it is of the same registry.
    fn mount(&self, to: &Session, repository: &str) -> Option<&str> {
        match self {
            Self::Registry(source)
                if source.session.origin == to.origin && source.repository != repository =>
            {
                Some(&source.repository)
            }
            _ => None,
        }
    }
}

/// A repository that is written.
pub(super) struct Target {
    pub(super) session: Arc<Session>,
    pub(super) repository: String,
}

impl Target {
    pub(super) fn new(session: Arc<Session>, reference: &Reference) -> Self {
        Self { session, repository: reference.repository().to_owned() }
    }

    /// Brings everything there: blobs, then what leads to them, and the tag last.
    pub(super) async fn push(&self, nodes: Vec<Node>, origin: &Origin, to: &Reference) -> Result<()> {
        let last = nodes.len().saturating_sub(1);
        for (index, node) in nodes.into_iter().enumerate() {
            self.blobs(&node.blobs, origin).await?;
            let Fetched { descriptor, bytes } = &node.fetched;
            let untagged;
            let name = match index == last && to.digest().is_none() {
                true => to,
                false => {
                    untagged = Reference::of(to.registry(), to.repository(), None, None);
                    &untagged
                }
            };
            self.session.put(name, descriptor, bytes).await?;
        }
        Ok(())
    }

    pub(super) async fn blobs(&self, blobs: &[Descriptor], origin: &Origin) -> Result<()> {
        let parallel = self.session.http.options.parallel.max(1);
        let uploads = once(blobs).into_iter().map(Ok);
        stream::iter(uploads)
            .try_for_each_concurrent(parallel, |descriptor| async move {
                let mount = origin.mount(&self.session, &self.repository);
                let upload =
                    Upload { session: &self.session, repository: &self.repository, descriptor, mount };
                upload.run(|| origin.open(descriptor)).await
            })
            .await
    }
}

/// The documents of what is in memory, with those that it leads to before it.
pub(super) fn of_memory(content: &dyn Content) -> Vec<Node> {
    let images = content.images().iter().map(|image| {
        let layers = image.layers().iter().map(|layer| layer.descriptor().clone());
        let blobs = std::iter::once(image.manifest().config().clone()).chain(layers).collect();
        Node { fetched: fetched(image.descriptor(), image.manifest_bytes()), blobs }
    });
    let mut nodes: Vec<_> = images.collect();
    if content.artifact().is_none() {
        let index = content.blobs().pop().map(|(descriptor, bytes)| fetched(descriptor, bytes));
        nodes.extend(index.map(|fetched| Node { fetched, blobs: vec![] }));
    }
    nodes
}

fn fetched(descriptor: &Descriptor, bytes: &Bytes) -> Fetched {
    Fetched { descriptor: descriptor.clone(), bytes: bytes.clone() }
}

/// Every document of a layout or an archive below this one, with those that it leads to before it.
pub(super) fn of_files(origin: &Origin, root: &Descriptor) -> Result<Vec<Node>> {
    let mut nodes = vec![];
    let mut seen = std::collections::HashSet::new();
    let mut stack = vec![(root.clone(), 1, false)];
    while let Some((descriptor, depth, opened)) = stack.pop() {
        let bytes = read(origin, &descriptor)?;
        let document = Document::parse(&descriptor, &bytes)?;
        let fetched = Fetched { descriptor: descriptor.clone(), bytes };
        match document {
            Document::Manifest(blobs) => nodes.push(Node { fetched, blobs }),
            Document::Index(_) if opened => nodes.push(Node { fetched, blobs: vec![] }),
            Document::Index(_) if depth > DEPTH => {
                return Err(Error::malformed("the index", format!("it is more than {DEPTH} deep")));
            }
            Document::Index(manifests) => {
                stack.push((descriptor, depth, true));
                let new = manifests.into_iter().filter(|entry| seen.insert(entry.digest().clone()));
                stack.extend(new.map(|entry| (entry, depth + 1, false)));
            }
        }
    }
    Ok(nodes)
}

/// Reads a document of a layout or an archive.
fn read(origin: &Origin, descriptor: &Descriptor) -> Result<Bytes> {
    if descriptor.size() > Artifact::DOCUMENT_LIMIT {
        let (size, limit) = (descriptor.size(), Artifact::DOCUMENT_LIMIT);
        return Err(Error::TooLarge { what: "the manifest", size, limit });
    }
    let mut bytes = vec![];
    let mut blob = origin.file(descriptor)?;
    blob.read_to_end(&mut bytes).map_err(Error::io("read", descriptor.digest().as_ref()))?;
    digest::verify(descriptor, &bytes)?;
    Ok(bytes.into())
}

/// A blob in memory, in pieces that an observer can count.
fn pieces(bytes: Bytes) -> impl Iterator<Item = Bytes> + Send {
    let count = bytes.len().div_ceil(PIECE);
    (0..count).map(move |index| bytes.slice(index * PIECE..bytes.len().min((index + 1) * PIECE)))
}

/// A file in pieces. It is read on this thread: that is quick, and there is always one piece only.
fn file(blob: impl Read + Send + 'static) -> impl futures_util::Stream<Item = Result<Bytes>> + Send {
    stream::unfold(Some(blob), |blob| async move {
        let mut blob = blob?;
        let mut piece = vec![0; PIECE];
        let mut length = 0;
        while length < PIECE {
            match blob.read(&mut piece[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) => return Some((Err(Error::io("read", "the blob")(error)), None)),
            }
        }
        piece.truncate(length);
        (length > 0).then(|| (Ok(piece.into()), Some(blob)))
    })
}

/// A blob from one registry on its way to another: read as fast as it is sent, checked before the last piece goes.
fn relay(source: Source, descriptor: Descriptor) -> Pieces {
    let (sender, receiver) = mpsc::channel(2);
    let task = tokio::spawn(async move {
        let download =
            Download { session: &source.session, repository: &source.repository, descriptor: &descriptor };
        if let Err(error) = download.relay(sender.clone()).await {
            let _ = sender.send(Err(error)).await;
        }
    });
    let guard = Abort(task);
    Box::pin(stream::unfold((receiver, guard), |(mut receiver, guard)| async move {
        let piece = receiver.recv().await?;
        Some((piece, (receiver, guard)))
    }))
}

/// Ends a download with the upload that it is for.
struct Abort(tokio::task::JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}
