use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use super::{Event, Login};
use crate::Artifact;

/// How registries are reached, and with what patience.
///
/// The default reaches every registry over HTTPS and those on this machine (`localhost`, `127.0.0.1`, `[::1]`) over plain
/// HTTP, trusts the authorities that the system trusts, knows no credentials, and uses no proxy.
///
/// ```
/// use wasm_oci::registry::{Login, Options};
///
/// let mut options = Options::default();
/// options.logins.insert("ghcr.io".to_owned(), Login::password("me", "secret"));
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Whether registries speak plain HTTP. `None`, the default: those on this machine do, unless
    /// [`certificates`](Self::certificates) are given or [`insecure`](Self::insecure) is said, and no others.
    pub plain_http: Option<bool>,
    /// Whether a certificate may be of anybody. It does not allow plain HTTP.
    pub insecure: bool,
    /// Authorities to trust besides the system's, each a file in PEM.
    pub certificates: Vec<Vec<u8>>,
    /// What a registry knows its user by, under the registry's host with its port. It goes before
    /// [`auth_files`](Self::auth_files).
    pub logins: BTreeMap<String, Login>,
    /// Files with credentials, as `docker login` and `podman login` write them. The first that has some for the registry
    /// counts; those that do not exist are passed over.
    ///
    /// Credential helpers that they name are run: `docker-credential-NAME`, looked for on the `PATH` of this process.
    pub auth_files: Vec<PathBuf>,
    /// Hosts to which credentials may be sent when the registry says that it gets its tokens there, besides the
    /// registry's own host, Docker Hub's and GitLab's.
    pub allow_realm: Vec<String>,
    /// How often a request is repeated that fails for a reason which may pass: 5.
    pub retries: u32,
    /// How long the first repetition waits: 200 ms, and each later one twice as long, up to 10 seconds; a quarter more or
    /// less, so that not everybody comes at once.
    pub backoff: Duration,
    /// How long a registry can make us wait by `Retry-After`: 60 seconds.
    pub retry_after: Duration,
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// The largest blob that is moved: 1 GiB. The size that a manifest claims is compared with it before anything is read.
    pub blob_limit: u64,
    /// How many blobs of an image are moved at once: 3.
    pub parallel: usize,
    /// The proxy for plain HTTP, as a URL. What is on this machine is always reached without.
    pub http_proxy: Option<String>,
    /// The proxy for HTTPS, as a URL.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy, separated by commas, as in the variable `NO_PROXY`.
    pub no_proxy: Option<String>,
    pub(super) on_event: Option<Tell>,
}

/// Who is told of everything.
type Tell = Arc<dyn Fn(&Event) + Send + Sync>;

/// How long each phase may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Timeouts {
    /// Until there is a connection, with TLS: 10 seconds.
    pub connect: Duration,
    /// From then on until the answer begins: 10 seconds, when a blob was uploaded one more for each 8 MiB of it.
    pub answer: Duration,
    /// How many bytes a second a body must have: 1024.
    pub rate: u64,
    /// Over which time they are counted: 30 seconds.
    pub window: Duration,
    /// How long a credential helper may take: 60 seconds.
    pub helper: Duration,
}

impl Options {
    /// Has everything told that happens on the way: what is transferred, how far it is, what is tried again.
    ///
    /// It is called on the thread that moves the bytes: it should be quick, and must not use the [`Registry`](super::Registry).
    #[must_use]
    pub fn on_event(mut self, tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(tell));
        self
    }

    pub(super) fn tell(&self, event: &Event) {
        if let Some(tell) = &self.on_event {
            tell(event);
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            plain_http: None,
            insecure: false,
            certificates: vec![],
            logins: BTreeMap::new(),
            auth_files: vec![],
            allow_realm: vec![],
            retries: 5,
            backoff: Duration::from_millis(200),
            retry_after: Duration::from_secs(60),
            timeouts: Timeouts::default(),
            blob_limit: Artifact::LAYER_LIMIT,
            parallel: 3,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
            on_event: None,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            rate: 1024,
            window: Duration::from_secs(30),
            helper: Duration::from_secs(60),
        }
    }
}

/// A proxy's URL may hold a password, and is left out.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("plain_http", &self.plain_http)
            .field("insecure", &self.insecure)
            .field("certificates", &self.certificates.len())
            .field("logins", &self.logins)
            .field("auth_files", &self.auth_files)
            .field("allow_realm", &self.allow_realm)
            .field("retries", &self.retries)
            .field("timeouts", &self.timeouts)
            .field("blob_limit", &self.blob_limit)
            .finish_non_exhaustive()
    }
}
