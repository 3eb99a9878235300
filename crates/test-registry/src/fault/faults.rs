//! The faults of one request, by the place where each works.

use std::time::Duration;

use bytes::Bytes;

use super::Fault;
use crate::http::{Answer, Request};

/// The faults of one request.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(super) Vec<Fault>);

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Reset,
    Close,
    Stall,
}

/// How a list does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endlessness {
    Loop,
    More,
}

/// Start and end, both included.
type Span = (u64, u64);

impl Faults {
    /// The first one for which there is something.
    fn first<'a, T>(&'a self, find: impl FnMut(&'a Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(find)
    }

    fn has(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.0.iter().any(is)
    }

    // While the request is read.

    /// Bytes of the body before the connection is reset.
    pub(crate) fn reset_after_reading(&self) -> Option<u64> {
        self.first(|fault| if let Fault::ResetAfterReading(bytes) = fault { Some(*bytes) } else { None })
    }

    // In place of the right answer.

    /// What is answered whatever the request is.
    pub(crate) fn replacement(&self, request: &Request) -> Option<Answer> {
        let to = |status, location: String| Some(Answer::new(status).header("Location", location));
        self.first(|fault| match fault {
            Fault::Raw(bytes) => {
                let mut answer = Answer::new(200);
                answer.raw = Some(bytes.clone());
                Some(answer)
            }
            Fault::Status(status) => Some(status.answer()),
            Fault::Answer(answer) => Some(answer.clone()),
            Fault::Redirect { status, location } => to(*status, location.clone()),
            Fault::RedirectTo(base) => to(307, format!("{base}{}", request.target)),
            Fault::RedirectLoop => to(307, request.target.clone()),
            _ => None,
        })
    }

    /// Whether the registry lets nobody in.
    pub(crate) fn unauthorized(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::Unauthorized))
    }

    // While the request is handled.

    pub(crate) fn content(&self) -> Option<Bytes> {
        self.first(|fault| if let Fault::Content(bytes) = fault { Some(bytes.clone()) } else { None })
    }

    pub(crate) fn ignores_range(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::IgnoreRange))
    }

    pub(crate) fn refuses_range(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::RefuseRange))
    }

    /// The range that is served, and the one that the answer claims.
    pub(crate) fn shift(&self, asked: Span, length: u64) -> (Span, Span) {
        let span = asked.1 - asked.0;
        self.first(|fault| match fault {
            Fault::ShiftRange(by) => {
                let start = asked.0.saturating_add(*by).min(length - 1);
                let shifted = (start, (start + span).min(length - 1));
                Some((shifted, shifted))
            }
            Fault::LieAboutRange(by) => {
                let latest = length - 1 - span;
                let later = asked.0.saturating_add(*by);
                let start = if later <= latest { later } else { asked.0.saturating_sub(*by) };
                Some(((start, start + span), asked))
            }
            _ => None,
        })
        .unwrap_or((asked, asked))
    }

    pub(crate) fn loses_upload(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::LoseUpload))
    }

    pub(crate) fn refuses_chunk(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::RefuseChunk))
    }

    /// How much is kept of a chunk of this length.
    pub(crate) fn keeps(&self, length: usize) -> usize {
        let kept =
            self.first(|fault| if let Fault::KeepOfChunk(bytes) = fault { Some(*bytes) } else { None });
        kept.map_or(length, |kept| length.min(kept as usize))
    }

    pub(crate) fn ignores_mount(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::IgnoreMount))
    }

    pub(crate) fn wrong_scope(&self) -> bool {
        self.has(|fault| matches!(fault, Fault::WrongScope))
    }

    pub(crate) fn endlessness(&self) -> Option<Endlessness> {
        self.first(|fault| match fault {
            Fault::PageLoop => Some(Endlessness::Loop),
            Fault::PageEndless => Some(Endlessness::More),
            _ => None,
        })
    }

    /// Repository, tag and digest of the tags that move.
    pub(crate) fn moved_tags(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().filter_map(|fault| match fault {
            Fault::MoveTag { repository, tag, digest } => {
                Some((repository.as_str(), tag.as_str(), digest.as_str()))
            }
            _ => None,
        })
    }

    // While the answer is sent.

    /// How long nothing happens first.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.first(|fault| if let Fault::Delay(time) = fault { Some(*time) } else { None })
    }

    /// Where the connection breaks, when the head has this length.
    pub(crate) fn breaks(&self, head: u64) -> Option<(u64, Break)> {
        let place = |fault: &Fault| match fault {
            Fault::ResetAfter(at) => Some((*at, Break::Reset)),
            Fault::ResetInBody(at) => Some((head.saturating_add(*at), Break::Reset)),
            Fault::CloseAfter(at) => Some((*at, Break::Close)),
            Fault::CloseInBody(at) => Some((head.saturating_add(*at), Break::Close)),
            Fault::StallAfter(at) => Some((*at, Break::Stall)),
            Fault::StallInBody(at) => Some((head.saturating_add(*at), Break::Stall)),
            _ => None,
        };
        self.0.iter().rev().find_map(place)
    }

    /// Bytes a second, of the whole and of the body.
    pub(crate) fn rates(&self) -> (Option<u64>, Option<u64>) {
        let whole = self.first(|fault| if let Fault::Slow(rate) = fault { Some(*rate) } else { None });
        let body = self.first(|fault| if let Fault::SlowBody(rate) = fault { Some(*rate) } else { None });
        (whole, body.or(whole))
    }
}
