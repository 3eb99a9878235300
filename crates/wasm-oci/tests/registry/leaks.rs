//! Where credentials and tokens go: to the registry, and nowhere else, wherever it sends us.

use std::net::Ipv4Addr;

use test_registry::{Auth, Bearer, Certificate, Fault, On, Options as ServerOptions, Registry as Server};
use wasm_oci::{
    Error, Format,
    registry::{Attachment, Login, Options, Pick, Registry},
};

use crate::{
    case::{prepare, put},
    hello, name, quick,
};

const PASSWORD: &str = "hunter2";

/// Everything that a client can do, whether it works or not.
fn everything(server: &Server, options: Options) {
    let registry = Registry::new(options).unwrap();
    let at = name(server, "a:v1");
    let dir = tempfile::tempdir().unwrap();
    let mut layout = wasm_oci::Layout::open_or_create(&dir.path().join("layout")).unwrap();
    let mut did = vec![];
    did.push(registry.resolve(&at).map(drop));
    did.push(registry.pull(&at, &Pick::All, &mut layout, Some("v1"), wasm_oci::Overwrite::Refuse).map(drop));
    did.push(registry.artifact(&at, None).map(drop));
    did.push(registry.push(&hello(Format::Compat), &name(server, "a:v2")).map(drop));
    did.push(registry.tags(&at).map(drop));
    did.push(
        registry.attach(&at, &Attachment::new("a/b").file("a/b", "b", b"attached".as_slice())).map(drop),
    );
    did.push(registry.referrers(&at, None).map(drop));
    did.push(registry.copy(&at, &Pick::All, &name(server, "b:v1")).map(drop));
    did.push(registry.delete(&at));
    for error in did.into_iter().filter_map(Result::err) {
        assert!(!format!("{error} {error:?}").contains(PASSWORD));
        assert!(!matches!(error, Error::Io { .. }), "{error}");
    }
}

/// What of ours came to a server: `Authorization`, or a secret anywhere.
fn leaked(server: &Server) -> Vec<String> {
    let secrets = [PASSWORD, "aHVudGVy", "identity-token", "bWU6aHVudGVyMg", "token-"];
    let mut found = vec![];
    for request in server.requests() {
        let all = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
        if request.authorization().is_some() || secrets.iter().any(|secret| all.contains(secret)) {
            found.push(format!("{} {}", request.method, request.path));
        }
    }
    found
}

