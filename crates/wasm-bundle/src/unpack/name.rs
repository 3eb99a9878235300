//! Names of entries, and targets of links.

use std::fmt;

use crate::Refusal;

/// The path of an entry below the root: parts that are neither empty nor `.` nor `..`. The root itself has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    parts: Vec<String>,
}

impl Name {
    /// Parses a path as it stands in a layer. `./` before or inside it is fine.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let text = text(bytes)?;
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        if text.starts_with('/') {
            return Err(Refusal::Absolute);
        }
        let parts: Vec<_> = parts(text).map(str::to_owned).collect();
        if parts.iter().any(|part| part == "..") {
            return Err(Refusal::Parent);
        }
        if parts.iter().any(|part| part.len() > PART) {
            return Err(Refusal::TooLong);
        }
        if parts.len() > DEPTH {
            return Err(Refusal::TooDeep);
        }
        Ok(Self { parts })
    }

    /// Directories above, and the last part; `None` for the root.
    pub(super) fn split(&self) -> Option<(&[String], &str)> {
        self.parts.split_last().map(|(last, above)| (above, last.as_str()))
    }

    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether it lies in this directory of the root.
    pub(super) fn is_below(&self, directory: &str) -> bool {
        self.parts.len() > 1 && self.parts[0] == directory
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("/"))
    }
}

/// The target of a symbolic link: any path, as it is only ever followed inside the root.
pub(super) fn link_target(bytes: &[u8]) -> Result<&str, Refusal> {
    text(bytes).ok().filter(|target| !target.is_empty()).ok_or(Refusal::LinkTarget)
}

/// What a name asks for, by the convention of layers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// To be there.
    Plain(Name),
    /// That this, of the layers below, is not there.
    Deleted(Name),
    /// That nothing in this directory, of the layers below, is there.
    Opaque(Name),
}

impl Mark {
    pub(super) fn of(mut name: Name) -> Result<Self, Refusal> {
        let Some(last) = name.parts.pop() else { return Ok(Self::Plain(name)) };
        if name.parts.iter().any(|part| part.starts_with(WHITEOUT)) {
            return Err(Refusal::Whiteout);
        }
        match last.strip_prefix(WHITEOUT) {
            Some(".wh..opq") => return Ok(Self::Opaque(name)),
            Some("" | "." | "..") => return Err(Refusal::Whiteout),
            // Reserved names of the file system that this convention is from.
            Some(deleted) if deleted.starts_with(WHITEOUT) => return Err(Refusal::Whiteout),
            Some(deleted) => {
                name.parts.push(deleted.to_owned());
                return Ok(Self::Deleted(name));
            }
            None => name.parts.push(last),
        }
        Ok(Self::Plain(name))
    }
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    if bytes.len() > PATH {
        return Err(Refusal::TooLong);
    }
    let text = str::from_utf8(bytes).map_err(|_| Refusal::NotUtf8)?;
    if text.contains('\0') { Err(Refusal::Nul) } else { Ok(text) }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').filter(|part| !matches!(*part, "" | "."))
}

/// The prefix of whiteouts.
pub(super) const WHITEOUT: &str = ".wh.";
/// The longest path in bytes, as Linux has it.
const PATH: usize = 4096;
/// The longest part of a path in bytes, as most file systems have it.
const PART: usize = 255;
/// How many parts a path may have.
const DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn names() {
        assert_eq!(name("./a//b/./c/").to_string(), "a/b/c");
        assert_eq!(name("..a/b..").to_string(), "..a/b..");
        assert!(name("./").split().is_none());
        assert!(name("./dev/null").is_below("dev"));
        assert!(!name("dev").is_below("dev") && !name("a/dev/null").is_below("dev"));
        let long = ["a"; 129].join("/");
        for (bytes, refusal) in [
            (&b""[..], Refusal::Empty),
            (b"/a", Refusal::Absolute),
            (b"//a", Refusal::Absolute),
            (b"a/../b", Refusal::Parent),
            (b"./..", Refusal::Parent),
            (b"a\0b", Refusal::Nul),
            (b"\xff", Refusal::NotUtf8),
            (long.as_bytes(), Refusal::TooDeep),
            (&[b'a'; 256], Refusal::TooLong),
            (&b"a/".repeat(2049), Refusal::TooLong),
        ] {
            assert_eq!(Name::parse(bytes), Err(refusal), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn link_targets_are_any_paths() {
        for to in ["b/c", "..", "../../../x", "/etc", "./a"] {
            assert_eq!(link_target(to.as_bytes()), Ok(to));
        }
        for to in [&b""[..], b"a\0", b"\xff", &[b'a'; 4097]] {
            assert_eq!(link_target(to), Err(Refusal::LinkTarget));
        }
    }

    #[test]
    fn marks() {
        let mark = |text| Mark::of(name(text));
        assert_eq!(mark("a/b"), Ok(Mark::Plain(name("a/b"))));
        assert_eq!(mark("./"), Ok(Mark::Plain(name("./"))));
        assert_eq!(mark("a/.wh.b"), Ok(Mark::Deleted(name("a/b"))));
        assert_eq!(mark("a/.wh..b"), Ok(Mark::Deleted(name("a/.b"))));
        assert_eq!(mark(".wh..wh..opq"), Ok(Mark::Opaque(name("./"))));
        for text in [".wh.", ".wh..", ".wh...", ".wh..wh.", ".wh..wh.plnk", ".wh.a/b", ".wh..wh..opq/a"] {
            assert_eq!(mark(text), Err(Refusal::Whiteout), "{text}");
        }
    }
}
