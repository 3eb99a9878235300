//! The rules of the lint.

use crate::Rule;

/// The rules of [`lint`](super::lint).
pub static RULES: [Rule; 17] = [
    PLACE, VALUE, HIDDEN, MISSING, SIDECAR, SMART, LATEST, EXEC, NETWORK, TTY, NODES, HANDLER, IMAGE, MEMORY,
    CLASS, KRUSTLET, KWASM,
];

pub(super) const PLACE: Rule = Rule::new(
    "annotation-place",
    "the annotation stands on the object and not on its pods: `exec format error`",
    "move it to `spec.template.metadata.annotations`",
);
pub(super) const VALUE: Rule = Rule::new(
    "annotation-value",
    "no runtime knows this value, so that the program is run as native: `exec format error`",
    "`module.wasm.image/variant` is `compat` or `compat-smart`; `run.oci.handler` is `wasm`, `wasm-smart` or an engine",
);
pub(super) const HIDDEN: Rule = Rule::new(
    "annotation-hidden",
    "`run.oci.handler` is there as well: `module.wasm.image/variant` is not looked at",
    "keep one of the two",
);
pub(super) const MISSING: Rule = Rule::new(
    "annotation-missing",
    "crun and youki run a pod as native without an annotation: `exec format error`",
    "add `module.wasm.image/variant: compat-smart` for crun, `compat` for youki, to the pods",
);
pub(super) const SIDECAR: Rule = Rule::new(
    "compat-sidecar",
    "`compat` takes every container of the pod for WebAssembly, sidecars and init containers as well",
    "with crun: `compat-smart`, which looks at the name of the program",
);
pub(super) const SMART: Rule = Rule::new(
    "smart-youki",
    "youki knows no `-smart`: the program is run as native",
    "use `module.wasm.image/variant: compat`, with one container in the pod",
);
pub(super) const LATEST: Rule = Rule::new(
    "image-latest",
    "the image is named by `latest`, or by no tag at all: nobody knows what will run",
    "name it by digest: `IMAGE@sha256:…`",
);
pub(super) const EXEC: Rule = Rule::new(
    "probe-exec",
    "a probe or hook runs a command in the container, which no Wasm handler can: it always fails",
    "use `httpGet` or `tcpSocket`",
);
pub(super) const NETWORK: Rule = Rule::new(
    "host-network",
    "the pod has the network of the node, all of it: crun's handlers grant every socket",
    "leave `hostNetwork` out, and use a Service",
);
pub(super) const TTY: Rule = Rule::new(
    "shim-tty",
    "a runwasi shim refuses a terminal: the container is not created",
    "leave `tty` out",
);
pub(super) const NODES: Rule = Rule::new(
    "node-selector",
    "the class does not say which nodes have the runtime: on any other the pod stays in ContainerCreating",
    "add `scheduling.nodeSelector` with a label of those nodes",
);
pub(super) const HANDLER: Rule = Rule::new(
    "handler-name",
    "the handler is no DNS label, which the API server refuses",
    "use lower case letters, digits and `-`, as containerd's table is called",
);
pub(super) const IMAGE: Rule = Rule::new(
    "image-refused",
    "the runtime does not take this image",
    "`wasmctr convert` puts it into another format; `wasmctr inspect --for` tells which",
);
pub(super) const MEMORY: Rule = Rule::new(
    "memory-minimum",
    "the limit of memory is below what the module asks for at its start",
    "raise `resources.limits.memory`",
);
pub(super) const CLASS: Rule = Rule::new(
    "class-missing",
    "the pod selects WebAssembly by annotation but names no `runtimeClassName`: the node's default runtime gets it",
    "add `runtimeClassName`",
);
pub(super) const KRUSTLET: Rule = Rule::new(
    "retired-krustlet",
    "the pod waits for a node of Krustlet, which has not been maintained since 2023",
    "`wasmctr k8s migrate FILE`: a RuntimeClass takes the place of the tolerations",
);
pub(super) const KWASM: Rule = Rule::new(
    "retired-kwasm",
    "the KWasm operator was archived in 2026: nothing acts on the annotation or label",
    "`wasmctr k8s migrate FILE`: runtime-class-manager installs shims today",
);
