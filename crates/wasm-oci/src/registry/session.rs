//! One registry and one user: where it is, and what was shown to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use reqwest::{Method, Url, header::HeaderValue};
use tokio::time::Instant;

use super::{
    Login, Options,
    challenge::Challenge,
    http::{Answer, Ask, Fault, Http, is_loopback, refusal},
    token::{self, Token},
};
use crate::{Error, Reference, Result};

/// What is done in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) repository: String,
    pub(super) action: Action,
    /// Another repository that is read too: a blob is mounted from there.
    pub(super) from: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Pull,
    Push,
    Delete,
}

impl Scope {
    pub(super) fn new(repository: &str, action: Action) -> Self {
        Self { repository: repository.to_owned(), action, from: None }
    }

    /// The scopes to ask for: what is needed, and what else the registry wants for it in this very repository.
    pub(super) fn texts(&self, challenge: Option<&str>) -> Vec<String> {
        let prefix = format!("repository:{}:", self.repository);
        let mut actions = match self.action {
            Action::Pull => vec!["pull"],
            Action::Push => vec!["pull", "push"],
            Action::Delete => vec!["delete"],
        };
        let mut named = challenge.into_iter().flat_map(|text| text.split(' '));
        if self.action != Action::Pull
            && let Some(more) = named.find_map(|text| text.strip_prefix(&prefix))
        {
            // Distribution wants `delete` to delete, others `pull,push,delete` or `*`.
            for action in more.split(',').filter(|action| !action.is_empty()) {
                if !actions.contains(&action) {
                    actions.push(action);
                }
            }
        }
        let mut texts = vec![format!("{prefix}{}", actions.join(","))];
        texts.extend(self.from.iter().map(|from| format!("repository:{from}:pull")));
        texts
    }
}

/// A registry that is spoken to.
pub(super) struct Session {
    pub(super) http: Arc<Http>,
    /// The host as references name it.
    pub(super) registry: String,
    /// `https://HOST/`
    pub(super) origin: Url,
    logins: Mutex<HashMap<String, Option<Login>>>,
    shown: Mutex<HashMap<Scope, Shown>>,
}

/// What came of a request as nobody.
pub(super) enum Knocked {
    /// The registry asked who we are: this is shown from now on.
    Shown(Shown),
    /// It did not.
    Open(Answer),
}

/// What is shown with each request of a scope.
#[derive(Clone)]
pub(super) enum Shown {
    Basic { user: String, password: String },
    Token(Token),
}

impl Shown {
    fn header(&self) -> HeaderValue {
        match self {
            Self::Basic { user, password } => token::basic(user, password),
            Self::Token(token) => token::secret(&format!("Bearer {}", token.value)),
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Self::Basic { .. } => true,
            Self::Token(token) => token.ends > Instant::now(),
        }
    }
}

impl Session {
    pub(super) fn new(http: Arc<Http>, registry: &str) -> Result<Self> {
        let origin = origin(&http.options, registry)?;
        Ok(Self {
            http,
            registry: registry.to_owned(),
            origin,
            logins: Mutex::default(),
            shown: Mutex::default(),
        })
    }

