//! What the registry holds, in memory.

mod manifest;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::digest::Digest;

pub(crate) use self::manifest::Manifest;

/// Everything, at most so many bytes.
pub(crate) const CAPACITY: u64 = 2 << 30;

/// Uploads open at a time.
const SESSIONS: usize = 4096;

/// Repositories and open uploads.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) uploads: HashMap<String, Upload>,
    sessions: u64,
}

/// One repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) blobs: BTreeMap<Digest, Bytes>,
    pub(crate) manifests: BTreeMap<Digest, Manifest>,
    pub(crate) tags: BTreeMap<String, Digest>,
}

/// An upload that was begun.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) repository: String,
    pub(crate) bytes: Vec<u8>,
    /// A chunk was smaller than the registry wants: it must have been the last.
    pub(crate) closed: bool,
}

impl Store {
    /// The repository, made when it is new.
    pub(crate) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    /// A new upload, unless there are too many.
    pub(crate) fn open(&mut self, repository: &str) -> Option<String> {
        if self.uploads.len() >= SESSIONS {
            return None;
        }
        self.sessions += 1;
        let session = format!("session-{}", self.sessions);
        let upload = Upload { repository: repository.to_owned(), bytes: Vec::new(), closed: false };
        self.uploads.insert(session.clone(), upload);
        Some(session)
    }

    /// The upload, when it is of this repository.
    pub(crate) fn upload(&mut self, repository: &str, session: &str) -> Option<&mut Upload> {
        self.uploads.get_mut(session).filter(|upload| upload.repository == repository)
    }

    /// Whether so many more bytes have room.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        let blobs =
            self.repositories.values().flat_map(|repository| repository.blobs.values().map(Bytes::len));
        let manifests = self.repositories.values().flat_map(|repository| repository.manifests.values());
        let uploads = self.uploads.values().map(|upload| upload.bytes.len());
        let held: usize = blobs.chain(manifests.map(|manifest| manifest.bytes.len())).chain(uploads).sum();
        (held + more) as u64 <= CAPACITY
    }
}

impl Repository {
    /// The digest behind a tag or a digest, when its manifest is there.
    pub(crate) fn resolve(&self, reference: &str) -> Option<Digest> {
        let digest = self.tags.get(reference).cloned().or_else(|| Digest::parse(reference))?;
        self.manifests.contains_key(&digest).then_some(digest)
    }
}
