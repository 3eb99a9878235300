//! Blobs to a registry: the upload protocol is oci-client's, and what is shown is ours.
//!
//! oci-client would get a token from whatever realm a registry names, reads the whole text of an error, and does not see
//! `Retry-After`. So it is given the token, its future is dropped when it reads and does not stop, and before each
//! attempt the registry is asked by our own path whether it has the blob, which is where `Retry-After` is kept to.

mod proxies;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use oci_client::{
    Client, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
    token_cache::RegistryTokenType,
};
use oci_spec::image::Descriptor;
use reqwest::{
    Method,
    header::{CONTENT_LENGTH, LOCATION},
};

use self::proxies::Proxies;
use super::{
    event::{Event, How, Way},
    http::{self, Again, Ask, Fault, Http, Patience, same_origin},
    session::{Action, Knocked, Scope, Session, Shown},
};
use crate::{Error, Result, error::RELATIVE};

/// The bytes of a blob, piece by piece; an error in it ends the upload.
pub(super) type Pieces = BoxStream<'static, Result<Bytes>>;

/// A blob that goes to a repository of a registry.
pub(super) struct Upload<'a> {
    pub(super) session: &'a Session,
    pub(super) repository: &'a str,
    pub(super) descriptor: &'a Descriptor,
    /// A repository of the same registry that has the blob.
    pub(super) mount: Option<&'a str>,
}

impl Upload<'_> {
    /// Brings the blob there, unless it is there. `open` gives its bytes, from the first one on each time.
    pub(super) async fn run(&self, open: impl Fn() -> Result<Pieces>) -> Result<()> {
        if self.is_there().await? {
            self.ended(How::Present);
            return Ok(());
        }
        let scope = Scope::new(self.repository, Action::Push);
        if let Some(from) = self.mount
            && self.mount(from).await?
        {
            self.ended(How::Mounted);
            return Ok(());
        }
        let mut patience = Patience::new(&self.session.http.options);
        let mut shown = self.session.ready(&scope).await?;
        let (mut asked, mut chunked) = (false, false);
        loop {
            let fault = match self.attempt(shown.as_ref(), chunked, open()?).await {
                Ok(()) => break,
                Err(fault) => fault,
            };
            match &fault.error {
                // The token has expired, or the registry says only here that it wants one.
                Error::Unauthorized { .. } if !asked => {
                    asked = true;
                    shown = self.knock(&scope).await?;
                }
                // It is too long for one request: some proxies have a limit.
                Error::Refused { status: 413, .. } if !chunked => chunked = true,
                _ => {
                    patience.wait(fault).await?;
                    if self.is_there().await? {
                        break;
                    }
                    shown = self.session.ready(&scope).await?;
                }
            }
        }
        self.ended(How::Moved);
        Ok(())
    }

    /// Whether the registry has the blob in this repository.
    async fn is_there(&self) -> Result<bool> {
        let Self { session, repository, descriptor, .. } = self;
        let digest = descriptor.digest();
        let what = format!("look for the blob {}/{repository}@{digest}", session.registry);
        let ask = Ask::new(Method::HEAD, session.url(&format!("{repository}/blobs/{digest}"))?, what);
        let scope = Scope::new(repository, Action::Push);
        let found = session.http.retrying(|| async {
            let answer = session.ask(&ask, &scope).await?;
            match answer.status().as_u16() {
                // The answer to HEAD has no body, and still the length of one.
                200 => Ok(answer
                    .header(&CONTENT_LENGTH)
                    .is_none_or(|size| size == descriptor.size().to_string())),
                // What may not be seen may be written: the upload tells.
                403..=405 => Ok(false),
                _ => Err(answer.refused(&ask.what).await),
            }
        });
        found.await
    }

    /// Has the registry take the blob from another of its repositories, if it does.
    async fn mount(&self, from: &str) -> Result<bool> {
        let Self { session, repository, descriptor, .. } = self;
        let mut scope = Scope::new(repository, Action::Push);
        scope.from = Some(from.to_owned());
        let Ok(shown) = session.ready(&scope).await else { return Ok(false) };
        let client = client(session, repository, shown.as_ref()).await?;
        let (to, from) =
            (reference(&session.registry, repository, None), reference(&session.registry, from, None));
        let digest = descriptor.digest().to_string();
        let counter = Counter::default();
        let mounted =
            watched(session, &counter, 0, async move { client.mount_blob(&to, &from, &digest).await });
        // A registry that does not mount has begun an upload, which it forgets again: then the blob is sent.
        Ok(mounted.await.is_ok())
    }

    /// One upload: in one request, or in chunks.
    async fn attempt(&self, shown: Option<&Shown>, chunked: bool, pieces: Pieces) -> Result<(), Fault> {
        let Self { session, repository, descriptor, .. } = self;
        let mut client = client(session, repository, shown).await?;
        if chunked {
            client = in_chunks(session, repository, shown).await?;
        }
        let size = descriptor.size();
        let digest = descriptor.digest().clone();
        session.http.options.tell(&Event::Began { digest: digest.clone(), size, from: 0, way: Way::Up });
        let counter = Counter::default();
        let (counted, options) = (counter.clone(), Arc::clone(&session.http.options));
        let named = digest.clone();
        let broken = Arc::new(std::sync::Mutex::new(None));
        let noted = Arc::clone(&broken);
        let pieces = pieces.map(move |piece| match piece {
            Ok(piece) => {
                let position = counted.add(piece.len() as u64);
                options.tell(&Event::Moved { digest: named.clone(), position });
                Ok(piece)
            }
            Err(error) => {
                let text = error.to_string();
                *noted.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                Err(OciDistributionError::GenericError(Some(text)))
            }
        });
        let to = reference(&session.registry, repository, None);
        let sent = watched(session, &counter, size, async move {
            client.push_blob_stream(&to, pieces, digest.as_ref(), Some(size)).await.map(drop)
        });
        let sent = sent.await;
        // What went wrong with the source says more than that the upload broke.
        match broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            Some(error) => Err(error.into()),
            None => sent,
        }
    }

    /// Begins an upload as nobody, by our own path: what the registry wants to be shown for it.
    async fn knock(&self, scope: &Scope) -> Result<Option<Shown>> {
        let Self { session, repository, .. } = self;
        let what = format!("push to {}/{repository}", session.registry);
        let url = session.url(&format!("{repository}/blobs/uploads/"))?;
        let ask = Ask::new(Method::POST, url.clone(), what).header(CONTENT_LENGTH, "0");
        match session.http.retrying(|| session.knock(&ask, scope)).await? {
            Knocked::Shown(shown) => Ok(Some(shown)),
            Knocked::Open(begun) => {
                let place = begun.header(&LOCATION).and_then(|place| url.join(place).ok());
                if let Some(place) = place.filter(|place| same_origin(place, &url)) {
                    // An upload that nobody gives up expires.
                    let ask = Ask::new(Method::DELETE, place, "give an upload up");
                    let _ = session.http.send(&ask, None).await;
                }
                Ok(None)
            }
        }
    }

    fn ended(&self, how: How) {
        let digest = self.descriptor.digest().clone();
        self.session.http.options.tell(&Event::Ended { digest, size: self.descriptor.size(), how });
    }
}

