use std::{fs, path::Path};

/// A file that the list in `main.rs` lacks would never be compiled.
#[test]
fn no_file_of_the_suite_is_forgotten() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let list = fs::read_to_string(here.join("main.rs")).unwrap();
    for file in fs::read_dir(here.join("conformance")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(list.contains(&format!("mod {name};")), "{} is not listed", file.display());
    }
}
