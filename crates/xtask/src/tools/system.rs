//! What only the system's package manager can give.

use std::fs;
use std::path::Path;

use crate::process;

/// Names what is missing, before anything is downloaded.
pub(super) fn name_missing() {
    if !has_libclang() {
        println!(
            "lab: libclang is not on this machine; building with the WasmEdge engine in-process will need it: \
             install libclang-dev (Debian) or clang-libs (others) on the system"
        );
    }
    if process::on_path("unshare").is_none() {
        println!(
            "lab: unshare is not on this machine; container tests need it: install util-linux on the system"
        );
    }
}

fn has_libclang() -> bool {
    let llvm = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    llvm.flat_map(|dir| [dir.join("lib"), dir]).chain(["/usr/lib64".into()]).any(|dir| holds_libclang(&dir))
}

fn holds_libclang(dir: &Path) -> bool {
    let mut entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libclang.so") || (name.starts_with("libclang-") && name.contains(".so"))
    })
}
