//! Containers of the lab's runtimes, and programs to run in them.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio, id},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use guests::Wat;
use serde_json::Value;
use tempfile::TempDir;
use wasm_bundle::{Bundle, Handler, Workload};
use wasm_oci::{Format, Overwrite, Pack};

/// A container that is gone with this value, and what it ran in.
#[derive(Debug)]
pub(crate) struct Container {
    runtime: PathBuf,
    name: String,
    dir: TempDir,
}

impl Container {
    pub(crate) fn new(runtime: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("wasm-bundle-{}-{}", id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = TempDir::new().unwrap();
        // The container's user looks into it.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { runtime: runtime.to_owned(), name, dir }
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.dir.path().join("bundle")
    }

    /// Writes a bundle of a guest that runs `/app.wasm` and runs it to its end.
    pub(crate) fn run_guest(&self, guest: Wat, handler: Handler, workload: &Workload) -> Output {
        let image = Pack::new(guest.wasm(), "/app.wasm").unwrap().build(Format::Compat).unwrap();
        let spec = workload.to_spec(handler).unwrap();
        Bundle::write(self.bundle(), &spec, &image, Overwrite::Refuse).unwrap();
        self.run()
    }

    pub(crate) fn run(&self) -> Output {
        self.run_as(&self.runtime)
    }

    /// Runs the bundle by the runtime under another name.
    pub(crate) fn run_as(&self, runtime: &Path) -> Output {
        command(runtime).arg("run").arg("-b").arg(self.bundle()).arg(&self.name).output().unwrap()
    }

    /// Makes the container and leaves it there. What it prints goes to files: a pipe to us would stay open.
    pub(crate) fn create(&self) -> Output {
        let printed = self.dir().join("printed");
        let mut create = command(&self.runtime);
        create.arg("create").arg("-b").arg(self.bundle()).arg(&self.name);
        let status = create
            .stdout(File::create(&printed).unwrap())
            .stderr(File::options().append(true).open(&printed).unwrap())
            .status();
        Output { status: status.unwrap(), stdout: vec![], stderr: fs::read(printed).unwrap() }
    }

    /// Makes the container and starts it, waits for its end, and returns what was printed; the status is not the guest's.
    pub(crate) fn run_in_background(&self) -> Output {
        let mut output = self.create();
        if output.status.success() {
            output.status = self.tell("start", &[]).status;
            self.wait_for("stopped");
            output.stderr = fs::read(self.dir().join("printed")).unwrap();
        }
        Output { stdout: output.stderr.clone(), ..output }
    }

    /// A command of the runtime about this container: `start`, `kill`, `delete`.
    pub(crate) fn tell(&self, verb: &str, more: &[&str]) -> Output {
        command(&self.runtime).arg(verb).arg(&self.name).args(more).output().unwrap()
    }

    /// The state as the runtime tells it; `None` when there is no such container.
    pub(crate) fn state(&self) -> Option<Value> {
        let output = self.tell("state", &[]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Waits until the container has this status, for half a minute.
    pub(crate) fn wait_for(&self, status: &str) {
        for _ in 0..300 {
            if self.state().is_some_and(|state| state["status"] == status) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{} is not {status} but {:?}", self.name, self.state());
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// The runtime, which is ended when it takes a minute.
fn command(runtime: &Path) -> Command {
    let runtime = lab::container_command(runtime);
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "60"]).arg(runtime.get_program()).args(runtime.get_args());
    // What a container inherits would keep a pipe to us open.
    command.stdin(Stdio::null());
    command
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = command(&self.runtime).args(["delete", "-f", &self.name]).output();
    }
}

/// A program of Linux that prints `native`, without a libc or anything else.
pub(crate) fn native() -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    let code: &[u8] = b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35\x10\0\0\0\xba\x07\0\0\0\x0f\x05\
        \xb8\x3c\0\0\0\x31\xff\x0f\x05native\n"; // write(1, text, 7); exit(0)
    #[cfg(target_arch = "aarch64")]
    let code: &[u8] = b"\x08\x08\x80\xd2\x20\0\x80\xd2\xc1\0\0\x10\xe2\0\x80\xd2\x01\0\0\xd4\
        \xa8\x0b\x80\xd2\0\0\x80\xd2\x01\0\0\xd4native\n";
    elf(code)
}

/// A program of Linux that sleeps until it is killed.
pub(crate) fn sleeper() -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    let code: &[u8] = b"\xb8\x22\0\0\0\x0f\x05\xeb\xf7"; // pause(), again and again
    #[cfg(target_arch = "aarch64")]
    let code: &[u8] = b"\0\0\x80\xd2\x01\0\x80\xd2\x02\0\x80\xd2\x03\0\x80\xd2\x04\0\x80\xd2\
        \x28\x09\x80\xd2\x01\0\0\xd4\xf9\xff\xff\x17"; // ppoll of nothing
    elf(code)
}

/// The smallest executable: one segment with everything, read and executed.
fn elf(code: &[u8]) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let size = HEADERS + code.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    elf.extend(machine.to_le_bytes());
    elf.extend(1_u32.to_le_bytes());
    for field in [BASE + HEADERS, 64, 0] {
        elf.extend(field.to_le_bytes());
    }
    elf.extend(0_u32.to_le_bytes());
    for field in [64_u16, 56, 1, 0, 0, 0] {
        elf.extend(field.to_le_bytes());
    }
    for field in [1_u32, 5] {
        elf.extend(field.to_le_bytes());
    }
    for field in [0, BASE, BASE, size, size, 0x1000] {
        elf.extend(field.to_le_bytes());
    }
    elf.extend(code);
    elf
}
