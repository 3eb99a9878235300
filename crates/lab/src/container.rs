//! Running container runtimes: around hybrid cgroups, and so that nothing is left behind.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The mount that makes a hierarchy of cgroups hybrid.
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// What runs in an own mount namespace: the program, without that mount.
const WITHOUT_UNIFIED: &str = r#"umount -n /sys/fs/cgroup/unified; exec "$@""#;

/// What runs in namespaces of its own: the program, where nothing that it does in `/run` is seen from outside.
const WITH_OWN_RUN: &str = r#"mount -n -t tmpfs tmpfs /run; exec "$@""#;

/// A command that runs a container runtime, or a daemon that starts one.
///
/// crun refuses hybrid cgroups (`cgroups in hybrid mode not supported`). On such a machine the program gets an own mount
/// namespace without the second hierarchy; the machine itself stays as it is. The process that is started is the program
/// itself in both cases, so its process id and its exit status are what they seem.
#[must_use]
pub fn container_command(program: &Path) -> Command {
    command(program, is_hybrid_here())
}

/// A command that runs a container engine or daemon in mount and process namespaces of its own. Needs root.
///
/// When the program ends, the kernel ends every process that it left (shims, containers) and takes every mount away.
/// `/run` is empty for it and its own, so that it neither sees nor disturbs an engine of the machine. Files elsewhere and
/// the network are the machine's. The process that is started is util-linux' `unshare`, which waits for the program,
/// passes its exit status on, and takes the program with it when it is killed.
#[must_use]
pub fn isolated_command(program: &Path) -> Command {
    isolated(program, is_hybrid_here())
}

fn command(program: &Path, hybrid: bool) -> Command {
    if !hybrid {
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", WITHOUT_UNIFIED, "sh"].map(OsStr::new)).arg(program);
    command
}

fn isolated(program: &Path, hybrid: bool) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["sh", "-c", WITH_OWN_RUN, "sh"]);
    if hybrid {
        command.args(["sh", "-c", WITHOUT_UNIFIED, "sh"]);
    }
    command.arg(program);
    command
}

fn is_hybrid_here() -> bool {
    fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| is_hybrid(&mounts))
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

    #[test]
    fn what_is_isolated_has_its_own_processes_and_run() {
        let Some(()) = crate::need_root!() else { return };
        for hybrid in [false, is_hybrid_here()] {
            let output = isolated(Path::new("sh"), hybrid)
                .args(["-c", "echo $$; ls /run; ls -d /proc/[0-9]*; exit 7"])
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.starts_with("1\n/proc/1\n"), "{text}");
            assert_eq!(output.status.code(), Some(7));
        }
    }
}
