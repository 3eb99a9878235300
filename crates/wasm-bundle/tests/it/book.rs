//! The tables of rules in the book are those of the code.

use std::{fs, path::Path};

use wasm_bundle::{Rule, doctor, kubernetes, node};

/// Compares the rows behind a table's head; `BLESS=1` writes them.
fn table(page: &str, rules: &[Rule]) {
    const HEAD: &str = "| Id | What it means | What to do |\n|---|---|---|\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (before, behind) = text.split_once(HEAD).unwrap_or_else(|| panic!("{page} has no table of rules"));
    let rows: String =
        rules.iter().map(|rule| format!("| `{}` | {} | {} |\n", rule.id, rule.meaning, rule.fix)).collect();
    let rest: String = behind.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    let expected = format!("{before}{HEAD}{rows}{rest}");
    if std::env::var_os("BLESS").is_some() {
        return fs::write(&path, &expected).unwrap();
    }
    assert!(text == expected, "{page} does not list the rules as they are: run this test with BLESS=1");
}

#[test]
fn node_rules_are_listed() {
    table("node.md", &node::RULES);
}

#[test]
fn kubernetes_rules_are_listed() {
    table("kubernetes.md", &kubernetes::RULES);
}

#[test]
fn checks_of_the_doctor_are_listed() {
    table("doctor.md", &doctor::CHECKS);
}

/// Ids are what people write into scripts.
#[test]
fn ids_are_words_and_unique() {
    // `handler-name` is one rule in two places: a runtime's table and a RuntimeClass.
    let rules = node::RULES.iter().chain(&doctor::CHECKS).chain(&kubernetes::RULES[..]);
    let mut ids: Vec<_> = rules.map(|rule| rule.id).collect();
    for id in &ids {
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
    }
    ids.sort_unstable();
    let twice: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert_eq!(twice, ["crun-wasm", "handler-name"]);
}
