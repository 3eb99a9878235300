//! The Debian mirror of this machine, from its own sources of packages.

use std::env;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// One source: where from, which suites, which components.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
}

/// Address of the mirror; `DEBIAN_MIRROR` goes first.
pub(crate) fn find() -> Result<String> {
    if let Ok(mirror) = env::var("DEBIAN_MIRROR") {
        return Ok(mirror);
    }
    let codename = codename(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    choose(&read(Path::new("/etc/apt")), &codename).ok_or_else(|| {
        Error::new("no Debian mirror in the sources below /etc/apt; name one with DEBIAN_MIRROR=ADDRESS")
    })
}

/// The source of the machine's own release: a Debian archive, no security or third-party one.
fn choose(sources: &[Source], codename: &str) -> Option<String> {
    let main =
        || sources.iter().filter(|source| source.components.iter().any(|component| component == "main"));
    let is_archive = |source: &&Source| source.uri.trim_end_matches('/').ends_with("/debian");
    let is_own =
        |source: &&Source| !codename.is_empty() && source.suites.iter().any(|suite| suite == codename);
    main()
        .find(|source| is_archive(source) && is_own(source))
        .or_else(|| main().find(is_archive))
        .or_else(|| main().find(is_own))
        .map(|source| source.uri.clone())
}

/// Every source of packages, in the one-line format and in the format of stanzas.
fn read(etc: &Path) -> Vec<Source> {
    let parts =
        fs::read_dir(etc.join("sources.list.d")).into_iter().flatten().flatten().map(|part| part.path());
    let mut files: Vec<_> = parts.collect();
    files.sort();
    files.insert(0, etc.join("sources.list"));
    files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap_or_default();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => lines(&text),
                Some("sources") => stanzas(&text),
                _ => Vec::new(),
            }
        })
        .collect()
}

/// `deb [options] URI SUITE COMPONENT...`
fn lines(text: &str) -> Vec<Source> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Source> {
    let rest = line.trim().strip_prefix("deb")?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace().take_while(|word| !word.starts_with('#')).map(str::to_owned);
    Some(Source { uri: words.next()?, suites: vec![words.next()?], components: words.collect() })
}

/// Stanzas of `Field: value` lines (deb822).
fn stanzas(text: &str) -> Vec<Source> {
    let text: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(str::trim_end).collect();
    text.split(|line| line.is_empty()).flat_map(stanza).collect()
}

fn stanza(lines: &[&str]) -> Vec<Source> {
    let values = |name: &str| -> Vec<String> {
        let is_field =
            |line: &&str| line.split_once(':').is_some_and(|(field, _)| field.eq_ignore_ascii_case(name));
        let Some(first) = lines.iter().position(is_field) else { return Vec::new() };
        let value = lines[first].split_once(':').map_or("", |(_, value)| value);
        let continued = lines[first + 1..].iter().take_while(|line| line.starts_with([' ', '\t']));
        std::iter::once(value)
            .chain(continued.copied())
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect()
    };
    let is_off = values("Enabled").iter().any(|value| value == "no");
    if is_off || !values("Types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let source = |uri| Source { uri, suites: values("Suites"), components: values("Components") };
    values("URIs").into_iter().map(source).collect()
}

fn codename(os_release: &str) -> String {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    value.unwrap_or_default().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
# deb http://old.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [signed-by=/k.gpg arch=amd64] https://else.example/apt tool-bookworm main
deb https://third.example/linux/debian bookworm stable
deb http://security.example/debian-security bookworm-security main
deb http://mirror.example/debian bookworm main contrib # comment
";

    const STANZAS: &str = "\
Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian/
Suites: bookworm
Components: main

Types: deb deb-src
# a comment
URIs: http://mirror.example/debian/
 http://second.example/debian/
Suites: bookworm
 bookworm-updates
Components: main
";

    #[test]
    fn one_line_sources() {
        assert_eq!(choose(&lines(LINES), "bookworm").as_deref(), Some("http://mirror.example/debian"));
    }

    #[test]
    fn stanza_sources() {
        assert_eq!(choose(&stanzas(STANZAS), "bookworm").as_deref(), Some("http://mirror.example/debian/"));
        assert_eq!(stanzas(STANZAS).last().unwrap().uri, "http://second.example/debian/");
    }

    #[test]
    fn a_list_of_mirrors_is_taken_as_it_is() {
        let cloud = "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie\nComponents: main\n";
        assert_eq!(
            choose(&stanzas(cloud), "trixie").as_deref(),
            Some("mirror+file:///etc/apt/mirrors/debian.list")
        );
    }

    #[test]
    fn no_sources_no_mirror() {
        assert_eq!(choose(&[], "bookworm"), None);
        assert_eq!(choose(&lines("deb https://third.example/linux/debian bookworm stable"), ""), None);
    }

    #[test]
    fn the_codename_may_be_quoted() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=\"bookworm\"\n"), "bookworm");
    }
}
