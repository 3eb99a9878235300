//! Blobs from a registry: in pieces, and on from where the connection broke.

use std::io::Write;

use bytes::Bytes;
use oci_spec::image::Descriptor;
use reqwest::{
    Method,
    header::{CONTENT_RANGE, RANGE},
};
use tokio::sync::mpsc;

use super::{
    behind::Behind,
    event::{Event, How, Way},
    http::{Again, Answer, Ask, Fault, Patience},
    session::{Action, Scope, Session},
};
use crate::{
    BlobWriter, Error, Layout, Result,
    digest::{self, Hash},
};

/// Where the bytes of a blob go.
pub(super) trait Sink: Send {
    /// How many there are already.
    fn position(&self) -> u64;
    /// Adds some.
    fn append(&mut self, piece: &Bytes) -> Result<()>;
    /// Begins from the first byte again.
    fn restart(&mut self) -> Result<()>;
    /// Waits until there is room for more.
    fn settle(&mut self) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A blob in memory. Room is made as bytes come, and never more than the blob has: what a manifest claims costs nothing.
struct Memory {
    bytes: Vec<u8>,
    size: usize,
}

impl Sink for Memory {
    fn position(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn append(&mut self, piece: &Bytes) -> Result<()> {
        let have = self.bytes.len();
        if have + piece.len() > self.bytes.capacity() {
            self.bytes.reserve_exact((self.size - have).min(have.max(STEP)).max(piece.len()));
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.bytes.clear();
        Ok(())
    }
}

/// The first room that is made.
const STEP: usize = 1 << 20;

/// A blob that is sent on. The last piece is held back until everything was seen to be right.
struct Relay {
    to: mpsc::Sender<Result<Bytes>>,
    hash: Hash,
    /// Where this reading of the blob is, and how much was taken from all of them.
    position: u64,
    taken: u64,
    next: Bytes,
    held: Bytes,
}

impl Sink for Relay {
    fn position(&self) -> u64 {
        self.position
    }

    /// What was taken from an earlier reading is passed over.
    fn append(&mut self, piece: &Bytes) -> Result<()> {
        let known = (self.taken - self.position).min(piece.len() as u64);
        self.position += piece.len() as u64;
        let new = piece.slice(known as usize..);
        if !new.is_empty() {
            self.taken += new.len() as u64;
            // A hash takes everything.
            let _ = self.hash.write(&new);
            self.next = std::mem::replace(&mut self.held, new);
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.position = 0;
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let next = std::mem::take(&mut self.next);
        if !next.is_empty() {
            // Who does not take it has ended with an error of his own.
            let _ = self.to.send(Ok(next)).await;
        }
        Ok(())
    }
}

/// A blob in a repository of a registry.
pub(super) struct Download<'a> {
    pub(super) session: &'a Session,
    pub(super) repository: &'a str,
    pub(super) descriptor: &'a Descriptor,
}

/// How much must have moved for a broken connection not to count.
const PROGRESS: u64 = 64 << 10;

impl Download<'_> {
    /// Reads the blob into memory, which it takes as it comes.
    pub(super) async fn bytes(&self) -> Result<Bytes> {
        self.check_limit()?;
        let mut again = true;
        loop {
            let size = usize::try_from(self.descriptor.size()).unwrap_or(usize::MAX);
            let mut memory = Memory { bytes: vec![], size };
            let whole = self.run(&mut memory).await?;
            match digest::verify(self.descriptor, &memory.bytes) {
                Ok(()) => {
                    self.ended(How::Moved);
                    return Ok(memory.bytes.into());
                }
                // The blob has changed between two parts of it.
                Err(Error::Digest { .. }) if again && !whole => again = false,
                Err(error) => return Err(error),
            }
        }
    }

    /// Brings the blob into a layout, unless it is there; who brings it already is waited for.
    pub(super) async fn store(&self, layout: &Layout) -> Result<()> {
        self.check_limit()?;
        let mut again = true;
        loop {
            let Some(writer) = self.begin(layout).await? else {
                self.ended(How::Present);
                return Ok(());
            };
            let resumed = writer.position() > 0;
            let mut behind = Behind::new(writer, layout.dir().to_owned());
            let run = self.run(&mut behind).await;
            // What came is kept, also when it was not all; a disk that is full is told before what comes of it.
            let writer = behind.end().await?;
            let whole = run?;
            match aside(move || writer.finish()).await {
                Ok(()) => {
                    self.ended(How::Moved);
                    return Ok(());
                }
                // What was there before was of another blob, or the blob has changed in between.
                Err(Error::Digest { .. }) if again && (resumed || !whole) => again = false,
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the blob to who sends it on, and the last piece only when all of it is what it should be.
    pub(super) async fn relay(&self, to: mpsc::Sender<Result<Bytes>>) -> Result<()> {
        self.check_limit()?;
        let hash = Hash::like(self.descriptor.digest())?;
        let mut sink = Relay { to, hash, position: 0, taken: 0, next: Bytes::new(), held: Bytes::new() };
        self.run(&mut sink).await?;
        let Relay { to, hash, held, .. } = sink;
        let actual = hash.finish();
        if actual != *self.descriptor.digest() {
            let expected = Box::new(self.descriptor.digest().clone());
            return Err(Error::Digest { expected, actual: Box::new(actual) });
        }
        let _ = to.send(Ok(held)).await;
        Ok(())
    }

    /// Gets the right to write the blob. It may wait for another process, and reads what is there: not on this thread.
    async fn begin(&self, layout: &Layout) -> Result<Option<BlobWriter>> {
        let (layout, descriptor) = (layout.clone(), self.descriptor.clone());
        let patience = self.session.http.options.timeouts.window * 4;
        aside(move || layout.begin(&descriptor, patience)).await
    }

    /// Reads until everything is there; tells whether it came in one piece.
    async fn run(&self, sink: &mut impl Sink) -> Result<bool> {
        let (options, size) = (&self.session.http.options, self.descriptor.size());
        let digest = self.descriptor.digest().clone();
        options.tell(&Event::Began { digest, size, from: sink.position(), way: Way::Down });
        let mut patience = Patience::new(options);
        let (mut ranges, mut whole) = (true, true);
        while sink.position() < size || size == 0 {
            if !ranges {
                sink.restart()?;
            }
            let from = sink.position();
            match self.attempt(from, sink).await {
                Ok(()) => break,
                Err(Broken::Range) => ranges = false,
                Err(Broken::Fault(fault)) => {
                    if sink.position() >= from + PROGRESS && fault.again != Again::Never {
                        patience.reset();
                    }
                    patience.wait(fault).await?;
                }
            }
            whole = false;
        }
        Ok(whole)
    }

    /// One request, from this position on.
    async fn attempt(&self, from: u64, sink: &mut impl Sink) -> Result<(), Broken> {
        let Self { session, repository, descriptor } = self;
        let digest = descriptor.digest();
        let what = format!("pull the blob {}/{repository}@{digest}", session.registry);
        let mut ask = Ask::new(Method::GET, session.url(&format!("{repository}/blobs/{digest}"))?, what);
        if from > 0 {
            ask = ask.header(RANGE, &format!("bytes={from}-"));
        }
        let mut answer = session.ask(&ask, &Scope::new(repository, Action::Pull)).await?;
        match answer.status().as_u16() {
            200 => sink.restart()?,
            206 if from > 0 => self.check_range(&answer, from)?,
            416 if from > 0 => return Err(Broken::Range),
            206 => return Err(answer.bad("it sends a part where the whole was asked for").into()),
            _ => return Err(answer.refused(&ask.what).await.into()),
        }
        answer.check_encoding()?;
        let left = descriptor.size() - sink.position();
        if let Some(length) = answer.length().filter(|length| *length != left) {
            let why = format!("it has {length} bytes to send of {digest}, of which {left} are missing");
            return Err(answer.bad(why).into());
        }
        self.pour(&mut answer, sink).await
    }

    async fn pour(&self, answer: &mut Answer, sink: &mut impl Sink) -> Result<(), Broken> {
        let (size, digest) = (self.descriptor.size(), self.descriptor.digest());
        while let Some(piece) = answer.chunk().await? {
            let position = sink.position() + piece.len() as u64;
            if position > size {
                let expected = Box::new(digest.clone());
                return Err(Error::Size { digest: expected, expected: size, actual: position }.into());
            }
            sink.append(&piece)?;
            sink.settle().await?;
            self.session.http.options.tell(&Event::Moved { digest: digest.clone(), position });
        }
        if sink.position() < size {
            let why = format!("{digest} ends after {} of {size} bytes", sink.position());
            return Err(Fault::soon(answer.bad(why)).into());
        }
        Ok(())
    }

    /// Whether the part that comes is the one that was asked for.
    fn check_range(&self, answer: &Answer, from: u64) -> Result<(), Broken> {
        let size = self.descriptor.size();
        let wanted = format!("bytes {from}-{}/", size - 1);
        let range = answer.header(&CONTENT_RANGE).unwrap_or_default();
        match range.strip_prefix(&wanted) {
            Some(total) if total == "*" || total == size.to_string() => Ok(()),
            // The whole is still to be had.
            _ => Err(Broken::Range),
        }
    }

    /// The size that a manifest claims is within the limit.
    fn check_limit(&self) -> Result<()> {
        let (size, limit) = (self.descriptor.size(), self.session.http.options.blob_limit);
        digest::supported(self.descriptor)?;
        if size > limit { Err(Error::TooLarge { what: "the blob", size, limit }) } else { Ok(()) }
    }

    fn ended(&self, how: How) {
        let digest = self.descriptor.digest().clone();
        self.session.http.options.tell(&Event::Ended { digest, size: self.descriptor.size(), how });
    }
}

/// Begins on a thread of its own what may take a while.
pub(super) fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send {
    let done = tokio::task::spawn_blocking(work);
    async move { done.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())) }
}

/// Why a request did not bring the rest.
enum Broken {
    Fault(Fault),
    /// The registry does not do parts, or not right.
    Range,
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Fault(error.into())
    }
}
