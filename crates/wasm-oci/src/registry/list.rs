//! Lists that come in pages: tags and referrers.

use std::collections::HashSet;

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageIndex};
use reqwest::{
    Method, Url,
    header::{ACCEPT, LINK},
};
use serde::Deserialize;

use super::{
    http::{Answer, Ask, Fault, same_origin},
    session::{Action, Scope, Session},
};
use crate::{Artifact, Error, Reference, Result, artifact::json};

/// Largest page of tags: 1 MiB.
const PAGE: u64 = 1 << 20;
/// How many pages are read.
const PAGES: usize = 1000;
/// How many tags or referrers are read.
const ENTRIES: usize = 100_000;

/// One page, and where the next one is.
struct Page {
    bytes: Bytes,
    next: Option<Url>,
}

impl Session {
    /// The tags of a repository.
    pub(super) async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let url = self.url(&format!("{repository}/tags/list"))?;
        let mut tags = vec![];
        self.pages(url, repository, "the tags", PAGE, |page| {
            let page: Tags = json("the tags", &page)?;
            tags.extend(page.tags.unwrap_or_default());
            Ok(tags.len())
        })
        .await?;
        let mut seen = HashSet::new();
        tags.retain(|tag| crate::layout::check_tag(tag).is_ok() && seen.insert(tag.clone()));
        Ok(tags)
    }

    /// What refers to a manifest, when the registry has the API for it.
    pub(super) async fn referrers(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>> {
        let url = self.url(&format!("{repository}/referrers/{subject}"))?;
        let mut found = vec![];
        let limit = Artifact::DOCUMENT_LIMIT;
        let read = self.pages(url, repository, "the referrers", limit, |page| {
            let index: ImageIndex = json("the referrers", &page)?;
            found.extend(index.manifests().iter().cloned());
            Ok(found.len())
        });
        match read.await {
            Ok(()) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(Error::Refused { status: 404 | 405, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads page after page; `add` says how many entries there are.
    async fn pages(
        &self,
        first: Url,
        repository: &str,
        what: &'static str,
        limit: u64,
        mut add: impl FnMut(Bytes) -> Result<usize>,
    ) -> Result<()> {
        let scope = Scope::new(repository, Action::Pull);
        let (mut url, mut seen) = (first, HashSet::new());
        for _ in 0..PAGES {
            if !seen.insert(url.to_string()) {
                return Err(self.bad(format!("a page of {what} leads back to an earlier one")));
            }
            let ask =
                Ask::new(Method::GET, url.clone(), format!("list {what} of {}/{repository}", self.registry));
            let ask = ask.header(ACCEPT, "application/json, application/vnd.oci.image.index.v1+json");
            let page = self.http.retrying(|| self.page(&ask, &scope, what, limit)).await?;
            if add(page.bytes)? > ENTRIES {
                return Err(self.bad(format!("{what} are more than {ENTRIES}")));
            }
            match page.next {
                Some(next) => url = next,
                None => return Ok(()),
            }
        }
        Err(self.bad(format!("{what} have more than {PAGES} pages")))
    }

    async fn page(&self, ask: &Ask, scope: &Scope, what: &'static str, limit: u64) -> Result<Page, Fault> {
        let mut answer = self.ask(ask, scope).await?;
        if answer.status().as_u16() != 200 {
            return Err(answer.refused(&ask.what).await);
        }
        let next = self.next(&answer, &ask.url)?;
        Ok(Page { bytes: answer.document(what, limit).await?, next })
    }

    /// Where `Link` says that the next page is: at this registry, or nowhere.
    fn next(&self, answer: &Answer, from: &Url) -> Result<Option<Url>> {
        let Some(target) = answer.headers(&LINK).flat_map(links).find_map(|(url, next)| next.then_some(url))
        else {
            return Ok(None);
        };
        let url = from.join(target).map_err(|_| self.bad("the next page is at no address"))?;
        if !same_origin(&url, &self.origin) {
            return Err(self.bad(format!("the next page is elsewhere, at `{}`", super::http::host(&url))));
        }
        Ok(Some(url))
    }

    /// The index that stands in for the API of referrers
    /// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema>).
    pub(super) async fn referrers_tag(&self, repository: &str, subject: &Digest) -> Result<Vec<Descriptor>> {
        let tag = fallback_tag(subject);
        let reference = Reference::of(&self.registry, repository, Some(tag), None);
        match self.manifest(&reference).await {
            Ok(fetched) if crate::media::is_index(fetched.descriptor.media_type()) => {
                let index: ImageIndex = json("the referrers", &fetched.bytes)?;
                Ok(index.manifests().clone())
            }
            Ok(_) => Err(Error::malformed("the referrers", "what stands in for them is no index")),
            Err(Error::NotFound { .. }) => Ok(vec![]),
            Err(error) => Err(error),
        }
    }
}

/// The tag under which referrers are, where there is no API: `sha256-…`.
pub(super) fn fallback_tag(subject: &Digest) -> String {
    let digest: String = subject.digest().chars().take(64).collect();
    format!("{}-{digest}", subject.algorithm())
}

/// The targets of a `Link` header (RFC 8288), and whether each is the next page.
fn links(text: &str) -> Vec<(&str, bool)> {
    let mut found = vec![];
    let mut rest = text;
    while let Some((target, behind)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        let end = behind.find('<').unwrap_or(behind.len());
        let next = behind[..end].split(';').any(|parameter| {
            let parameter = parameter.trim().trim_end_matches(',').trim_end();
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim_end().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"') == "next"
            })
        });
        found.push((target, next));
        rest = &behind[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_headers() {
        for (text, expected) in [
            (r#"</v2/a/tags/list?last=x>; rel="next""#, vec![("/v2/a/tags/list?last=x", true)]),
            (r"</a>; rel=next", vec![("/a", true)]),
            (r#"</a>; rel="prev", </b>; title="x"; REL="next""#, vec![("/a", false), ("/b", true)]),
            (r#"</a>; rel="nextish""#, vec![("/a", false)]),
            ("</a", vec![]),
            ("", vec![]),
            (">;<", vec![]),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
    }

    #[test]
    fn the_fallback_tag_is_a_tag() {
        let sha256 = crate::sha256(b"");
        let tag = fallback_tag(&sha256);
        assert_eq!(tag, "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let sha512 = format!("sha512:{}", "a".repeat(128)).parse().unwrap();
        assert_eq!(fallback_tag(&sha512).len(), 71);
    }
}
