//! No case takes more than 8 MiB of memory besides its input and what its limit allows.

use std::{fs, process::Command};

use super::all;

/// What reading a hostile input may take besides the input and what its limit allows, in KiB.
const ALLOWED: u64 = 8 << 10;

/// In a process of its own, whose peak is measured while a case reads and not while its input is made.
#[test]
fn no_case_takes_more_than_it_may() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "--test-threads=1"])
        .arg("corpus::memory::in_a_process_of_its_own")
        // What making the input left behind goes back to the system, so that it hides nothing.
        .envs([
            ("MALLOC_MMAP_THRESHOLD_", "65536"),
            ("MALLOC_TRIM_THRESHOLD_", "65536"),
            ("MALLOC_ARENA_MAX", "1"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let growths = text.lines().filter_map(|line| line.split_once(" grew by "));
    let growths: Vec<(&str, u64)> = growths.map(|(name, kib)| (name, kib.parse().unwrap())).collect();
    let mut wrong = vec![];
    let cases: Vec<_> = all().into_iter().flat_map(|(_, cases)| cases).collect();
    assert_eq!(growths.len(), cases.len(), "{text}");
    for (case, (name, growth)) in cases.iter().zip(&growths) {
        assert_eq!(case.name, *name);
        let allowed = (case.cap << 10) + ALLOWED;
        if *growth > allowed {
            wrong.push(format!("{name}: {growth} KiB, {allowed} allowed"));
        }
    }
    println!("the most: {:?}", growths.iter().max_by_key(|(_, growth)| growth));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "started by `no_case_takes_more_than_it_may`"]
fn in_a_process_of_its_own() {
    for case in all().into_iter().flat_map(|(_, cases)| cases) {
        let read = (case.prepare)();
        fs::write("/proc/self/clear_refs", "5").unwrap(); // the peak begins anew
        let before = status("VmRSS");
        let _ = read();
        println!("\n{} grew by {}", case.name, status("VmHWM").saturating_sub(before));
    }
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
