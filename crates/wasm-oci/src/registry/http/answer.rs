//! An answer whose body is read in pieces: no more of it than asked for, and not slower than agreed.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_ENCODING, HeaderName, WARNING},
};
use tokio::time::{Instant, timeout_at};

use super::{Fault, host, unreachable};
use crate::{
    Error, Result,
    registry::{Event, Options, options::Timeouts},
};

/// What came back.
#[derive(Debug)]
pub(in crate::registry) struct Answer {
    response: Response,
    /// Whether the registry itself has answered, and not a host that it sent us to.
    pub(in crate::registry) own: bool,
    pub(super) options: Arc<Options>,
    pace: Option<Pace>,
}

/// How much of a registry's warnings is passed on.
const WARNINGS: usize = 4 << 10;

impl Answer {
    pub(super) fn new(response: Response, own: bool, options: Arc<Options>) -> Self {
        let answer = Self { response, own, options, pace: None };
        answer.warn();
        answer
    }

    pub(in crate::registry) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The host that it came from.
    pub(in crate::registry) fn host(&self) -> Box<str> {
        host(self.response.url())
    }

    /// A header whose value is text.
    pub(in crate::registry) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Every value of a header that is text.
    pub(in crate::registry) fn headers(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        self.response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// How long the body is said to be.
    pub(in crate::registry) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// An error about who answered.
    pub(in crate::registry) fn bad(&self, why: impl Into<Box<str>>) -> Error {
        Error::BadAnswer { host: self.host(), why: why.into() }
    }

    /// Refuses a body that is not what is stored: we ask for none, and decode none.
    pub(in crate::registry) fn check_encoding(&self) -> Result<()> {
        match self.header(&CONTENT_ENCODING) {
            Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
                Err(self.bad(format!("it encodes the content as `{encoding}`, which nobody asked for")))
            }
            _ => Ok(()),
        }
    }

    /// The next piece of the body.
    pub(in crate::registry) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        self.check_encoding()?;
        let Self { response, options, pace, .. } = self;
        let pace = pace.get_or_insert_with(|| Pace::start(&options.timeouts));
        loop {
            match timeout_at(pace.ends, response.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    pace.moved(piece.len() as u64);
                    return Ok(Some(piece));
                }
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(unreachable(&self.host(), error)),
                Err(_) if pace.next(&options.timeouts) => {}
                Err(_) => {
                    let limit = options.timeouts.window;
                    let what = "sends next to nothing";
                    return Err(Fault::soon(Error::TimedOut { host: self.host(), what, limit }));
                }
            }
        }
    }

    /// Reads a body of at most `limit` bytes.
    pub(in crate::registry) async fn document(
        &mut self,
        what: &'static str,
        limit: u64,
    ) -> Result<Bytes, Fault> {
        if let Some(size) = self.length().filter(|size| *size > limit) {
            return Err(Error::TooLarge { what, size, limit }.into());
        }
        let mut read = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            let size = read.len() as u64 + piece.len() as u64;
            if size > limit {
                return Err(Error::TooLarge { what, size, limit }.into());
            }
            read.extend_from_slice(&piece);
        }
        Ok(read.freeze())
    }

    /// Tells what the registry wants users to know
    /// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#warnings>).
    fn warn(&self) {
        if !self.own {
            return;
        }
        let mut left = WARNINGS;
        for value in self.headers(&WARNING) {
            let Some(text) = value.strip_prefix("299 - \"").and_then(|rest| rest.strip_suffix('"')) else {
                continue;
            };
            let Some(rest) = left.checked_sub(text.len()) else { return };
            left = rest;
            self.options.tell(&Event::Warning { text: text.to_owned() });
        }
    }
}

/// Whether enough moves within a time.
#[derive(Debug)]
struct Pace {
    ends: Instant,
    moved: u64,
    least: u64,
}

impl Pace {
    fn start(timeouts: &Timeouts) -> Self {
        let least = timeouts.rate.saturating_mul(timeouts.window.as_millis() as u64) / 1000;
        Self { ends: Instant::now() + timeouts.window, moved: 0, least }
    }

    fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// Whether what moved was enough; then the next stretch begins.
    fn next(&mut self, timeouts: &Timeouts) -> bool {
        let enough = self.moved >= self.least && self.moved > 0;
        self.moved = 0;
        self.ends = Instant::now() + timeouts.window.max(Duration::from_millis(1));
        enough
    }
}
