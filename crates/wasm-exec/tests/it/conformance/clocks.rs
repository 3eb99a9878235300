//! What every guest has: clocks, sleep, random numbers, yield.

use std::time::{Instant, SystemTime};

use super::{engine, task};
use crate::support::{calling, code};

#[test]
fn the_clocks_go() {
    for clock in [0, 1] {
        let body = format!(
            "(if (result i32) (call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 0))
               (then (i32.const -1))
               (else (i32.wrap_i64 (i64.div_u (i64.load (i32.const 0)) (i64.const 1000000000)))))"
        );
        let seconds = code(&*engine(), &calling(&[("clock_time_get", "i32 i64 i32")], "", &body), task());
        assert!(seconds >= 0);
        if clock == 0 {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            assert!(now.abs_diff(seconds.unsigned_abs().into()) < 60, "{seconds}");
        }
    }
}

#[test]
fn a_guest_sleeps() {
    // A relative subscription of the monotonic clock, 30 ms; the event's error number is at 8.
    let subscription = "\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\
                        \\80\\c3\\c9\\01\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00";
    let body = "(i32.or
                  (call $poll_oneoff (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 512))
                  (i32.load16_u (i32.const 8)))";
    let guest = calling(&[("poll_oneoff", "i32 i32 i32 i32")], subscription, body);
    let start = Instant::now();
    assert_eq!(code(&*engine(), &guest, task()), 0);
    assert!(start.elapsed().as_millis() >= 30);
}

#[test]
fn random_numbers_are_random() {
    let body = "(if (result i32) (call $random_get (i32.const 0) (i32.const 4))
                  (then (i32.const 0))
                  (else (i32.load (i32.const 0))))";
    let guest = calling(&[("random_get", "i32 i32")], "", body);
    let mut numbers: Vec<_> = (0..4).map(|_| code(&*engine(), &guest, task())).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.len() > 1, "{numbers:?}");
}

#[test]
fn random_numbers_fill_the_very_place() {
    let get = |at: u32, length: u32| {
        let body = format!(
            "(if (result i32) (call $random_get (i32.const {at}) (i32.const {length}))
               (then (i32.const -1))
               (else (i32.or (i32.load8_u (i32.const {})) (i32.load8_u (i32.const {})))))",
            at.saturating_sub(1),
            (at + length).min(65535)
        );
        code(&*engine(), &calling(&[("random_get", "i32 i32")], "", &body), task())
    };
    assert_eq!(get(1, 65534), 0);
    assert_eq!(get(60000, 0), 0);
    assert_eq!(get(65536, 0), 0);
    assert_eq!(get(65535, 2), -1);
    assert_eq!(get(0, 65537), -1);
}

#[test]
fn a_guest_gives_way() {
    assert_eq!(code(&*engine(), &calling(&[("sched_yield", "")], "", "(call $sched_yield)"), task()), 0);
}
