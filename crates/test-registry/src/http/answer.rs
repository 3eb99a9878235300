//! What is answered.

use bytes::Bytes;

/// An answer: status, headers, body.
///
/// `Content-Length`, `Date` and `Connection` are added when it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) framing: Framing,
    /// The body is filled with spaces up to this length.
    pub(crate) padded_to: u64,
    /// Written as it is, in place of everything else.
    pub(crate) raw: Option<Bytes>,
    /// The connection is closed behind it, although the answer does not say so.
    pub(crate) hang_up: bool,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The right `Content-Length`.
    Length,
    /// Another `Content-Length`.
    Claim(u64),
    /// `Content-Length` less so much.
    Shorter(u64),
    /// `Content-Length` and so much more.
    Longer(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The same without the last chunk.
    ChunkedUnfinished,
    /// The same, the body again and again.
    Endless,
    /// The end of the connection.
    Close,
}

impl Answer {
    /// An empty answer with this status.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            framing: Framing::Length,
            padded_to: 0,
            raw: None,
            hang_up: false,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("Content-Type", content_type)
    }

    /// With this document as its body.
    pub(crate) fn json(self, document: &serde_json::Value) -> Self {
        self.body("application/json", document.to_string())
    }

    /// The value of a header.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Takes a header away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Replaces a header, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Length of the body as it is sent.
    pub(crate) fn length(&self) -> u64 {
        (self.body.len() as u64).max(self.padded_to)
    }
}

/// The words behind a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
