//! What refers to an image: SBOMs, signatures.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, MediaType};
use serde::Deserialize;
use serde_json::json;

use super::{
    document::Document,
    list::fallback_tag,
    manifest::Fetched,
    pull::Source,
    push::{Origin, Target},
    session::Session,
};
use crate::{Error, Reference, Result, artifact, canonical_json, layout, sha256};

/// Something to attach to an image: an SBOM, a signature, a document.
///
/// ```
/// use wasm_oci::registry::Attachment;
///
/// let sbom = Attachment::new("application/vnd.cyclonedx+json")
///     .file("application/vnd.cyclonedx+json", "sbom.json", br#"{"bomFormat":"CycloneDX"}"#.as_slice())
///     .annotation("org.opencontainers.image.description", "what is in it");
/// ```
#[derive(Clone, Debug)]
pub struct Attachment {
    artifact_type: String,
    files: Vec<(Descriptor, Bytes)>,
    annotations: BTreeMap<String, String>,
}

/// The name of a layer's file.
const TITLE: &str = "org.opencontainers.image.title";
/// The config of what needs none.
const EMPTY: &[u8] = b"{}";
/// How often the index of referrers is written anew, when somebody else writes it at the same time.
const TURNS: usize = 5;

impl Attachment {
    /// An attachment of this type, without files.
    #[must_use]
    pub fn new(artifact_type: impl Into<String>) -> Self {
        Self { artifact_type: artifact_type.into(), files: vec![], annotations: BTreeMap::new() }
    }

    /// Adds a file, with its media type and its name.
    #[must_use]
    pub fn file(mut self, media_type: &str, name: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let mut layer = Descriptor::new(MediaType::from(media_type), bytes.len() as u64, sha256(&bytes));
        layer.set_annotations(Some([(TITLE.to_owned(), name.to_owned())].into()));
        self.files.push((layer, bytes));
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// The manifest, which says what it belongs to.
    fn manifest(&self, subject: &Descriptor) -> Result<Fetched> {
        let empty = Descriptor::new(MediaType::EmptyJSON, EMPTY.len() as u64, sha256(EMPTY));
        let mut layers: Vec<_> = self.files.iter().map(|(layer, _)| layer.clone()).collect();
        if layers.is_empty() {
            layers.push(empty.clone());
        }
        let subject = Descriptor::new(subject.media_type().clone(), subject.size(), subject.digest().clone());
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest,
            "artifactType": self.artifact_type,
            "config": empty,
            "layers": layers,
            "subject": subject,
        });
        if !self.annotations.is_empty() {
            document["annotations"] = json!(self.annotations);
        }
        let bytes = Bytes::from(canonical_json(&document)?);
        let descriptor = Descriptor::new(MediaType::ImageManifest, bytes.len() as u64, sha256(&bytes));
        Ok(Fetched { descriptor, bytes })
    }

    /// How it stands in an index of referrers.
    fn entry(&self, manifest: &Descriptor) -> Descriptor {
        let mut entry = manifest.clone();
        entry.set_artifact_type(Some(MediaType::from(self.artifact_type.as_str())));
        let annotations: HashMap<_, _> = self.annotations.clone().into_iter().collect();
        entry.set_annotations(Some(annotations).filter(|annotations| !annotations.is_empty()));
        entry
    }
}

/// Attaches it to what the reference names.
pub(super) async fn attach(
    session: Arc<Session>,
    to: &Reference,
    attachment: &Attachment,
) -> Result<Descriptor> {
    let subject = session.manifest(to).await?.descriptor;
    let manifest = attachment.manifest(&subject)?;
    let target = Target::new(Arc::clone(&session), to);
    let config = (sha256(EMPTY).to_string(), Bytes::from_static(EMPTY));
    let files = attachment.files.iter().map(|(layer, bytes)| (layer.digest().to_string(), bytes.clone()));
    let origin = Origin::Memory(Arc::new(files.chain([config]).collect()));
    let (Document::Manifest(blobs) | Document::Index(blobs)) =
        Document::parse(&manifest.descriptor, &manifest.bytes)?;
    target.blobs(&blobs, &origin).await?;
    let untagged = Reference::of(to.registry(), to.repository(), None, None);
    let known = session.put(&untagged, &manifest.descriptor, &manifest.bytes).await?;
    note(&session, known, to, &subject, &attachment.entry(&manifest.descriptor)).await?;
    Ok(manifest.descriptor)
}

/// Writes the attachment into the index that stands in for the API; others may do so at the same time.
async fn list(session: &Session, to: &Reference, subject: &Descriptor, entry: &Descriptor) -> Result<()> {
    let tag = fallback_tag(subject.digest());
    layout::check_tag(&tag)?;
    let reference = Reference::of(to.registry(), to.repository(), Some(tag), None);
    for _ in 0..TURNS {
        let mut entries = session.referrers_tag(to.repository(), subject.digest()).await?;
        if entries.iter().any(|there| there.digest() == entry.digest()) {
            return Ok(());
        }
        entries.push(entry.clone());
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::ImageIndex, "manifests": entries});
        let bytes = Bytes::from(canonical_json(&index)?);
        let descriptor = Descriptor::new(MediaType::ImageIndex, bytes.len() as u64, sha256(&bytes));
        session.put(&reference, &descriptor, &bytes).await?;
    }
    Err(session.bad("its list of referrers changes while it is written"))
}

