//! What a registry is like, apart from its faults.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::auth::Auth;
use crate::registry::Registry;
use crate::tls::Certificate;

/// How a registry is started: plain HTTP on 127.0.0.1, open to everybody, everything supported, unless said otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    pub(crate) address: IpAddr,
    pub(crate) auth: Auth,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) read_only: bool,
    pub(crate) referrers: bool,
    pub(crate) artifacts: bool,
    pub(crate) mount: bool,
    pub(crate) deletion: bool,
    pub(crate) absolute_locations: bool,
    pub(crate) page: usize,
    pub(crate) chunk_min: Option<u64>,
    pub(crate) max_blob: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            auth: Auth::None,
            certificate: None,
            read_only: false,
            referrers: true,
            artifacts: true,
            mount: true,
            deletion: true,
            absolute_locations: false,
            page: 1000,
            chunk_min: None,
            max_blob: 512 << 20,
        }
    }
}

impl Options {
    /// Starts a registry.
    ///
    /// # Errors
    ///
    /// When it cannot listen, is asked to listen elsewhere than on loopback, or has no certificate.
    pub fn start(self) -> io::Result<Registry> {
        Registry::start_with(self)
    }

    /// Another address of loopback: `127.0.0.2` is another host, `::1` one with brackets.
    #[must_use]
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Who may come in.
    #[must_use]
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = auth.into();
        self
    }

    /// HTTPS in place of HTTP.
    #[must_use]
    pub fn tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Whatever writes is refused: 405, `UNSUPPORTED`.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// No referrers API, as before the specification 1.1: 404, no `OCI-Subject`.
    #[must_use]
    pub fn without_referrers(mut self) -> Self {
        self.referrers = false;
        self
    }

    /// Manifests with `artifactType` or another config than an image's are refused: 400, `MANIFEST_INVALID`.
    #[must_use]
    pub fn refuse_artifacts(mut self) -> Self {
        self.artifacts = false;
        self
    }

    /// A mount begins an upload: 202.
    #[must_use]
    pub fn without_mount(mut self) -> Self {
        self.mount = false;
        self
    }

    /// Nothing is deleted: 405, `UNSUPPORTED`.
    #[must_use]
    pub fn without_deletion(mut self) -> Self {
        self.deletion = false;
        self
    }

    /// `Location` with scheme and host; without, it is a path.
    #[must_use]
    pub fn absolute_locations(mut self) -> Self {
        self.absolute_locations = true;
        self
    }

    /// Longest page of tags and of referrers, whatever the client asks for: 1000 by default.
    #[must_use]
    pub fn page(mut self, entries: usize) -> Self {
        self.page = entries.max(1);
        self
    }

    /// `OCI-Chunk-Min-Length` in bytes; a smaller chunk that another one follows is refused.
    #[must_use]
    pub fn chunk_min(mut self, bytes: u64) -> Self {
        self.chunk_min = Some(bytes);
        self
    }

    /// Largest blob in bytes: 512 MiB by default.
    #[must_use]
    pub fn max_blob(mut self, bytes: u64) -> Self {
        self.max_blob = bytes;
        self
    }
}
