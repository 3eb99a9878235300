//! `wasmctr demo`, the first thing that anybody runs.

use crate::support::Place;

#[test]
fn takes_the_whole_road_twice() {
    let place = Place::new();
    for _ in 0..2 {
        let stdout = place.wasmctr(&["demo"]).ok();
        for start in ["guest ", "image ", "bundle ", "run         Hello, World!", "next "] {
            assert!(stdout.lines().any(|line| line.starts_with(start)), "no {start:?} in {stdout}");
        }
        for phase in ["load ", "compile ", "instantiate ", "first output "] {
            assert!(stdout.contains(phase), "no {phase:?} in {stdout}");
        }
        assert_eq!(place.names(), ["wasmctr-demo"], "everything is under the folder that it names");
    }
    let digest = |stdout: String| stdout.lines().find(|line| line.starts_with("image ")).unwrap().to_owned();
    let again = digest(place.wasmctr(&["inspect", "oci:wasmctr-demo/layout:hello"]).ok());
    assert!(again.contains("sha256:"));
    assert_eq!(place.wasmctr(&["run", "wasmctr-demo/bundle"]).ok(), "Hello, World!\n");
}

#[test]
fn works_in_another_folder_and_touches_nothing_else() {
    let place = Place::new();
    place.file("keep.txt", "mine");
    place.wasmctr(&["demo", "--dir", "here"]).ok();
    assert_eq!(place.names(), ["here", "keep.txt"]);
    assert_eq!(place.wasmctr(&["demo", "--dir", "keep.txt"]).code, Some(1));
    assert_eq!(place.names(), ["here", "keep.txt"]);
}

/// It says which runtime of this machine could go on, and does not claim one that could not.
#[test]
fn names_a_runtime_that_can_run_wasm() {
    let place = Place::new();
    let none = place.command(&["demo"]).env("PATH", "").output().unwrap();
    let none = String::from_utf8(none.stdout).unwrap();
    assert!(none.contains("no crun or youki"), "{none}");

    let Some(crun) = lab::need!("crun") else { return };
    let with = place.command(&["demo"]).env("PATH", crun.parent().unwrap()).output().unwrap();
    let with = String::from_utf8(with.stdout).unwrap();
    assert!(with.contains("crun run -b wasmctr-demo/bundle"), "{with}");
}
