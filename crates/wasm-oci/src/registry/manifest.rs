//! Manifests and indexes over HTTP.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, MediaType};
use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE, HeaderName},
};
use serde::Deserialize;

use super::{
    document::Document,
    http::{Ask, Fault},
    session::{Action, Scope, Session, named},
};
use crate::{Artifact, Error, Reference, Result, digest, media};

/// A manifest or index as it is in a registry.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) descriptor: Descriptor,
    pub(super) bytes: Bytes,
}

/// The digest of what is sent, by the registry's account.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// What a registry says that knew what to do with `subject`.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// Everything that we read.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                        application/vnd.docker.distribution.manifest.v2+json, \
                        application/vnd.docker.distribution.manifest.list.v2+json";

impl Session {
    /// The manifest or index under a tag or a digest.
    pub(super) async fn manifest(&self, reference: &Reference) -> Result<Fetched> {
        let (wanted, target) = target(reference);
        let what = format!("pull the manifest {}", named(reference, &target));
        let url = self.url(&format!("{}/manifests/{target}", reference.repository()))?;
        let ask = Ask::new(Method::GET, url, what).header(ACCEPT, ACCEPTED);
        let scope = Scope::new(reference.repository(), Action::Pull);
        let fetched = self.http.retrying(|| self.read(&ask, &scope, wanted.as_ref())).await?;
        // Two readers may not see two things in it.
        Document::parse(&fetched.descriptor, &fetched.bytes)?;
        Ok(fetched)
    }

    /// The manifest or index that a descriptor describes.
    pub(super) async fn described(&self, repository: &str, descriptor: &Descriptor) -> Result<Bytes> {
        if descriptor.size() > Artifact::DOCUMENT_LIMIT {
            let (size, limit) = (descriptor.size(), Artifact::DOCUMENT_LIMIT);
            return Err(Error::TooLarge { what: "the manifest", size, limit });
        }
        let reference = Reference::of(&self.registry, repository, None, Some(descriptor.digest().clone()));
        let fetched = self.manifest(&reference).await?;
        digest::verify(descriptor, &fetched.bytes)?;
        if fetched.descriptor.media_type() != descriptor.media_type() {
            let found = fetched.descriptor.media_type();
            let why =
                format!("its descriptor calls it `{}`, the registry `{found}`", descriptor.media_type());
            return Err(Error::malformed("the manifest", why));
        }
        Ok(fetched.bytes)
    }

    async fn read(&self, ask: &Ask, scope: &Scope, wanted: Option<&Digest>) -> Result<Fetched, Fault> {
        let mut answer = self.ask(ask, scope).await?;
        if answer.status().as_u16() != 200 {
            return Err(answer.refused(&ask.what).await);
        }
        let bytes = answer.document("the manifest", Artifact::DOCUMENT_LIMIT).await?;
        let media_type = media_type(answer.header(&CONTENT_TYPE), &bytes)?;
        let claimed = answer.header(&CONTENT_DIGEST).map(|text| {
            text.parse::<Digest>().map_err(|_| answer.bad("its `Docker-Content-Digest` is no digest"))
        });
        let claimed = claimed.transpose()?;
        let size = bytes.len() as u64;
        let described =
            |digest: &Digest| Descriptor::new(MediaType::from(media_type.as_str()), size, digest.clone());
        for expected in wanted.into_iter().chain(claimed.as_ref()) {
            digest::supported(&described(expected))?;
            digest::verify(&described(expected), &bytes)?;
        }
        let digest = wanted.cloned().unwrap_or_else(|| digest::sha256(&bytes));
        Ok(Fetched { descriptor: described(&digest), bytes })
    }

    /// Puts a manifest or index under a tag or its digest; tells whether the registry knows what it refers to.
    pub(super) async fn put(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        bytes: &Bytes,
    ) -> Result<bool> {
        let target = match reference.tag() {
            Some(tag) => tag.to_owned(),
            None => descriptor.digest().to_string(),
        };
        let what = format!("push the manifest {}", named(reference, &target));
        let url = self.url(&format!("{}/manifests/{target}", reference.repository()))?;
        let ask = Ask::new(Method::PUT, url, what).body(descriptor.media_type().as_ref(), bytes.clone());
        let scope = Scope::new(reference.repository(), Action::Push);
        self.http
            .retrying(|| async {
                let answer = self.ask(&ask, &scope).await?;
                if !answer.status().is_success() {
                    return Err(answer.refused(&ask.what).await);
                }
                match answer.header(&CONTENT_DIGEST) {
                    Some(found) if *descriptor.digest().as_ref() != *found => {
                        let why = format!("it took the manifest for {found}, which it is not");
                        Err(answer.bad(why).into())
                    }
                    _ => Ok(answer.header(&SUBJECT).is_some()),
                }
            })
            .await
    }

    /// Removes a tag, or a manifest with all its tags.
    pub(super) async fn delete(&self, reference: &Reference) -> Result<()> {
        let (_, target) = target(reference);
        let what = format!("delete {}", named(reference, &target));
        let url = self.url(&format!("{}/manifests/{target}", reference.repository()))?;
        let ask = Ask::new(Method::DELETE, url, what);
        let scope = Scope::new(reference.repository(), Action::Delete);
        let again = AtomicBool::new(false);
        self.http
            .retrying(|| async {
                // What an earlier attempt deleted without a word is gone.
                let again = again.swap(true, Ordering::Relaxed);
                let answer = self.ask(&ask, &scope).await?;
                match answer.status().as_u16() {
                    200..=299 => Ok(()),
                    404 if again => Ok(()),
                    _ => Err(answer.refused(&ask.what).await),
                }
            })
            .await
    }
}

/// The digest, if the reference has one, and what stands in the address: the digest goes before the tag.
fn target(reference: &Reference) -> (Option<Digest>, String) {
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => (Some(digest.clone()), digest.to_string()),
        (None, tag) => (None, tag.unwrap_or(LATEST).to_owned()),
    }
}

/// The tag of a reference without any.
pub(super) const LATEST: &str = "latest";

/// What the document is: what the registry says, and the document itself, which may not contradict each other.
fn media_type(header: Option<&str>, bytes: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inside {
        media_type: Option<String>,
    }
    let inside: Inside = crate::artifact::json("the manifest", bytes)?;
    let header =
        header.and_then(|text| text.split(';').next()).map(str::trim).filter(|text| !text.is_empty());
    let read = |text: &str| {
        let media_type = MediaType::from(text);
        media::is_manifest(&media_type) || media::is_index(&media_type)
    };
    match (header, inside.media_type) {
        (Some(outside), Some(inside)) if outside != inside => {
            let why = format!("it calls itself `{inside}`, the registry calls it `{outside}`");
            Err(Error::malformed("the manifest", why))
        }
        (Some(one), _) if read(one) => Ok(one.to_owned()),
        (None, Some(one)) if read(&one) => Ok(one),
        (Some(one), _) => Err(Error::MediaType { what: "the manifest", media_type: one.into() }),
        (None, Some(one)) => Err(Error::MediaType { what: "the manifest", media_type: one.into() }),
        (None, None) => Err(Error::malformed("the manifest", "nobody says of what media type it is")),
    }
}
