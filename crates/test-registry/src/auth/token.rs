//! Tokens: issued, counted, and forgotten.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::basic;
use crate::fault::Faults;
use crate::http::{Answer, Request, parse_query};
use crate::refusal::{refusal, unsupported};
use crate::registry::Shared;

/// Tokens known at a time.
const TOKENS: usize = 1 << 16;

/// Tokens from the registry's own `/token`: `GET` with `Basic`, `POST` with a form.
#[derive(Clone, Debug)]
pub struct Bearer {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) identity_token: Option<String>,
    pub(super) anonymous_pull: bool,
    pub(super) service: String,
    pub(super) realm: Option<String>,
    pub(super) lifetime: Duration,
    pub(super) uses: u32,
}

impl Bearer {
    /// Tokens for one user, valid for five minutes.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            identity_token: None,
            anonymous_pull: false,
            service: "test-registry".to_owned(),
            realm: None,
            lifetime: Duration::from_secs(300),
            uses: u32::MAX,
        }
    }

    /// The user's identity token too: for `POST` with `grant_type=refresh_token`, and given to who asks for
    /// `offline_token`.
    #[must_use]
    pub fn identity_token(mut self, token: impl Into<String>) -> Self {
        self.identity_token = Some(token.into());
        self
    }

    /// Everybody gets tokens to pull.
    #[must_use]
    pub fn anonymous_pull(mut self) -> Self {
        self.anonymous_pull = true;
        self
    }

    /// The `service` of the challenge.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// The `realm` of the challenge: the `/token` of another registry, or of a stranger.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// A token is refused after this time, which `expires_in` says in seconds.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A token is refused after so many requests, which nobody says.
    #[must_use]
    pub fn uses(mut self, uses: u32) -> Self {
        self.uses = uses;
        self
    }
}

/// Why a token does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Missing,
    Invalid,
    Scope,
}

/// The tokens that were issued.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: HashMap<String, Token>,
    count: u64,
}

#[derive(Debug)]
struct Token {
    /// `repository:NAME:ACTION,…`
    scopes: Vec<String>,
    ends: Instant,
    uses: u32,
}

impl Tokens {
    /// A new token.
    fn issue(&mut self, scopes: Vec<String>, lifetime: Duration, uses: u32) -> String {
        if self.issued.len() >= TOKENS {
            self.issued.clear();
        }
        self.count += 1;
        let name = format!("token-{}", self.count);
        self.issued.insert(name.clone(), Token { scopes, ends: Instant::now() + lifetime, uses });
        name
    }

    /// Forgets every token.
    pub(crate) fn expire(&mut self) {
        self.issued.clear();
    }

    /// Takes one use of the token of the header, when it allows the action.
    pub(crate) fn check(
        &mut self,
        header: Option<&str>,
        repository: &str,
        action: &str,
    ) -> Result<(), Denied> {
        let (scheme, name) = header.and_then(|header| header.split_once(' ')).ok_or(Denied::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::Missing);
        }
        let token = self.issued.get_mut(name.trim()).ok_or(Denied::Invalid)?;
        if token.uses == 0 || Instant::now() >= token.ends {
            return Err(Denied::Invalid);
        }
        if !token.allows(repository, action) {
            return Err(Denied::Scope);
        }
        token.uses -= 1;
        Ok(())
    }

    /// Whether the token of the header allows it; no use is taken.
    pub(crate) fn allows(&self, header: Option<&str>, repository: &str, action: &str) -> bool {
        let name = header.and_then(|header| header.split_once(' ')).map(|(_, name)| name.trim());
        name.and_then(|name| self.issued.get(name)).is_some_and(|token| token.allows(repository, action))
    }
}

impl Token {
    fn allows(&self, repository: &str, action: &str) -> bool {
        let grants = |scope: &String| {
            let (name, actions) = split(scope)?;
            let listed = actions.split(',').any(|granted| granted == action || granted == "*");
            (name == repository && listed).then_some(())
        };
        repository.is_empty() || self.scopes.iter().find_map(grants).is_some()
    }
}

/// Name and actions of `repository:NAME:ACTIONS`.
fn split(scope: &str) -> Option<(&str, &str)> {
    scope.strip_prefix("repository:")?.rsplit_once(':')
}

impl Shared {
    /// The token endpoint.
    pub(crate) fn token(&self, request: &Request, faults: &Faults) -> Answer {
        let super::Auth::Bearer(bearer) = &self.options.auth else {
            return Answer::new(404).body("text/plain", "404 page not found\n");
        };
        let fields = match request.method.as_str() {
            "GET" => request.query(),
            "POST" => parse_query(&String::from_utf8_lossy(&request.body)),
            _ => return unsupported(),
        };
        let field = |name: &str| {
            fields
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        let known = match request.method.as_str() {
            "GET" => {
                basic(request).map(|(user, password)| user == bearer.user && password == bearer.password)
            }
            _ => Some(bearer.form_is_known(field)),
        };
        let scopes = fields.iter().filter(|(name, _)| name == "scope");
        let scopes = scopes.flat_map(|(_, value)| value.split(' ').map(str::to_owned));
        let scopes: Vec<String> = match known {
            _ if faults.wrong_scope() => vec!["repository:somewhere/else:pull".to_owned()],
            Some(true) => scopes.collect(),
            None if bearer.anonymous_pull => scopes.filter_map(|scope| pull_only(&scope)).collect(),
            Some(false) | None => return refusal(401, "UNAUTHORIZED", Value::Null),
        };
        let token = bearer.issue(&mut self.tokens(), scopes);
        let expires_in = bearer.lifetime.as_secs();
        let mut answer = json!({"token": token, "access_token": token, "expires_in": expires_in});
        let offline = field("offline_token") == "true" || field("access_type") == "offline";
        match &bearer.identity_token {
            Some(identity) if known == Some(true) && offline => answer["refresh_token"] = json!(identity),
            _ => {}
        }
        Answer::new(200).json(&answer)
    }
}

impl Bearer {
    /// A new token, with this lifetime and so many uses.
    pub(crate) fn issue(&self, tokens: &mut Tokens, scopes: Vec<String>) -> String {
        tokens.issue(scopes, self.lifetime, self.uses)
    }

    /// Whether the form of a `POST` is the user's.
    fn form_is_known<'a>(&self, field: impl Fn(&str) -> &'a str) -> bool {
        match field("grant_type") {
            "refresh_token" => self.identity_token.as_deref() == Some(field("refresh_token")),
            "password" => field("username") == self.user && field("password") == self.password,
            _ => false,
        }
    }
}

/// The scope without what only the user may do.
fn pull_only(scope: &str) -> Option<String> {
    let (name, actions) = split(scope)?;
    actions.split(',').any(|action| action == "pull").then(|| format!("repository:{name}:pull"))
}
