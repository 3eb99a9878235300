//! The book's page of the rules is made from them.

use std::{env, fmt::Write, fs, path::Path};

use wasm_bundle::select::{RULES, Selection};

use super::cases::{CRUN, Case, SHIMS, YOUKI, annotation};

/// The page, whose parts between `<!-- NAME -->` and `<!-- end -->` are written here.
#[test]
fn the_page_has_every_rule_and_case() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/selection.md");
    let found = fs::read_to_string(&page).unwrap();
    let mut made = found.clone();
    for (name, part) in parts() {
        made = replaced(&made, &name, &part);
    }
    if env::var_os("WASMCTR_WRITE_BOOK").is_some() {
        fs::write(&page, &made).unwrap();
    } else {
        assert!(
            made == found,
            "selection.md is not what the rules say: run this test with WASMCTR_WRITE_BOOK=1"
        );
    }
}

fn parts() -> Vec<(String, String)> {
    let mut parts = vec![];
    for (runtime, prefixes) in
        [("crun", &["no-", "crun-"][..]), ("youki", &["youki-"]), ("shims", &["shim-", "spin-", "runc"])]
    {
        parts.push((format!("rules of {runtime}"), rules(prefixes)));
    }
    for (name, cases) in [("crun", CRUN), ("youki", YOUKI), ("shims", SHIMS)] {
        parts.push((format!("cases of {name}"), table(cases)));
    }
    parts
}

fn rules(prefixes: &[&str]) -> String {
    let mut text = "| Rule | When | Then |\n|---|---|---|\n".to_owned();
    for rule in RULES.iter().filter(|rule| prefixes.iter().any(|prefix| rule.id.starts_with(prefix))) {
        let since = rule.since.map(|release| format!(" (since {release})")).unwrap_or_default();
        writeln!(text, "| `{}` | {} | {}{since} |", rule.id, rule.when, rule.then).unwrap();
    }
    text
}

fn table(cases: &[Case]) -> String {
    let mut text =
        "| Runtime | Annotations | Program | File | Answer | Rule |\n|---|---|---|---|---|---|\n".to_owned();
    for case in cases {
        let annotations: Vec<_> = case.annotations.iter().map(|text| annotation(text)).collect();
        let annotations: Vec<_> = annotations
            .iter()
            .map(|(name, value)| format!("`{name}={}`", value.as_str().unwrap_or_default()))
            .collect();
        let cwd = if case.cwd == "/" { String::new() } else { format!(" in `{}`", case.cwd) };
        let file = match case.file {
            (path, file) if path == case.program => file.name().to_owned(),
            (path, file) => format!("{} at `{path}`", file.name()),
        };
        let answer = match case.selection {
            Selection::Wasm(engine) => format!("Wasm ({engine})"),
            other => other.to_string(),
        };
        writeln!(
            text,
            "| {} | {} | `{}`{cwd} | {file} | {answer} | `{}` |",
            case.runtime,
            annotations.join(", "),
            case.program,
            case.rule
        )
        .unwrap();
    }
    text
}

fn replaced(page: &str, name: &str, part: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("selection.md has no {begin}"));
    let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
    format!("{before}{begin}{part}<!-- end -->\n{after}")
}
