//! The patterns of `pod_annotations`, as containerd matches them.

use std::str::Chars;

/// A pattern of containerd's `pod_annotations`.
///
/// containerd compares keys with Go's `path.Match`: `*` stands for any number of characters other than `/`, `?` for one of
/// them, `[a-z]` and `[^a-z]` for one of a class, and `\` takes the meaning from the next character. So `*.wasm.*`, which
/// documentation recommends, does not match `module.wasm.image/variant`. A malformed pattern matches nothing, silently
/// (containerd `internal/cri/server/podsandbox/helpers.go`, `getPassthroughAnnotations`).
///
/// ```
/// use wasm_bundle::node::Pattern;
///
/// let key = "module.wasm.image/variant";
/// assert!(Pattern::parse("module.wasm.image/*").is_some_and(|pattern| pattern.matches(key)));
/// assert!(!Pattern::parse("*.wasm.*").is_some_and(|pattern| pattern.matches(key)));
/// assert_eq!(Pattern::parse("module[").is_some(), false);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `*`
    Stars,
    /// `?`
    One,
    Char(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Parses a pattern; `None` for a malformed one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = vec![];
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            parts.push(match character {
                '*' => Part::Stars,
                '?' => Part::One,
                '[' => class(&mut rest)?,
                '\\' => Part::Char(rest.next()?),
                other => Part::Char(other),
            });
        }
        Some(Self(parts))
    }

    /// Tells whether the whole key matches.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        let key: Vec<char> = key.chars().collect();
        let (mut part, mut at) = (0, 0);
        // The last `*`, and what it has taken so far: no other needs to be tried again.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.0.get(part) {
                Some(Part::Stars) => {
                    star = Some((part, at));
                    part += 1;
                    continue;
                }
                Some(one) if key.get(at).is_some_and(|character| one.takes(*character)) => {
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                None if at == key.len() => return true,
                _ => {}
            }
            match star {
                Some((stars, taken)) if key.get(taken).is_some_and(|character| *character != '/') => {
                    star = Some((stars, taken + 1));
                    (part, at) = (stars + 1, taken + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Stars => false,
            Self::One => character != '/',
            Self::Char(own) => *own == character,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)) != *negated
            }
        }
    }
}

/// Reads a class behind its `[`.
fn class(rest: &mut Chars<'_>) -> Option<Part> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = vec![];
    loop {
        if rest.as_str().starts_with(']') && !ranges.is_empty() {
            rest.next();
            return Some(Part::Class { negated, ranges });
        }
        let low = bound(rest)?;
        let high = if rest.as_str().starts_with('-') {
            rest.next();
            bound(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// Reads one end of a range; something must follow, at least the `]`.
fn bound(rest: &mut Chars<'_>) -> Option<char> {
    let character = match rest.next()? {
        '-' | ']' => return None,
        '\\' => rest.next()?,
        other => other,
    };
    (!rest.as_str().is_empty()).then_some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, key: &str) -> Option<bool> {
        Some(Pattern::parse(pattern)?.matches(key))
    }

    /// The cases are of the kinds that Go's own documentation of `path.Match` names.
    #[test]
    fn as_go_matches_paths() {
        for (pattern, key, expected) in [
            ("abc", "abc", Some(true)),
            ("*", "abc", Some(true)),
            ("*", "", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*", "ab/c", Some(false)),
            ("a*/b", "abc/b", Some(true)),
            ("a*/b", "a/c/b", Some(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Some(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Some(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a?b", "a☺b", Some(true)),
            ("a???b", "a☺b", Some(false)),
            ("a?b", "a/b", Some(false)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-x]", "x", Some(true)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[x-]", "x", None),
            ("[a-b-c]", "a", None),
            ("[", "a", None),
            ("[^bc", "a", None),
            ("a[", "a", None),
            ("\\", "a", None),
            ("*x", "xxx", Some(true)),
            ("", "", Some(true)),
            ("", "a", Some(false)),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }

    /// What crun's and WasmEdge's documentation recommend.
    #[test]
    fn the_list_of_the_documentation() {
        let list = [
            "*.wasm.*",
            "wasm.*",
            "module.wasm.image/*",
            "*.module.wasm.image",
            "module.wasm.image/variant.*",
        ];
        let through = |key: &str| list.iter().any(|pattern| matches(pattern, key) == Some(true));
        assert!(through("module.wasm.image/variant"));
        assert!(!through("run.oci.handler"));
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = Pattern::parse(&"*a".repeat(500)).unwrap();
        assert!(!pattern.matches(&"a".repeat(499)));
        assert!(!pattern.matches(&"ab".repeat(5000)));
    }
}
