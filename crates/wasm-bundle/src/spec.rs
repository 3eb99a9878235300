//! `Workload` to runtime specification and back.

use std::{collections::BTreeMap, path::Path};

use oci_spec::runtime::{LinuxNamespaceType, Mount as SpecMount, Root, Spec};
use serde_json::{Value, json};
use wasm_oci::canonical_json_pretty;

use crate::{
    Error, Handler, Mount, Network, Resources, Result, UserNamespace, Workload,
    check::{is_runtimes, text},
};

/// The name of the root file system in a bundle, `root.path` of its configuration.
pub(crate) const ROOTFS: &str = "rootfs";

/// The oldest release that has every field used here: old runtimes accept it and new ones have to.
const OCI_VERSION: &str = "1.0.2";

/// Own namespaces of the container; the network one depends on the workload.
const NAMESPACES: [&str; 5] = ["pid", "ipc", "uts", "mount", "cgroup"];

/// What runc, containerd and moby hide by default, together: kernel memory, keys, timings and hardware, none of which
/// is namespaced. What is not there (`/sys` is not mounted) the runtimes pass over.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// Where root could change the machine.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

impl Workload {
    /// Makes the runtime configuration of this workload, for a runtime that is asked by `handler` to run Wasm; with `None` it
    /// is not asked, and executes the program.
    ///
    /// Every field is set on purpose; what is not listed is left out. crun 1.21 and runc 1.1 start it as it is.
    ///
    /// | field | value | why |
    /// |---|---|---|
    /// | `ociVersion` | 1.0.2 | the oldest release with all of these fields |
    /// | `process.terminal` | false | the guest talks through pipes |
    /// | `process.user` | `uid`, `gid` | 0 unless the image or the user says otherwise |
    /// | `process.args`, `env`, `cwd` | of the workload | unchanged; [`Bundle::write`](crate::Bundle::write) makes the directory, which youki does not |
    /// | `process.capabilities` | five empty sets | a guest makes no privileged system call |
    /// | `process.rlimits` | 1024 open files | what engines get by with; unlimited invites exhaustion |
    /// | `process.noNewPrivileges` | true | nothing is gained by a set-uid file |
    /// | `root` | `rootfs`, read-only unless asked | the image stays as it was packed |
    /// | `hostname` | of the workload | the machine's name is not told |
    /// | `mounts` `/proc` | proc: nosuid, noexec, nodev | runc and youki read it while they set up the container |
    /// | `mounts` `/dev` | tmpfs: nosuid, noexec, 64 KiB | the runtimes make their devices there; crun refuses to start without; not nodev and not read-only, or the devices could not be made and used |
    /// | `mounts` of the workload | bind: nosuid, nodev, noexec, ro or rw | in the given order; mounts inside the source do not come along |
    /// | no `/sys`, `/dev/pts`, `/dev/shm`, `/dev/mqueue`, cgroup mount | | a Wasm guest can use none of them |
    /// | `annotations` | of the workload, and the handler's | the runtime runs Wasm only when asked |
    /// | `linux.resources.devices` | all denied | runtimes add the harmless ones (null, zero, random, …) |
    /// | `linux.resources` memory, cpu, pids | only what [`Resources`] limits | a limit that fits every program is none |
    /// | `linux.namespaces` | pid, ipc, uts, mount, cgroup; network and user by the workload | without a network namespace the guest is in the caller's |
    /// | `linux.uidMappings`, `gidMappings` | of the [`UserNamespace`], if there is one | |
    /// | `linux.maskedPaths`, `readonlyPaths` | runc's, containerd's and moby's together | what `/proc` and `/sys` tell of the machine |
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRun`] without arguments; [`Error::Value`] for values that some runtime would refuse or read
    /// differently, and for a program that `handler` would not take for Wasm.
    pub fn to_spec(&self, handler: impl Into<Option<Handler>>) -> Result<Spec> {
        let annotations = self.checked_annotations(handler.into())?;
        let mut linux = json!({
            "resources": self.resources.document(),
            "namespaces": self.namespaces()?,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        });
        self.map_ids(&mut linux);
        read(json!({
            "ociVersion": OCI_VERSION,
            "process": self.process()?,
            "root": { "path": ROOTFS, "readonly": self.read_only_root },
            "hostname": self.hostname,
            "mounts": self.spec_mounts()?,
            "annotations": annotations,
            "linux": linux,
        }))
    }

    /// Reads what a runtime configuration runs and grants, whoever wrote it.
    ///
    /// The inverse of [`to_spec`](Self::to_spec): `from_spec(&workload.to_spec(handler)?)? == workload`, and whatever
    /// this function returns `to_spec` accepts. From the configurations of others it takes what a Wasm guest can notice:
    /// bind mounts, but not the file systems of the kernel nor what is bound to `/proc`, `/sys` or `/dev` itself; the
    /// network, resources and an own user namespace, but no other namespace; neither capabilities nor devices.
    ///
    /// # Errors
    ///
    /// As [`to_spec`](Self::to_spec).
    pub fn from_spec(spec: &Spec) -> Result<Self> {
        let nothing = Error::NothingToRun { whose: "config.json" };
        let Some(process) = spec.process() else { return Err(nothing) };
        let Some(args) = process.args().clone().filter(|args| !args.is_empty()) else { return Err(nothing) };
        let annotations = spec.annotations().iter().flatten().filter(|(name, _)| !Handler::owns(name));
        let workload = Self {
            args,
            env: process.env().clone().unwrap_or_default(),
            cwd: process.cwd().clone(),
            uid: process.user().uid(),
            gid: process.user().gid(),
            hostname: spec.hostname().clone().filter(|name| !name.is_empty()),
            read_only_root: spec.root().as_ref().and_then(Root::readonly).unwrap_or(false),
            mounts: spec.mounts().iter().flatten().filter_map(grant).collect(),
            network: network(spec),
            resources: Resources::of(spec),
            user_namespace: UserNamespace::of(spec),
            annotations: annotations.map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        workload.check()?;
        Ok(workload)
    }

    /// Checks the workload, and adds the handler's annotation to its own.
    pub(crate) fn checked_annotations(&self, handler: Option<Handler>) -> Result<BTreeMap<String, String>> {
        self.check()?;
        let mut annotations = self.annotations.clone();
        let Some(handler) = handler else { return Ok(annotations) };
        let program = &self.args[0];
        if !handler.takes(program) {
            return Err(Error::value(
                "the program",
                program,
                "ends neither in .wasm nor in .wat, which compat-smart wants",
            ));
        }
        annotations.insert(Handler::ANNOTATION.into(), handler.value().into());
        Ok(annotations)
    }

    /// The mounts of the workload's own.
    pub(crate) fn bind_mounts(&self) -> Result<Vec<Value>> {
        let bind = |mount: &Mount| {
            Ok(json!({
                "destination": text("mount destination", &mount.destination)?,
                "type": "bind",
                "source": text("mount source", &mount.source)?,
                "options": ["bind", "nosuid", "nodev", "noexec", if mount.read_only { "ro" } else { "rw" }],
            }))
        };
        self.mounts.iter().map(bind).collect()
    }

    /// Adds the mappings of the user namespace.
    pub(crate) fn map_ids(&self, linux: &mut Value) {
        if let Some(namespace) = &self.user_namespace {
            let (uids, gids) = namespace.documents();
            linux["uidMappings"] = uids;
            linux["gidMappings"] = gids;
        }
    }

    fn process(&self) -> Result<Value> {
        Ok(json!({
            "terminal": false,
            "user": { "uid": self.uid, "gid": self.gid },
            "args": self.args,
            "env": self.env,
            "cwd": text("cwd", &self.cwd)?,
            "capabilities": { "bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": [] },
            "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
            "noNewPrivileges": true,
        }))
    }

    fn spec_mounts(&self) -> Result<Vec<Value>> {
        let mut mounts = vec![
            json!({
                "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"],
            }),
            json!({
                "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "noexec", "mode=755", "size=64k"],
            }),
        ];
        mounts.extend(self.bind_mounts()?);
        Ok(mounts)
    }

    fn namespaces(&self) -> Result<Vec<Value>> {
        let mut namespaces = NAMESPACES.map(|kind| json!({ "type": kind })).to_vec();
        match &self.network {
            Network::Isolated => namespaces.push(json!({ "type": "network" })),
            Network::Path(path) => {
                namespaces.push(json!({ "type": "network", "path": text("network namespace", path)? }));
            }
            Network::Host => {}
        }
        if self.user_namespace.is_some() {
            namespaces.push(json!({ "type": "user" }));
        }
        Ok(namespaces)
    }
}

/// Makes the typed configuration of a document. Not through the builders: they take what is not set from
/// `Spec::default()`, which grants capabilities.
pub(crate) fn read(document: Value) -> Result<Spec> {
    serde_json::from_value(document)
        .map_err(|source| Error::Config { path: "config.json".into(), source: source.into() })
}

/// Writes a configuration: the same bytes for the same configuration, keys sorted, and the capabilities too, which are sets
/// and come in any order.
///
/// # Errors
///
/// [`Error::Config`] when it cannot be written as JSON: a path in it is not UTF-8.
pub fn config_json(spec: &Spec) -> Result<Vec<u8>> {
    let unwritable = |source: Box<dyn std::error::Error + Send + Sync>| Error::Config {
        path: "config.json".into(),
        source,
    };
    let mut document = serde_json::to_value(spec).map_err(|error| unwritable(error.into()))?;
    let capabilities = document.pointer_mut("/process/capabilities").and_then(Value::as_object_mut);
    for set in capabilities.into_iter().flat_map(|sets| sets.values_mut()).filter_map(Value::as_array_mut) {
        set.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
    canonical_json_pretty(&document).map_err(|error| unwritable(error.into()))
}

/// The bind mounts are grants; the others are the kernel's file systems.
fn grant(mount: &SpecMount) -> Option<Mount> {
    let options = || mount.options().iter().flatten().map(String::as_str);
    let is_bind =
        mount.typ().as_deref() == Some("bind") || options().any(|option| matches!(option, "bind" | "rbind"));
    if !is_bind || is_runtimes(mount.destination()) {
        return None;
    }
    let source = mount.source().clone().unwrap_or_default();
    // As with mount(8), the last one counts.
    let read_only = options().rfind(|option| matches!(*option, "ro" | "rw")) == Some("ro");
    Some(Mount::new(source, mount.destination()).read_only(read_only))
}

fn network(spec: &Spec) -> Network {
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    let network =
        namespaces.into_iter().flatten().find(|namespace| namespace.typ() == LinuxNamespaceType::Network);
    match network.map(|namespace| namespace.path().as_deref()) {
        None => Network::Host,
        Some(None) => Network::Isolated,
        Some(Some(path)) if path == Path::new("") => Network::Isolated,
        Some(Some(path)) => Network::Path(path.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> Workload {
        Workload::new(["/app.wasm", "--port=8080"]).env("MODE=test")
    }

    fn text_of(workload: &Workload, handler: Handler) -> String {
        String::from_utf8(config_json(&workload.to_spec(handler).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn every_field_is_set_on_purpose() {
        insta::assert_snapshot!("defaults", text_of(&app(), Handler::Compat));
    }

    #[test]
    fn what_is_granted_is_in_the_document() {
        let workload = app()
            .cwd("/srv")
            .user(1000, 100)
            .read_only_root(false)
            .mount(Mount::new("/srv/data", "/data"))
            .mount(Mount::new("/srv/out", "/out").read_only(false))
            .network(Network::Path("/run/netns/one".into()))
            .resources(Resources::default().memory(64 << 20).cpu_millis(500).pids(32))
            .user_namespace(UserNamespace::new(100_000, 65_536))
            .annotation("org.example.team", "a");
        insta::assert_snapshot!("grants", text_of(&workload, Handler::CompatSmart));
    }

    #[test]
    fn the_hosts_network_is_no_namespace() {
        let text = text_of(&app().network(Network::Host), Handler::Compat);
        assert!(!text.contains("\"network\""), "{text}");
        let without = Workload { hostname: None, ..app() };
        assert!(!text_of(&without, Handler::Compat).contains("hostname"));
    }

    #[test]
    fn compat_smart_needs_a_suffix() {
        let error = Workload::new(["/app"]).to_spec(Handler::CompatSmart).unwrap_err();
        let message = r#"the program "/app" ends neither in .wasm nor in .wat, which compat-smart wants"#;
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn capabilities_are_sorted() {
        let sets = |names: [&str; 3]| {
            let process = json!({ "user": {}, "cwd": "/", "capabilities": { "bounding": names } });
            config_json(&read(json!({ "ociVersion": "1.0.2", "process": process })).unwrap()).unwrap()
        };
        let sorted = sets(["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]);
        assert_eq!(sets(["CAP_SETUID", "CAP_CHOWN", "CAP_KILL"]), sorted);
    }

    fn of(document: Value) -> Result<Workload> {
        Workload::from_spec(&serde_json::from_value(document).unwrap())
    }

    #[test]
    fn configurations_of_others() {
        let workload = of(json!({
            "ociVersion": "1.2.0",
            "process": {
                "terminal": true, "user": { "uid": 5, "gid": 6 }, "args": ["/pause"], "cwd": "/",
                "capabilities": { "bounding": ["CAP_KILL"] },
            },
            "root": { "path": "/elsewhere" },
            "hostname": "",
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" },
                { "destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "ro"] },
                { "destination": "/etc/hosts", "source": "/h", "options": ["rbind", "ro"] },
                { "destination": "/dev/shm", "type": "bind", "source": "/s", "options": ["ro", "rw"] },
            ],
            "annotations": { "run.oci.handler": "wasm", "a": "b" },
            "linux": { "namespaces": [{ "type": "network", "path": "" }] },
        }));
        let expected = Workload { hostname: None, ..Workload::new(["/pause"]) }
            .user(5, 6)
            .read_only_root(false)
            .mount(Mount::new("/h", "/etc/hosts"))
            .mount(Mount::new("/s", "/dev/shm").read_only(false))
            .annotation("a", "b");
        assert_eq!(workload.unwrap(), expected);
    }

    #[test]
    fn configurations_without_the_parts_that_matter() {
        let process = |process: Value| of(json!({ "ociVersion": "1.0.2", "process": process })).unwrap_err();
        for error in [
            of(json!({ "ociVersion": "1.0.2" })).unwrap_err(),
            process(json!({ "user": {}, "cwd": "/" })),
            process(json!({ "user": {}, "cwd": "/", "args": [] })),
        ] {
            assert_eq!(error.to_string(), "config.json names nothing to run");
        }
        let relative = process(json!({ "user": {}, "cwd": "", "args": ["a"] }));
        assert_eq!(relative.to_string(), r#"cwd "" is not absolute"#);
    }
}
