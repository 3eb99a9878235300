use wasm_oci::{Location, Platform, Reference};

/// A name, location or platform that parses is written so that it parses to the same; a name has no part that leads
/// elsewhere.
pub fn reference(text: &str) {
    if let Ok(location) = text.parse::<Location>() {
        let again = location.to_string();
        assert_eq!(again.parse::<Location>().ok(), Some(location), "{text:?} is written as {again:?}");
    }
    if let Ok(reference) = text.parse::<Reference>() {
        let again = reference.to_string();
        assert!(reference.repository().split('/').all(|part| !matches!(part, "" | "." | "..")), "{text:?}");
        assert!(!reference.registry().contains(['/', '@', '?', '#', '%', ' ']), "{text:?}");
        assert_eq!(again.parse::<Reference>().ok(), Some(reference), "{text:?} is written as {again:?}");
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string(), text);
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn what_a_fuzzer_would_try_first() {
        let sum = format!("localhost:5000/x:tag@sha256:{}", "a".repeat(64));
        for text in [
            "",
            "-",
            "./-",
            "oci:",
            "oci:a:b:c",
            "./oci:a",
            "docker://a",
            "\u{fffd}:",
            "oci:a\nb:c",
            "././-",
            &sum,
            "[::1]:5000/a/b:v1",
            "a.b/c__d:e",
            "wasi/wasm",
            "docker-archive:f:a.b/c:d",
            "oci-archive:f",
        ] {
            reference(text);
        }
        crate::tests::regressions("reference", |data| reference(std::str::from_utf8(data).unwrap()));
    }
}
