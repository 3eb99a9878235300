//! kind: a cluster whose nodes are containers.

use super::{Config, Program, Runtime};

/// The cluster configuration: the runtimes' programs, and what youki needs beside, mounted into the node, and the patch for its containerd.
///
/// kind merges patches into the file of its node image, which is of version 2 so far (kind issue 3946).
pub(super) fn cluster(patch: &Config, runtimes: &[Runtime]) -> String {
    let mut text =
        String::from("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n");
    let mut paths: Vec<_> = runtimes.iter().filter_map(program).collect();
    paths.extend(runtimes.iter().find_map(Runtime::base).map(quoted));
    if !paths.is_empty() {
        text.push_str("  extraMounts:\n");
    }
    for path in paths {
        text.push_str(&format!("  - hostPath: {path}\n    containerPath: {path}\n    readOnly: true\n"));
    }
    text.push_str("containerdConfigPatches:\n- |-\n");
    for line in patch.to_string().lines() {
        text.push_str(&if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
    }
    text
}

/// The path of the program on the host, quoted; a shim by its name is looked for on containerd's `PATH`.
fn program(runtime: &Runtime) -> Option<String> {
    let path = match runtime.program() {
        Program::Oci(path) => path.clone(),
        Program::Shim(path) if path.starts_with('/') => path.clone(),
        Program::Shim(name) => {
            let mut parts = name.split('.').skip(2);
            format!("/usr/local/bin/containerd-shim-{}-{}", parts.next()?, parts.next()?)
        }
    };
    path.starts_with('/').then(|| quoted(&path))
}

/// JSON's strings are YAML's.
fn quoted(path: &str) -> String {
    serde_json::Value::from(path).to_string()
}
