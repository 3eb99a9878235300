//! Access tokens: where they are asked for, and with what.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    Login,
    challenge::Bearer,
    http::{Ask, Fault, Http, is_loopback},
    session::Scope,
};
use crate::{Error, Result};

/// A token, until it expires.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: String,
    pub(super) ends: Instant,
    /// Whether it was given to a user, and not to anybody.
    pub(super) of_user: bool,
}

/// What a realm answers.
#[derive(Deserialize)]
struct Answered {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Largest answer of a realm: 64 KiB.
const LIMIT: u64 = 64 << 10;
/// How long a token is good when nobody says, as the specification of Docker's tokens has it.
const USUAL: Duration = Duration::from_secs(60);
/// No token is kept longer.
const LONGEST: Duration = Duration::from_secs(3600);
/// How we call ourselves where a realm wants to know.
const CLIENT: &str = "wasm-oci";

/// Realms of other hosts than the registry's own: the registry, and the only host it may send credentials to.
const REALMS: [(&str, &str); 3] = [
    ("index.docker.io", "auth.docker.io"),
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];

/// Gets a token for the scope.
pub(super) async fn fetch(
    http: &Http,
    registry: &Url,
    bearer: &Bearer,
    scope: &Scope,
    login: Option<&Login>,
) -> Result<Token, Fault> {
    let realm = realm(&http.options.allow_realm, registry, &bearer.realm, login.is_some())?;
    let ask = request(realm, bearer, scope, login);
    // The header goes to this origin only, and a form is not sent again elsewhere.
    let authorization = ask.headers.get(AUTHORIZATION).cloned();
    let mut ask = ask;
    ask.headers.remove(AUTHORIZATION);
    let mut answer = http.send(&ask, authorization.as_ref()).await?;
    match answer.status().as_u16() {
        200 if !answer.own => Err(answer.bad("it has a token, but another host was asked").into()),
        200 => {
            let body = answer.document("the token", LIMIT).await?;
            let answered: Answered =
                // What serde_json says could quote the token.
                serde_json::from_slice(&body).map_err(|_| answer.bad("its token is no JSON of the right kind"))?;
            let value = answered.token.or(answered.access_token).filter(|text| !text.is_empty());
            let value = value.ok_or_else(|| answer.bad("it gives no token"))?;
            if HeaderValue::from_str(&value).is_err() {
                return Err(answer.bad("its token cannot stand in a header").into());
            }
            let lives = answered.expires_in.map_or(USUAL, Duration::from_secs).min(LONGEST);
            // The last tenth is for the way.
            Ok(Token { value, ends: Instant::now() + lives.mul_f32(0.9), of_user: login.is_some() })
        }
        401 | 403 => {
            let mut fault = answer.refused(&ask.what).await;
            if let Error::Refused { what, message, .. } = fault.error {
                fault.error = Error::Unauthorized { what, why: message };
            }
            if let (Error::Unauthorized { why, .. }, Some(login)) = (&mut fault.error, login) {
                *why = format!("{} are refused", words(login)).into();
            }
            Err(fault)
        }
        _ => Err(answer.refused(&ask.what).await),
    }
}

fn words(login: &Login) -> String {
    match login {
        Login::Password { user, .. } => format!("the user `{user}` and the password"),
        Login::IdentityToken(_) => "the identity token and its rights".to_owned(),
    }
}

/// The request for a token: a form for an identity token, a query for everything else.
fn request(realm: Url, bearer: &Bearer, scope: &Scope, login: Option<&Login>) -> Ask {
    let scopes = scope.texts(bearer.scope.as_deref());
    let what = format!("get a token for {}", scope.repository);
    if let Some(Login::IdentityToken(token)) = login {
        let mut form = Url::parse("form:").map(|mut form| {
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("service", bearer.service.as_deref().unwrap_or_default())
                .append_pair("client_id", CLIENT)
                .append_pair("scope", &scopes.join(" "))
                .append_pair("refresh_token", token);
            form.query().unwrap_or_default().to_owned()
        });
        let form = form.as_mut().map(std::mem::take).unwrap_or_default();
        let ask = Ask::new(Method::POST, realm, what).header(ACCEPT, "application/json");
        return ask.body("application/x-www-form-urlencoded", form.into());
    }
    let mut url = realm;
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(bearer.service.iter().map(|service| ("service", service)));
        query.extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
    }
    let mut ask = Ask::new(Method::GET, url, what).header(ACCEPT, "application/json");
    if let Some(Login::Password { user, password }) = login {
        ask.headers.extend([(AUTHORIZATION, basic(user, password))]);
    }
    ask
}

