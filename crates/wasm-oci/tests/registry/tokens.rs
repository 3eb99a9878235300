//! Tokens, realms and challenges that are wrong. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use test_registry::{Auth, Bearer, Fault, On, Options as ServerOptions, RetryAfter};
use wasm_oci::registry::Login;

use crate::{
    case::{Pull, Push, Resolve, Says, Works, busy, on, run_all},
    quick,
};

#[test]
fn tokens_that_are_wrong() {
    let bearer = || Bearer::new("me", "secret");
    let server = || ServerOptions::default().auth(bearer());
    let client = |server: &test_registry::Registry| {
        let mut options = quick();
        options.logins.insert(server.host(), Login::password("me", "secret"));
        options
    };
    let token = |fault: Fault| on(On::token(), fault);
    let body = |text: &'static str| token(Fault::Body(text.into()));
    run_all(
        &server,
        &client,
        vec![
            ("a token that is good", vec![], Pull, Works),
            (
                "a token for something else: 401 and 401",
                token(Fault::WrongScope),
                Pull,
                Says("the registry does not let us"),
            ),
            (
                "401 for ever",
                on(On::manifest_get(), Fault::Unauthorized),
                Pull,
                Says("the registry does not let us"),
            ),
            (
                "401 for ever, of an upload",
                on(On::upload_start(), Fault::Unauthorized),
                Push,
                Says("the registry does not let us"),
            ),
            ("401 once", on(On::blob_get().nth(1), Fault::Unauthorized), Pull, Works),
            (
                "401 without a challenge",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (On::manifest_get(), Fault::WithoutHeader("WWW-Authenticate".into())),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "401 with a challenge that nobody knows",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (On::manifest_get(), Fault::header("WWW-Authenticate", "Negotiate")),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "a challenge of nonsense",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (On::manifest_get(), Fault::header("WWW-Authenticate", "Bearer realm=\"x")),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "a challenge of 20 KiB: 8 KiB",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (
                        On::manifest_get(),
                        Fault::header(
                            "WWW-Authenticate",
                            format!("Bearer realm=\"{}\"", "x".repeat(20 << 10)),
                        ),
                    ),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "a realm that is another host",
                on(On::any(), Fault::Realm("https://evil.example/token".into())),
                Pull,
                Says("are not sent to `https://evil.example/token`: it is another host"),
            ),
            (
                "a realm on another machine over plain HTTP",
                on(On::any(), Fault::Realm("http://evil.example/token".into())),
                Pull,
                Says("it is reached over plain HTTP"),
            ),
            (
                "a realm that is a file",
                on(On::any(), Fault::Realm("file:///etc/passwd".into())),
                Pull,
                Says("it is neither HTTPS nor HTTP"),
            ),
            (
                "a realm that is nothing",
                on(On::any(), Fault::Realm("http://[".into())),
                Pull,
                Says("it is no address"),
            ),
            (
                "a token of 64 KiB and a byte: 64 KiB",
                token(Fault::Oversize((64 << 10) + 1)),
                Pull,
                Says("the token has 65537 bytes, more than the limit of 65536"),
            ),
            (
                "a token that never ends: 64 KiB",
                token(Fault::Endless),
                Pull,
                Says("more than the limit of 65536"),
            ),
            ("no token", body("{}"), Pull, Says("it gives no token")),
            ("an empty token", body(r#"{"token":""}"#), Pull, Says("it gives no token")),
            (
                "a token that is no text",
                body(r#"{"token":1}"#),
                Pull,
                Says("its token is no JSON of the right kind"),
            ),
            ("a token in HTML", body("<html>"), Pull, Says("its token is no JSON of the right kind")),
            (
                "a token with a line break",
                body(r#"{"token":"a\r\nX: y"}"#),
                Pull,
                Says("its token cannot stand in a header"),
            ),
            (
                "a token that lives for 10^18 seconds",
                body(r#"{"token":"t","expires_in":1000000000000000000}"#),
                Pull,
                Says("the registry does not let us"),
            ),
            ("500 once", on(On::token().nth(1), busy(500, None)), Pull, Works),
            ("500 for ever", token(busy(500, None)), Pull, Says("500")),
            ("429 once", on(On::token().nth(1), busy(429, Some(RetryAfter::Seconds(1)))), Pull, Works),
            ("403", token(busy(403, None)), Pull, Says("are refused")),
            ("a reset once", on(On::token().nth(1), Fault::ResetAfter(0)), Pull, Works),
            ("half-open: 10 s", token(Fault::StallAfter(0)), Resolve, Says("does not answer")),
            ("a redirect in a circle", token(Fault::RedirectLoop), Pull, Says("it is the sixth redirect")),
            (
                "a redirect to a file",
                token(Fault::redirect("file:///etc/passwd")),
                Pull,
                Says("it is neither HTTPS nor HTTP"),
            ),
        ],
    );
    let expiring = || ServerOptions::default().auth(bearer().uses(1));
    run_all(
        &expiring,
        &client,
        vec![
            ("tokens for one request each", vec![], Pull, Works),
            ("and to push", vec![], Push, Says("the registry does not let us")),
        ],
    );
    let basic = || ServerOptions::default().auth(Auth::basic("me", "secret"));
    run_all(
        &basic,
        &client,
        vec![
            ("a password", vec![], Pull, Works),
            ("401 for ever", on(On::any(), Fault::Unauthorized), Pull, Says("as `me`")),
        ],
    );
}
