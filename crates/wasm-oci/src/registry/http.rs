//! Our own path to a registry: requests whose answers are bounded in size and time, and whose credentials stay where they
//! belong.

mod address;
mod answer;
mod fault;
mod refusal;
mod retry;

use std::{
    error::Error as StdError,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Certificate, Client, Method, NoProxy, Proxy, Request, Url,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};

pub(super) use self::{
    address::{is_loopback, redirected},
    answer::Answer,
    fault::{Again, Fault},
    refusal::refusal,
    retry::Patience,
};
use super::Options;
use crate::{
    Error, Result,
    error::{CERTIFICATE, NOT_TLS},
};

/// Sends requests; follows redirects that may be followed.
pub(super) struct Http {
    pub(super) options: Arc<Options>,
    /// For plain HTTP, and for HTTPS: made when they are needed, because the second reads the system's authorities.
    clients: Mutex<[Option<Client>; 2]>,
}

/// A request, without where it goes.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// What it is for, in the words of errors: `pull the manifest ghcr.io/me/app:v1`.
    pub(super) what: String,
}

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// How we call ourselves.
const USER_AGENT: &str = concat!("wasm-oci/", env!("CARGO_PKG_VERSION"));

impl Ask {
    pub(super) fn new(method: Method, url: Url, what: impl Into<String>) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, what: what.into() }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        // What we write is a header; what comes from elsewhere and is none is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn body(mut self, media_type: &str, body: Bytes) -> Self {
        self.body = Some(body);
        self.header(CONTENT_TYPE, media_type)
    }
}

impl Http {
    pub(super) fn new(options: Arc<Options>) -> Self {
        Self { options, clients: Mutex::default() }
    }

    /// Sends the request to where it should go, with the authorization as long as that is this very origin.
    pub(super) async fn send(&self, ask: &Ask, authorization: Option<&HeaderValue>) -> Result<Answer, Fault> {
        let mut url = ask.url.clone();
        for _ in 0..=REDIRECTS {
            let own = same_origin(&url, &ask.url);
            let response = self.hop(ask, &url, authorization.filter(|_| own)).await?;
            if !is_redirect(ask, &response) {
                return Ok(Answer::new(response, own, Arc::clone(&self.options)));
            }
            let to = response.headers().get(LOCATION).map(HeaderValue::as_bytes).unwrap_or_default();
            url = redirected(&url, to)?;
        }
        let to = url.as_str().into();
        Err(Error::BadRedirect { host: host(&ask.url), to, why: "it is the sixth redirect" }.into())
    }

    /// Sends one request and waits until its answer begins.
    async fn hop(
        &self,
        ask: &Ask,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, Fault> {
        let client = self.client(url)?;
        let mut request = Request::new(ask.method.clone(), url.clone());
        *request.headers_mut() = ask.headers.clone();
        // A blob is what its digest says: nobody should compress it on the way.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        *request.body_mut() = ask.body.clone().map(Into::into);
        let limit = self.options.timeouts.connect + self.options.timeouts.answer;
        match tokio::time::timeout(limit, client.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(unreachable(&host(url), error)),
            Err(_) => Err(Fault::soon(Error::TimedOut { host: host(url), what: "does not answer", limit })),
        }
    }

    fn client(&self, url: &Url) -> Result<Client> {
        let secure = url.scheme() == "https";
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let place = &mut clients[usize::from(secure)];
        if let Some(client) = place {
            return Ok(client.clone());
        }
        let client = self.build(secure).map_err(|error| match error {
            Build::Own(error) => error,
            Build::Http(error) => unreachable(&host(url), error).error,
        })?;
        Ok(place.insert(client).clone())
    }

    fn build(&self, secure: bool) -> Result<Client, Build> {
        use_ring();
        let options = &self.options;
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.timeouts.connect)
            .http1_only()
            .no_proxy();
        for proxy in [&options.http_proxy, &options.https_proxy].into_iter().enumerate() {
            if let (kind, Some(address)) = proxy {
                let proxy = if kind == 0 { Proxy::http(address) } else { Proxy::https(address) };
                let direct = NoProxy::from_string(&without_proxy(options));
                builder = builder.proxy(proxy?.no_proxy(direct));
            }
        }
        if !secure {
            // Nothing to trust, and nothing to read.
            return Ok(builder.tls_certs_only([]).build()?);
        }
        let mut extra = vec![];
        for pem in &options.certificates {
            let read =
                Certificate::from_pem_bundle(pem).map_err(|error| Build::Own(no_certificates(error)))?;
            extra.extend(read);
        }
        builder = builder.tls_certs_merge(extra).tls_danger_accept_invalid_certs(options.insecure);
        Ok(builder.build()?)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Why there is no client.
enum Build {
    Own(Error),
    Http(reqwest::Error),
}

impl From<reqwest::Error> for Build {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

fn no_certificates(source: reqwest::Error) -> Error {
    Error::Malformed { what: "the file with certificates", why: source.to_string().into() }
}

/// Hosts that are reached without a proxy: those that the caller names, and this machine.
pub(super) fn without_proxy(options: &Options) -> String {
    let named = options.no_proxy.as_deref().unwrap_or_default();
    format!("{named},localhost,127.0.0.0/8,::1")
}

/// reqwest and oci-client ask for the process's provider of cryptography and panic where there is none. Whoever has
/// chosen one keeps it.
pub(super) fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Only what is read is fetched from elsewhere: a manifest or a deletion goes to the registry and nobody else.
fn is_redirect(ask: &Ask, response: &reqwest::Response) -> bool {
    let status = response.status().as_u16();
    matches!(ask.method, Method::GET | Method::HEAD) && matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Scheme, host and port: what credentials may not leave.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    let origin =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    origin(one) == origin(other)
}

/// The host of an address, with its port if that is not the usual one.
pub(super) fn host(url: &Url) -> Box<str> {
    let name = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{name}:{port}").into(),
        None => name.into(),
    }
}

/// Why there is no connection to a name that nobody has.
pub(super) const UNKNOWN_NAME: &str = "its name is not known";

/// A connection that was not made, or broke.
pub(super) fn unreachable(host: &str, error: reqwest::Error) -> Fault {
    let timed_out = error.is_timeout();
    let connecting = error.is_connect();
    // Its address, which may be signed, is no business of logs.
    let error = error.without_url();
    let causes = causes(&error);
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    let (why, again) = if says("InvalidContentType") || says("received corrupt message") {
        (NOT_TLS, Again::Never)
    } else if says("invalid peer certificate") || says("certificate") {
        (CERTIFICATE, Again::Never)
    } else if says("dns error") || says("failed to lookup address") {
        (UNKNOWN_NAME, Again::Never)
    } else if timed_out {
        ("it did not answer in time", Again::Soon)
    } else if connecting {
        ("there is no connection", Again::Soon)
    } else {
        ("the connection broke", Again::Soon)
    };
    Fault { error: Error::Connect { host: host.into(), why, source: Box::new(error) }, again }
}

fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(format!("{cause} {cause:?}"));
        next = cause.source();
    }
    causes
}

/// The time that an upload's answer may take: a registry reads the blob once more.
pub(super) fn after_upload(options: &Options, size: u64) -> Duration {
    options.timeouts.answer + Duration::from_secs(size >> 23)
}
