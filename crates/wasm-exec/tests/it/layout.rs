#[test]
fn no_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for dir in [here.to_owned(), format!("{here}/conformance")] {
        lab::assert_all_listed(dir, include_str!("main.rs"));
    }
}
