//! Errors in the form of the specification.

use serde_json::{Value, json};

use crate::http::Answer;

/// An error answer: `{"errors":[{"code":…,"message":…,"detail":…}]}`.
pub(crate) fn refusal(status: u16, code: &str, detail: Value) -> Answer {
    let message = message(code);
    Answer::new(status).json(&json!({"errors": [{"code": code, "message": message, "detail": detail}]}))
}

pub(crate) fn blob_unknown(digest: &str) -> Answer {
    refusal(404, "BLOB_UNKNOWN", json!({"digest": digest}))
}

pub(crate) fn manifest_unknown(reference: &str) -> Answer {
    refusal(404, "MANIFEST_UNKNOWN", json!({"reference": reference}))
}

pub(crate) fn upload_unknown(session: &str) -> Answer {
    refusal(404, "BLOB_UPLOAD_UNKNOWN", json!({"session": session}))
}

pub(crate) fn name_unknown(name: &str) -> Answer {
    refusal(404, "NAME_UNKNOWN", json!({"name": name}))
}

pub(crate) fn digest_invalid(digest: &str) -> Answer {
    refusal(400, "DIGEST_INVALID", json!({"digest": digest}))
}

pub(crate) fn manifest_invalid(why: &str) -> Answer {
    refusal(400, "MANIFEST_INVALID", json!(why))
}

pub(crate) fn unsupported() -> Answer {
    refusal(405, "UNSUPPORTED", Value::Null)
}

/// What the codes say that tell a status best.
pub(crate) fn code(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHORIZED",
        403 => "DENIED",
        404 => "NAME_UNKNOWN",
        405 | 415 => "UNSUPPORTED",
        413 => "SIZE_INVALID",
        429 => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    }
}

fn message(code: &str) -> &'static str {
    match code {
        "BLOB_UNKNOWN" | "MANIFEST_BLOB_UNKNOWN" => "blob unknown to registry",
        "BLOB_UPLOAD_INVALID" => "blob upload invalid",
        "BLOB_UPLOAD_UNKNOWN" => "blob upload unknown to registry",
        "DIGEST_INVALID" => "provided digest did not match uploaded content",
        "MANIFEST_INVALID" => "manifest invalid",
        "MANIFEST_UNKNOWN" => "manifest unknown to registry",
        "NAME_INVALID" => "invalid repository name",
        "NAME_UNKNOWN" => "repository name not known to registry",
        "SIZE_INVALID" => "provided length did not match content length",
        "TAG_INVALID" => "manifest tag did not match URI",
        "UNAUTHORIZED" => "authentication required",
        "DENIED" => "requested access to the resource is denied",
        "UNSUPPORTED" => "the operation is unsupported",
        "TOOMANYREQUESTS" => "too many requests",
        _ => "unknown error",
    }
}
