//! From a registry into a layout, or into memory.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci_spec::image::Descriptor;

use super::{
    Pick,
    document::Document,
    download::{Download, aside},
    manifest::Fetched,
    session::Session,
};
use crate::{Artifact, Error, Layout, Platform, Reference, Result, artifact, media};

/// How deep indexes may be in indexes.
pub(super) const DEPTH: usize = 4;

/// A repository that is read.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) session: Arc<Session>,
    pub(super) repository: String,
}

/// A manifest or index, and everything that it leads to, those behind before those in front.
pub(super) struct Node {
    pub(super) fetched: Fetched,
    /// Config and layers, when it is a manifest.
    pub(super) blobs: Vec<Descriptor>,
}

impl Source {
    pub(super) fn new(session: Arc<Session>, reference: &Reference) -> Self {
        Self { session, repository: reference.repository().to_owned() }
    }

    /// What is meant: the manifest or index itself, or a manifest of the index.
    pub(super) async fn picked(&self, reference: &Reference, pick: &Pick) -> Result<Fetched> {
        let fetched = self.session.manifest(reference).await?;
        let platform = match pick {
            Pick::All => return Ok(fetched),
            Pick::Wasm => None,
            Pick::Platform(platform) => Some(platform),
        };
        self.chosen(fetched, platform).await
    }

    /// Of an index, the manifest for the platform.
    async fn chosen(&self, fetched: Fetched, platform: Option<&Platform>) -> Result<Fetched> {
        if !media::is_index(fetched.descriptor.media_type()) {
            return Ok(fetched);
        }
        let descriptor = artifact::choose(&fetched.bytes, platform)?;
        let bytes = self.session.described(&self.repository, &descriptor).await?;
        Ok(Fetched { descriptor, bytes })
    }

    /// Every document below this one, each once, with those that it leads to before it.
    pub(super) async fn nodes(&self, root: Fetched) -> Result<Vec<Node>> {
        let mut nodes = vec![];
        let mut seen = HashSet::new();
        // Depth first, without recursion: what is taken the second time has been opened.
        let mut stack = vec![(root, 1, false)];
        while let Some((fetched, depth, opened)) = stack.pop() {
            match Document::parse(&fetched.descriptor, &fetched.bytes)? {
                Document::Manifest(blobs) => nodes.push(Node { fetched, blobs }),
                Document::Index(_) if opened => nodes.push(Node { fetched, blobs: vec![] }),
                Document::Index(_) if depth > DEPTH => {
                    return Err(Error::malformed("the index", format!("it is more than {DEPTH} deep")));
                }
                Document::Index(manifests) => {
                    stack.push((fetched, depth, true));
                    for descriptor in manifests {
                        if seen.insert(descriptor.digest().clone()) {
                            let bytes = self.session.described(&self.repository, &descriptor).await?;
                            stack.push((Fetched { descriptor, bytes }, depth + 1, false));
                        }
                    }
                }
            }
        }
        Ok(nodes)
    }

    /// Brings everything into the layout. A manifest waits for the disk at the same time as its blobs; nothing leads to
    /// it yet.
    pub(super) async fn pull(&self, root: Fetched, layout: &Layout) -> Result<()> {
        for node in self.nodes(root).await? {
            let blobs = once(&node.blobs);
            let parallel = self.session.http.options.parallel.max(1);
            let (to, Fetched { descriptor, bytes }) = (layout.clone(), node.fetched.clone());
            let document = aside(move || to.store(&descriptor, &bytes));
            let brought = stream::iter(blobs.into_iter().map(Ok))
                .try_for_each_concurrent(parallel, |descriptor| async move {
                    self.download(descriptor).store(layout).await
                })
                .await;
            document.await?;
            brought?;
        }
        Ok(())
    }

    async fn part(&self, descriptor: &Descriptor) -> Result<(String, Bytes)> {
        Ok((descriptor.digest().to_string(), self.download(descriptor).bytes().await?))
    }

    pub(super) fn download<'a>(&'a self, descriptor: &'a Descriptor) -> Download<'a> {
        Download { session: &self.session, repository: &self.repository, descriptor }
    }

    /// Reads an image into memory, its parts at once.
    pub(super) async fn artifact(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
    ) -> Result<Artifact> {
        let fetched = self.session.manifest(reference).await?;
        let Fetched { descriptor, bytes } = self.chosen(fetched, platform).await?;
        let Document::Manifest(blobs) = Document::parse(&descriptor, &bytes)? else {
            return Err(Error::malformed("the index", "there is an index in it where an image should be"));
        };
        let wanted = once(&blobs);
        for (index, blob) in wanted.iter().enumerate() {
            let (what, limit) = match index {
                0 => ("the config", Artifact::DOCUMENT_LIMIT),
                _ => ("the layer", Artifact::LAYER_LIMIT),
            };
            if blob.size() > limit {
                return Err(Error::TooLarge { what, size: blob.size(), limit });
            }
        }
        let parallel = self.session.http.options.parallel.max(1);
        let reads: Vec<_> = wanted.into_iter().map(|blob| self.part(blob)).collect();
        let read: Vec<(String, Bytes)> = stream::iter(reads).buffered(parallel).try_collect().await?;
        let mut parts: std::collections::HashMap<_, _> = read.into_iter().collect();
        parts.insert(descriptor.digest().to_string(), bytes);
        Artifact::read(&descriptor, |wanted| {
            let found = parts.get(wanted.digest().as_ref()).cloned();
            found.ok_or_else(|| Error::malformed("the manifest", "a part of it was not read"))
        })
    }
}

/// Each blob once, in their order.
pub(super) fn once(blobs: &[Descriptor]) -> Vec<&Descriptor> {
    let mut seen = HashSet::new();
    blobs.iter().filter(|blob| seen.insert(blob.digest().clone())).collect()
}
