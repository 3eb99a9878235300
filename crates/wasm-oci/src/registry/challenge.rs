//! `WWW-Authenticate`: how a registry wants to be told who we are.

use reqwest::header::WWW_AUTHENTICATE;

use super::http::Answer;

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token from the realm.
    Bearer(Bearer),
}

/// Where tokens are, and for what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: Option<String>,
}

/// No challenge that means something is longer.
const LIMIT: usize = 8 << 10;

impl Challenge {
    /// The challenge of an answer, a token's before a password's.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let values = answer.headers(&WWW_AUTHENTICATE);
        let all: Vec<_> = values.filter(|value| value.len() <= LIMIT).flat_map(parse).collect();
        let (bearer, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|challenge| matches!(challenge, Self::Bearer(_)));
        bearer.into_iter().chain(others).next()
    }
}

/// Reads the challenges of one header (RFC 9110, 11.6.1), those of a kind that we know.
fn parse(text: &str) -> Vec<Challenge> {
    let mut challenges = vec![];
    let mut rest = text;
    while let Some((scheme, behind)) = token(rest.trim_start_matches([' ', '\t', ','])) {
        let (parameters, behind) = parameters(behind);
        rest = behind;
        if scheme.eq_ignore_ascii_case("basic") {
            challenges.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let of = |name: &str| {
                let found = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone())
            };
            if let Some(realm) = of("realm") {
                challenges.push(Challenge::Bearer(Bearer {
                    realm,
                    service: of("service"),
                    scope: of("scope"),
                }));
            }
        }
    }
    challenges
}

/// `name=value, name="value"`, up to what is none: the next scheme.
fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = vec![];
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, behind)) = token(trimmed) else { return (found, trimmed) };
        let Some(behind) = behind.trim_start().strip_prefix('=') else { return (found, trimmed) };
        let Some((value, behind)) = value(behind.trim_start()) else { return (found, "") };
        found.push((name.to_owned(), value));
        rest = behind;
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let end = text.bytes().position(|b| !is_char(b)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer(Bearer { realm: realm.to_owned(), service: own(service), scope: own(scope) })
    }

    #[test]
    fn challenges() {
        let (basic, none) = (|| vec![Challenge::Basic], Vec::new);
        for (text, expected) in [
            (r#"Basic realm="x""#, basic()),
            ("basic", basic()),
            (
                r#"Bearer realm="https://a/t",service="s",scope="repository:a:pull,push""#,
                vec![bearer("https://a/t", Some("s"), Some("repository:a:pull,push"))],
            ),
            (r#"BEARER Realm = "x" , error="e\"q""#, vec![bearer("x", None, None)]),
            (r#"Basic realm="a", Bearer realm="b""#, vec![Challenge::Basic, bearer("b", None, None)]),
            (r#"Negotiate, Bearer realm=b"#, vec![bearer("b", None, None)]),
            (r#"Bearer service="s""#, none()),
            (r#"Bearer realm="unfinished"#, none()),
            (r#"Bearer realm="#, none()),
            ("", none()),
            ("\"", none()),
            (",,,=", none()),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
