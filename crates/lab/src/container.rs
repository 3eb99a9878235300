//! Running a container runtime on machines with hybrid cgroups.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The mount that makes a hierarchy of cgroups hybrid.
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// What runs in an own mount namespace: the program, without that mount.
const WITHOUT_UNIFIED: &str = r#"umount /sys/fs/cgroup/unified; exec "$@""#;

/// A command that runs a container runtime, or a daemon that starts one.
///
/// crun refuses hybrid cgroups (`cgroups in hybrid mode not supported`). On such a machine the program gets an own mount
/// namespace without the second hierarchy; the machine itself stays as it is. The process that is started is the program
/// itself in both cases, so its process id and its exit status are what they seem.
#[must_use]
pub fn container_command(program: &Path) -> Command {
    command(program, fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| is_hybrid(&mounts)))
}

fn command(program: &Path, hybrid: bool) -> Command {
    if !hybrid {
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", WITHOUT_UNIFIED, "sh"].map(OsStr::new)).arg(program);
    command
}

/// Whether these mounts have cgroup 2 beside the hierarchies of version 1.
fn is_hybrid(mounts: &str) -> bool {
    mounts.lines().any(|mount| {
        let mut fields = mount.split(' ').skip(1);
        fields.next() == Some(UNIFIED) && fields.next() == Some("cgroup2")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";

    #[test]
    fn hybrid_cgroups_are_recognized() {
        assert!(is_hybrid(HYBRID));
        assert!(!is_hybrid("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"));
    }

    #[test]
    fn only_hybrid_cgroups_need_the_wrapper() {
        assert_eq!(command(Path::new("crun"), false).get_program(), "crun");
        let wrapped = command(Path::new("crun"), true);
        assert_eq!(wrapped.get_program(), "unshare");
        assert_eq!(wrapped.get_args().last(), Some(OsStr::new("crun")));
    }
}
