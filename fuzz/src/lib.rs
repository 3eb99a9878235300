//! The bodies of the fuzz targets: ordinary functions, so that `cargo test` of this workspace runs them too. Each has
//! an invariant, not only "does not panic".

mod bundle;

use wasm_oci::Location;

pub use self::bundle::{config, selection};

/// A location that parses is written so that it parses to the same.
pub fn location(text: &str) {
    if let Ok(location) = text.parse::<Location>() {
        let again = location.to_string();
        assert_eq!(again.parse::<Location>().ok(), Some(location), "{text:?} is written as {again:?}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_fuzzer_would_try_first() {
        for text in
            ["", "-", "./-", "oci:", "oci:a:b:c", "./oci:a", "docker://a", "\u{fffd}:", "oci:a\nb:c", "././-"]
        {
            super::location(text);
        }
    }
}
