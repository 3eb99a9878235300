//! Prints `Hello, World!` each second, for ever, or until nobody reads it.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

fn main() {
    let mut stdout = io::stdout();
    while writeln!(stdout, "Hello, World!").is_ok() {
        thread::sleep(Duration::from_secs(1));
    }
}
