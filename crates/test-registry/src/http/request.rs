//! What was asked.

use std::fmt;

use bytes::Bytes;

use super::uri::{decode, parse_query};

/// A request, as the registry got it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Path and query as they were written.
    pub target: String,
    /// The path, decoded.
    pub path: String,
    /// Names and values, in order, as they were written.
    pub headers: Vec<(String, String)>,
    /// What came as body; the log keeps the first 64 KiB.
    pub body: Bytes,
    /// How many bytes came as body.
    pub body_length: u64,
    /// Number of the connection it came on, from 1.
    pub connection: u64,
    /// Whether it came over TLS.
    pub secure: bool,
    /// What was answered; `None` while nothing was, and when the connection broke before.
    pub status: Option<u16>,
}

impl Request {
    /// The request that a head writes, without its body.
    pub(crate) fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return None;
        }
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            let named = !name.is_empty() && !name.contains(char::is_whitespace);
            named.then(|| (name.to_owned(), value.trim().to_owned()))
        };
        let path = target.split('?').next().unwrap_or_default();
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path: decode(path, false),
            headers: lines.map(header).collect::<Option<_>>()?,
            body: Bytes::new(),
            body_length: 0,
            connection: 0,
            secure: false,
            status: None,
        })
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.header("Authorization")
    }

    /// The first value of a parameter of the query, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The pairs of the query, decoded.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        self.target.split_once('?').map(|(_, query)| parse_query(query)).unwrap_or_default()
    }

    /// Every value of a list header, without parameters.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let values = values.flat_map(|(_, value)| value.split(','));
        values.map(|value| value.split(';').next().unwrap_or_default().trim().to_owned()).collect()
    }

    /// Whether the header says the word, among others.
    pub(crate) fn says(&self, name: &str, word: &str) -> bool {
        self.list(name).iter().any(|value| value.eq_ignore_ascii_case(word))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or("-".to_owned(), |status| status.to_string());
        write!(f, "{} {} -> {status}", self.method, self.target)
    }
}
