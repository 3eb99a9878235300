//! Hostile and broken manifests: each costs an error that says what is wrong, and little time.

use std::{
    error::Error as _,
    time::{Duration, Instant},
};

use wasm_bundle::{
    Error,
    kubernetes::{Via, lint, migrate},
};

/// What the lint and the migration say; both read in the same way.
fn refused(name: &str, text: &str) -> Error {
    let start = Instant::now();
    let error = lint(text, None, None).map(|found| panic!("{name} is read: {found:?}")).unwrap_err();
    assert!(migrate(text, &Via::Crun).is_err(), "{name}");
    assert!(start.elapsed() < Duration::from_secs(60), "{name}");
    error
}

#[test]
fn texts_that_are_no_yaml_or_too_much_of_it() {
    let bomb = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let last = format!("*a{}", level - 1);
        text + &format!("a{level}: &a{level} [{}]\n", [last.as_str(); 9].join(", "))
    });
    let merges = (1..20).fold("a0: &a0 {x: 1}\n".to_owned(), |text, level| {
        text + &format!("a{level}: &a{level} {{<<: [*a{0}, *a{0}, *a{0}], b: *a{0}, c: *a{0}}}\n", level - 1)
    });
    let deep_flow = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_map = format!("a: {}x{}", "{a: ".repeat(100_000), "}".repeat(100_000));
    let deep_block: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let deep_dashes = format!("a:\n{}x", "- ".repeat(50_000));
    let aliases = format!("a: &a x\nb: [{}]\n", "*a, ".repeat(50_000));
    let anchors: String = (0..5000).map(|index| format!("k{index}: &a{index} x\n")).collect();
    let documents = "kind: A\n---\n".repeat(2000);
    let nodes = format!("a: [{}]", "1, ".repeat(400_000));
    let cases: Vec<(&str, &str)> = vec![
        ("an alias bomb", &bomb),
        ("a bomb of merge keys", &merges),
        ("lists 100,000 deep", &deep_flow),
        ("mappings 100,000 deep", &deep_map),
        ("blocks 2,000 deep", &deep_block),
        ("dashes 50,000 deep", &deep_dashes),
        ("50,000 aliases", &aliases),
        ("5,000 anchors", &anchors),
        ("2,000 documents", &documents),
        ("400,000 nodes", &nodes),
        ("an alias to itself", "a: &a [*a]\n"),
        ("an unknown alias", "a: *b\n"),
        ("a duplicate key", "kind: Pod\nkind: Job\n"),
        ("a duplicate key, quoted", "kind: Pod\n\"kind\": Job\n"),
        ("a duplicate key below", "kind: Pod\nspec: {a: 1, a: 2}\n"),
        ("a NUL", "kind: Po\0d\n"),
        ("a control character", "kind: \u{1}\n"),
        ("a tab as indentation", "kind: Pod\nspec:\n\ta: 1\n"),
        ("an open quote", "kind: 'Pod\n"),
        ("an open list", "kind: [Pod\n"),
        ("an open mapping", "kind: {a: b\n"),
        ("a mapping in a scalar", "kind: Pod: Job\n"),
        ("a bad escape", "kind: \"\\q\"\n"),
        ("a bad directive", "%YAML 9.9\n---\n%TAG\n"),
        ("a reserved character", "kind: @x\n"),
        ("indentation that goes back too little", "a:\n    b: 1\n  c: 2\n"),
        ("a list where a mapping goes on", "a: 1\n- b\n"),
    ];
    for (name, text) in cases {
        let error = refused(name, text);
        assert!(matches!(error, Error::Syntax { .. }), "{name}: {error}");
        assert_eq!(error.to_string(), "the manifest cannot be read");
        assert!(error.source().is_some(), "{name}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_of_the_wrong_kind() {
    let cases: Vec<(&str, &str, &str)> = vec![
        ("a text", "Pod\n", "`document` in the manifest is not a mapping"),
        ("a number", "3\n", "`document` in the manifest is not a mapping"),
        ("a list", "- kind: Pod\n", "`document` in the manifest is not a mapping"),
        ("no kind", "a: 1\n", "`kind` in the manifest is not there"),
        ("a kind that is a number", "kind: 3\n", "`kind` in the manifest is not a text"),
        ("a kind that is a list", "kind: [Pod]\n", "`kind` in the manifest is not a text"),
        ("metadata a list", "kind: Pod\nmetadata: []\n", "`metadata` in the manifest is not a mapping"),
        (
            "a name that is a mapping",
            "kind: Pod\nmetadata: {name: {}}\n",
            "`name` in the manifest is not a text",
        ),
        (
            "annotations a text",
            "kind: Pod\nmetadata: {annotations: a}\n",
            "`annotations` in the manifest is not a mapping",
        ),
        (
            "an annotation that is a number",
            "kind: Pod\nmetadata: {annotations: {a: 1}}\n",
            "`a` in the manifest is not a text",
        ),
        ("a spec that is a text", "kind: Pod\nspec: a\n", "`spec` in the manifest is not a mapping"),
        (
            "a template that is a list",
            "kind: Job\nspec: {template: []}\n",
            "`template` in the manifest is not a mapping",
        ),
        (
            "containers a mapping",
            "kind: Pod\nspec: {containers: {}}\n",
            "`containers` in the manifest is not a list",
        ),
        (
            "a container that is a text",
            "kind: Pod\nspec: {containers: [a]}\n",
            "`containers` in the manifest is not a mapping",
        ),
        (
            "a handler that is true",
            "kind: RuntimeClass\nhandler: true\n",
            "`handler` in the manifest is not a text",
        ),
        ("items a mapping", "kind: List\nitems: {}\n", "`items` in the manifest is not a list"),
        ("an item that is a number", "kind: List\nitems: [1]\n", "`item` in the manifest is not a mapping"),
    ];
    for (name, text, message) in cases {
        let error = lint(text, None, None).map(|found| panic!("{name} is read: {found:?}")).unwrap_err();
        assert_eq!(error.to_string(), message, "{name}");
    }
    let wasm = "kind: Pod\nmetadata: {annotations: {run.oci.handler: wasm}}\nspec: {runtimeClassName: crun, ";
    for (name, rest, message) in [
        ("hostNetwork a text", "hostNetwork: 'yes'}", "`hostNetwork` in the manifest is not true or false"),
        (
            "a class that is a number",
            "runtimeClassName: 1}",
            "`runtimeClassName` in the manifest is not a text",
        ),
        ("tty a number", "containers: [{tty: 1}]}", "`tty` in the manifest is not true or false"),
        (
            "a probe that is a list",
            "containers: [{livenessProbe: []}]}",
            "`livenessProbe` in the manifest is not a mapping",
        ),
        ("an image that is a mapping", "containers: [{image: {}}]}", "`image` in the manifest is not a text"),
        ("tolerations a text", "tolerations: a}", "`tolerations` in the manifest is not a list"),
    ] {
        let text = if name.starts_with("a class") {
            wasm.replace("runtimeClassName: crun, ", "")
        } else {
            wasm.into()
        };
        let error = lint(&(text + rest), None, None).map(|found| panic!("{name}: {found:?}")).unwrap_err();
        assert_eq!(error.to_string(), message, "{name}");
    }
}

#[test]
fn sizes_are_bounded() {
    let large = format!("kind: Pod # {}\n", "x".repeat(10 << 20));
    assert_eq!(refused("10 MiB", &large).to_string(), "the manifest has more than 4194304 bytes");
    // What is near the limits is read: a long name, many annotations, a few aliases.
    let name = "x".repeat(1 << 20);
    assert_eq!(
        lint(&format!("kind: RuntimeClass\nhandler: {name}\n"), None, None).unwrap()[0].rule.id,
        "handler-name"
    );
    assert!(lint("kind: A\nx: &x {a: 1}\ny: [*x, *x]\n", None, None).is_ok());
}

/// Long and hostile texts do not come back whole, and not as they are.
#[test]
fn findings_are_short() {
    let text =
        format!("kind: RuntimeClass\nmetadata: {{name: '{}'}}\nhandler: \"\\e[31m\"\n", "n".repeat(99_999));
    let findings = lint(&text, None, None).unwrap();
    assert!(findings[0].to_string().chars().count() < 500);
    assert!(!findings[0].found.contains('\u{1b}'));
}
