//! What a registry says when it does not do something.

use std::time::Duration;

use reqwest::header::{DATE, RETRY_AFTER};
use serde::Deserialize;

use super::{Again, Answer, Fault};
use crate::Error;

/// The document of an error.
#[derive(Deserialize)]
struct Refusals {
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Largest document of an error that is read: 64 KiB.
const LIMIT: u64 = 64 << 10;
/// How much of a message is shown.
const SHOWN: usize = 300;

impl Answer {
    /// The error that this answer is.
    pub(in crate::registry) async fn refused(mut self, what: &str) -> Fault {
        let status = self.status().as_u16();
        let again = match status {
            408 | 429 | 500 | 502 | 503 | 504 => self.when(),
            _ => Again::Never,
        };
        // No more than a message: a body that is too long, slow or broken is left.
        let body = match self.document("the error", LIMIT).await {
            Ok(body) => body,
            Err(_) => bytes::Bytes::new(),
        };
        Fault { error: refusal(what, status, &body), again }
    }

    /// When to come again: as the registry says, but within the limit.
    fn when(&self) -> Again {
        let Some(text) = self.header(&RETRY_AFTER) else { return Again::Soon };
        let after = match text.trim() {
            digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Duration::from_secs(digits.parse().unwrap_or(u64::MAX))
            }
            // A date is compared with the registry's own clock: ours may be another.
            date => {
                match (httpdate::parse_http_date(date), self.header(&DATE).map(httpdate::parse_http_date)) {
                    (Ok(then), Some(Ok(now))) => then.duration_since(now).unwrap_or_default(),
                    _ => return Again::Soon,
                }
            }
        };
        Again::After(after.min(self.options.retry_after))
    }
}

/// The error of a status and a body.
pub(in crate::registry) fn refusal(what: &str, status: u16, body: &[u8]) -> Error {
    let message = message(body);
    match status {
        401 => Error::Unauthorized { what: what.into(), why: or(message, "it wants to know who we are") },
        404 if message.is_empty() || is_absence(&message) => {
            // `pull the manifest ghcr.io/me/app:v1`: the last word is what was looked for.
            Error::NotFound { what: what.rsplit(' ').next().unwrap_or(what).into() }
        }
        _ => Error::Refused { what: what.into(), status, message: message.into() },
    }
}

fn or(message: String, other: &str) -> Box<str> {
    if message.is_empty() { other.into() } else { message.into() }
}

fn is_absence(message: &str) -> bool {
    let code = message.split(':').next().unwrap_or_default();
    matches!(code, "MANIFEST_UNKNOWN" | "BLOB_UNKNOWN" | "NAME_UNKNOWN" | "NOT_FOUND")
}

/// `CODE: message` of the first error, or the first line of something else.
fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Refusals>(body) {
        Ok(Refusals { errors }) => match errors.into_iter().next() {
            Some(Refusal { code, message }) if message.is_empty() => code,
            Some(Refusal { code, message }) => format!("{code}: {message}"),
            None => String::new(),
        },
        Err(_) => String::from_utf8_lossy(body).lines().next().unwrap_or_default().to_owned(),
    };
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        for (body, expected) in [
            (r#"{"errors":[{"code":"DENIED","message":"no","detail":{}},{"code":"X"}]}"#, "DENIED: no"),
            (r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#, "TOOMANYREQUESTS"),
            (r#"{"errors":[]}"#, ""),
            ("<html>\n<body>", "<html>"),
            ("\u{1b}[31mred", "[31mred"),
            ("", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected);
        }
    }

    #[test]
    fn absence_is_no_refusal() {
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        let error = refusal("pull the manifest r.io/a:v1", 404, body);
        assert_eq!(error.to_string(), "`r.io/a:v1` is not there");
        let error =
            refusal("pull the manifest r.io/a:v1", 403, br#"{"errors":[{"code":"DENIED","message":"no"}]}"#);
        assert_eq!(error.to_string(), "the registry refused to pull the manifest r.io/a:v1: 403 DENIED: no");
    }
}
