//! What the index of a layout leads to.

use std::collections::HashSet;

use oci_spec::image::{Descriptor, Digest, ImageIndex, MediaType};
use serde::Deserialize;

use super::{Layout, blob::hash_file, tag_of};
use crate::{Artifact, Error, Result, artifact::json, fs::read_capped, media};

/// A blob that an index leads to and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The tag that leads to it, if it has one.
    pub tag: Option<String>,
    /// The blob.
    pub digest: Digest,
}

/// What was found on the way.
#[derive(Default)]
pub(super) struct Reach {
    pub(super) blobs: HashSet<String>,
    pub(super) missing: Vec<Missing>,
    /// The first document that is missing, damaged or malformed: what it leads to is not known.
    pub(super) unread: Option<Error>,
}

/// Every descriptor that a manifest or an index may have, of whatever version and kind.
#[derive(Deserialize)]
struct Links {
    config: Option<Link>,
    #[serde(default)]
    layers: Vec<Link>,
    #[serde(default)]
    manifests: Vec<Link>,
    #[serde(default)]
    blobs: Vec<Link>,
    subject: Option<Link>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    #[serde(default)]
    media_type: String,
    digest: Digest,
}

/// A blob that is to be looked at.
struct Step {
    tag: Option<String>,
    media_type: MediaType,
    digest: Digest,
    /// Whether there may be links in it.
    is_document: bool,
    /// Whether a layout without it is whole.
    may_be_absent: bool,
}

impl Reach {
    /// Follows every entry of the index.
    pub(super) fn of(layout: &Layout, index: &ImageIndex) -> Self {
        let mut reach = Self::default();
        let mut steps: Vec<_> = index.manifests().iter().map(Step::entry).collect();
        while let Some(step) = steps.pop() {
            if reach.blobs.insert(step.digest.to_string()) {
                reach.look(layout, &step, &mut steps);
            }
        }
        reach
    }

    fn look(&mut self, layout: &Layout, step: &Step, steps: &mut Vec<Step>) {
        let path = layout.blob_path(&step.digest);
        if !path.is_file() {
            if step.may_be_absent && !layout.has_quarantined(&step.digest) {
                return;
            }
            self.missing.push(Missing { tag: step.tag.clone(), digest: step.digest.clone() });
            if step.is_known() {
                let missing = Error::io("read", path)(std::io::ErrorKind::NotFound.into());
                self.unread.get_or_insert(missing);
            }
            return;
        }
        if !step.is_document {
            return;
        }
        match links(layout, &step.digest) {
            Ok(links) => steps.extend(links.steps(step.tag.as_deref())),
            Err(error) if step.is_known() => drop(self.unread.get_or_insert(error)),
            // Something that is listed beside images and is none.
            Err(_) => {}
        }
    }
}

impl Step {
    fn entry(descriptor: &Descriptor) -> Self {
        Self {
            tag: tag_of(descriptor).map(str::to_owned),
            media_type: descriptor.media_type().clone(),
            digest: descriptor.digest().clone(),
            is_document: true,
            may_be_absent: false,
        }
    }

    /// Whether it must be a document with links.
    fn is_known(&self) -> bool {
        media::is_manifest(&self.media_type) || media::is_index(&self.media_type)
    }
}

impl Links {
    fn steps(self, tag: Option<&str>) -> impl Iterator<Item = Step> {
        let step = move |link: Link, is_document, may_be_absent| Step {
            tag: tag.map(str::to_owned),
            media_type: MediaType::from(link.media_type.as_str()),
            digest: link.digest,
            is_document,
            may_be_absent,
        };
        let plain = self.config.into_iter().chain(self.layers).chain(self.blobs);
        let plain = plain.map(move |link| step(link, false, false));
        // An index may be kept with one of its images only, and a signature without what it signs.
        let documents = self.manifests.into_iter().map(move |link| step(link, true, true));
        let subject = self.subject.into_iter().map(move |link| step(link, true, true));
        plain.chain(documents).chain(subject)
    }
}

fn links(layout: &Layout, digest: &Digest) -> Result<Links> {
    let path = layout.blob_path(digest);
    let bytes = read_capped(&path, "the manifest", Artifact::DOCUMENT_LIMIT)?;
    let (_, actual) = hash_file(&path, digest)?;
    if actual != *digest {
        return Err(Error::Digest { expected: Box::new(digest.clone()), actual: Box::new(actual) });
    }
    json("the manifest", &bytes)
}
