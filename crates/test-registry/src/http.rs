//! HTTP/1.1, by hand: a server that must be able to break every rule cannot be built on one that keeps them.

mod answer;
mod date;
mod encoding;
mod read;
mod request;
mod uri;

pub use self::answer::Answer;
pub use self::request::Request;

pub(crate) use self::answer::{Framing, reason};
pub(crate) use self::date::http_date;
pub(crate) use self::encoding::{base64_decode, gzip};
pub(crate) use self::read::{Incoming, Unread};
pub(crate) use self::uri::{encode, parse_query};
