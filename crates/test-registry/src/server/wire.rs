//! Bytes on the wire: when they come, and where they end.

use std::io::Write;
use std::time::{Duration, Instant};

use super::stop::Stop;
use super::stream::Stream;
use crate::fault::{Break, Faults};
use crate::http::{Answer, Framing};

/// How long a stall or a delay may take.
pub(super) const STALL: Duration = Duration::from_secs(120);

/// What an endless body may have.
const ENDLESS: u64 = 1 << 30;

/// Bytes that are made up at a time.
const PIECE: usize = 64 << 10;

/// Why nothing more is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client has gone, or the registry ends.
    Gone,
    /// A fault says so.
    Broken(Break),
}

/// The way of one answer.
#[derive(Debug)]
pub(super) struct Wire<'a> {
    stream: &'a mut Stream,
    stop: &'a Stop,
    /// Where it breaks, and how.
    end: Option<(u64, Break)>,
    /// Bytes a second.
    rate: Option<u64>,
    pub(super) sent: u64,
}

impl<'a> Wire<'a> {
    pub(super) fn new(stream: &'a mut Stream, stop: &'a Stop) -> Self {
        Self { stream, stop, end: None, rate: None, sent: 0 }
    }

    /// Sends an answer; `head` is what comes before its body.
    pub(super) fn send(
        &mut self,
        head: &[u8],
        answer: &Answer,
        with_body: bool,
        faults: &Faults,
    ) -> Result<(), Ended> {
        if faults.delay().is_some_and(|time| self.stop.wait(time.min(STALL))) {
            return Err(Ended::Gone);
        }
        let (rate, body_rate) = faults.rates();
        self.end = faults.breaks(head.len() as u64);
        self.rate = rate;
        self.put(head)?;
        self.rate = body_rate;
        if with_body {
            self.body(answer)?;
        }
        self.stream.flush().map_err(|_| Ended::Gone)?;
        // An answer that ends just where the connection breaks.
        self.room().map(|_| ())
    }

    /// The body, in its framing.
    fn body(&mut self, answer: &Answer) -> Result<(), Ended> {
        let padding = answer.length() - answer.body.len() as u64;
        match answer.framing {
            Framing::Endless => self.endless(answer),
            Framing::Chunked | Framing::ChunkedUnfinished => {
                for piece in answer.body.chunks(PIECE) {
                    self.chunk(piece)?;
                }
                self.spaces(padding, Self::chunk)?;
                if answer.framing == Framing::Chunked { self.put(b"0\r\n\r\n") } else { Ok(()) }
            }
            _ => {
                self.put(&answer.body)?;
                self.spaces(padding, Self::put)
            }
        }
    }

    fn endless(&mut self, answer: &Answer) -> Result<(), Ended> {
        let one = if answer.body.is_empty() { b" " } else { &answer.body[..] };
        let piece: Vec<u8> = one.iter().copied().cycle().take(one.len().max(PIECE)).collect();
        while self.sent < ENDLESS {
            self.chunk(&piece)?;
        }
        Ok(())
    }

    fn spaces(
        &mut self,
        count: u64,
        put: impl Fn(&mut Self, &[u8]) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let piece = [b' '; PIECE];
        let mut left = count;
        while left > 0 {
            let now = left.min(PIECE as u64);
            put(self, &piece[..now as usize])?;
            left -= now;
        }
        Ok(())
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.put(format!("{:x}\r\n", bytes.len()).as_bytes())?;
        self.put(bytes)?;
        self.put(b"\r\n")
    }

    /// Bytes that may still come before the connection breaks.
    fn room(&self) -> Result<u64, Ended> {
        match self.end {
            Some((at, how)) if at <= self.sent => Err(Ended::Broken(how)),
            Some((at, _)) => Ok(at - self.sent),
            None => Ok(u64::MAX),
        }
    }

    /// Sends the bytes, as fast as may be and as far as may be.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> Result<(), Ended> {
        let (start, mut paced) = (Instant::now(), 0);
        while !bytes.is_empty() {
            let room = self.room()?.min(bytes.len() as u64);
            // A twentieth of a second's bytes at a time.
            let step = self.rate.map_or(room, |rate| room.min((rate / 20).max(1)));
            let (now, rest) = bytes.split_at(step as usize);
            self.stream.write_all(now).and_then(|()| self.stream.flush()).map_err(|_| Ended::Gone)?;
            self.sent += step;
            paced += step;
            bytes = rest;
            if let Some(rate) = self.rate {
                let due = Duration::from_secs_f64(paced as f64 / rate.max(1) as f64);
                if self.stop.wait(due.saturating_sub(start.elapsed())) {
                    return Err(Ended::Gone);
                }
            }
        }
        Ok(())
    }
}