    /// An address of the API: what comes behind `/v2/`.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        let why = || self.bad("an address of the API cannot be made");
        self.origin.join(&format!("/v2/{path}")).map_err(|_| why())
    }

    pub(super) fn bad(&self, why: impl Into<Box<str>>) -> Error {
        Error::BadAnswer { host: self.registry.as_str().into(), why: why.into() }
    }

    /// Sends a request as whoever we are, and finds out who that is when the registry asks. The answer is of any status
    /// but 401.
    pub(super) async fn ask(&self, ask: &Ask, scope: &Scope) -> Result<Answer, Fault> {
        let shown = self.shown(scope);
        let answer = self.http.send(ask, shown.as_ref().map(Shown::header).as_ref()).await?;
        let Some(challenge) = self.challenged(&answer, ask)? else { return Ok(answer) };
        // What was shown has expired, or nothing was.
        drop(answer);
        let shown = self.authorize(&challenge, scope, &ask.what).await?;
        let answer = self.http.send(ask, Some(&shown.header())).await?;
        match self.challenged(&answer, ask)? {
            None => Ok(answer),
            Some(_) => {
                self.lock_shown().remove(scope);
                let mut fault = answer.refused(&ask.what).await;
                if let Error::Unauthorized { why, .. } = &mut fault.error {
                    *why = format!("{}, {why}", self.as_whom(&scope.repository)).into();
                }
                Err(fault)
            }
        }
    }

    /// The challenge of an answer that is none of the registry's good ones.
    fn challenged(&self, answer: &Answer, ask: &Ask) -> Result<Option<Challenge>> {
        if answer.status().as_u16() != 401 {
            return Ok(None);
        }
        if !answer.own {
            // Who else asks who we are is not told (CVE-2020-15157).
            let why = format!("`{}`, where the registry sent us, wants to know who we are", answer.host());
            return Err(Error::Unauthorized { what: ask.what.as_str().into(), why: why.into() });
        }
        match Challenge::of(answer) {
            Some(challenge) => Ok(Some(challenge)),
            None => Err(refusal(&ask.what, 401, b"")),
        }
    }

    /// What may be shown without being asked.
    pub(super) fn shown(&self, scope: &Scope) -> Option<Shown> {
        self.lock_shown().get(scope).filter(|shown| shown.is_valid()).cloned()
    }

    /// Sends a request as nobody, to be asked who we are: what answers that, or, of a registry that does not ask, the
    /// answer.
    pub(super) async fn knock(&self, ask: &Ask, scope: &Scope) -> Result<Knocked, Fault> {
        let answer = self.http.send(ask, None).await?;
        match self.challenged(&answer, ask)? {
            Some(challenge) => Ok(Knocked::Shown(self.authorize(&challenge, scope, &ask.what).await?)),
            None if answer.status().is_success() => Ok(Knocked::Open(answer)),
            None => Err(answer.refused(&ask.what).await),
        }
    }

    /// Finds out what answers the challenge.
    async fn authorize(&self, challenge: &Challenge, scope: &Scope, what: &str) -> Result<Shown, Fault> {
        let login = self.login(&scope.repository).await?;
        let shown = match (challenge, login) {
            (Challenge::Bearer(bearer), login) => {
                let token = token::fetch(&self.http, &self.origin, bearer, scope, login.as_ref()).await?;
                self.refuse_plain(token.of_user)?;
                Shown::Token(token)
            }
            (Challenge::Basic, Some(Login::Password { user, password })) => {
                self.refuse_plain(true)?;
                Shown::Basic { user, password }
            }
            (Challenge::Basic, Some(Login::IdentityToken(_))) => {
                let why = "it wants a password, and there is an identity token";
                return Err(Error::Unauthorized { what: what.into(), why: why.into() }.into());
            }
            (Challenge::Basic, None) => {
                let why = "it wants a name and a password, and there are none";
                return Err(Error::Unauthorized { what: what.into(), why: why.into() }.into());
            }
        };
        self.lock_shown().insert(scope.clone(), shown.clone());
        Ok(shown)
    }

    /// Credentials and what was given for them are not sent over plain HTTP to another machine.
    fn refuse_plain(&self, secret: bool) -> Result<()> {
        if secret && self.origin.scheme() == "http" && !is_loopback(&self.origin) {
            let registry = self.registry.as_str();
            let why = "it is another machine, reached over plain HTTP";
            return Err(Error::ForeignRealm { registry: registry.into(), realm: registry.into(), why });
        }
        Ok(())
    }

    async fn login(&self, repository: &str) -> Result<Option<Login>> {
        let options = &self.http.options;
        let by_hand = options.logins.get(&self.registry).or_else(|| options.logins.get(&self.host()));
        if let Some(login) = by_hand {
            return Ok(Some(login.clone()));
        }
        if let Some(login) = self.lock_logins().get(repository) {
            return Ok(login.clone());
        }
        let found = self.look(repository).await?;
        self.lock_logins().insert(repository.to_owned(), found.clone());
        Ok(found)
    }

    /// Looks into the files, which may mean to run a helper.
    async fn look(&self, repository: &str) -> Result<Option<Login>> {
        let (files, registry) = (self.http.options.auth_files.clone(), self.registry.clone());
        let repository = repository.to_owned();
        let look = tokio::task::spawn_blocking(move || Login::find(&files, &registry, &repository));
        let limit = self.http.options.timeouts.helper;
        let from = || "the credential helper".into();
        match tokio::time::timeout(limit, look).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(Error::Credentials { from: from(), why: "it could not be waited for".into() }),
            Err(_) => {
                Err(Error::Credentials { from: from(), why: format!("it took more than {limit:?}").into() })
            }
        }
    }

    /// As whom we came, for errors.
    fn as_whom(&self, repository: &str) -> String {
        let options = &self.http.options;
        let login = options.logins.get(&self.registry).cloned();
        match login.or_else(|| self.lock_logins().get(repository).cloned().flatten()) {
            Some(Login::Password { user, .. }) => format!("as `{user}`"),
            Some(Login::IdentityToken(_)) => "with an identity token".to_owned(),
            None => "without credentials".to_owned(),
        }
    }

    /// The host of the API, which is another than the name for Docker Hub.
    fn host(&self) -> String {
        super::http::host(&self.origin).into()
    }

    /// What an upload shows: asks the registry once, if nothing is known yet.
    pub(super) async fn ready(&self, scope: &Scope) -> Result<Option<Shown>> {
        if let Some(shown) = self.shown(scope) {
            return Ok(Some(shown));
        }
        let ask =
            Ask::new(Method::GET, self.url("")?, format!("push to {}/{}", self.registry, scope.repository));
        self.http
            .retrying(|| async {
                // Not every registry says at its root that a token is needed: then nothing is shown.
                let answer = self.ask(&ask, scope).await?;
                match answer.status().as_u16() {
                    429 | 500.. => Err(answer.refused(&ask.what).await),
                    _ => Ok(self.shown(scope)),
                }
            })
            .await
    }

    fn lock_shown(&self) -> MutexGuard<'_, HashMap<Scope, Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_logins(&self) -> MutexGuard<'_, HashMap<String, Option<Login>>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the registry of this name is reached.
