use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, io::TokioIo};

use super::policy::Policy;

/// Sends the HTTP requests of a guest where its task allows it.
///
/// What wasmtime-wasi-http would do by itself connects to whatever a name leads to at that moment; here the connection
/// that is used is the one that was allowed.
pub(super) struct Outgoing {
    policy: Policy,
}

impl Outgoing {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }
}

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let policy = self.policy.clone();
        Box::new(async move { send(&policy, request, options.unwrap_or_default()).await })
    }
}

async fn send(policy: &Policy, request: Request<WasiBody>, options: RequestOptions) -> Sent {
    let uri = request.uri();
    let encrypted = uri.scheme() == Some(&Scheme::HTTPS);
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let patience = options.connect_timeout.unwrap_or(PATIENCE);
    let connected = timeout(patience, policy.connect(&host, port)).await;
    let stream = connected.map_err(|_| Error::ConnectionTimeout)?.map_err(not_connected)?;
    if encrypted {
        let encrypted = timeout(patience, encrypt(&host, stream)).await;
        exchange(encrypted.map_err(|_| Error::ConnectionTimeout)??, request, options).await
    } else {
        exchange(stream, request, options).await
    }
}

fn not_connected(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        Error::HttpRequestDenied
    } else {
        Error::Connect(error)
    }
}

async fn encrypt(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::TlsProtocolError)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(Error::Tls)
}

/// Sends the request and waits for the head of its answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Sent {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // To a server, and not to a proxy: the host stands in its header.
    let path =
        request.uri().path_and_query().cloned().unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    // Nobody else drives the connection; it is closed with the last who has it.
    let connection = spawn(connection);
    let patience = options.first_byte_timeout.unwrap_or(PATIENCE);
    let answer = timeout(patience, sender.send_request(request)).await;
    let answer = answer.map_err(|_| Error::ConnectionReadTimeout)??;
    let pace = options.between_bytes_timeout.unwrap_or(PATIENCE);
    let answer = answer.map(|body| Paced { body, pace, waiting: Box::pin(sleep(pace)) }.boxed_unsync());
    Ok((answer, Box::new(async move { Ok(connection.await?) })))
}

/// A body of which no part takes longer than it may.
struct Paced {
    body: Incoming,
    pace: Duration,
    waiting: Pin<Box<Sleep>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Self { body, pace, waiting } = &mut *self;
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            waiting.as_mut().reset(Instant::now() + *pace);
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        waiting.as_mut().poll(cx).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long a guest waits that does not say how long: as in wasmtime. Its deadline ends it before.
const PATIENCE: Duration = Duration::from_secs(600);
