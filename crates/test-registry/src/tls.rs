//! HTTPS with certificates that are made on the spot.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What certificate a registry shows; [`Registry::certificate`](crate::Registry::certificate) is who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// Good for the registry's address and for `localhost`.
    Valid,
    /// The same, expired in 2021.
    Expired,
    /// Valid for `elsewhere.example`.
    WrongName,
}

/// A server's side of TLS.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// Who signed the certificate, in PEM.
    pub(crate) authority: String,
}

impl Tls {
    pub(crate) fn new(certificate: Certificate, address: IpAddr) -> io::Result<Self> {
        Self::make(certificate, address).map_err(io::Error::other)
    }

    fn make(
        certificate: Certificate,
        address: IpAddr,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "test-registry authority");
        let authority_key = KeyPair::generate()?;
        let signed = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let names = match certificate {
            Certificate::WrongName => vec!["elsewhere.example".to_owned()],
            Certificate::Valid | Certificate::Expired => vec![address.to_string(), "localhost".to_owned()],
        };
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "test-registry");
        leaf.not_before = date_time_ymd(2020, 1, 1);
        let year = if certificate == Certificate::Expired { 2021 } else { 2120 };
        leaf.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate()?;
        let shown = leaf.signed_by(&key, &issuer)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![shown.der().clone()], key)?;
        Ok(Self { config: Arc::new(config), authority: signed.pem() })
    }
}