fn origin(options: &Options, registry: &str) -> Result<Url> {
    let named = super::upload::reference(registry, "x", None);
    let parse = |scheme: &str| format!("{scheme}://{}/", named.resolve_registry()).parse::<Url>();
    let broken = |_| Error::Reference { text: registry.to_owned(), why: "the host is malformed" };
    let url = parse("https").map_err(broken)?;
    let local = is_loopback(&url) && !options.insecure && options.certificates.is_empty();
    if options.plain_http.unwrap_or(local) { parse("http").map_err(broken) } else { Ok(url) }
}

/// A reference in the words of errors.
pub(super) fn named(reference: &Reference, with: &str) -> String {
    let separator = if with.contains(':') { "@" } else { ":" };
    format!("{}/{}{separator}{with}", reference.registry(), reference.repository())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let texts = |action, challenge| Scope::new("a/b", action).texts(challenge).join(" ");
        for (action, challenge, expected) in [
            (Action::Pull, None, "repository:a/b:pull"),
            (Action::Pull, Some("repository:a/b:pull,push,delete"), "repository:a/b:pull"),
            (Action::Pull, Some("repository:other:pull"), "repository:a/b:pull"),
            (Action::Push, Some("repository:a/b:pull"), "repository:a/b:pull,push"),
            (Action::Push, Some("x repository:a/b:push,pull"), "repository:a/b:pull,push"),
            (Action::Delete, None, "repository:a/b:delete"),
            (Action::Delete, Some("repository:a/b:pull,delete"), "repository:a/b:delete,pull"),
            (Action::Delete, Some("repository:a/b:*"), "repository:a/b:delete,*"),
        ] {
            assert_eq!(texts(action, challenge), expected);
        }
    }
}
