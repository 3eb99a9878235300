//! Changes the seeds at random, without libFuzzer.
//!
//! `cargo run -p fuzz-bodies --example mutate TARGET SECONDS`

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use std::{
    env,
    time::{Duration, Instant},
};

use fuzz_bodies::{Body, TARGETS};

fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    let [target, seconds] = &args[..] else { panic!("TARGET SECONDS") };
    let body = TARGETS.iter().find(|(name, _)| name == target).map(|(_, body)| *body);
    let run = |data: &[u8]| match body {
        Some(Body::Bytes(body)) => body(data),
        Some(Body::Text(body)) => body(&String::from_utf8_lossy(data)),
        _ => panic!("no such target"),
    };
    let mut seeds = fuzz_bodies::seeds(target);
    seeds.retain(|seed| seed.len() < 20_000);
    if seeds.is_empty() {
        seeds.push(b"localhost:5000/a/b:v1@sha256:0/wasi".to_vec());
    }
    let end = Instant::now() + Duration::from_secs(seconds.parse().expect("seconds"));
    let (mut random, mut count) = (Random(0x9e37_79b9_7f4a_7c15), 0_u64);
    while Instant::now() < end {
        let mut data = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            change(&mut data, &mut random);
        }
        run(&data);
        count += 1;
    }
    println!("{target}: {count} executions");
}

fn change(data: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(data.len().max(1)).min(data.len());
    match random.below(4) {
        0 => data.truncate(at),
        1 => data.insert(at, random.below(256) as u8),
        2 if at < data.len() => drop(data.remove(at)),
        _ if at < data.len() => data[at] = random.below(256) as u8,
        _ => {}
    }
    // A changed header of a tar is put right, so that the change is seen; its first byte is the target's.
    let header = at.saturating_sub(1) / 512 * 512 + 1;
    if let Some(block) = data.get_mut(header..header + 512) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
