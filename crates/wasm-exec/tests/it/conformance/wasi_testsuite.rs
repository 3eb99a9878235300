//! The tests of WebAssembly/wasi-testsuite, which lie in `tests/wasi-testsuite` under their own licence.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;
use wasm_exec::{Capture, Error, Exit, Input, Output, Preopen};

use super::{engine, task};

#[test]
fn every_wasi_test_passes() {
    let guests = guests();
    assert_eq!(guests.len(), 26);
    let failed: Vec<_> = guests.iter().filter_map(|guest| fault(guest)).collect();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), guests.len(), failed.join("\n"));
}

/// The guests of both languages, sorted.
fn guests() -> Vec<PathBuf> {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wasi-testsuite");
    let files = ["assemblyscript", "c"].into_iter().flat_map(|language| entries(&suite.join(language)));
    let mut guests: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "wasm")).collect();
    guests.sort();
    guests
}

/// Runs a guest as the file beside it says, and tells what was not as it says.
fn fault(guest: &Path) -> Option<String> {
    let name = guest.file_stem().unwrap().display();
    let settings = Settings::of(guest);
    let [stdout, stderr] = [Capture::new(1 << 20), Capture::new(1 << 20)];
    let exit = settings.run(guest, &stdout, &stderr);
    let [stdout, stderr] = [stdout, stderr].map(|stream| String::from_utf8(stream.take()).unwrap());
    match exit {
        Err(error) => Some(format!("{name}: {error}: {:?}", std::error::Error::source(&error))),
        Ok(exit) if exit != Exit::Code(settings.exit_code) => {
            Some(format!("{name}: {exit}\n{stdout}{stderr}"))
        }
        Ok(_) if settings.stdout.as_ref().is_some_and(|expected| *expected != stdout) => {
            Some(format!("{name}: wrote {stdout:?} and not {:?}", settings.stdout))
        }
        Ok(_) => None,
    }
}

/// What `NAME.json` says.
#[derive(Default)]
struct Settings {
    args: Vec<String>,
    env: Vec<(String, String)>,
    root: Option<PathBuf>,
    stdin: String,
    stdout: Option<String>,
    exit_code: i32,
}

impl Settings {
    fn of(guest: &Path) -> Self {
        let mut settings = Self::default();
        let json = match fs::read(guest.with_extension("json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return settings,
            json => serde_json::from_slice::<Value>(&json.unwrap()).unwrap(),
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for (name, value) in json.as_object().unwrap() {
            match &**name {
                "args" => settings.args = value.as_array().unwrap().iter().map(text).collect(),
                "env" => {
                    let env = value.as_object().unwrap();
                    settings.env = env.iter().map(|(name, value)| (name.clone(), text(value))).collect();
                }
                "root" => settings.root = Some(guest.with_file_name(text(value))),
                "stdin" => settings.stdin = text(value),
                "stdout" => settings.stdout = Some(text(value)),
                "exit_code" => settings.exit_code = i32::try_from(value.as_i64().unwrap()).unwrap(),
                name => panic!("{}: what is {name}?", guest.display()),
            }
        }
        settings
    }

    fn run(&self, guest: &Path, stdout: &Capture, stderr: &Capture) -> Result<Exit, Error> {
        let program = engine().compile(&fs::read(guest).unwrap())?;
        let copy = tempfile::tempdir().unwrap();
        let mut task = task()
            .arg(guest.file_name().unwrap().to_str().unwrap())
            .args(&self.args)
            .envs(self.env.clone())
            .stdin(Input::bytes(self.stdin.clone()))
            .stdout(Output::Capture(stdout.clone()))
            .stderr(Output::Capture(stderr.clone()));
        if let Some(root) = &self.root {
            copy_dir(root, copy.path());
            task = task.preopen(Preopen::read_write(copy.path(), "/"));
        }
        program.run(task)
    }
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in entries(from) {
        let copy = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            fs::create_dir(&copy).unwrap();
            copy_dir(&entry, &copy);
        } else {
            fs::copy(&entry, &copy).unwrap();
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}
