//! The registry as a test sees it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::auth::{Auth, Tokens};
use crate::digest::Digest;
use crate::fault::{Fault, On, RuleId, Rules};
use crate::http::Request;
use crate::log::Log;
use crate::options::Options;
use crate::route::Route;
use crate::server::Server;
use crate::store::{Manifest, Store};
use crate::tls::Tls;

/// An OCI registry on loopback; it ends with the value.
#[derive(Debug)]
pub struct Registry {
    shared: Arc<Shared>,
    server: Server,
}

/// What the threads of a registry share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Tls>,
    store: Mutex<Store>,
    tokens: Mutex<Tokens>,
    rules: Mutex<Rules>,
    log: Mutex<Log>,
}

impl Registry {
    /// Starts a registry with the default [`Options`].
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start() -> io::Result<Self> {
        Options::default().start()
    }

    /// What a registry may be started with.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    pub(crate) fn start_with(options: Options) -> io::Result<Self> {
        let listener = Server::listen(options.address)?;
        let tls = options.certificate.map(|kind| Tls::new(kind, options.address)).transpose()?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            options,
            tls,
            store: Mutex::default(),
            tokens: Mutex::default(),
            rules: Mutex::default(),
            log: Mutex::default(),
        });
        let server = Server::start(listener, Arc::clone(&shared))?;
        Ok(Self { shared, server })
    }

    /// Where it listens: `127.0.0.1:PORT`, as in a reference.
    #[must_use]
    pub fn host(&self) -> String {
        self.shared.address.to_string()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// `http://HOST` or `https://HOST`.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The certificate to trust, in PEM, of a registry with TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.shared.tls.as_ref().map(|tls| tls.authority.as_str())
    }

    /// Puts a blob there; its `sha256:…`.
    pub fn put_blob(&self, repository: &str, blob: impl Into<Bytes>) -> String {
        let blob = blob.into();
        let digest = Digest::sha256(&blob);
        self.shared.store().repository(repository).blobs.insert(digest.clone(), blob);
        digest.to_string()
    }

    /// Puts anything there under a digest, even a wrong one.
    ///
    /// # Panics
    ///
    /// When the digest is no sha256 and no sha512.
    #[track_caller]
    pub fn put_blob_as(&self, repository: &str, digest: &str, blob: impl Into<Bytes>) {
        let Some(digest) = Digest::parse(digest) else { panic!("no digest: {digest}") };
        self.shared.store().repository(repository).blobs.insert(digest, blob.into());
    }

    /// Puts any bytes there as a manifest, under a tag or under their own digest of either algorithm; the digest.
    ///
    /// # Panics
    ///
    /// When the reference is another's digest.
    #[track_caller]
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        let manifest = Manifest::new(media_type, bytes.into());
        let mut store = self.shared.store();
        let own = store.repository(repository);
        let digest = match Digest::parse(reference) {
            Some(digest) => {
                assert!(digest.is_of(&manifest.bytes), "{digest} is not the digest of the manifest");
                digest
            }
            None => {
                let digest = Digest::sha256(&manifest.bytes);
                own.tags.insert(reference.to_owned(), digest.clone());
                digest
            }
        };
        own.manifests.insert(digest.clone(), manifest);
        digest.to_string()
    }

    /// Moves a tag; `false` when there is no such manifest.
    pub fn tag(&self, repository: &str, tag: &str, digest: &str) -> bool {
        self.shared.tag(repository, tag, digest)
    }

    /// A blob that is there.
    #[must_use]
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let store = self.shared.store();
        store.repositories.get(repository)?.blobs.get(&Digest::parse(digest)?).cloned()
    }

    /// Media type and bytes of a manifest that is there, by tag or digest.
    #[must_use]
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        let store = self.shared.store();
        let own = store.repositories.get(repository)?;
        let manifest = own.manifests.get(&own.resolve(reference)?)?;
        Some((manifest.media_type.clone(), manifest.bytes.clone()))
    }

    /// Tags and their digests.
    #[must_use]
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let store = self.shared.store();
        let tags = store.repositories.get(repository).into_iter().flat_map(|own| &own.tags);
        tags.map(|(tag, digest)| (tag.clone(), digest.to_string())).collect()
    }

    /// Number of uploads that were begun and neither ended nor given up.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.shared.store().uploads.len()
    }

    /// From now on this goes wrong on these requests, which are counted from now.
    pub fn fault(&self, on: On, fault: Fault) -> RuleId {
        self.shared.rules().add(on, fault)
    }

    /// How often the fault happened.
    #[must_use]
    pub fn fired(&self, rule: RuleId) -> u64 {
        self.shared.rules().fired(rule)
    }

    /// From now on nothing goes wrong.
    pub fn clear_faults(&self) {
        self.shared.rules().clear();
    }

    /// Every request since the start or [`clear_requests`](Self::clear_requests), in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log().entries().cloned().collect()
    }

    /// How many of them are meant; [`nth`](On::nth) and its like do not matter.
    #[must_use]
    pub fn count(&self, on: &On) -> usize {
        self.shared.log().entries().filter(|request| on.is_met(request, &Route::of(&request.path))).count()
    }

    /// How many of them had this method and this path.
    #[must_use]
    pub fn hits(&self, method: &str, path: &str) -> usize {
        self.shared.log().entries().filter(|request| request.method == method && request.path == path).count()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// Number of connections since the start.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// A token for these scopes, `repository:NAME:pull,push`; `None` when the registry wants none.
    #[must_use]
    pub fn issue_token(&self, scopes: &[&str]) -> Option<String> {
        let Auth::Bearer(bearer) = &self.shared.options.auth else { return None };
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Some(bearer.issue(&mut self.shared.tokens(), scopes))
    }

    /// From now on every token so far is refused.
    pub fn expire_tokens(&self) {
        self.shared.tokens().expire();
    }
}

impl Shared {
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    pub(crate) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub(crate) fn tag(&self, repository: &str, tag: &str, digest: &str) -> bool {
        let mut store = self.store();
        let own = store.repositories.get_mut(repository);
        let known = own.and_then(|own| Some((own.resolve(digest)?, own)));
        known.map(|(digest, own)| own.tags.insert(tag.to_owned(), digest)).is_some()
    }
}

/// The value, even if a thread has panicked that held it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
