//! Faults: what goes wrong, on which requests.

mod faults;
mod on;
mod rules;
mod status;
mod tamper;

use std::time::Duration;

use bytes::Bytes;

use crate::http::Answer;

pub use self::on::{Kind, On};
pub use self::rules::RuleId;
pub use self::status::{RetryAfter, Status};

pub(crate) use self::faults::{Break, Endlessness, Faults};
pub(crate) use self::rules::Rules;

/// Something that goes wrong.
///
/// Several faults may meet on one request: the first of those that replace the answer wins, all that change it do so in
/// the order in which they were given, and of those that break the connection the last one counts.
///
/// Offsets that end in `…After` count from the first byte of the status line, those in `…InBody` from the first byte
/// behind the head.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    // The connection.
    /// A reset (RST) behind so many bytes of the answer.
    ResetAfter(u64),
    /// A reset behind so many bytes of the body.
    ResetInBody(u64),
    /// The end of the connection (FIN, over TLS without `close_notify`) behind so many bytes of the answer.
    CloseAfter(u64),
    /// The same behind so many bytes of the body.
    CloseInBody(u64),
    /// Half-open: behind so many bytes of the answer nothing more comes, and the connection stays, for two minutes.
    StallAfter(u64),
    /// The same behind so many bytes of the body.
    StallInBody(u64),
    /// A reset when so many bytes of the request's body were read; what a `PATCH` brought is kept.
    ResetAfterReading(u64),
    /// So many bytes a second, the head too.
    Slow(u64),
    /// So many bytes of the body a second.
    SlowBody(u64),
    /// Nothing for so long, then the answer; two minutes at most.
    Delay(Duration),
    /// The right answer, and behind it an end of the connection that it did not announce.
    HangUp,
    /// These bytes in place of an answer, then the end of the connection.
    Raw(Bytes),

    // The answer as a whole.
    /// An error.
    Status(Status),
    /// This answer.
    Answer(Answer),
    /// 401 with the registry's challenge, whatever the request brought.
    Unauthorized,
    /// A redirect to this address, which is written as it is: another registry's, `http:`, `file:`, relative, nonsense.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location`.
        location: String,
    },
    /// 307 to the same path and query at this base, like `http://127.0.0.2:5000`.
    RedirectTo(String),
    /// 307 to the same address again; with [`On::first`] a chain of a known length.
    RedirectLoop,

    // Headers.
    /// This header in place of the answer's own.
    Header(String, String),
    /// No such header.
    WithoutHeader(String),
    /// `Location` at this base.
    LocationAt(String),
    /// `Location` as nothing but its last segment, relative to the request's address.
    LocationRelative,
    /// The `realm` of every challenge.
    Realm(String),

    // The length.
    /// `Content-Length` of this, whatever the body has.
    ContentLength(u64),
    /// `Content-Length` less so much.
    LengthShorter(u64),
    /// `Content-Length` and so much more; the connection ends behind the body.
    LengthLonger(u64),
    /// No length: the end of the connection is the end of the body.
    NoLength,
    /// Chunked, and right.
    Chunked,
    /// Chunked, without the last chunk.
    ChunkedUnfinished,
    /// Chunked, the body again and again, until the client goes, or a GiB was sent.
    Endless,
    /// The body filled with spaces up to this length: still the same JSON.
    Oversize(u64),

    // The body.
    /// This content in place of the blob or manifest, ranges and lengths according to it, its digest header as before.
    Content(Bytes),
    /// This body, under the answer's own status and headers.
    Body(Bytes),
    /// The lowest bit of this byte of the body flipped (of the last one, in a shorter body).
    FlipBit(u64),
    /// The body compressed with gzip, and `Content-Encoding` says so. (For the header alone: [`Fault::header`].)
    Gzip,

    // Ranges.
    /// 200 with everything to a request for a range.
    IgnoreRange,
    /// 416 to a request for a range.
    RefuseRange,
    /// 206 with a range that begins so many bytes later than asked, and says so.
    ShiftRange(u64),
    /// 206 that claims what was asked, with bytes from so many later, or earlier where there are no later ones.
    LieAboutRange(u64),

    // Uploads.
    /// The upload is forgotten: 404, `BLOB_UPLOAD_UNKNOWN`, now and from then on.
    LoseUpload,
    /// 416 to a chunk, with the range that the registry has.
    RefuseChunk,
    /// 202 to a chunk, of which only the first bytes were kept; `Range` says how far the upload is.
    KeepOfChunk(u64),
    /// 202 to a mount.
    IgnoreMount,

    // Tokens, tags and pages.
    /// A token that is good for another repository.
    WrongScope,
    /// Just before the answer is sent, the tag moves to another manifest of the repository.
    MoveTag {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
        /// Digest of the other manifest.
        digest: String,
    },
    /// The next page is this one.
    PageLoop,
    /// There is always a next page, with one more made-up tag or referrer.
    PageEndless,
}

impl Fault {
    /// An error with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status(Status::new(status))
    }

    /// 307 to this address.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::Redirect { status: 307, location: location.into() }
    }

    /// This header in place of the answer's own.
    #[must_use]
    pub fn header(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Header(name.into(), value.into())
    }

    /// `Docker-Content-Digest` of other bytes.
    #[must_use]
    pub fn wrong_digest() -> Self {
        Self::header("Docker-Content-Digest", crate::sha256(b"something else"))
    }

    /// Another `Content-Type`.
    #[must_use]
    pub fn content_type(media_type: impl Into<String>) -> Self {
        Self::header("Content-Type", media_type)
    }

    /// The tag moves just before the answer is sent.
    #[must_use]
    pub fn move_tag(
        repository: impl Into<String>,
        tag: impl Into<String>,
        digest: impl Into<String>,
    ) -> Self {
        Self::MoveTag { repository: repository.into(), tag: tag.into(), digest: digest.into() }
    }
}
