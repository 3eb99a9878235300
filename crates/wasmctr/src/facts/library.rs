use std::{
    env, fs,
    path::{Path, PathBuf},
};

use wasm_bundle::doctor::{LIBRARIES, search_path};

/// The largest program that is read for its search path: 64 MiB.
const LIMIT: u64 = 64 << 20;

/// The libraries of engines that the loader would find for a program.
pub(super) fn found(program: &Path, root: &Path) -> Vec<String> {
    let dirs = dirs(program, root);
    let there = |name: &&str| dirs.iter().any(|dir| dir.join(name).exists());
    LIBRARIES.iter().map(|(_, name)| *name).filter(there).map(str::to_owned).collect()
}

/// Where the loader looks: what the program says, the environment, the system's configuration, the usual places (ld.so(8)).
fn dirs(program: &Path, root: &Path) -> Vec<PathBuf> {
    let small = fs::metadata(program).is_ok_and(|file| file.len() <= LIMIT);
    let elf = if small { fs::read(program).unwrap_or_default() } else { vec![] };
    let origin = program.parent().unwrap_or(Path::new("/"));
    let own = search_path(&elf).into_iter().map(|path| {
        let path = path.replace("${ORIGIN}", "$ORIGIN");
        match path.strip_prefix("$ORIGIN") {
            Some(rest) => origin.join(rest.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    });
    let named = env::var_os("LD_LIBRARY_PATH");
    let named = named.iter().flat_map(env::split_paths).filter(|dir| dir.is_absolute());
    let mut dirs: Vec<_> = own.chain(named).collect();
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    for file in configurations(root) {
        let text = fs::read_to_string(file).unwrap_or_default();
        dirs.extend(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(below));
    }
    for usual in ["lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib"] {
        dirs.push(root.join(usual));
        // Debian's directories of an architecture.
        let inside = fs::read_dir(root.join(usual)).into_iter().flatten().flatten();
        let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().ends_with("-linux-gnu");
        dirs.extend(inside.filter(named).map(|entry| entry.path()));
    }
    dirs
}

fn configurations(root: &Path) -> Vec<PathBuf> {
    let drop_ins = fs::read_dir(root.join("etc/ld.so.conf.d")).into_iter().flatten().flatten();
    let drop_ins =
        drop_ins.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "conf"));
    std::iter::once(root.join("etc/ld.so.conf")).chain(drop_ins).collect()
}
