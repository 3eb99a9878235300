//! Writing behind the network.

use std::{collections::VecDeque, io, panic, path::PathBuf};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};

use super::download::Sink;
use crate::{BlobWriter, Error, Result};

/// A blob whose bytes are hashed and written on a thread of their own: while they are, the next ones come, and whatever
/// else the network's thread does goes on.
pub(super) struct Behind {
    to_writer: mpsc::Sender<Work>,
    writer: JoinHandle<Result<BlobWriter>>,
    /// The layout that it goes to.
    dir: PathBuf,
    /// Where the next bytes go, when all work is done.
    position: u64,
    /// Work that there was no room for yet.
    waiting: VecDeque<Work>,
}

enum Work {
    Append(Bytes),
    Restart,
}

/// How many pieces may be on their way to the disk: what a connection has for us at once is half a megabyte at most.
const PIECES: usize = 4;

impl Behind {
    pub(super) fn new(mut writer: BlobWriter, dir: PathBuf) -> Self {
        let (to_writer, mut work) = mpsc::channel(PIECES);
        let position = writer.position();
        let writer = spawn_blocking(move || {
            while let Some(work) = work.blocking_recv() {
                match work {
                    Work::Append(piece) => writer.append(&piece)?,
                    Work::Restart => writer.restart()?,
                }
            }
            Ok(writer)
        });
        Self { to_writer, writer, dir, position, waiting: VecDeque::new() }
    }

    /// Waits until everything is written, and returns the writer, or why it failed.
    pub(super) async fn end(self) -> Result<BlobWriter> {
        drop(self.to_writer);
        self.writer.await.unwrap_or_else(|failed| panic::resume_unwind(failed.into_panic()))
    }
}

impl Sink for Behind {
    fn position(&self) -> u64 {
        self.position
    }

    fn append(&mut self, piece: &Bytes) -> Result<()> {
        self.position += piece.len() as u64;
        self.waiting.push_back(Work::Append(piece.clone()));
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.position = 0;
        self.waiting.push_back(Work::Restart);
        Ok(())
    }

    /// Fails when the writer has; [`end`](Self::end) says why.
    async fn settle(&mut self) -> Result<()> {
        while let Some(work) = self.waiting.pop_front() {
            let sent = self.to_writer.send(work).await;
            sent.map_err(|_| Error::io("write", &self.dir)(io::ErrorKind::BrokenPipe.into()))?;
        }
        Ok(())
    }
}
