use std::{
    fs::File,
    io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::fs::{MemfdFlags, memfd_create};

use super::meter::Meter;
use crate::{Capture, Error, Event, Input, Observer, Output, Result, Stream};

/// A guest's standard streams.
///
/// WasmEdge reads and writes descriptors. What is none becomes one: bytes a file in memory, and what must be seen on its
/// way, because it goes to memory, is counted, or somebody waits for the first of it, a pipe with a thread at its end.
pub(super) struct Stdio {
    input: Descriptor,
    stdout: Descriptor,
    stderr: Descriptor,
    drains: Vec<Drain>,
}

enum Descriptor {
    Process(Stream),
    File(Arc<File>),
    Pipe(Arc<PipeWriter>),
}

impl Stdio {
    /// Opens what the streams need.
    pub(super) fn open(
        stdin: Input,
        stdout: Output,
        stderr: Output,
        observer: Option<&Observer>,
        meter: Option<&Meter>,
    ) -> Result<Self> {
        let watchers = Watchers { first: observer.map(FirstOutput::new), meter: meter.cloned() };
        let input = input(stdin).map_err(|source| Error::Stdio { stream: Stream::Stdin, source })?;
        let mut drains = Vec::new();
        let shared = match (&stdout, &stderr) {
            (Output::Capture(stdout), Output::Capture(stderr)) => stdout.is(stderr),
            _ => false,
        };
        let stdout = output(stdout, Stream::Stdout, watchers.clone(), &mut drains)?;
        let stderr = match &stdout {
            // Two pipes would not keep the order.
            Descriptor::Pipe(pipe) if shared => Descriptor::Pipe(Arc::clone(pipe)),
            _ => output(stderr, Stream::Stderr, watchers, &mut drains)?,
        };
        Ok(Self { input, stdout, stderr, drains })
    }

    /// Lends the descriptors to a guest; returns when all that it wrote has arrived.
    pub(super) fn with<T>(self, guest: impl FnOnce([BorrowedFd<'_>; 3]) -> T) -> T {
        let Self { input, stdout, stderr, drains } = self;
        thread::scope(|scope| {
            let drains: Vec<_> = drains.into_iter().map(|drain| scope.spawn(|| drain.run())).collect();
            let ended = {
                let (process, streams) = (ProcessStreams::new(), [input, stdout, stderr]);
                guest(streams.each_ref().map(|stream| stream.as_fd(&process)))
            };
            for drain in drains {
                drain.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
            ended
        })
    }
}

/// The handles of std lend the descriptors.
struct ProcessStreams(io::Stdin, io::Stdout, io::Stderr);

impl ProcessStreams {
    fn new() -> Self {
        Self(io::stdin(), io::stdout(), io::stderr())
    }
}

impl Descriptor {
    fn as_fd<'a>(&'a self, process: &'a ProcessStreams) -> BorrowedFd<'a> {
        match self {
            Self::Process(Stream::Stdin) => process.0.as_fd(),
            Self::Process(Stream::Stdout) => process.1.as_fd(),
            Self::Process(Stream::Stderr) => process.2.as_fd(),
            Self::File(file) => file.as_fd(),
            Self::Pipe(pipe) => pipe.as_fd(),
        }
    }
}

fn input(input: Input) -> io::Result<Descriptor> {
    Ok(match input {
        Input::Empty => Descriptor::File(Arc::new(File::open(NULL)?)),
        Input::Inherit => Descriptor::Process(Stream::Stdin),
        Input::File(file) => Descriptor::File(file),
        Input::Bytes(bytes) => {
            use io::Seek;
            let mut memory = File::from(memfd_create("stdin", MemfdFlags::CLOEXEC)?);
            memory.write_all(&bytes)?;
            memory.rewind()?;
            Descriptor::File(Arc::new(memory))
        }
    })
}

fn output(output: Output, stream: Stream, watchers: Watchers, drains: &mut Vec<Drain>) -> Result<Descriptor> {
    let failed = |source| Error::Stdio { stream, source };
    let sink = match (output, watchers.are_there()) {
        (Output::Discard, false) => return null().map_err(failed),
        (Output::Inherit, false) => return Ok(Descriptor::Process(stream)),
        (Output::File(file), false) => return Ok(Descriptor::File(file)),
        (Output::Discard, true) => Sink::Discard,
        (Output::Inherit, true) => Sink::Process(stream),
        (Output::File(file), true) => Sink::File(file),
        (Output::Capture(capture), _) => Sink::Capture(capture),
    };
    let (reader, writer) = io::pipe().map_err(failed)?;
    // The guest runs at most this far ahead of a capture that is full.
    rustix::pipe::fcntl_setpipe_size(&writer, PAGE).map_err(|error| failed(error.into()))?;
    drains.push(Drain { reader, sink, watchers });
    Ok(Descriptor::Pipe(Arc::new(writer)))
}

fn null() -> io::Result<Descriptor> {
    Ok(Descriptor::File(Arc::new(File::options().write(true).open(NULL)?)))
}

/// The end of a pipe that a guest writes to.
struct Drain {
    reader: PipeReader,
    sink: Sink,
    watchers: Watchers,
}

/// Who wants to know what passes.
#[derive(Clone)]
struct Watchers {
    first: Option<FirstOutput>,
    meter: Option<Meter>,
}

impl Watchers {
    fn are_there(&self) -> bool {
        self.first.is_some() || self.meter.is_some()
    }
}

enum Sink {
    Discard,
    Capture(Capture),
    Process(Stream),
    File(Arc<File>),
}

impl Drain {
    /// Moves bytes until the guest has ended, or the sink or the meter takes no more. The pipe is closed then, and the guest, if it
    /// goes on to write, gets `EPIPE`.
    fn run(mut self) {
        let mut buffer = [0; PAGE];
        loop {
            match self.reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) if self.pass_on(&buffer[..read]).is_ok() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn pass_on(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = match &self.watchers.meter {
                Some(meter) => meter.write(bytes, |bytes| self.sink.write(bytes))?,
                None => self.sink.write(bytes)?,
            };
            if let Some(first) = self.watchers.first.take_if(|_| written > 0) {
                first.happened();
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

impl Sink {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let to = |fd: BorrowedFd<'_>| rustix::io::retry_on_intr(|| rustix::io::write(fd, bytes));
        Ok(match self {
            Self::Discard => bytes.len(),
            Self::Capture(capture) => return { capture }.write(bytes),
            Self::Process(stream) => to(Descriptor::Process(*stream).as_fd(&ProcessStreams::new()))?,
            Self::File(file) => to(file.as_fd())?,
        })
    }
}

/// Tells the observer once for both outputs.
#[derive(Clone)]
struct FirstOutput {
    told: Arc<AtomicBool>,
    observer: Observer,
}

impl FirstOutput {
    fn new(observer: &Observer) -> Self {
        Self { told: Arc::default(), observer: observer.clone() }
    }

    fn happened(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            self.observer.notify(Event::FirstOutput);
        }
    }
}

/// Where there is nothing to read and everything is taken.
const NULL: &str = "/dev/null";

/// The smallest capacity of a pipe.
const PAGE: usize = 4096;
