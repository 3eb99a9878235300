//! An OCI registry for tests: in process, on loopback, in memory, written to the distribution specification 1.1.
//!
//! It is right until it is told to be wrong, and then it is wrong on the wire, byte for byte:
//!
//! ```
//! use test_registry::{Fault, On, Options, Registry, RetryAfter, Status};
//!
//! # fn main() -> std::io::Result<()> {
//! let registry = Registry::start()?;
//! let digest = registry.put_blob("demo/hello", "hello");
//!
//! // The first download breaks off in its third byte, the next one is told to come back later.
//! let broken = registry.fault(On::blob_get().nth(1), Fault::ResetInBody(3));
//! let busy = Status::new(429).retry_after(RetryAfter::Seconds(1));
//! registry.fault(On::blob_get().nth(2), busy.into());
//!
//! // … a client pulls `{host}/demo/hello@{digest}` …
//! # let _ = (registry.host(), digest);
//! assert_eq!(registry.fired(broken), 0); // no client came
//! assert_eq!(registry.count(&On::blob_get()), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! - [`Registry`]: runs from [`Registry::start`] until it is dropped; then no thread, port or connection is left.
//!   [`Options`] says what it is like: TLS, authentication, read-only, without referrers, without artifacts.
//! - [`Auth`]: nobody, `Basic`, or [`Bearer`] with a token endpoint of its own.
//! - [`Fault`] and [`On`]: what goes wrong, on which requests.
//! - [`Request`]: what came in, with its `Authorization`: a test proves where credentials went, and how often something
//!   was downloaded.
//!
//! # Limits
//!
//! A test must never hang: each read and write ends after 30 seconds, a stall or a delay after two minutes, and all of
//! them at once when the registry is dropped. Heads are cut at 64 KiB, manifests at 4 MiB, blobs at 512 MiB, everything
//! together at 2 GiB; there are at most 512 connections, and the log keeps the last 65,536 requests.
//!
//! It speaks HTTP/1.1 only: faults of HTTP/2 frames and of name resolution need something else. It forgets no open upload
//! by itself, has no `_catalog`, and takes no conditional writes (`If-Match`).
#![forbid(unsafe_code)]

mod api;
mod auth;
mod digest;
mod fault;
mod http;
mod log;
mod options;
mod refusal;
mod registry;
mod route;
mod server;
mod store;
mod tls;

pub use self::{
    auth::{Auth, Bearer},
    digest::{sha256, sha512},
    fault::{Fault, Kind, On, RetryAfter, RuleId, Status},
    http::{Answer, Request},
    options::Options,
    registry::Registry,
    tls::Certificate,
};
