use std::{fmt, str::FromStr};

use oci_spec::image::Digest;

use crate::{Error, Result, layout::check_tag};

/// The name of an image in a registry: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`.
///
/// As everywhere, a name without a host is Docker Hub's, and one without a slash is in its `library`. A host is told from
/// the first part of a repository by a dot, a port, brackets (IPv6), or by being `localhost`.
///
/// ```
/// use wasm_oci::Reference;
///
/// let reference: Reference = "localhost:5000/team/app:v1".parse()?;
/// assert_eq!(reference.registry(), "localhost:5000");
/// assert_eq!(reference.repository(), "team/app");
/// assert_eq!(reference.tag(), Some("v1"));
/// assert_eq!("alpine".parse::<Reference>()?.to_string(), "docker.io/library/alpine");
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The longest repository that there may be, with its host: 255 bytes.
    const NAME_LIMIT: usize = 255;

    /// Returns the host, with its port if it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the repository, without the host.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// A reference whose parts are known to be right.
    #[cfg(feature = "registry")]
    pub(crate) fn of(registry: &str, repository: &str, tag: Option<String>, digest: Option<Digest>) -> Self {
        Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest }
    }

    /// Whether the text names a host and a tag or digest: what nobody calls a file.
    pub(crate) fn is_complete(text: &str) -> bool {
        let host = text.split_once('/').is_some_and(|(host, _)| is_host(host));
        let parsed = text.parse::<Self>();
        host && parsed.is_ok_and(|reference| reference.tag.is_some() || reference.digest.is_some())
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why| Error::Reference { text: text.to_owned(), why };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse().map_err(|_| refuse("what follows `@` is no digest"))?))
            }
            None => (text, None),
        };
        // A colon behind the last slash is the tag's, one before it the port's.
        let slash = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name[slash..].split_once(':') {
            Some((last, tag)) => (&name[..slash + last.len()], Some(tag)),
            None => (name, None),
        };
        if tag.is_some_and(|tag| check_tag(tag).is_err()) {
            return Err(refuse("what follows the last `:` is no tag"));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((host, repository)) if is_host(host) => (host, repository.to_owned()),
            Some(_) => (HUB, name.to_owned()),
            None => (HUB, format!("library/{name}")),
        };
        if !valid_host(registry) {
            return Err(refuse("the host is malformed"));
        }
        if !repository.split('/').all(is_part) {
            return Err(refuse("a repository has parts of a-z 0-9 with single . _ or - between them"));
        }
        if registry.len() + 1 + repository.len() > Self::NAME_LIMIT {
            return Err(refuse("it is too long"));
        }
        Ok(Self { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

const HUB: &str = "docker.io";

fn is_host(part: &str) -> bool {
    part == "localhost" || part.starts_with('[') || part.contains(['.', ':'])
}

fn valid_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("localhost", port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host.split('.').all(label) && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, as the distribution specification has it.
fn is_part(part: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().is_some_and(|b| word(*b)) && bytes.last().is_some_and(|b| word(*b));
    let mut separators = part.split(|c: char| c.is_ascii() && word(c as u8)).filter(|text| !text.is_empty());
    ends && separators.all(|text| matches!(text, "." | "_" | "__") || text.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let both = format!("localhost:5000/x:tag@{digest}");
        for (text, registry, repository, tag) in [
            ("alpine", "docker.io", "library/alpine", None),
            ("me/app:v1", "docker.io", "me/app", Some("v1")),
            ("localhost/x", "localhost", "x", None),
            ("localhost:5000/x:v1", "localhost:5000", "x", Some("v1")),
            ("ghcr.io/a/b__c/d-e.f", "ghcr.io", "a/b__c/d-e.f", None),
            ("[::1]/x:v1", "[::1]", "x", Some("v1")),
            ("[2001:db8::1]:5000/a/b", "[2001:db8::1]:5000", "a/b", None),
            (&both, "localhost:5000", "x", Some("tag")),
        ] {
            let reference = text.parse::<Reference>().unwrap();
            let found = (reference.registry(), reference.repository(), reference.tag());
            assert_eq!(found, (registry, repository, tag), "{text}");
            assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
        assert_eq!(both.parse::<Reference>().unwrap().digest().unwrap().to_string(), digest);
        assert_eq!(both.parse::<Reference>().unwrap().to_string(), both);
    }

    #[test]
    fn refusals() {
        let part = "a repository has parts of a-z 0-9 with single . _ or - between them";
        let long = "a/".repeat(130) + "a";
        for (text, why) in [
            ("", part),
            ("Alpine", part),
            ("a//b", part),
            ("a/../b", part),
            ("a/b/", part),
            ("a.b/c...d", part),
            ("a.b/_c", part),
            ("a:", "what follows the last `:` is no tag"),
            ("a:b:c", "what follows the last `:` is no tag"),
            ("a@sha256:1", "what follows `@` is no digest"),
            ("a@x@y", "what follows `@` is no digest"),
            ("a:99999/b", "the host is malformed"),
            ("a:/b", "the host is malformed"),
            ("-a.b/c", "the host is malformed"),
            ("[::1/c", "the host is malformed"),
            ("[::g]/c", "the host is malformed"),
            ("[::1]x/c", "the host is malformed"),
            (&long, "it is too long"),
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is no name of an image: {why}"));
        }
    }
}