/// A reference as oci-client has it.
pub(super) fn reference(registry: &str, repository: &str, tag: Option<&str>) -> oci_client::Reference {
    let tag = tag.unwrap_or(super::manifest::LATEST);
    oci_client::Reference::with_tag(registry.to_owned(), repository.to_owned(), tag.to_owned())
}

/// A client that shows what we give it, sends a blob in one request, and never asks for a token.
async fn client(session: &Session, repository: &str, shown: Option<&Shown>) -> Result<Client> {
    make(session, repository, shown, true).await
}

/// The same, in chunks of 4 MiB.
async fn in_chunks(session: &Session, repository: &str, shown: Option<&Shown>) -> Result<Client> {
    make(session, repository, shown, false).await
}

async fn make(session: &Session, repository: &str, shown: Option<&Shown>, whole: bool) -> Result<Client> {
    http::use_ring();
    let Http { options, .. } = &*session.http;
    let secure = session.origin.scheme() == "https";
    let proxies = Proxies::of(options, &session.origin);
    let certificates = options.certificates.iter();
    let certificates =
        certificates.map(|pem| Certificate { encoding: CertificateEncoding::Pem, data: pem.clone() });
    let config = ClientConfig {
        protocol: if secure { ClientProtocol::Https } else { ClientProtocol::Http },
        accept_invalid_certificates: options.insecure,
        use_monolithic_push: whole,
        extra_root_certificates: certificates.collect(),
        connect_timeout: Some(options.timeouts.connect),
        read_timeout: None,
        http_proxy: Some(proxies.http),
        https_proxy: proxies.https,
        no_proxy: Some(proxies.none),
        user_agent: concat!("wasm-oci/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    let client =
        Client::try_from(config).map_err(|error| session.bad(format!("no client for it: {error}")))?;
    let to = reference(&session.registry, repository, None);
    match shown {
        // It gets a token for whoever is registered: this is one.
        Some(Shown::Token(token)) => {
            client
                .store_auth_if_needed(to.resolve_registry(), &RegistryAuth::Bearer(token.value.clone()))
                .await;
        }
        // And asks what a password is for, unless it has been told.
        Some(Shown::Basic { user, password }) => {
            client.store_auth_if_needed(to.resolve_registry(), &RegistryAuth::Anonymous).await;
            let basic = RegistryTokenType::Basic(user.clone(), password.clone());
            client.tokens.insert(&to, RegistryOperation::Push, basic).await;
        }
        None => {}
    }
    Ok(client)
}

/// How many bytes were taken for sending.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Counter {
    fn add(&self, bytes: u64) -> u64 {
        self.0.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs a request of oci-client as long as it gets on.
async fn watched(
    session: &Session,
    counter: &Counter,
    size: u64,
    request: impl Future<Output = Result<(), OciDistributionError>> + Send,
) -> Result<(), Fault> {
    let options = &session.http.options;
    let host: Box<str> = session.registry.as_str().into();
    let mut request =
        std::pin::pin!(Metered { inner: Box::pin(request), counter: counter.clone(), seen: 0, idle: 0 });
    loop {
        let before = counter.count();
        // Everything was sent: now the registry reads it once more.
        let limit = match before >= size {
            true => options.timeouts.connect + http::after_upload(options, size),
            false => options.timeouts.window,
        };
        match tokio::time::timeout(limit, &mut request).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => return Err(fault(session, error)),
            Ok(Err(Endless)) => {
                let error = session.bad("its answer to an upload does not end");
                return Err(error.into());
            }
            Err(_) if counter.count() > before => {}
            Err(_) => return Err(Fault::soon(Error::TimedOut { host, what: "takes nothing", limit })),
        }
    }
}

/// An answer that is read and read.
struct Endless;

/// A future that is dropped when it is polled and polled and sends nothing: it reads an answer that does not end.
///
/// oci-client reads the text of an error to its end, whatever its length. On a runtime with one thread a body gives at
/// most one piece for each poll, and a piece is no larger than the buffer of the connection.
struct Metered<F> {
    inner: Pin<Box<F>>,
    counter: Counter,
    seen: u64,
    idle: u32,
}

/// How often a request is polled without sending anything.
const POLLS: u32 = 48;

impl<F: Future> Future for Metered<F> {
    type Output = Result<F::Output, Endless>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let count = self.counter.count();
        self.idle = if count == self.seen { self.idle + 1 } else { 0 };
        self.seen = count;
        if self.idle > POLLS {
            return Poll::Ready(Err(Endless));
        }
        self.inner.as_mut().poll(context).map(Ok)
    }
}

/// A request that did not come through: was it led where none may go?
fn broken(session: &Session, error: reqwest::Error) -> Fault {
    if error.is_builder() {
        return session.bad(RELATIVE).into();
    }
    let place = error.url().map(|place| http::redirected(&session.origin, place.as_str().as_bytes()));
    if let Some(Err(error)) = place {
        return error.into();
    }
    let fault = http::unreachable(&session.registry, error);
    let options = &session.http.options;
    let alone = options.http_proxy.is_none() && options.https_proxy.is_none();
    match &fault.error {
        // The registry's own name is known: it was asked for the blob before. So this is the proxy that is nobody's, or
        // the registry leads to a name that is.
        Error::Connect { why: http::UNKNOWN_NAME, .. } if alone => session.bad(ASTRAY).into(),
        _ => fault,
    }
}

/// What a registry does that sends an upload on.
const ASTRAY: &str = "it leads an upload to where none goes: a link-local address, plain HTTP from HTTPS, or a name that is not known";

/// What an error of oci-client means.
fn fault(session: &Session, error: OciDistributionError) -> Fault {
    let what = format!("push a blob to {}", session.registry);
    match error {
        OciDistributionError::RequestError(error) => broken(session, error),
        OciDistributionError::ServerError { code, message, .. } => {
            let again = match code {
                // An upload that was lost is begun again.
                404 if message.contains("BLOB_UPLOAD_UNKNOWN") => Again::Soon,
                408 | 416 | 429 | 500 | 502 | 503 | 504 => Again::Soon,
                _ => Again::Never,
            };
            let body = message.as_bytes();
            Fault { error: http::refusal(&what, code, &body[..body.len().min(64 << 10)]), again }
        }
        OciDistributionError::UrlParseError(why) if why.contains("relative URL") => {
            session.bad(RELATIVE).into()
        }
        OciDistributionError::UrlParseError(_) => session.bad("the place of its upload is no address").into(),
        OciDistributionError::RegistryNoLocationError => {
            session.bad("it does not say where its upload is").into()
        }
        OciDistributionError::SpecViolationError(why) => session.bad(why).into(),
        other => session.bad(other.to_string()).into(),
    }
}
