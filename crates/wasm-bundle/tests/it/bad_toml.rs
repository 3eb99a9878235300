//! Hostile and broken configurations of containerd: each costs an error that says what is wrong.

use std::error::Error as _;

use wasm_bundle::{
    Error,
    node::{Config, Runtime, Version},
};

/// What reading a text and setting a runtime in it comes to.
fn outcome(text: &str) -> Result<String, Error> {
    let mut config = Config::parse(text)?;
    let _ = config.lint();
    config.set(&"crun".parse::<Runtime>()?)?;
    Ok(config.to_string())
}

fn is_syntax(error: &Error) -> bool {
    matches!(error, Error::Syntax { .. }) && error.source().is_some()
}

#[test]
fn texts_that_are_no_toml() {
    let deep_array = format!("version = 3\na = {}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let deep_table = format!("version = 3\na = {}1{}", "{b=".repeat(50_000), "}".repeat(50_000));
    let deep_key = format!("version = 3\n{}a = 1\n", "a.".repeat(50_000));
    let deep_header = format!("version = 3\n[{}a]\n", "a.".repeat(50_000));
    let cases: Vec<(&str, &str)> = vec![
        ("duplicate key", "version = 3\nversion = 3\n"),
        ("duplicate table", "version = 3\n[a]\n[a]\n"),
        ("duplicate table of runtimes", "version = 3\n[plugins.a]\nb = 1\n[plugins.a]\n"),
        ("table over a value", "version = 3\na = 1\n[a.b]\n"),
        ("value over a dotted table", "version = 3\na.b = 1\na = 2\n"),
        ("inline table extended", "version = 3\na = {}\n[a.b]\n"),
        ("array extended by a table", "version = 3\na = []\n[[a]]\n"),
        ("NUL", "version = 3\na = \"\0\"\n"),
        ("NUL in a key", "version = 3\n\0 = 1\n"),
        ("control character in a comment", "version = 3 # \u{1}\n"),
        ("lone carriage return", "version = 3\ra = 1"),
        ("unterminated string", "version = \"3"),
        ("unterminated long string", "version = 3\na = \"\"\"x"),
        ("unterminated array", "version = 3\na = [1,"),
        ("unterminated header", "version = 3\n[a"),
        ("no value", "version = 3\na =\n"),
        ("no key", "version = 3\n= 1\n"),
        ("bad escape", "version = 3\na = \"\\q\"\n"),
        ("surrogate escape", "version = 3\na = \"\\ud800\"\n"),
        ("number too large", "version = 9223372036854775808\n"),
        ("leading zero", "version = 03\n"),
        ("JSON", "{\"version\": 3}"),
        ("YAML", "version: 3\n"),
        ("template", "{{ template \"base\" . }}\n"),
        ("arrays 50,000 deep", &deep_array),
        ("inline tables 50,000 deep", &deep_table),
        ("dotted key 50,000 deep", &deep_key),
        ("header 50,000 deep", &deep_header),
    ];
    for (name, text) in cases {
        match outcome(text) {
            Err(error) => assert!(is_syntax(&error), "{name}: {error}"),
            Ok(text) => panic!("{name} is read as {}", &text[..text.len().min(99)]),
        }
    }
}

/// What the containerd configuration may not say, and what is said about it.
fn assert_told(cases: &[(&str, String, &str)]) {
    for (name, text, message) in cases {
        let error = outcome(text).map(|text| panic!("{name} is read as {text}")).unwrap_err();
        assert_eq!(error.to_string(), *message, "{name}");
    }
}

#[test]
fn versions_that_are_none() {
    assert_told(&[
        (
            "version a string",
            "version = \"3\"".into(),
            "`version` in the containerd configuration is not a number",
        ),
        ("version a table", "[version]".into(), "`version` in the containerd configuration is not a number"),
        ("no version", "root = \"/\"".into(), "the containerd configuration does not say its version"),
        ("empty", String::new(), "the containerd configuration does not say its version"),
        ("version 1", "version = 1".into(), "the containerd configuration is of version 1"),
        ("version 5", "version = 5".into(), "the containerd configuration is of version 5"),
        ("version negative", "version = -3".into(), "the containerd configuration is of version -3"),
    ]);
}

#[test]
fn values_of_the_wrong_kind() {
    let plugin = "plugins.\"io.containerd.cri.v1.runtime\"";
    assert_told(&[
        (
            "plugins a number",
            "version = 3\nplugins = 1".into(),
            "`plugins` in the containerd configuration is not a table",
        ),
        (
            "plugins an array of tables",
            "version = 3\n[[plugins]]".into(),
            "`plugins` in the containerd configuration is not a table",
        ),
        (
            "the plugin a string",
            format!("version = 3\n{plugin} = \"x\""),
            "`io.containerd.cri.v1.runtime` in the containerd configuration is not a table",
        ),
        (
            "runtimes a list",
            format!("version = 3\n{plugin}.containerd.runtimes = []"),
            "`runtimes` in the containerd configuration is not a table",
        ),
        (
            "a runtime a boolean",
            format!("version = 3\n{plugin}.containerd.runtimes.crun = true"),
            "`crun` in the containerd configuration is not a table",
        ),
        (
            "options a string",
            format!("version = 3\n[{plugin}.containerd.runtimes.crun]\noptions = \"x\""),
            "`options` in the containerd configuration is not a table",
        ),
        (
            "pod_annotations a string",
            format!("version = 3\n[{plugin}.containerd.runtimes.crun]\npod_annotations = \"*\""),
            "`pod_annotations` in the containerd configuration is not a list",
        ),
        (
            "an array of runtimes",
            format!("version = 3\n[[{plugin}.containerd.runtimes.crun]]"),
            "`crun` in the containerd configuration is not a table",
        ),
    ]);
}

#[test]
fn sizes_are_bounded() {
    let large = format!("version = 3\n# {}\n", "x".repeat(10 << 20));
    let error = outcome(&large).unwrap_err();
    assert_eq!(error.to_string(), "the containerd configuration has more than 1048576 bytes");
    // Near the limit: many tables and long names are read, and are not a matter of minutes.
    let mut many = String::from("version = 3\n");
    for index in 0..2_000 {
        many.push_str(&format!("[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.r{index}]\n"));
    }
    assert!(outcome(&many).is_ok());
    assert!(outcome(&format!("version = 3\n{} = 1\n", "a".repeat(1_000_000))).is_ok());
}

/// A pattern is matched by ours and not by a regular expression: no pattern takes for ever.
#[test]
fn hostile_patterns() {
    let stars = "*a".repeat(20_000);
    let text = format!(
        "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.crun]\npod_annotations = [\"{stars}\", 1, \
         [], \"[\"]\n"
    );
    assert!(outcome(&text).is_ok());
}

#[test]
fn a_comment_like_our_own_does_not_become_a_template() {
    let text = "#wasmctr:{{ x }}\n{{ y }}\n";
    let config = Config::parse_template(text, Version::V3).unwrap();
    assert_eq!(config.to_string(), text);
}
