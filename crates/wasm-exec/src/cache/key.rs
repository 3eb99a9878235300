use crate::EngineInfo;

/// Under what name code is kept: the module it was made of, and all that it depends on besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn new(engine: &EngineInfo, wasm: &[u8]) -> Self {
        Self::of(engine, wasm_oci::sha256(wasm).digest())
    }

    /// The key of a module of this SHA-256, in hexadecimal digits.
    pub(super) fn of(engine: &EngineInfo, wasm: &str) -> Self {
        let EngineInfo { name, version, compatibility, .. } = engine;
        // The length goes in front of each part, so that no two lists of parts are the same bytes.
        let parts = [FORMAT, name, version, compatibility].map(|part| format!("{} {part}\n", part.len()));
        let engine = wasm_oci::sha256(parts.concat().as_bytes());
        Self(format!("{wasm}-{}", &engine.digest()[..ENGINE]))
    }

    /// Reads the name of an entry's file; `None` if it is something else.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        let key = name.strip_suffix(ENDING)?;
        Self::is_key(key).then(|| Self(key.to_owned()))
    }

    pub(super) fn is_key(text: &str) -> bool {
        let hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        text.split_once('-').is_some_and(|(wasm, engine)| hex(wasm, WASM) && hex(engine, ENGINE))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn file(&self) -> String {
        format!("{}{ENDING}", self.0)
    }
}

/// What the files of entries are like. Two releases of this crate with different ones do not see each other's entries.
const FORMAT: &str = "wasm-exec code 2";

const ENDING: &str = ".code";

/// How many letters of the digests stand in a key.
const WASM: usize = 64;
const ENGINE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_each_part() {
        let engine = EngineInfo::new("a", "1").compatibility("x");
        let key = Key::new(&engine, b"wasm");
        assert_eq!(key, Key::new(&engine, b"wasm"));
        assert_ne!(key, Key::new(&engine, b"wasn"));
        for other in [
            EngineInfo::new("b", "1").compatibility("x"),
            EngineInfo::new("a", "2").compatibility("x"),
            EngineInfo::new("a", "1").compatibility("y"),
            EngineInfo::new("a", "1x"),
            EngineInfo::new("a1", "").compatibility("x"),
        ] {
            assert_ne!(key, Key::new(&other, b"wasm"));
        }
    }

    #[test]
    fn begins_with_the_digest_of_the_module() {
        let key = Key::new(&EngineInfo::new("a", "1"), b"");
        assert!(
            key.as_str().starts_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855-")
        );
        assert_eq!(Key::of_file(&key.file()), Some(key));
    }

    #[test]
    fn other_files_are_no_entries() {
        let key = Key::new(&EngineInfo::new("a", "1"), b"").file();
        for name in
            ["", ".code", "-.code", "notes.txt", &key[1..], &key.replace('e', "E"), &format!("{key}.1.tmp")]
        {
            assert_eq!(Key::of_file(name), None, "{name}");
        }
    }
}
