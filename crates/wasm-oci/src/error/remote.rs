//! What to do when a registry is the trouble.

use super::Error;

/// A peer that speaks something else than TLS.
pub(crate) const NOT_TLS: &str = "it does not speak TLS";
/// A certificate that nobody known has signed, for another name, or no longer valid.
pub(crate) const CERTIFICATE: &str = "its certificate is not trusted";
/// An upload whose place is said in a way that the client of uploads does not resolve.
pub(crate) const RELATIVE: &str =
    "the place of its upload is neither a whole address nor a path from the root";

pub(super) fn help(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Connect { why: NOT_TLS, .. } => {
            "if it is a registry without TLS, say so: `--plain-http` (`Options::plain_http`)"
        }
        Error::Connect { why: CERTIFICATE, .. } => {
            "name the authority that signed it: `--ca-file FILE` (`Options::certificates`)"
        }
        Error::BadAnswer { why, .. } if **why == *RELATIVE => {
            "have the registry, or the proxy in front of it, answer uploads with whole addresses: `http.host` of the \
             registry `distribution`, for instance"
        }
        Error::Connect { .. } => "check the name and the port of the registry, and the network",
        Error::TimedOut { .. } => "try again later, or give it more time: `Options::timeouts`",
        Error::Unauthorized { .. } => {
            "log in first: `docker login HOST` or `podman login HOST`, or name the file with the credentials: \
             `--authfile FILE`"
        }
        Error::ForeignRealm { .. } => {
            "if that host belongs to the registry, allow it: `--allow-realm HOST` (`Options::allow_realm`)"
        }
        Error::NotFound { .. } => {
            "check the name and the tag: `wasmctr tags NAME`; some registries say the same to those who may not see it"
        }
        Error::Credentials { .. } => "log in again: `docker login HOST` or `podman login HOST`",
        Error::Refused { what, status, message } => return refused(what, *status, message),
        _ => return None,
    })
}

/// The codes of the
/// [distribution specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes),
/// and what registries mean by them.
fn refused(what: &str, status: u16, message: &str) -> Option<&'static str> {
    let code = message.split(':').next().unwrap_or_default();
    Some(match (code, status) {
        (_, 429) => "too many requests: wait a while, or log in, which often raises the limit",
        (_, 413) => "it is too large for the registry, or for a proxy in front of it",
        ("MANIFEST_INVALID" | "UNSUPPORTED" | "MANIFEST_UNKNOWN", _) | (_, 415)
            if what.starts_with("push the manifest") =>
        {
            "some registries refuse artifacts: push an image, `--format compat`"
        }
        ("UNSUPPORTED", _) | (_, 405) if what.starts_with("delete") => {
            "deletion is switched off in this registry, or works by digest only: `NAME@sha256:…`"
        }
        ("NAME_UNKNOWN", _) => "create the repository first: this registry does not do it by itself",
        ("NAME_INVALID", _) => "the registry does not allow this name for a repository",
        ("DENIED", _) | (_, 403) => "the user may not do this: ask for the right, or log in as somebody else",
        (_, 500..) => "the registry has trouble of its own: try again later",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_becomes_advice() {
        let refused = |what: &str, status, message: &str| {
            Error::Refused { what: what.into(), status, message: message.into() }.help()
        };
        let artifact = refused("push the manifest a/b:v1", 400, "MANIFEST_INVALID: manifest invalid");
        assert_eq!(artifact, Some("some registries refuse artifacts: push an image, `--format compat`"));
        assert!(refused("delete a/b:v1", 405, "UNSUPPORTED: no").is_some_and(|text| text.contains("digest")));
        assert!(refused("pull a/b:v1", 429, "").is_some_and(|text| text.contains("wait")));
        assert!(refused("pull a/b:v1", 403, "").is_some_and(|text| text.contains("right")));
        assert!(refused("pull a/b:v1", 503, "").is_some_and(|text| text.contains("later")));
        assert_eq!(refused("pull a/b:v1", 418, ""), None);
    }
}
