//! HTTPS.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use test_registry::{Certificate, Fault, On, Registry};

use crate::client::connect;

fn secure(certificate: Certificate) -> Registry {
    Registry::options().tls(certificate).start().unwrap()
}

fn client(registry: &Registry, name: &'static str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(registry.certificate().unwrap().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(registry.address()))
}

/// What comes, and how it ends.
fn ask(registry: &Registry, name: &'static str) -> (String, Option<ErrorKind>, String) {
    let mut stream = client(registry, name);
    let written = stream.write_all(b"GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n");
    let mut read = Vec::new();
    let error = written.and_then(|()| stream.read_to_end(&mut read)).err();
    let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
    (String::from_utf8(read).unwrap(), error.map(|error| error.kind()), text)
}

#[test]
fn a_client_that_trusts_the_certificate_is_served() {
    let registry = secure(Certificate::Valid);
    assert!(registry.url().starts_with("https://127.0.0.1:"));
    for name in ["127.0.0.1", "localhost"] {
        let (text, end, _) = ask(&registry, name);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && end.is_none(), "{text} {end:?}");
    }
    assert!(registry.requests().iter().all(|request| request.secure));
    assert_eq!(Registry::start().unwrap().certificate(), None);
}

#[test]
fn wrong_certificates_are_noticed() {
    for (certificate, what) in
        [(Certificate::Expired, "expired"), (Certificate::WrongName, "not valid for name")]
    {
        let registry = secure(certificate);
        let (_, end, why) = ask(&registry, "127.0.0.1");
        assert!(end.is_some() && why.contains(what), "{why}");
        assert!(registry.requests().is_empty());
    }
}

#[test]
fn a_cut_is_no_end() {
    let registry = secure(Certificate::Valid);
    registry.fault(On::base(), Fault::NoLength);
    let (whole, end, _) = ask(&registry, "127.0.0.1");
    assert!(whole.ends_with("{}") && end.is_none(), "{end:?}");
    registry.fault(On::base().nth(1), Fault::CloseInBody(1));
    let (cut, end, _) = ask(&registry, "127.0.0.1");
    assert!(cut.ends_with("\r\n\r\n{"), "{cut}");
    assert_eq!(end, Some(ErrorKind::UnexpectedEof));
    registry.fault(On::base().nth(1), Fault::ResetAfter(10));
    let (cut, end, _) = ask(&registry, "127.0.0.1");
    assert_eq!((cut.as_str(), end), ("HTTP/1.1 2", Some(ErrorKind::ConnectionReset)));
}