/// Every way to send a client elsewhere, on every kind of request.
fn ways(elsewhere: &str) -> Vec<(String, Vec<(On, Fault)>)> {
    let mut ways = vec![];
    type Kind = (&'static str, fn() -> On);
    let kinds: [Kind; 14] = [
        ("base", On::base),
        ("manifest", On::manifest_get),
        ("manifest put", On::manifest_put),
        ("manifest delete", On::manifest_delete),
        ("blob", On::blob_get),
        ("blob head", On::blob_head),
        ("upload", On::upload_start),
        ("upload end", On::upload_finish),
        ("mount", On::mount),
        ("tags", On::tags),
        ("referrers", On::referrers),
        ("token", On::token),
        ("token by form", On::token_post),
        ("anything", On::any),
    ];
    for (what, on) in kinds {
        for status in [302, 307] {
            let location = format!("{elsewhere}/v2/a/manifests/v1");
            ways.push((format!("{status} of {what}"), vec![(on(), Fault::Redirect { status, location })]));
        }
        ways.push((
            format!("the same path of {what}"),
            vec![(on(), Fault::RedirectTo(elsewhere.to_owned()))],
        ));
        ways.push((format!("Location of {what}"), vec![(on(), Fault::LocationAt(elsewhere.to_owned()))]));
        let link = format!("<{elsewhere}/v2/a/tags/list?last=x>; rel=\"next\"");
        ways.push((format!("Link of {what}"), vec![(on(), Fault::header("Link", link))]));
        let realm = vec![(on(), Fault::Unauthorized), (on(), Fault::Realm(format!("{elsewhere}/token")))];
        ways.push((format!("realm of {what}"), realm));
    }
    ways
}

/// Runs every way of these; the number of requests that reached the other server.
fn prove(
    start: &dyn Fn() -> Server,
    elsewhere: &Server,
    options: &dyn Fn(&Server) -> Options,
    which: &dyn Fn(&str) -> bool,
) -> usize {
    let mut leaks = vec![];
    for (way, faults) in ways(&elsewhere.url()).into_iter().filter(|(way, _)| which(way)) {
        let server = start();
        prepare(&server);
        for (on, fault) in faults {
            server.fault(on, fault);
        }
        everything(&server, options(&server));
        leaks.extend(leaked(elsewhere).into_iter().map(|leak| format!("{way}: {leak}")));
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
    elsewhere.requests().len()
}

fn with(login: Login) -> impl Fn(&Server) -> Options {
    move |server| {
        let mut options = quick();
        options.retries = 0;
        options.timeouts.answer = std::time::Duration::from_secs(5);
        options.certificates = server.certificate().into_iter().map(Into::into).collect();
        options.logins.insert(server.host(), login.clone());
        options
    }
}

/// Another host, which asks who comes and takes whatever it gets.
fn stranger(address: Ipv4Addr) -> Server {
    let server = ServerOptions::default().address(address).start().unwrap();
    prepare(&server);
    put(&server, "a", "v2", &hello(Format::Compat));
    server.fault(On::kind(test_registry::Kind::Blob).first(20), Fault::Unauthorized);
    server
}

#[test]
fn a_token_stays_at_its_registry() {
    let bearer = || Bearer::new("me", PASSWORD).identity_token("identity-token");
    let start = || ServerOptions::default().auth(bearer()).start().unwrap();
    let elsewhere = stranger(Ipv4Addr::new(127, 0, 0, 2));
    assert!(prove(&start, &elsewhere, &with(Login::password("me", PASSWORD)), &|_| true) > 50);
    // An identity token is shown to a realm only.
    let elsewhere = stranger(Ipv4Addr::new(127, 0, 0, 2));
    let identity = with(Login::IdentityToken("identity-token".into()));
    assert!(
        prove(&start, &elsewhere, &identity, &|way| way.contains("token") || way.contains("anything")) > 0
    );
}

#[test]
fn a_password_stays_at_its_registry() {
    let start = || ServerOptions::default().auth(Auth::basic("me", PASSWORD)).start().unwrap();
    // Another port is another origin; but the registry's own host may issue its tokens on another port, so there a realm is
    // none of the ways.
    let elsewhere = stranger(Ipv4Addr::LOCALHOST);
    let options = with(Login::password("me", PASSWORD));
    assert!(prove(&start, &elsewhere, &options, &|way| !way.starts_with("realm")) > 50);
}

/// From HTTPS nothing at all goes to plain HTTP, with credentials or without.
#[test]
fn https_does_not_lead_to_http() {
    let bearer = || Bearer::new("me", PASSWORD);
    let start = || ServerOptions::default().tls(Certificate::Valid).auth(bearer()).start().unwrap();
    let elsewhere = stranger(Ipv4Addr::LOCALHOST);
    let mut leaks = vec![];
    let options = with(Login::password("me", PASSWORD));
    for (way, faults) in ways(&elsewhere.url()).into_iter().filter(|(way, _)| !way.starts_with("realm")) {
        let server = start();
        prepare(&server);
        for (on, fault) in faults {
            server.fault(on, fault);
        }
        everything(&server, options(&server));
        let reached = elsewhere
            .requests()
            .into_iter()
            .map(|request| format!("{way}: {} {}", request.method, request.path));
        leaks.extend(reached);
        elsewhere.clear_requests();
    }
    assert!(leaks.is_empty(), "{} requests:\n{}", leaks.len(), leaks.join("\n"));
}

/// The error names who it is and how to allow it, and then it works.
#[test]
fn another_realm_is_allowed_by_name() {
    let realm = ServerOptions::default()
        .address(Ipv4Addr::new(127, 0, 0, 2))
        .auth(Bearer::new("me", PASSWORD))
        .start()
        .unwrap();
    let server = ServerOptions::default()
        .auth(Bearer::new("me", PASSWORD).realm(format!("{}/token", realm.url())))
        .start()
        .unwrap();
    prepare(&server);
    let mut options = with(Login::password("me", PASSWORD))(&server);
    let error = Registry::new(options.clone()).unwrap().resolve(&name(&server, "a:v1")).unwrap_err();
    assert!(error.to_string().contains(&realm.url()), "{error}");
    assert!(error.help().unwrap().contains("--allow-realm HOST"));
    assert!(realm.requests().is_empty());
    options.allow_realm = vec!["127.0.0.2".to_owned()];
    // The realm's tokens are its own, so the registry does not take them; but it was asked.
    let _ = Registry::new(options).unwrap().resolve(&name(&server, "a:v1"));
    assert!(realm.count(&On::token_get()) > 0);
}
