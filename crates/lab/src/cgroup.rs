//! Control groups, which stay when the container is gone that they were made for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the hierarchies are mounted, or the only one.
const MOUNTS: &str = "/sys/fs/cgroup";

/// Removes the control groups at a path of every hierarchy, with those below; one that has processes stays.
///
/// ```no_run
/// lab::remove_cgroups("/kubepods/pod-of-a-test"); // what a kubelet does when a pod is gone
/// ```
pub fn remove_cgroups(path: &str) {
    let path = path.trim_matches('/');
    if path.is_empty() || path.split('/').any(|part| part == "..") {
        return;
    }
    let hierarchies = fs::read_dir(MOUNTS).into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([PathBuf::from(MOUNTS)]) {
        remove(&hierarchy.join(path));
    }
}

/// The lower ones first, as the kernel wants it. Files in them cannot be removed, and need not be.
fn remove(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(dir);
}

/// The control groups of everything that a process has started, but for those that this process is in.
pub(crate) fn of_descendants(process: &str) -> BTreeSet<String> {
    let children = children();
    let mut found = BTreeSet::new();
    let mut left = vec![process.to_owned()];
    while let Some(process) = left.pop() {
        found.extend(of(&process));
        left.extend(children.get(&process).into_iter().flatten().cloned());
    }
    let own = of("self");
    // One of ours, or one that ours are below: not made for a container.
    found.retain(|path| !own.iter().any(|own| Path::new(own).starts_with(path)));
    found
}

/// The paths of a process's control groups.
fn of(process: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(str::to_owned).collect()
}

/// All processes, by their parents.
fn children() -> BTreeMap<String, Vec<String>> {
    let mut children = BTreeMap::<_, Vec<_>>::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name of the program may have blanks and brackets.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        if let (Some(parent), Ok(process)) = (parent, entry.file_name().into_string()) {
            children.entry(parent.to_owned()).or_default().push(process);
        }
    }
    children
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use super::*;

    #[test]
    fn groups_without_processes_are_removed() {
        let Some(()) = crate::need_root!() else { return };
        let hierarchies = fs::read_dir(MOUNTS).unwrap().flatten().map(|entry| entry.path());
        let own = of("self");
        let named = hierarchies.chain([PathBuf::from(MOUNTS)]).find(|dir| dir.join("cgroup.procs").is_file());
        let Some(hierarchy) = named else { return };
        let path = format!("lab-{}", process::id());
        fs::create_dir_all(hierarchy.join(&path).join("below")).unwrap();
        let mut child = Command::new("sleep").arg("4322").spawn().unwrap();
        fs::write(hierarchy.join(&path).join("below/cgroup.procs"), child.id().to_string()).unwrap();

        let found = of_descendants(&process::id().to_string());
        assert!(found.contains(&format!("/{path}/below")), "{found:?}");
        assert!(own.iter().all(|own| !found.contains(own)), "{found:?}");
        remove_cgroups(&path);
        assert!(hierarchy.join(&path).join("below").is_dir(), "it has a process");

        child.kill().unwrap();
        child.wait().unwrap();
        remove_cgroups(&path);
        assert!(!hierarchy.join(&path).exists());
    }

    #[test]
    fn the_hierarchy_itself_stays() {
        for path in ["", "/", "..", "a/../.."] {
            remove_cgroups(path);
        }
        assert!(Path::new(MOUNTS).exists());
    }
}
