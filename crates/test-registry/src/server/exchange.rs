//! One connection: requests in, answers out.

use std::fmt::Write as _;
use std::io;
use std::net::TcpStream;
use std::time::SystemTime;

use serde_json::Value;

use super::Forget;
use super::stop::Stop;
use super::stream::Stream;
use super::wire::{Ended, STALL, Wire};
use crate::fault::{Break, Faults, Kind};
use crate::http::{Answer, Framing, Incoming, Request, Unread, http_date, reason};
use crate::refusal::refusal;
use crate::registry::Shared;
use crate::route::Route;

/// What is read of a body that is no blob: a little more than a manifest may have, so that its size is known.
const MAX_BODY: u64 = crate::api::MAX_MANIFEST + 1;

/// A connection that is served.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    incoming: Incoming<Stream>,
    number: u64,
    shared: &'a Shared,
    stop: &'a Stop,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Another request.
    Request,
    /// The end, in order.
    Close,
    /// The end, as the network makes it.
    Cut,
    /// Nothing: it is reset, or gone, when it is dropped.
    Drop,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        stream: TcpStream,
        number: u64,
        shared: &'a Shared,
        stop: &'a Stop,
    ) -> io::Result<Self> {
        let stream = Stream::new(stream, shared.tls.as_ref())?;
        Ok(Self { incoming: Incoming::new(stream), number, shared, stop })
    }

    /// Answers until the connection ends, of which nobody else has a handle then.
    pub(super) fn serve(mut self, forget: Forget<'_>) {
        let end = loop {
            match self.exchange() {
                Next::Request if !self.stop.is_set() => {}
                end => break end,
            }
        };
        if end == Next::Drop {
            drop(forget);
            return;
        }
        match end {
            Next::Cut => self.incoming.stream.end(),
            _ => self.incoming.stream.close(),
        }
    }

    /// One request and its answer.
    fn exchange(&mut self) -> Next {
        let mut request = match self.incoming.request() {
            Ok(request) => request,
            Err(unread) => return self.unread(&unread),
        };
        (request.connection, request.secure) = (self.number, self.shared.tls.is_some());
        let route = Route::of(&request.path);
        let faults = self.shared.rules().meet(&request, &route);
        let number = self.shared.log().push(request.clone());
        let stop = faults.reset_after_reading();
        let limit = match route.kind {
            Kind::Upload | Kind::Uploads => self.shared.options.max_blob,
            _ => MAX_BODY,
        };
        let body = match self.incoming.body(&request, limit, stop) {
            Ok(body) => body,
            Err(unread) => return self.unread(&unread),
        };
        request.body_length = body.bytes.len() as u64;
        request.body = body.bytes.into();
        self.shared.log().body(number, &request);
        let too_long = body.too_long;
        if stop.is_some_and(|stop| request.body_length >= stop) || !(body.complete || too_long) {
            return self.broken_upload(&request, &route, stop.is_some());
        }
        let answer = match (too_long, route.kind) {
            (false, _) => self.shared.answer(&request, &route, &faults),
            (true, Kind::Manifest) => refusal(413, "MANIFEST_INVALID", Value::Null),
            (true, _) => refusal(413, "SIZE_INVALID", Value::Null),
        };
        self.shared.log().status(number, answer.status);
        let closing = too_long || request.says("Connection", "close");
        self.send(&request, &answer, &faults, closing)
    }

    /// A body that broke off: what a chunk brought is kept, as registries do.
    fn broken_upload(&self, request: &Request, route: &Route, reset: bool) -> Next {
        if route.kind == Kind::Upload {
            self.shared.keep_broken_chunk(request, route);
        }
        if reset {
            self.incoming.stream.reset(0, self.stop);
        }
        Next::Drop
    }

    /// Sends the answer.
    fn send(&mut self, request: &Request, answer: &Answer, faults: &Faults, closing: bool) -> Next {
        let unmeasured = !matches!(answer.framing, Framing::Length | Framing::Chunked);
        let closing = closing || unmeasured || answer.raw.is_some();
        let with_body = request.method != "HEAD" && answer.status != 204 && answer.raw.is_none();
        let head = match &answer.raw {
            Some(raw) => raw.to_vec(),
            None => head(answer, closing).into_bytes(),
        };
        let mut wire = Wire::new(&mut self.incoming.stream, self.stop);
        let sent = wire.send(&head, answer, with_body, faults);
        let count = wire.sent;
        match sent {
            Ok(()) if answer.framing == Framing::Endless => Next::Cut,
            Ok(()) if closing || answer.hang_up => Next::Close,
            Ok(()) => Next::Request,
            Err(Ended::Gone) => Next::Drop,
            Err(Ended::Broken(Break::Close)) => Next::Cut,
            Err(Ended::Broken(Break::Reset)) => {
                self.incoming.stream.reset(count, self.stop);
                Next::Drop
            }
            Err(Ended::Broken(Break::Stall)) => {
                self.incoming.stream.stall(STALL, self.stop);
                Next::Drop
            }
        }
    }

    /// What cannot be read is answered if it can be.
    fn unread(&mut self, unread: &Unread) -> Next {
        let Unread::Bad(status) = unread else { return Next::Drop };
        let answer = refusal(*status, "UNKNOWN", Value::Null);
        let mut wire = Wire::new(&mut self.incoming.stream, self.stop);
        let _ = wire.send(head(&answer, true).as_bytes(), &answer, true, &Faults::default());
        Next::Close
    }
}

impl Shared {
    /// The answer, with its faults.
    fn answer(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        let answer = if let Some(answer) = faults.replacement(request) {
            answer
        } else if faults.unauthorized() {
            self.challenge(request, route, None)
        } else if let Some(answer) = self.denies(request, route) {
            answer
        } else {
            self.handle(request, route, faults)
        };
        for (repository, tag, digest) in faults.moved_tags() {
            self.tag(repository, tag, digest);
        }
        faults.tamper(answer)
    }
}

/// Status line and headers.
fn head(answer: &Answer, closing: bool) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    let length = match answer.framing {
        Framing::Length if answer.status == 204 => None,
        Framing::Length => Some(answer.length()),
        Framing::Claim(length) => Some(length),
        Framing::Shorter(by) => Some(answer.length().saturating_sub(by)),
        Framing::Longer(by) => Some(answer.length().saturating_add(by)),
        Framing::Chunked | Framing::ChunkedUnfinished | Framing::Endless => {
            head.push_str("Transfer-Encoding: chunked\r\n");
            None
        }
        Framing::Close => None,
    };
    if let Some(length) = length.filter(|_| answer.value("Content-Length").is_none()) {
        let _ = write!(head, "Content-Length: {length}\r\n");
    }
    let _ = write!(head, "Date: {}\r\n", http_date(SystemTime::now()));
    for (name, value) in &answer.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if closing && answer.value("Connection").is_none() {
        head.push_str("Connection: close\r\n");
    }
    head.push_str("\r\n");
    head
}
