//! Names of images, platforms and places.

use hostile::{Outcome, Outcome::Refused};
use wasm_oci::{Location, Platform, Reference};

use super::case::{Case, Read};

pub(super) fn cases() -> Vec<Case> {
    [references(), locations(), platforms()].into_iter().flatten().collect()
}

fn case<T: std::str::FromStr<Err = wasm_oci::Error>>(
    name: &'static str,
    rule: &'static str,
    text: String,
    outcome: Outcome,
) -> Case {
    Case::new(name, rule, outcome, move || -> Read {
        let text = text.clone();
        Box::new(move || text.parse::<T>().map(|_| Outcome::Fine))
    })
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn references() -> Vec<Case> {
    let case = |name, text: &str, why| {
        case::<Reference>(name, "the grammar of references", text.to_owned(), Refused("Reference", why))
    };
    let fine = |name, text: &str| {
        self::case::<Reference>(name, "the grammar of references", text.to_owned(), Outcome::Fine)
    };
    let (part, host, tag, digest) =
        ("a repository has parts", "the host is malformed", "is no tag", "is no digest");
    let sum = format!("sha256:{}", "a".repeat(64));
    vec![
        case("reference-empty", "", part),
        case("reference-upper-case", "localhost/App", part),
        case("reference-parent", "localhost/../app", part),
        case("reference-two-slashes", "localhost//app", part),
        case("reference-slash-at-the-end", "localhost/app/", part),
        case("reference-slash-in-front", "/app", part),
        case("reference-three-dots", "a.b/c...d", part),
        case("reference-three-underscores", "a.b/c___d", part),
        case("reference-dash-in-front", "a.b/-c", part),
        case("reference-space", "a.b/c d", part),
        case("reference-newline", "a.b/c\nd", part),
        case("reference-nul", "a.b/c\0", part),
        case("reference-unicode", "a.b/ä", part),
        case("reference-question-mark", "a.b/c?x=y", part),
        case("reference-percent", "a.b/c%2f..%2fd", part),
        case("reference-host-unicode", "exämple.org/app", host),
        case("reference-host-look-alike", "ｇhcr.io/app", host),
        case("reference-host-with-user", "me:secret.a/app", host),
        case("reference-host-empty-label", "a..b/app", host),
        case("reference-host-dash", "-a.b/app", host),
        case("reference-port-99999", "localhost:99999/app", host),
        case("reference-port-empty", "localhost:/app", host),
        case("reference-port-sign", "localhost:+80/app", host),
        case("reference-port-hexadecimal", "localhost:0x50/app", host),
        case("reference-ipv6-open", "[::1/app", host),
        case("reference-ipv6-malformed", "[::g]/app", host),
        case("reference-ipv6-text-behind", "[::1]x/app", host),
        case("reference-ipv6-zone", "[fe80::1%eth0]/app", host),
        case("reference-tag-empty", "app:", tag),
        case("reference-two-tags", "app:a:b", tag),
        case("reference-tag-of-129", &format!("app:{}", "a".repeat(129)), tag),
        case("reference-tag-dot", "app:.a", tag),
        case("reference-tag-unicode", "app:ä", tag),
        case("reference-digest-empty", "app@", digest),
        case("reference-digest-short", "app@sha256:1", digest),
        case("reference-digest-path", "app@sha256:../../x", digest),
        case("reference-digest-upper-case", &format!("app@sha256:{}", "A".repeat(64)), digest),
        case("reference-two-digests", &format!("app@{sum}@{sum}"), digest),
        case("reference-tag-behind-the-digest", &format!("app@{sum}:v1"), digest),
        case("reference-of-260", &format!("a.b/{}a", "a/".repeat(130)), "it is too long"),
        case("reference-of-1-mib", &"A".repeat(1 << 20), part),
        fine("reference-tag-and-digest", &format!("localhost:5000/x:tag@{sum}")),
        fine("reference-ipv6", "[2001:db8::1]:5000/a/b:v1"),
        fine("reference-tag-of-128", &format!("app:{}", "a".repeat(128))),
    ]
}

fn locations() -> Vec<Case> {
    let case = |name, text: &str, why| {
        case::<Location>(name, "the forms of places", text.to_owned(), Refused("Location", why))
    };
    vec![
        case("location-empty", "", "it is empty"),
        case("location-nul", "a\0b", "it has a NUL character"),
        case("location-without-path", "oci:", "the path is missing"),
        case("location-tag-only", "oci::v1", "the path is missing"),
        case("location-tag-missing", "oci:a:", "the tag is missing"),
        case("location-url", "https://example.org/app.wasm", "it is a URL"),
        case("location-file-url", "file:///etc/passwd", "it is a URL"),
        case("location-of-another-tool", "docker-daemon:app:v1", "it reads files, layouts and archives"),
    ]
}

fn platforms() -> Vec<Case> {
    let case = |name, text: &str| {
        case::<Platform>(
            name,
            "OS/ARCHITECTURE[/VARIANT]",
            text.to_owned(),
            Refused("Platform", "is not a platform"),
        )
    };
    vec![
        case("platform-empty", ""),
        case("platform-of-one-part", "wasm"),
        case("platform-of-four-parts", "a/b/c/d"),
        case("platform-with-a-space", "wasi /wasm"),
        case("platform-with-an-escape-sequence", "wasi/\x1b[2J"),
        case("platform-of-1-mib", &"a/".repeat(1 << 19)),
    ]
}
