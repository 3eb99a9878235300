//! The checks, and what they are called.

use crate::Rule;

/// The checks of [`examine`](super::examine), in the order in which they are told.
pub static CHECKS: [Rule; 20] = [
    TARGETS,
    ENGINE,
    CRUN,
    LIBRARY,
    YOUKI,
    CONFIG,
    RELEASE,
    RUNTIME,
    SHIM,
    SHIM_NAME,
    PODMAN,
    CLUSTER,
    CLASS,
    REGISTRY,
    CREDENTIALS,
    HYBRID,
    CGROUP,
    USERS,
    SECCOMP,
    CACHE,
];

pub(super) const TARGETS: Rule = Rule::new(
    "rust-targets",
    "rustc cannot compile for `wasm32-wasip1`",
    "`rustup target add wasm32-wasip1 wasm32-wasip2`",
);
pub(super) const ENGINE: Rule = Rule::new(
    "engine",
    "an engine that is here does not start, mostly for want of its library",
    "reinstall WasmEdge, or `cargo xtask wasmedge`; wasmtime needs no library",
);
pub(super) const CRUN: Rule = Rule::new(
    "crun-wasm",
    "crun was built without a Wasm engine: `exec format error`",
    "take Debian 13's crun, Fedora's `crun-wasm`, or build it `--with-wasmedge`",
);
pub(super) const LIBRARY: Rule = Rule::new(
    "crun-library",
    "crun has a Wasm engine whose library is not here: `could not load libwasmedge.so.0`",
    "install the library (Debian: `libwasmedge0`), and run `ldconfig` where it lies in a directory of its own",
);
pub(super) const YOUKI: Rule = Rule::new(
    "youki-wasm",
    "youki was built without a Wasm feature: `exec format error`",
    "`cargo install youki --features wasm-wasmtime`, or wasm-wasmedge, wasm-wasmer",
);
pub(super) const CONFIG: Rule = Rule::new(
    "containerd-config",
    "containerd's configuration cannot be read",
    "mend it, or write it anew: `containerd config default`",
);
pub(super) const RELEASE: Rule = Rule::new(
    "containerd-version",
    "the file is of a newer version than this containerd reads, which then does not start",
    "write the version that `containerd config default` has",
);
pub(super) const RUNTIME: Rule = Rule::new(
    "containerd-runtime",
    "containerd offers pods no runtime for WebAssembly",
    "`wasmctr node --runtime crun`",
);
pub(super) const SHIM: Rule = Rule::new(
    "shim-missing",
    "containerd's configuration names a shim that is not on `PATH`",
    "install it, or name it by its path in `runtime_type`",
);
pub(super) const SHIM_NAME: Rule = Rule::new(
    "shim-name",
    "containerd does not find a shim of this name",
    "call it `containerd-shim-NAME-vN`, for `io.containerd.NAME.vN`",
);
pub(super) const PODMAN: Rule = Rule::new(
    "podman-platform",
    "`podman run --platform wasi/wasm` has no runtime",
    "`wasmctr node --engine podman --runtime crun`",
);
pub(super) const CLUSTER: Rule = Rule::new(
    "cluster",
    "the cluster of kubectl's context does not answer",
    "choose another context, or start the cluster",
);
pub(super) const CLASS: Rule = Rule::new(
    "cluster-class",
    "the cluster has no RuntimeClass for WebAssembly",
    "`wasmctr k8s REF --via crun` writes one; `wasmctr node` configures the nodes",
);
pub(super) const REGISTRY: Rule =
    Rule::new("registry", "the registry cannot be reached", "look at its name, a proxy, a firewall");
pub(super) const CREDENTIALS: Rule = Rule::new(
    "registry-credentials",
    "a credential helper is named that is not on `PATH`",
    "install it, or take it out of Docker's config.json",
);
pub(super) const HYBRID: Rule = Rule::new(
    "cgroup-hybrid",
    "cgroups are hybrid, which crun refuses: `cgroups in hybrid mode not supported`",
    "boot with `systemd.unified_cgroup_hierarchy=1`, or start the engine without the mount `/sys/fs/cgroup/unified`",
);
pub(super) const CGROUP: Rule = Rule::new(
    "cgroup-version",
    "cgroups are of version 1, or not mounted: Kubernetes and newer runtimes want version 2",
    "boot with `systemd.unified_cgroup_hierarchy=1`",
);
pub(super) const USERS: Rule = Rule::new(
    "user-namespaces",
    "the kernel allows no user namespaces: nothing runs without root",
    "set `user.max_user_namespaces` by sysctl",
);
pub(super) const SECCOMP: Rule = Rule::new(
    "seccomp",
    "the kernel has no seccomp: `seccompProfile: RuntimeDefault` fails",
    "boot a kernel with CONFIG_SECCOMP_FILTER",
);
pub(super) const CACHE: Rule = Rule::new(
    "cache",
    "precompiled code cannot be kept: every run compiles",
    "give `XDG_CACHE_HOME` a directory of your own, with mode 0700",
);
