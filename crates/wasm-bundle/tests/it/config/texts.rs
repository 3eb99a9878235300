//! Texts that are no JSON, or that two readers read differently.

use super::{
    Fate::{self, Config, Opens, TooLarge},
    config,
};

/// A sound configuration as text, with a part replaced.
fn with(from: &str, to: &str) -> Vec<u8> {
    let text = config().to_string();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// A sound configuration with another field, as text.
fn and(field: &str) -> Vec<u8> {
    format!("{}, {field}}}", config().to_string().strip_suffix('}').unwrap()).into_bytes()
}

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes()
}

pub(super) fn cases() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let whole = config().to_string();
    let deep = "recursion limit exceeded";
    let twice = "twice";
    vec![
        ("empty", vec![], Config("EOF")),
        ("blanks", b" \n\t ".to_vec(), Config("EOF")),
        ("null", b"null".to_vec(), Config("invalid type")),
        ("number", b"1".to_vec(), Config("invalid type")),
        ("string", b"\"config\"".to_vec(), Config("invalid type")),
        ("list", b"[]".to_vec(), Config("invalid type")),
        ("list-of-fields", br#"["1.2.0", null]"#.to_vec(), Config("invalid type")),
        ("cut-off", whole.as_bytes()[..whole.len() / 2].to_vec(), Config("EOF")),
        ("trailing-comma", whole.replace("}}", "},}").into_bytes(), Config("trailing comma")),
        ("two-documents", format!("{whole}{whole}").into_bytes(), Config("trailing characters")),
        ("byte-order-mark", format!("\u{feff}{whole}").into_bytes(), Config("expected value")),
        ("utf-16", whole.encode_utf16().flat_map(u16::to_le_bytes).collect(), Config("")),
        ("nul-behind", format!("{whole}\0").into_bytes(), Config("trailing characters")),
        ("not-utf-8", [&b"{\"ociVersion\": \"\xff\"}"[..]].concat(), Config("")),
        ("lone-surrogate", with("\"wasm\"", r#""\ud800""#), Config("hex escape")),
        ("raw-newline", with("\"wasm\"", "\"wa\nsm\""), Config("control character")),
        ("not-a-number", with("\"uid\":0", "\"uid\":NaN"), Config("expected value")),
        ("infinite", with("\"uid\":0", "\"uid\":1e400"), Config("number out of range")),
        (
            "large-number",
            with("\"uid\":0", &format!("\"uid\":1{}", "0".repeat(400))),
            Config("number out of range"),
        ),
        ("single-quotes", whole.replace('"', "'").into_bytes(), Config("key must be a string")),
        ("comment", format!("// mine\n{whole}").into_bytes(), Config("expected value")),
        ("deep-lists", nested("[", "]", 100_000), Config("")),
        ("deep-objects", nested("{\"a\":", "}", 100_000), Config(deep)),
        (
            "deep-in-a-field-of-nobody",
            and(&format!("\"x\": {}1{}", "[".repeat(200), "]".repeat(200))),
            Config(deep),
        ),
        ("deep-but-not-too", and(&format!("\"x\": {}1{}", "[".repeat(100), "]".repeat(100))), Opens),
        ("process-twice", and(r#""process": { "user": {}, "cwd": "/", "args": ["/evil"] }"#), Config(twice)),
        (
            "annotation-twice",
            with(r#""annotations":{"#, r#""annotations":{"module.wasm.image/variant":"x","#),
            Config(twice),
        ),
        ("name-twice-by-escape", and(r#""roo\u0074": {}"#), Config(twice)),
        ("name-twice-in-a-field-of-nobody", and(r#""x": [{ "a": 1, "a": 2 }]"#), Config(twice)),
        ("larger-than-is-read", vec![b' '; (4 << 20) + 1], TooLarge),
        ("as-large-as-is-read", [vec![b' '; (4 << 20) - whole.len()], whole.into_bytes()].concat(), Opens),
    ]
}
