//! Many threads and processes with one layout. The ignored tests are what the processes do.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use wasm_oci::{
    Artifact, Format, Layout, Overwrite, Pack,
    oci_spec::image::{Descriptor, MediaType},
    sha256,
};

const DIR: &str = "WASM_OCI_TEST_LAYOUT";
const NUMBER: &str = "WASM_OCI_TEST_NUMBER";

/// Starts this test binary again, to run one ignored test.
pub(crate) fn child(test: &str, dir: &Path, number: usize) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--quiet"]).env(DIR, dir).env(NUMBER, number.to_string());
    command.stdout(std::process::Stdio::null());
    command
}

pub(crate) fn given() -> (PathBuf, usize) {
    (env::var_os(DIR).unwrap().into(), env::var(NUMBER).unwrap().parse().unwrap())
}

fn image(number: usize) -> Artifact {
    let wasm = wat::parse_str(format!(r#"(module (@custom "number" "{number}"))"#)).unwrap();
    Pack::new(wasm, "/app.wasm").unwrap().build(Format::Artifact).unwrap()
}

#[track_caller]
fn whole(dir: &Path) {
    let verified = Layout::open(dir).unwrap().verify().unwrap();
    assert!(verified.corrupt.is_empty() && verified.missing.is_empty(), "{verified:?}");
}

/// None of them finds a layout there, and each makes one.
#[test]
fn threads_lose_no_entry() {
    let place = tempfile::tempdir().unwrap();
    let dir = &place.path().join("layout");
    thread::scope(|scope| {
        for number in 0..32 {
            scope.spawn(move || {
                Layout::write(dir, &format!("t{number}"), &image(number), Overwrite::Refuse).unwrap();
            });
        }
    });
    assert_eq!(Layout::open(dir).unwrap().tags().count(), 32);
    whole(dir);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn processes_lose_no_entry() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("layout");
    let children: Vec<_> =
        (0..8).map(|number| child("sharing::child_writes", &dir, number).spawn().unwrap()).collect();
    ended_well(children);
    assert_eq!(Layout::open(&dir).unwrap().tags().count(), 32);
    whole(&dir);
}

#[test]
#[ignore = "a child of processes_lose_no_entry"]
fn child_writes() {
    let (dir, number) = given();
    for tag in 0..4 {
        Layout::write(&dir, &format!("p{number}.{tag}"), &image(number), Overwrite::Refuse).unwrap();
    }
}

#[track_caller]
fn ended_well(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn of_64_threads_one_writes_a_blob() {
    let place = tempfile::tempdir().unwrap();
    let dir = &place.path().join("layout");
    Layout::open_or_create(dir).unwrap();
    let writers = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(move || fetch(dir).then(|| writers.fetch_add(1, Ordering::Relaxed)));
        }
    });
    assert_eq!(writers.load(Ordering::Relaxed), 1);
    whole(dir);
}

/// As many as a test may start; the lock does not know threads from processes, each opens the file anew.
#[test]
fn of_16_processes_one_writes_a_blob() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("layout");
    Layout::open_or_create(&dir).unwrap();
    let children =
        (0..16).map(|number| child("sharing::child_fetches", &dir, number).spawn().unwrap()).collect();
    ended_well(children);
    let wrote = fs::read_dir(&dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("fetched-"));
    assert_eq!(wrote.count(), 1);
    whole(&dir);
}

#[test]
#[ignore = "a child of of_16_processes_one_writes_a_blob"]
fn child_fetches() {
    let (dir, number) = given();
    if fetch(&dir) {
        fs::write(dir.join(format!("fetched-{number}")), "").unwrap();
    }
}

/// Gets a blob that takes its time, unless somebody else does; tells whether it did.
fn fetch(dir: &Path) -> bool {
    let bytes: Vec<_> = (0..50_u8).collect();
    let of = Descriptor::new(MediaType::ImageLayer, 50, sha256(&bytes));
    let begun = Layout::open(dir).unwrap().begin(&of, Duration::from_secs(20)).unwrap();
    let Some(mut writer) = begun else { return false };
    for piece in bytes.chunks(10) {
        thread::sleep(Duration::from_millis(10));
        writer.append(piece).unwrap();
    }
    writer.finish().unwrap();
    true
}

/// Killed wherever they are: nobody sees a part, nothing stays locked, and who comes next goes on at once.
#[test]
fn processes_that_are_killed_leave_it_whole() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("layout");
    Layout::open_or_create(&dir).unwrap();
    for round in 0..12 {
        let children = (0..2).map(|number| {
            child("sharing::child_writes_for_ever", &dir, round * 1000 + number * 500).spawn().unwrap()
        });
        let children: Vec<_> = children.collect();
        thread::sleep(Duration::from_millis(40 + 7 * round as u64));
        for mut child in children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        whole(&dir);
        Layout::write(&dir, "after", &image(round), Overwrite::Replace).unwrap();
    }
    assert!(Layout::open(&dir).unwrap().tags().count() > 1, "none of them wrote anything");
    let all = std::time::SystemTime::now() + Duration::from_secs(10);
    Layout::gc(&dir, all, Duration::ZERO).unwrap();
    whole(&dir);
    let names = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with(".tmp-")));
}

#[test]
#[ignore = "a child of processes_that_are_killed_leave_it_whole"]
fn child_writes_for_ever() {
    let (dir, number) = given();
    // Until it is killed; at the latest after a minute.
    for next in number..number + 3000 {
        Layout::write(&dir, &format!("k{}", next % 20), &image(next), Overwrite::Replace).unwrap();
    }
}
