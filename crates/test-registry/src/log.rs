//! What came in.

use std::collections::VecDeque;

use crate::http::Request;

/// Requests that are kept.
const ENTRIES: usize = 1 << 16;

/// Bytes of a body that are kept.
const BODY: usize = 64 << 10;

/// The last requests, in the order in which their heads were read.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Request>,
    /// Number of the oldest entry.
    first: u64,
}

impl Log {
    /// Keeps the head of a request; its number.
    pub(crate) fn push(&mut self, head: Request) -> u64 {
        if self.entries.len() >= ENTRIES {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(head);
        self.first + self.entries.len() as u64 - 1
    }

    /// Adds the body of the request.
    pub(crate) fn body(&mut self, number: u64, request: &Request) {
        if let Some(entry) = self.entry(number) {
            entry.body = request.body.slice(..request.body.len().min(BODY));
            if entry.body.len() < request.body.len() {
                // A slice would keep the whole body alive.
                entry.body = entry.body.to_vec().into();
            }
            entry.body_length = request.body_length;
        }
    }

    /// Adds what is answered.
    pub(crate) fn status(&mut self, number: u64, status: u16) {
        if let Some(entry) = self.entry(number) {
            entry.status = Some(status);
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }

    fn entry(&mut self, number: u64) -> Option<&mut Request> {
        let at = number.checked_sub(self.first)?;
        self.entries.get_mut(usize::try_from(at).ok()?)
    }
}
