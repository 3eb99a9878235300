//! What changes an answer that was right.

use bytes::Bytes;

use super::{Fault, Faults};
use crate::http::{Answer, Framing, gzip};

impl Faults {
    /// The answer with every change, in order.
    pub(crate) fn tamper(&self, mut answer: Answer) -> Answer {
        for fault in &self.0 {
            match fault {
                Fault::Header(name, value) => answer.set(name, value),
                Fault::WithoutHeader(name) => answer.remove(name),
                Fault::LocationAt(base) => relocate(&mut answer, |path| format!("{base}{path}")),
                Fault::LocationRelative => {
                    relocate(&mut answer, |path| path.rsplit('/').next().unwrap_or_default().to_owned());
                }
                Fault::Realm(realm) => set_realm(&mut answer, realm),
                Fault::ContentLength(length) => answer.framing = Framing::Claim(*length),
                Fault::LengthShorter(by) => answer.framing = Framing::Shorter(*by),
                Fault::LengthLonger(by) => answer.framing = Framing::Longer(*by),
                Fault::NoLength => answer.framing = Framing::Close,
                Fault::Chunked => answer.framing = Framing::Chunked,
                Fault::ChunkedUnfinished => answer.framing = Framing::ChunkedUnfinished,
                Fault::Endless => answer.framing = Framing::Endless,
                Fault::Oversize(length) => answer.padded_to = *length,
                Fault::Body(body) => answer.body = body.clone(),
                Fault::FlipBit(at) => flip(&mut answer, *at),
                Fault::Gzip => {
                    answer.body = gzip(&answer.body).into();
                    answer.set("Content-Encoding", "gzip");
                }
                Fault::HangUp => answer.hang_up = true,
                _ => {}
            }
        }
        answer
    }
}

/// Changes the path of the `Location`, if there is one.
fn relocate(answer: &mut Answer, change: impl Fn(&str) -> String) {
    let Some(location) = answer.value("Location") else { return };
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    };
    let changed = change(path);
    answer.set("Location", changed);
}

/// Replaces the realm of a challenge, if there is one.
fn set_realm(answer: &mut Answer, realm: &str) {
    const NAME: &str = "realm=\"";
    let Some(challenge) = answer.value("WWW-Authenticate") else { return };
    let Some((front, rest)) = challenge.split_once(NAME) else { return };
    let rest = rest.split_once('"').map_or("", |(_, rest)| rest);
    let changed = format!("{front}{NAME}{realm}\"{rest}");
    answer.set("WWW-Authenticate", changed);
}

fn flip(answer: &mut Answer, at: u64) {
    let mut body = answer.body.to_vec();
    let last = body.len().saturating_sub(1);
    if let Some(byte) = body.get_mut(last.min(usize::try_from(at).unwrap_or(last))) {
        *byte ^= 1;
    }
    answer.body = Bytes::from(body);
}
