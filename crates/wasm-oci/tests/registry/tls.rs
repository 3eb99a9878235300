//! Certificates, names and addresses. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use test_registry::{Certificate, Fault, On, Options as ServerOptions};
use wasm_oci::{Format, Reference, registry::Registry};

use crate::{
    case::{Pull, Push, Resolve, Says, Works, judge, prepare},
    hello, name, quick,
};

#[test]
fn tls() {
    let cases = [
        ("a good certificate", Certificate::Valid, true, "", Works),
        (
            "an authority that nobody named",
            Certificate::Valid,
            false,
            "",
            Says("its certificate is not trusted"),
        ),
        (
            "a certificate that has expired",
            Certificate::Expired,
            true,
            "",
            Says("its certificate is not trusted"),
        ),
        (
            "a certificate for another name",
            Certificate::WrongName,
            true,
            "",
            Says("its certificate is not trusted"),
        ),
        ("plain HTTP to a registry with TLS", Certificate::Valid, true, "plain", Says("")),
        ("any certificate, when that is said", Certificate::Expired, false, "insecure", Works),
    ];
    for (case, certificate, trusted, how, outcome) in cases {
        let server = ServerOptions::default().tls(certificate).start().unwrap();
        prepare(&server);
        let mut options = quick();
        options.plain_http = Some(how == "plain");
        options.insecure = how == "insecure";
        if trusted {
            options.certificates = vec![server.certificate().unwrap().into()];
        }
        for wants in [Pull, Push] {
            assert_eq!(judge(case, &server, options.clone(), wants, outcome), None);
        }
    }
    let plain = ServerOptions::default().start().unwrap();
    prepare(&plain);
    let mut options = quick();
    options.plain_http = Some(false);
    assert_eq!(
        judge("TLS to a registry without", &plain, options, Pull, Says("it does not speak TLS")),
        None
    );

    // What ends without saying so is no end.
    let server = ServerOptions::default().tls(Certificate::Valid).start().unwrap();
    prepare(&server);
    let mut options = quick();
    options.certificates = vec![server.certificate().unwrap().into()];
    server.fault(On::blob_get().nth(1), Fault::CloseInBody(100));
    assert_eq!(judge("TLS that is cut off once", &server, options.clone(), Pull, Works), None);
    server.fault(On::manifest_get(), Fault::NoLength);
    server.fault(On::manifest_get(), Fault::CloseInBody(100));
    assert_eq!(
        judge(
            "TLS that is cut off, of a body without a length",
            &server,
            options,
            Resolve,
            Says("the connection broke")
        ),
        None
    );
}

#[test]
fn names_and_addresses() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    let registry = Registry::new(quick()).unwrap();
    // `localhost` is `::1` too, where nobody listens.
    let local: Reference = format!("localhost:{}/a:v1", server.address().port()).parse().unwrap();
    registry.resolve(&local).unwrap();
    let six = ServerOptions::default().address(std::net::Ipv6Addr::LOCALHOST).start();
    if let Ok(six) = six {
        prepare(&six);
        registry.resolve(&name(&six, "a:v1")).unwrap();
        registry.push(&hello(Format::Compat), &name(&six, "a:v2")).unwrap();
    }
    let nobody: Reference = "nobody.invalid/a:v1".parse().unwrap();
    let error = registry.resolve(&nobody).unwrap_err();
    assert_eq!(error.to_string(), "cannot reach `nobody.invalid`: its name is not known");
    let closed: Reference = "127.0.0.1:1/a:v1".parse().unwrap();
    let error = registry.resolve(&closed).unwrap_err();
    assert_eq!(error.to_string(), "cannot reach `127.0.0.1:1`: there is no connection");
}