/// How many attachments are copied with an image.
const COPIED: usize = 1000;
/// How deep attachments of attachments are copied.
const DEEP: usize = 8;

/// Copies what is attached to these, and to that, of any depth up to the limit; returns what it is, in this order.
pub(super) async fn copy(
    source: &Source,
    target: &Target,
    subjects: Vec<Descriptor>,
) -> Result<Vec<Descriptor>> {
    let wrong = |why: &str| Error::malformed("the referrers", why);
    let mut seen: HashSet<_> = subjects.iter().map(|subject| subject.digest().clone()).collect();
    let mut open: VecDeque<_> = subjects.into_iter().map(|subject| (subject, 0)).collect();
    let mut copied = vec![];
    while let Some((subject, depth)) = open.pop_front() {
        for entry in of(&source.session, &source.repository, subject.digest(), None).await? {
            if !seen.insert(entry.digest().clone()) {
                continue;
            }
            if depth == DEEP {
                return Err(wrong("they are attached to one another more than 8 deep"));
            }
            if copied.len() == COPIED {
                return Err(wrong("there are more than 1000"));
            }
            let one = attached(source, entry, &subject).await?;
            bring(source, target, &one, &subject).await?;
            open.push_back((one.descriptor.clone(), depth + 1));
            copied.push(one.descriptor);
        }
    }
    Ok(copied)
}

/// Reads what a list of referrers names, which must say the same of itself.
async fn attached(source: &Source, mut entry: Descriptor, subject: &Descriptor) -> Result<Fetched> {
    let bytes = source.session.described(&source.repository, &entry).await?;
    let inside: Subject = artifact::json("the manifest", &bytes)?;
    if inside.subject.is_none_or(|inside| inside.digest() != subject.digest()) {
        let why = format!("they name {}, which belongs to something else", entry.digest());
        return Err(Error::malformed("the referrers", why));
    }
    // The list says of its type what its manifest says, or should.
    let artifact_type = inside.artifact_type.or(inside.config.map(|config| config.media_type));
    entry.set_artifact_type(artifact_type.map(|text| MediaType::from(text.as_str())));
    entry.set_annotations(inside.annotations.filter(|annotations| !annotations.is_empty()));
    Ok(Fetched { descriptor: entry, bytes })
}

/// What a manifest says of whom it belongs to, and what a list of referrers repeats of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    config: Option<Config>,
    annotations: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: String,
}

/// Brings one attachment over, with all that it leads to, and has it found there.
async fn bring(source: &Source, target: &Target, one: &Fetched, subject: &Descriptor) -> Result<()> {
    let (registry, repository) = (&target.session.registry, &target.repository);
    let origin = Origin::Registry(source.clone());
    let untagged = Reference::of(registry, repository, None, None);
    let mut known = false;
    for node in source.nodes(one.clone()).await? {
        target.blobs(&node.blobs, &origin).await?;
        known = target.session.put(&untagged, &node.fetched.descriptor, &node.fetched.bytes).await?;
    }
    note(&target.session, known, &untagged, subject, &one.descriptor).await
}

/// Has an attachment found that is there: a registry of the specification 1.1 keeps the list itself, and says so.
async fn note(
    session: &Session,
    known: bool,
    to: &Reference,
    subject: &Descriptor,
    entry: &Descriptor,
) -> Result<()> {
    if known || session.referrers(to.repository(), subject.digest()).await?.is_some() {
        return Ok(());
    }
    list(session, to, subject, entry).await
}

/// What refers to what the reference names, of this type, or of every type.
pub(super) async fn discover(
    session: &Session,
    reference: &Reference,
    artifact_type: Option<&str>,
) -> Result<Vec<Descriptor>> {
    let subject = match reference.digest() {
        Some(digest) => digest.clone(),
        None => session.manifest(reference).await?.descriptor.digest().clone(),
    };
    of(session, reference.repository(), &subject, artifact_type).await
}

/// What refers to this digest, of this type, or of every type.
async fn of(
    session: &Session,
    repository: &str,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Result<Vec<Descriptor>> {
    let found = match session.referrers(repository, subject).await? {
        Some(found) => found,
        None => session.referrers_tag(repository, subject).await?,
    };
    let mut seen = HashSet::new();
    let wanted = found.into_iter().filter(|entry| {
        let of_type =
            |wanted: &str| entry.artifact_type().as_ref().is_some_and(|found| found.as_ref() == wanted);
        artifact_type.is_none_or(of_type) && seen.insert(entry.digest().clone())
    });
    Ok(wanted.collect())
}
