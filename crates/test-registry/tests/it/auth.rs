//! Who may come in, and what the log tells of it.

use std::time::Duration;

use test_registry::{Auth, Bearer, Fault, On, Registry};

use crate::client::{Reply, ask, send};

/// `user:secret`
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";
/// `user:wrong`
const WRONG: &str = "Basic dXNlcjp3cm9uZw==";
const MANIFEST: &str = "/v2/a/manifests/v1";

fn with(registry: &Registry, method: &str, target: &str, authorization: &str) -> Reply {
    send(registry, method, target, &[("Authorization", authorization)], b"")
}

fn bearer(bearer: Bearer) -> Registry {
    let registry = Registry::options().auth(bearer).start().unwrap();
    registry.put_manifest("a", "v1", crate::MANIFEST, "{}");
    registry
}

/// The token of an answer, as a header.
fn token(reply: &Reply) -> String {
    assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(&reply.raw));
    assert_eq!(reply.json()["token"], reply.json()["access_token"]);
    format!("Bearer {}", reply.json()["token"].as_str().unwrap())
}

fn pull_token(registry: &Registry) -> String {
    token(&with(registry, "GET", "/token?service=test-registry&scope=repository:a:pull", BASIC))
}

#[test]
fn basic_wants_name_and_password() {
    let registry = Registry::options().auth(Auth::basic("user", "secret")).start().unwrap();
    for (authorization, status) in
        [(BASIC, 200), (WRONG, 401), ("Basic %%%", 401), ("Bearer dXNlcjpzZWNyZXQ=", 401), ("Basic", 401)]
    {
        assert_eq!(with(&registry, "GET", "/v2/", authorization).status(), status, "{authorization}");
    }
    let reply = ask(&registry, "GET", "/v2/");
    assert_eq!((reply.status(), reply.code()), (401, "UNAUTHORIZED".into()));
    assert_eq!(reply.header("WWW-Authenticate").as_deref(), Some("Basic realm=\"test-registry\""));
}

#[test]
fn a_challenge_tells_where_and_for_what() {
    let registry = bearer(Bearer::new("user", "secret").service("the service"));
    let challenge = |method, target| ask(&registry, method, target).header("WWW-Authenticate").unwrap();
    let start = format!("Bearer realm=\"{}/token\",service=\"the service\"", registry.url());
    assert_eq!(challenge("GET", "/v2/"), start);
    assert_eq!(challenge("GET", MANIFEST), format!("{start},scope=\"repository:a:pull\""));
    assert_eq!(challenge("PUT", MANIFEST), format!("{start},scope=\"repository:a:pull,push\""));
    assert_eq!(challenge("DELETE", MANIFEST), format!("{start},scope=\"repository:a:delete\""));
}

#[test]
fn a_token_opens_what_it_was_asked_for() {
    let registry = bearer(Bearer::new("user", "secret"));
    let token = pull_token(&registry);
    assert_eq!(with(&registry, "GET", MANIFEST, &token).status(), 200);
    assert_eq!(with(&registry, "GET", "/v2/", &token).status(), 200);
    for (method, target) in [("PUT", MANIFEST), ("DELETE", MANIFEST), ("GET", "/v2/b/manifests/v1")] {
        let reply = with(&registry, method, target, &token);
        assert_eq!(reply.status(), 401, "{method} {target}");
        assert!(reply.header("WWW-Authenticate").unwrap().ends_with(",error=\"insufficient_scope\""));
    }
    let reply = with(&registry, "GET", MANIFEST, "Bearer made-up");
    assert!(reply.header("WWW-Authenticate").unwrap().ends_with(",error=\"invalid_token\""));
}

#[test]
fn several_scopes_come_in_either_form() {
    let registry = bearer(Bearer::new("user", "secret"));
    for scope in [
        "scope=repository:a:pull&scope=repository:b/c:pull,push",
        "scope=repository:a:pull+repository:b%2Fc:pull%2Cpush",
    ] {
        let token = token(&with(&registry, "GET", &format!("/token?{scope}"), BASIC));
        assert_eq!(with(&registry, "GET", MANIFEST, &token).status(), 200, "{scope}");
        assert_eq!(with(&registry, "POST", "/v2/b/c/blobs/uploads/", &token).status(), 202, "{scope}");
    }
}

#[test]
fn only_the_user_gets_tokens_unless_everybody_may_pull() {
    let target = "/token?scope=repository:a:pull,push";
    let closed = bearer(Bearer::new("user", "secret"));
    assert_eq!(ask(&closed, "GET", target).status(), 401);
    assert_eq!(with(&closed, "GET", target, WRONG).status(), 401);
    let open = bearer(Bearer::new("user", "secret").anonymous_pull());
    let token = token(&ask(&open, "GET", target));
    assert_eq!(with(&open, "GET", MANIFEST, &token).status(), 200);
    assert_eq!(with(&open, "PUT", MANIFEST, &token).status(), 401);
    assert_eq!(with(&open, "GET", target, WRONG).status(), 401);
}

