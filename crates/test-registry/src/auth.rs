//! Who may come in.

mod token;

use serde_json::{Value, json};

use crate::fault::Kind;
use crate::http::{Answer, Request, base64_decode};
use crate::refusal::refusal;
use crate::registry::Shared;
use crate::route::Route;

pub use self::token::Bearer;
pub(crate) use self::token::{Denied, Tokens};

/// How a registry knows its clients.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Everybody may do everything.
    #[default]
    None,
    /// A name and a password with each request.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token with each request, from the registry's own `/token`.
    Bearer(Bearer),
}

impl Auth {
    /// A name and a password with each request.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), password: password.into() }
    }
}

impl From<Bearer> for Auth {
    fn from(bearer: Bearer) -> Self {
        Self::Bearer(bearer)
    }
}

/// Name and password of a `Basic` authorization.
pub(crate) fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, text) = request.authorization()?.split_once(' ')?;
    let decoded = String::from_utf8(base64_decode(text.trim())?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
}

impl Shared {
    /// The answer for one who may not do it; `None` when the request may go on.
    pub(crate) fn denies(&self, request: &Request, route: &Route) -> Option<Answer> {
        match &self.options.auth {
            _ if route.kind == Kind::Token => None,
            Auth::None => None,
            Auth::Basic { user, password } => {
                let known = basic(request).is_some_and(|given| given == (user.clone(), password.clone()));
                (!known).then(|| self.challenge(request, route, None))
            }
            Auth::Bearer(_) => {
                let action = action(&request.method);
                let checked = self.tokens().check(request.authorization(), &route.repository, action);
                checked.err().map(|why| self.challenge(request, route, Some(why)))
            }
        }
    }

    /// Whether who sent the request may read this repository too.
    pub(crate) fn may_pull(&self, request: &Request, repository: &str) -> bool {
        match &self.options.auth {
            Auth::Bearer(_) => self.tokens().allows(request.authorization(), repository, "pull"),
            Auth::None | Auth::Basic { .. } => true,
        }
    }

    /// 401, and how to come in.
    pub(crate) fn challenge(&self, request: &Request, route: &Route, why: Option<Denied>) -> Answer {
        let value = match &self.options.auth {
            Auth::Bearer(bearer) => {
                let realm = bearer.realm.clone().unwrap_or_else(|| format!("{}/token", self.url()));
                let service = &bearer.service;
                let mut value = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
                if !route.repository.is_empty() {
                    let actions = match action(&request.method) {
                        "push" => "pull,push",
                        action => action,
                    };
                    value += &format!(",scope=\"repository:{}:{actions}\"", route.repository);
                }
                match why {
                    Some(Denied::Invalid) => value += ",error=\"invalid_token\"",
                    Some(Denied::Scope) => value += ",error=\"insufficient_scope\"",
                    Some(Denied::Missing) | None => {}
                }
                value
            }
            _ => "Basic realm=\"test-registry\"".to_owned(),
        };
        let detail =
            if route.repository.is_empty() { Value::Null } else { json!({"name": route.repository}) };
        refusal(401, "UNAUTHORIZED", detail).header("WWW-Authenticate", value)
    }
}

/// What a token must allow for the method.
fn action(method: &str) -> &'static str {
    match method {
        "GET" | "HEAD" => "pull",
        "DELETE" => "delete",
        _ => "push",
    }
}
