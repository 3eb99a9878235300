use std::{
    future::poll_fn,
    io::{self, Write},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdinStream, StdoutStream},
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult, pipe::MemoryInputPipe},
};

use super::{
    descriptor::{Descriptor, Handle},
    meter::{Meter, Stopped},
};
use crate::{Capture, Event, Input, Observer, Output, Stream};

/// A guest's standard input.
pub(super) enum GuestInput {
    Bytes(MemoryInputPipe),
    Handle(Handle),
}

impl GuestInput {
    /// `None` for what wasmtime-wasi does by itself.
    pub(super) fn new(input: Input) -> Option<Self> {
        match input {
            Input::Empty => None,
            Input::Bytes(bytes) => Some(Self::Bytes(MemoryInputPipe::new(bytes))),
            Input::Inherit => Some(Self::Handle(Handle::Process(Stream::Stdin))),
            Input::File(file) => Some(Self::Handle(Handle::File(file))),
        }
    }
}

impl IsTerminal for GuestInput {
    fn is_terminal(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Handle(handle) => handle.is_terminal(),
        }
    }
}

impl StdinStream for GuestInput {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        match self {
            Self::Bytes(pipe) => pipe.async_stream(),
            Self::Handle(handle) => Box::new(Reader(Descriptor::input(handle.clone()))),
        }
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        match self {
            Self::Bytes(pipe) => pipe.p2_stream(),
            Self::Handle(handle) => Box::new(Reader(Descriptor::input(handle.clone()))),
        }
    }
}

struct Reader(Descriptor);

impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if !self.0.is_ready() {
            return Ok(Bytes::new());
        }
        let mut buffer = BytesMut::zeroed(size.min(CHUNK));
        match self.0.read(&mut buffer).map_err(failed)? {
            0 if size > 0 => Err(StreamError::Closed),
            read => {
                buffer.truncate(read);
                Ok(buffer.freeze())
            }
        }
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_ready(cx)).await;
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.0.poll_ready(cx));
        let read = self.0.read(buffer.initialize_unfilled())?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

/// A guest's standard output or standard error.
pub(super) struct GuestOutput {
    sink: Sink,
    first: Option<FirstOutput>,
    meter: Option<Meter>,
}

#[derive(Clone)]
enum Sink {
    Discard,
    Capture(Capture),
    Handle(Handle),
}

impl GuestOutput {
    /// `None` for what wasmtime-wasi does by itself.
    pub(super) fn new(
        output: Output,
        stream: Stream,
        first: &Option<FirstOutput>,
        meter: &Option<Meter>,
    ) -> Option<Self> {
        let sink = match output {
            Output::Discard if first.is_none() && meter.is_none() => return None,
            Output::Discard => Sink::Discard,
            Output::Capture(capture) => Sink::Capture(capture),
            Output::Inherit => Sink::Handle(Handle::Process(stream)),
            Output::File(file) => Sink::Handle(Handle::File(file)),
        };
        Some(Self { sink, first: first.clone(), meter: meter.clone() })
    }

    fn writer(&self) -> Writer {
        let target = match self.sink.clone() {
            Sink::Discard => Target::Discard,
            Sink::Capture(capture) => Target::Capture(capture),
            Sink::Handle(handle) => Target::Descriptor(Descriptor::output(handle)),
        };
        Writer { target, first: self.first.clone(), meter: self.meter.clone() }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        matches!(&self.sink, Sink::Handle(handle) if handle.is_terminal())
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.writer())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.writer())
    }
}

struct Writer {
    target: Target,
    first: Option<FirstOutput>,
    meter: Option<Meter>,
}

enum Target {
    Discard,
    Capture(Capture),
    Descriptor(Descriptor),
}

impl Writer {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.target {
            Target::Discard | Target::Capture(_) => Poll::Ready(()),
            Target::Descriptor(descriptor) => descriptor.poll_ready(cx),
        }
    }

    /// Writes some of the bytes at once; to be called when it is ready.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_by(bytes, |descriptor, bytes| descriptor.write(bytes).map(Some))
            .map(Option::unwrap_or_default)
    }

    /// Writes some of the bytes if that does not block: for who has not asked whether it is ready.
    fn write_now(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        self.write_by(bytes, Descriptor::write_now)
    }

    fn write_by(
        &mut self,
        mut bytes: &[u8],
        write: impl FnOnce(&Descriptor, &[u8]) -> io::Result<Option<usize>>,
    ) -> io::Result<Option<usize>> {
        if let Some(meter) = self.meter.as_ref().filter(|_| !bytes.is_empty()) {
            bytes = &bytes[..meter.room(bytes.len())?];
        }
        let written = match &mut self.target {
            Target::Discard => Some(bytes.len()),
            Target::Capture(capture) => Some((&*capture).write(bytes)?),
            Target::Descriptor(descriptor) => write(descriptor, &bytes[..bytes.len().min(CHUNK)])?,
        };
        let Some(written) = written else { return Ok(None) };
        if let Some(meter) = &self.meter {
            meter.count(written);
        }
        if let Some(first) = self.first.take_if(|_| written > 0) {
            first.happened();
        }
        Ok(Some(written))
    }
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            rest = &rest[self.write_some(rest).map_err(failed)?..];
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match &self.target {
            Target::Descriptor(descriptor) if !descriptor.is_ready() => Ok(0),
            _ => Ok(CHUNK),
        }
    }

    /// The default waits before and after, and gives up after ten times of both.
    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let written = match self.write_now(rest).map_err(failed)? {
                Some(written) => written,
                None => {
                    poll_fn(|cx| self.poll_ready(cx)).await;
                    self.write_some(rest).map_err(failed)?
                }
            };
            rest = &rest[written..];
        }
        Ok(())
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(cx));
        Poll::Ready(self.write_some(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Tells the observer once for both outputs.
#[derive(Clone)]
pub(super) struct FirstOutput {
    told: Arc<AtomicBool>,
    observer: Observer,
}

impl FirstOutput {
    pub(super) fn new(observer: Option<&Observer>) -> Option<Self> {
        observer.map(|observer| Self { told: Arc::default(), observer: observer.clone() })
    }

    fn happened(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            self.observer.notify(Event::FirstOutput);
        }
    }
}

/// wasmtime-wasi gives the guest the number of an error of the operating system, and EIO for all others.
fn failed(error: io::Error) -> StreamError {
    let error = match error.downcast::<Stopped>() {
        Ok(stopped) => return StreamError::Trap(stopped.into()),
        Err(error) => error,
    };
    let error = match error.raw_os_error() {
        None if error.kind() == io::ErrorKind::BrokenPipe => Errno::PIPE.into(),
        _ => error,
    };
    StreamError::LastOperationFailed(error.into())
}

/// The most that is moved at once: what a pipe that is ready takes without blocking (`PIPE_BUF`).
const CHUNK: usize = 4096;
