//! What a path names.

use crate::fault::Kind;

/// A path of the API, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) kind: Kind,
    /// The repository, of every kind but `Base`, `Token` and `Other`.
    pub(crate) repository: String,
    /// Digest, reference or session, of the kinds that end with one.
    pub(crate) last: String,
}

impl Route {
    /// The route of a decoded path.
    pub(crate) fn of(path: &str) -> Self {
        let alone = |kind| Self { kind, repository: String::new(), last: String::new() };
        match path {
            "/v2/" | "/v2" => return alone(Kind::Base),
            "/token" => return alone(Kind::Token),
            _ => {}
        }
        let named = path.strip_prefix("/v2/").and_then(Self::named);
        named.unwrap_or_else(|| alone(Kind::Other))
    }

    /// The route of what comes behind `/v2/`.
    fn named(path: &str) -> Option<Self> {
        let route = |kind, repository: &str, last: &str| {
            Some(Self { kind, repository: repository.to_owned(), last: last.to_owned() })
        };
        if let Some(repository) = path.strip_suffix("/blobs/uploads/").or(path.strip_suffix("/blobs/uploads"))
        {
            return route(Kind::Uploads, repository, "");
        }
        let (front, last) = path.rsplit_once('/')?;
        let (front, noun) = front.rsplit_once('/')?;
        match noun {
            "uploads" => route(Kind::Upload, front.strip_suffix("/blobs")?, last),
            "blobs" => route(Kind::Blob, front, last),
            "manifests" => route(Kind::Manifest, front, last),
            "referrers" => route(Kind::Referrers, front, last),
            "tags" if last == "list" => route(Kind::Tags, front, ""),
            _ => None,
        }
    }
}

/// Whether it is a repository's name by the specification's grammar.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 255 && name.split('/').all(is_component)
}

/// Whether it is a tag by the specification's grammar.
pub(crate) fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<u8>| byte.is_some_and(word);
    let separators = component.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    ends(component.bytes().next())
        && ends(component.bytes().last())
        && separators.into_iter().all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_from_their_end() {
        let route = |path| {
            let route = Route::of(path);
            (route.kind, route.repository, route.last)
        };
        let (none, digest) = (String::new, "sha256:00".to_owned());
        assert_eq!(route("/v2/"), (Kind::Base, none(), none()));
        assert_eq!(route("/token"), (Kind::Token, none(), none()));
        assert_eq!(route("/v2/a/b/blobs/sha256:00"), (Kind::Blob, "a/b".into(), digest.clone()));
        assert_eq!(route("/v2/a/blobs/uploads/"), (Kind::Uploads, "a".into(), none()));
        assert_eq!(route("/v2/a/blobs/uploads/7"), (Kind::Upload, "a".into(), "7".into()));
        assert_eq!(route("/v2/manifests/manifests/v1"), (Kind::Manifest, "manifests".into(), "v1".into()));
        assert_eq!(route("/v2/a/tags/list"), (Kind::Tags, "a".into(), none()));
        assert_eq!(route("/v2/a/referrers/sha256:00"), (Kind::Referrers, "a".into(), digest));
        for other in ["/", "/v1/", "/v2/a", "/v2/a/tags/x", "/v2/blobs/x"] {
            assert_eq!(route(other), (Kind::Other, none(), none()), "{other}");
        }
    }

    #[test]
    fn names_and_tags_follow_the_grammar() {
        for name in ["a", "library/hello-world", "a.b/c_d/e__f", "x---y"] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["", "A", "a/", "/a", "a//b", ".a", "a.", "a..b", "a___b", "a._b", "é", "..", &"a".repeat(256)]
        {
            assert!(!is_name(name), "{name}");
        }
        for (tag, good) in [("v1", true), ("_a.B-c", true), (".a", false), ("", false), ("a:b", false)] {
            assert_eq!(is_tag(tag), good, "{tag}");
        }
    }
}
