//! Reading requests, within limits.

use std::io::{self, Read, Write};

use super::Request;

/// Longest head of a request.
const HEAD: usize = 64 << 10;

/// Bytes asked for at a time.
const PIECE: usize = 64 << 10;

/// Longest line between chunks.
const LINE: usize = 1 << 10;

/// What comes in on a connection.
#[derive(Debug)]
pub(crate) struct Incoming<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

/// Why a request could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The connection ended.
    Gone,
    /// It is no HTTP/1.1, or too long: the answer's status.
    Bad(u16),
}

/// A body.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    /// Whether it ended as it should.
    pub(crate) complete: bool,
    /// Whether it was longer than allowed; the rest was not read.
    pub(crate) too_long: bool,
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl<S: Read + Write> Incoming<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next request, without its body.
    pub(crate) fn request(&mut self) -> Result<Request, Unread> {
        loop {
            // Clients that do not know better begin with TLS: they would wait for an answer, and we for an end of the head.
            if self.buffer.first().is_some_and(|first| !first.is_ascii_uppercase()) {
                return Err(Unread::Bad(400));
            }
            if let Some(end) = find(&self.buffer, b"\r\n\r\n").filter(|end| *end <= HEAD) {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                let head = str::from_utf8(&head[..end]).map_err(|_| Unread::Bad(400))?;
                return Request::parse(head).ok_or(Unread::Bad(400));
            }
            if self.buffer.len() > HEAD {
                return Err(Unread::Bad(431));
            }
            if self.more()? == 0 {
                return Err(Unread::Gone);
            }
        }
    }

    /// The body of the request: at most `limit` bytes, and no more than `stop` are taken from the connection.
    pub(crate) fn body(&mut self, request: &Request, limit: u64, stop: Option<u64>) -> Result<Body, Unread> {
        let chunked = request.says("Transfer-Encoding", "chunked");
        let length = request.header("Content-Length");
        if chunked && length.is_some() {
            return Err(Unread::Bad(400));
        }
        let length = match length {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| Unread::Bad(400))?
            }
            Some(_) => return Err(Unread::Bad(400)),
            None => 0,
        };
        if (chunked || length > 0) && request.says("Expect", "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.stream.flush()?;
        }
        let mut body = Body::default();
        if chunked {
            self.chunks(&mut body, limit, stop)?;
        } else if length > limit {
            body.too_long = true;
        } else {
            body.complete = self.piece(&mut body.bytes, length, stop);
        }
        Ok(body)
    }

    /// A chunked body.
    fn chunks(&mut self, body: &mut Body, limit: u64, stop: Option<u64>) -> Result<(), Unread> {
        loop {
            let Some(line) = self.line()? else { return Ok(()) };
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| Unread::Bad(400))?;
            if size == 0 {
                while self.line()?.is_some_and(|line| !line.is_empty()) {}
                body.complete = true;
                return Ok(());
            }
            if size > limit.saturating_sub(body.bytes.len() as u64) {
                body.too_long = true;
                return Ok(());
            }
            if !self.piece(&mut body.bytes, size, stop) || self.line()?.is_none() {
                return Ok(());
            }
        }
    }

    /// Adds the next `size` bytes; `false` when the connection ends before, or `stop` is reached.
    fn piece(&mut self, bytes: &mut Vec<u8>, size: u64, stop: Option<u64>) -> bool {
        let mut missing = size;
        loop {
            let allowed = stop.map_or(u64::MAX, |stop| stop.saturating_sub(bytes.len() as u64));
            let taken = missing.min(allowed).min(self.buffer.len() as u64) as usize;
            bytes.extend_from_slice(&self.buffer[..taken]);
            self.buffer.drain(..taken);
            missing -= taken as u64;
            if missing == 0 {
                return true;
            }
            if allowed == taken as u64 || !matches!(self.more(), Ok(1..)) {
                return false;
            }
        }
    }

    /// A short line, without its end; `None` when the connection ends before.
    fn line(&mut self) -> Result<Option<String>, Unread> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            if self.buffer.len() > LINE {
                return Err(Unread::Bad(400));
            }
            if !matches!(self.more(), Ok(1..)) {
                return Ok(None);
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let start = self.buffer.len();
        self.buffer.resize(start + PIECE, 0);
        let got = loop {
            match self.stream.read(&mut self.buffer[start..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        self.buffer.truncate(start + got.as_ref().copied().unwrap_or(0));
        got
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