/// `Basic` and name and password, marked as secret.
pub(super) fn basic(user: &str, password: &str) -> HeaderValue {
    secret(&format!("Basic {}", base64(format!("{user}:{password}").as_bytes())))
}

/// A header that is not shown.
pub(super) fn secret(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let digit = move |index: usize| match index {
            index if index <= group.len() => char::from(DIGITS[(bits >> (18 - 6 * index) & 63) as usize]),
            _ => '=',
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}

/// The realm, when it may be asked: with credentials only where they belong.
fn realm(allowed: &[String], registry: &Url, text: &str, credentials: bool) -> Result<Url> {
    let refuse = |why| Error::ForeignRealm { registry: name(registry).into(), realm: text.into(), why };
    let realm = registry.join(text).map_err(|_| refuse("it is no address"))?;
    let refuse =
        |why| Error::ForeignRealm { registry: name(registry).into(), realm: shown(&realm).into(), why };
    if !realm.username().is_empty() || realm.password().is_some() {
        return Err(refuse("it has a user in it"));
    }
    let local = is_loopback(&realm);
    match realm.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => return Err(refuse("it is reached over plain HTTP")),
        _ => return Err(refuse("it is neither HTTPS nor HTTP")),
    }
    let (own, other) = (host(registry), host(&realm));
    let known = own == other
        || REALMS.iter().any(|(registry, realm)| own == *registry && other == *realm)
        || allowed.iter().any(|host| host.eq_ignore_ascii_case(other) || *host == name(&realm));
    if known {
        return Ok(realm);
    }
    if credentials {
        return Err(refuse("it is another host than the registry"));
    }
    // Without credentials there is nothing to lose, but this machine is nobody's business.
    if local && !is_loopback(registry) {
        return Err(refuse("it is this machine"));
    }
    Ok(realm)
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Host and port, as in a reference.
fn name(url: &Url) -> String {
    super::http::host(url).into()
}

/// The address without what may be a secret in it.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), name(url), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_all_lengths() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("me:sécret?>", "bWU6c8OpY3JldD8+")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn where_credentials_go() {
        let asked = |registry: &str, realm_text: &str, credentials| {
            let allowed = ["auth.example".to_owned(), "127.0.0.2:7".to_owned()];
            match realm(&allowed, &registry.parse().unwrap(), realm_text, credentials) {
                Ok(url) => url.to_string(),
                Err(Error::ForeignRealm { why, .. }) => why.to_owned(),
                Err(error) => error.to_string(),
            }
        };
        let other = "it is another host than the registry";
        for (registry, text, expected) in [
            ("https://r.io/", "https://r.io/token", "https://r.io/token"),
            ("https://r.io:5000/", "https://r.io:5001/token", "https://r.io:5001/token"),
            ("https://r.io/", "/token", "https://r.io/token"),
            ("https://index.docker.io/", "https://auth.docker.io/token", "https://auth.docker.io/token"),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", "https://gitlab.com/jwt/auth"),
            ("https://r.io/", "https://auth.example/token", "https://auth.example/token"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", "http://127.0.0.1:5001/token"),
            ("http://127.0.0.1:5000/", "http://127.0.0.2:7/token", "http://127.0.0.2:7/token"),
            ("https://r.io/", "https://auth.docker.io/token", other),
            ("https://r.io/", "https://sub.r.io/token", other),
            ("https://r.io/", "https://r.io.evil.io/token", other),
            ("https://gitlab.com/", "https://registry.gitlab.com/", other),
            ("http://127.0.0.1:5000/", "http://127.0.0.2:8/token", other),
            ("https://r.io/", "http://127.0.0.1/token", other),
            ("https://r.io/", "http://r.io/token", "it is reached over plain HTTP"),
            ("https://r.io/", "http://auth.example/token", "it is reached over plain HTTP"),
            ("https://r.io/", "file:///etc/passwd", "it is neither HTTPS nor HTTP"),
            ("https://r.io/", "https://r.io@evil.io/", "it has a user in it"),
        ] {
            assert_eq!(asked(registry, text, true), expected, "{registry} {text}");
        }
        assert_eq!(asked("https://r.io/", "https://evil.io/t", false), "https://evil.io/t");
        assert_eq!(asked("https://r.io/", "http://localhost/t", false), "it is this machine");
    }
}