#[test]
fn tokens_wear_out() {
    let registry = bearer(Bearer::new("user", "secret").uses(2));
    let token = pull_token(&registry);
    let seen: Vec<_> = (0..3).map(|_| with(&registry, "GET", MANIFEST, &token).status()).collect();
    assert_eq!(seen, [200, 200, 401]);

    let registry = bearer(Bearer::new("user", "secret").lifetime(Duration::ZERO));
    assert_eq!(with(&registry, "GET", MANIFEST, &pull_token(&registry)).status(), 401);

    let registry = bearer(Bearer::new("user", "secret"));
    let token = pull_token(&registry);
    registry.expire_tokens();
    assert_eq!(with(&registry, "GET", MANIFEST, &token).status(), 401);
    let issued = registry.issue_token(&["repository:a:pull"]).unwrap();
    assert_eq!(with(&registry, "GET", MANIFEST, &format!("Bearer {issued}")).status(), 200);
}

#[test]
fn an_identity_token_is_given_and_taken() {
    let registry = bearer(Bearer::new("user", "secret").identity_token("id+1"));
    let post = |form: &str| {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        send(&registry, "POST", "/token", &headers, form.as_bytes())
    };
    let scope = "scope=repository%3Aa%3Apull";
    let reply = post(&format!("grant_type=refresh_token&refresh_token=id%2B1&client_id=x&{scope}"));
    assert_eq!(with(&registry, "GET", MANIFEST, &token(&reply)).status(), 200);
    assert_eq!(reply.json().get("refresh_token"), None);
    let reply =
        post(&format!("grant_type=password&username=user&password=secret&access_type=offline&{scope}"));
    assert_eq!(reply.json()["refresh_token"], "id+1");
    for form in ["grant_type=refresh_token&refresh_token=no", "grant_type=password&username=user", ""] {
        assert_eq!(post(form).status(), 401, "{form}");
    }
    let reply = with(&registry, "GET", "/token?offline_token=true", BASIC);
    assert_eq!(reply.json()["refresh_token"], "id+1");
    assert_eq!(ask(&registry, "DELETE", "/token").status(), 405);
}

#[test]
fn the_log_tells_where_credentials_went() {
    let registry = bearer(Bearer::new("user", "secret"));
    ask(&registry, "GET", MANIFEST);
    let token = pull_token(&registry);
    with(&registry, "GET", MANIFEST, &token);
    let requests = registry.requests();
    let seen = requests
        .into_iter()
        .map(|request| (request.path.clone(), request.authorization().map(str::to_owned), request.status));
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            (MANIFEST.to_owned(), None, Some(401)),
            ("/token".to_owned(), Some(BASIC.to_owned()), Some(200)),
            (MANIFEST.to_owned(), Some(token), Some(200)),
        ]
    );
    assert!(format!("{:?}", registry.requests()).contains("GET /v2/a/manifests/v1 -> 401"));
    assert!(!format!("{:?}", registry.requests()).contains("Basic"));
}

#[test]
fn whoever_comes_may_be_turned_away() {
    let registry = bearer(Bearer::new("user", "secret"));
    let token = pull_token(&registry);
    let rule = registry.fault(On::manifest_get().first(2), Fault::Unauthorized);
    let seen: Vec<_> = (0..3).map(|_| with(&registry, "GET", MANIFEST, &token).status()).collect();
    assert_eq!((seen, registry.fired(rule)), (vec![401, 401, 200], 2));
}

#[test]
fn a_realm_may_be_elsewhere() {
    let registry = bearer(Bearer::new("user", "secret").realm("https://auth.example/token"));
    let challenge = || ask(&registry, "GET", MANIFEST).header("WWW-Authenticate").unwrap();
    assert!(challenge().starts_with("Bearer realm=\"https://auth.example/token\",service="));
    registry.fault(On::any(), Fault::Realm("http://127.0.0.2:1/x".into()));
    assert!(challenge().starts_with("Bearer realm=\"http://127.0.0.2:1/x\",service="));
}

#[test]
fn a_token_may_be_for_something_else() {
    let registry = bearer(Bearer::new("user", "secret"));
    registry.fault(On::token().first(1), Fault::WrongScope);
    let reply = with(&registry, "GET", MANIFEST, &pull_token(&registry));
    assert!(reply.header("WWW-Authenticate").unwrap().ends_with("insufficient_scope\""));
    assert_eq!(with(&registry, "GET", MANIFEST, &pull_token(&registry)).status(), 200);
}

#[test]
fn a_token_may_be_huge_or_none() {
    let registry = bearer(Bearer::new("user", "secret"));
    registry.fault(On::token().nth(1), Fault::Oversize(100_000));
    registry.fault(On::token().nth(2), Fault::Body("{}".into()));
    let reply = with(&registry, "GET", "/token", BASIC);
    assert_eq!((reply.body().len(), reply.header("Content-Length").as_deref()), (100_000, Some("100000")));
    assert!(reply.json()["token"].is_string());
    assert_eq!(with(&registry, "GET", "/token", BASIC).body(), b"{}");
}
