//! `book/src/refused.md` has the table.

use std::{env, fs};

use super::{Case, all};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/refused.md");
const BEGIN: &str = "<!-- The table: `WASMCTR_WRITE_BOOK=1 cargo test -p wasm-oci --features zstd --test it corpus::book` writes it. -->\n";

#[test]
#[cfg_attr(not(feature = "zstd"), ignore = "the table has the cases of the feature zstd")]
fn the_book_has_the_table() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (text, table) = page.split_once(BEGIN).unwrap();
    let right = render();
    if env::var_os("WASMCTR_WRITE_BOOK").is_some() {
        fs::write(PAGE, format!("{text}{BEGIN}{right}")).unwrap();
        return;
    }
    assert!(table == right, "the table in book/src/refused.md is not the corpus: see the comment above it");
}

fn render() -> String {
    let mut page = String::new();
    for (noun, cases) in all() {
        page.push_str(&format!("\n## {noun}\n\n"));
        let unpacked = cases.iter().any(|case| case.unpack.is_some());
        page.push_str(match unpacked {
            true => "| Case | Rule or limit | Reading its program | Unpacking it |\n|---|---|---|---|\n",
            false => "| Case | Rule or limit | Outcome |\n|---|---|---|\n",
        });
        cases.iter().for_each(|case| page.push_str(&row(case)));
    }
    page
}

fn row(case: &Case) -> String {
    let unpack = case.unpack.map(|outcome| format!(" {outcome} |")).unwrap_or_default();
    format!("| {} | {} | {} |{unpack}\n", case.name, case.rule, case.outcome)
}
