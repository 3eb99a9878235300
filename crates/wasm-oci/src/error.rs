use std::{error::Error as StdError, io, path::PathBuf, time::Duration};

use oci_spec::image::Digest;

pub(crate) use self::text::shortened;
use self::text::{no_module, no_such_platform, no_such_tag};
use crate::{Ambiguity, Format, Platform};

mod help;
mod make;
mod remote;
mod text;

#[cfg(feature = "registry")]
pub(crate) use remote::{CERTIFICATE, NOT_TLS, RELATIVE};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be read, packed or written.
///
/// `Display` tells this level only; [`std::error::Error::source`] has the cause, whose type is not promised, and
/// [`Error::help`] what to do, where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as WebAssembly does.
    #[error("not WebAssembly but {found}")]
    NotWasm {
        /// What they look like.
        found: &'static str,
    },
    /// The bytes begin as WebAssembly and go wrong later.
    #[error("invalid WebAssembly at byte {offset}")]
    InvalidWasm {
        /// Where, counted from the start of the file.
        offset: u64,
        /// What the parser says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The file system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `create`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The output is there already and was not to be replaced.
    #[error("`{}` exists already", path.display())]
    AlreadyExists {
        /// The output.
        path: PathBuf,
    },
    /// The layout has the tag already and it was not to be moved.
    #[error("the layout has the tag `{tag}` already")]
    TagExists {
        /// The tag.
        tag: String,
    },
    /// The directory is no OCI image layout.
    #[error("`{}` is no OCI image layout: {why}", path.display())]
    NotLayout {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        why: &'static str,
    },
    /// Somebody else has what is to be changed.
    #[error("`{}` is in use", path.display())]
    Busy {
        /// What.
        path: PathBuf,
    },
    /// A document of the layout cannot be read, so nobody knows which blobs are needed.
    #[error("nobody knows what is needed in `{}`", path.display())]
    Unreachable {
        /// The layout.
        path: PathBuf,
        /// What is wrong with the document.
        source: Box<Error>,
    },
    /// The directory is no place for a [`Store`](crate::Store): others can change it.
    #[error("`{}` is no store of this user: {why}", path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: Box<str>,
    },
    /// A later version of this crate made the store.
    #[error("the store `{}` has version {version}, later than {}", path.display(), crate::Store::VERSION)]
    StoreVersion {
        /// The directory.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The layout has no such tag, or none was named and there is not exactly one image.
    #[error("{}", no_such_tag(tag.as_deref(), tags))]
    NoSuchTag {
        /// The tag that was asked for.
        tag: Option<String>,
        /// The tags that are there.
        tags: Box<[String]>,
    },
    /// An index has no image for the platform, or none was named and there is no WebAssembly in it.
    #[error("{}", no_such_platform(wanted.as_deref(), there))]
    NoSuchPlatform {
        /// The platform that was asked for.
        wanted: Option<Box<Platform>>,
        /// The platforms that are there.
        there: Box<[String]>,
    },
    /// A document is no JSON, or JSON of another shape.
    #[error("malformed {what}")]
    Json {
        /// Which document.
        what: &'static str,
        /// What the parser says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A document or layer contradicts the image specification.
    #[error("{what}: {why}")]
    Malformed {
        /// Which document.
        what: &'static str,
        /// What is wrong with it.
        why: Box<str>,
    },
    /// A layer is no well-formed tar.
    #[error("the layer is not a sound tar: {why}")]
    Tar {
        /// What is wrong.
        why: &'static str,
    },
    /// A layer has an entry that two readers could understand differently.
    #[error("the layer has the entry {entry:?}, {why}")]
    Entry {
        /// The entry's name, shortened when it is long.
        entry: Box<str>,
        /// What is wrong.
        why: Ambiguity,
    },
    /// A layer has more entries than are read.
    #[error("the layer has more than {limit} entries")]
    Entries {
        /// The limit.
        limit: u64,
    },
    /// Something is larger than this crate reads.
    #[error("{what} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A blob is not as long as its descriptor says.
    #[error("blob {digest} has {actual} bytes, its descriptor says {expected}")]
    Size {
        /// The blob.
        digest: Box<Digest>,
        /// The descriptor's size.
        expected: u64,
        /// The size found.
        actual: u64,
    },
    /// A blob's bytes have another digest than the one they are stored under.
    #[error("blob {expected} has the digest {actual}")]
    Digest {
        /// The descriptor's digest.
        expected: Box<Digest>,
        /// The digest of the bytes.
        actual: Box<Digest>,
    },
    /// A digest of an algorithm that is not supported.
    #[error("digest `{}` is neither sha256 nor sha512", shortened(&digest.to_string()))]
    DigestAlgorithm {
        /// The digest.
        digest: Box<Digest>,
    },
    /// A media type that this crate does not read in this place.
    #[error("{what} has the media type `{}`, which is not supported", shortened(media_type))]
    MediaType {
        /// Where it stands.
        what: &'static str,
        /// The type.
        media_type: Box<str>,
    },
    /// The image names nothing to run.
    #[error("the image has neither entrypoint nor command")]
    NoEntrypoint,
    /// The file that the image runs is not in its layers, or is no regular file.
    #[error("the entrypoint `{}` is {why}", shortened(path))]
    Entrypoint {
        /// The entrypoint as the config has it.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The artifact has no module or several, and nothing says which one to run.
    #[error("{}", no_module(*count))]
    Modules {
        /// How many.
        count: usize,
    },
    /// The format can be read, not written.
    #[error("the format `{format}` is read, not written")]
    ReadOnlyFormat {
        /// The format.
        format: Format,
    },
    /// Two images of an index are for the same platform: nobody would ever get the second.
    #[error("two images are for the platform {platform}")]
    SamePlatform {
        /// The platform.
        platform: Box<Platform>,
    },
    /// A conversion would lose something.
    #[error("the format `{format}` has no place for {}", lost.join(", "))]
    Lossy {
        /// The format that was asked for.
        format: Format,
        /// What would be lost.
        lost: Box<[String]>,
    },
    /// A name or path that cannot stand in an image.
    #[error("`{path}` cannot be a path in an image: {why}")]
    ImagePath {
        /// The path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// A file or directory that is no engine for an image.
    #[error("`{}` cannot be an engine: {why}", path.display())]
    Engine {
        /// The file or directory, or the path in the image.
        path: PathBuf,
        /// Why.
        why: Box<str>,
    },
    /// An engine was to be put into what is no image of tar layers.
    #[error("the format `{format}` has no room for an engine")]
    EngineFormat {
        /// The format.
        format: Format,
    },
    /// A tag that is not of the form the distribution specification allows.
    #[error("`{}` is not a tag", shortened(tag))]
    Tag {
        /// The text.
        tag: String,
    },
    /// No such packing format.
    #[error("`{}` is not a format", shortened(name))]
    UnknownFormat {
        /// The text.
        name: String,
    },
    /// No such compression.
    #[error("`{}` is not a compression", shortened(name))]
    UnknownCompression {
        /// The text.
        name: String,
    },
    /// No such consumer.
    #[error("`{}` is not a consumer this version knows", shortened(name))]
    UnknownConsumer {
        /// The text.
        name: String,
    },
    /// Not `OS/ARCHITECTURE[/VARIANT]`.
    #[error("`{}` is not a platform", shortened(text))]
    Platform {
        /// The text.
        text: String,
    },
    /// No name of an image in a registry.
    #[error("`{}` is no name of an image: {why}", shortened(text))]
    Reference {
        /// The text.
        text: String,
        /// Why.
        why: &'static str,
    },
    /// A location that is understood and cannot be read or written.
    #[error("cannot {action} `{location}`: {why}")]
    Place {
        /// `read` or `write`.
        action: &'static str,
        /// The location.
        location: String,
        /// Why.
        why: &'static str,
    },
    /// What is to be written has no room in an archive for `docker load`, which has tar layers only.
    #[error("`docker load` takes images with tar layers, not the format `{format}`")]
    NotForDocker {
        /// The format.
        format: Format,
    },
    /// A host cannot be reached: no such name, no answer, no TLS.
    #[error("cannot reach `{host}`: {why}")]
    Connect {
        /// The host, with its port if it has one.
        host: Box<str>,
        /// What was in the way.
        why: &'static str,
        /// What the HTTP client says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A host takes longer than it may.
    #[error("`{host}` {what} for more than {limit:?}")]
    TimedOut {
        /// The host, with its port if it has one.
        host: Box<str>,
        /// What it did all the time.
        what: &'static str,
        /// How long it may.
        limit: Duration,
    },
    /// The registry lets nobody, or not this user, do it.
    #[error("the registry does not let us {what}: {why}")]
    Unauthorized {
        /// What was tried.
        what: Box<str>,
        /// As whom, and what the registry says.
        why: Box<str>,
    },
    /// The registry wants the user's credentials sent to where they may not go.
    #[error("the credentials for `{registry}` are not sent to `{realm}`: {why}")]
    ForeignRealm {
        /// The registry.
        registry: Box<str>,
        /// Where the registry wants them to be sent.
        realm: Box<str>,
        /// What is wrong with that.
        why: &'static str,
    },
    /// The registry refused.
    #[error("the registry refused to {what}: {status} {message}")]
    Refused {
        /// What was tried.
        what: Box<str>,
        /// The HTTP status.
        status: u16,
        /// The code and the words of the registry, as far as it gives any: `DENIED: …`.
        message: Box<str>,
    },
    /// The registry has no such thing, or says so to those who may not know.
    #[error("`{what}` is not there")]
    NotFound {
        /// What was looked for.
        what: Box<str>,
    },
    /// The registry, or who answers in its place, does not keep to the specification.
    #[error("`{host}` does not answer as a registry: {why}")]
    BadAnswer {
        /// The host, with its port if it has one.
        host: Box<str>,
        /// What is wrong.
        why: Box<str>,
    },
    /// The registry sends us where we do not go.
    #[error("`{host}` sends us to `{to}`, which is not followed: {why}")]
    BadRedirect {
        /// The host, with its port if it has one.
        host: Box<str>,
        /// Where to.
        to: Box<str>,
        /// What is wrong with that.
        why: &'static str,
    },
    /// A file with credentials, or a program that knows them, is of no use.
    #[error("cannot get credentials from {from}: {why}")]
    Credentials {
        /// The file or the program.
        from: Box<str>,
        /// What is wrong.
        why: Box<str>,
    },
    /// Not a location.
    #[error("`{}` is not a location this version knows: {why}", shortened(text))]
    Location {
        /// The text.
        text: String,
        /// Why.
        why: &'static str,
    },
}
