use oci_spec::runtime::{LinuxIdMapping, LinuxNamespaceType, Spec};
use serde_json::{Value, json};

use crate::{Error, Result};

/// A user namespace: which users of the machine the users of the container are.
///
/// Root in the container is then nobody in particular outside. The bundle must be readable by the users that it is mapped
/// to, and so must every mount.
///
/// ```
/// use wasm_bundle::{UserNamespace, Workload};
///
/// // Root in the container is 100000 outside, user 1000 is 101000.
/// let workload = Workload::new(["/app.wasm"]).user_namespace(UserNamespace::new(100_000, 65_536));
/// # let _ = workload;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserNamespace {
    /// User ids, `linux.uidMappings`.
    pub uids: Vec<IdMapping>,
    /// Group ids, `linux.gidMappings`.
    pub gids: Vec<IdMapping>,
}

/// A range of ids in the container and the range outside that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdMapping {
    /// The first id in the container.
    pub container: u32,
    /// The first id on the machine.
    pub host: u32,
    /// How many there are.
    pub size: u32,
}

impl UserNamespace {
    /// Maps users and groups from 0 on to as many ids of the machine, from `host` on.
    #[must_use]
    pub fn new(host: u32, size: u32) -> Self {
        let mapping = IdMapping { container: 0, host, size };
        Self { uids: vec![mapping], gids: vec![mapping] }
    }

    /// Checks that the kernel takes the mappings, and that they have root and the workload's user.
    pub(crate) fn check(&self, uid: u32, gid: u32) -> Result<()> {
        check("uid mapping", &self.uids, uid)?;
        check("gid mapping", &self.gids, gid)
    }

    /// The values of `linux.uidMappings` and `linux.gidMappings`.
    pub(crate) fn documents(&self) -> (Value, Value) {
        (document(&self.uids), document(&self.gids))
    }

    /// The own user namespace of a configuration; one of somebody else's that it joins is none.
    pub(crate) fn of(spec: &Spec) -> Option<Self> {
        let linux = spec.linux().as_ref()?;
        let mut namespaces = linux.namespaces().iter().flatten();
        let user = namespaces.find(|namespace| namespace.typ() == LinuxNamespaceType::User)?;
        let joined = user.path().as_ref().is_some_and(|path| !path.as_os_str().is_empty());
        let read = |mappings: &Option<Vec<LinuxIdMapping>>| mappings.iter().flatten().map(mapping).collect();
        (!joined).then(|| Self { uids: read(linux.uid_mappings()), gids: read(linux.gid_mappings()) })
    }
}

fn mapping(found: &LinuxIdMapping) -> IdMapping {
    IdMapping { container: found.container_id(), host: found.host_id(), size: found.size() }
}

fn document(mappings: &[IdMapping]) -> Value {
    let one = |mapping: &IdMapping| json!({ "containerID": mapping.container, "hostID": mapping.host, "size": mapping.size });
    mappings.iter().map(one).collect()
}

fn check(field: &'static str, mappings: &[IdMapping], id: u32) -> Result<()> {
    let refused = |mapping: &IdMapping, why| {
        Err(Error::value(field, &format!("{}:{}:{}", mapping.container, mapping.host, mapping.size), why))
    };
    let none = IdMapping { container: 0, host: 0, size: 0 };
    if mappings.len() > LINES {
        return refused(&mappings[LINES], "is one of more than 340");
    }
    for (index, mapping) in mappings.iter().enumerate() {
        if mapping.size == 0 {
            return refused(mapping, "is empty");
        }
        if end(mapping.container, mapping) > IDS || end(mapping.host, mapping) > IDS {
            return refused(mapping, "goes beyond the largest id");
        }
        if mappings[..index].iter().any(|other| meet(mapping, other)) {
            return refused(mapping, "overlaps with another");
        }
    }
    for id in [0, id] {
        if !mappings.iter().any(|mapping| holds(mapping, id)) {
            return refused(mappings.first().unwrap_or(&none), "leaves out root or the user");
        }
    }
    Ok(())
}

fn holds(mapping: &IdMapping, id: u32) -> bool {
    mapping.container <= id && u64::from(id) < end(mapping.container, mapping)
}

/// Whether two mappings share an id, inside or outside.
fn meet(one: &IdMapping, other: &IdMapping) -> bool {
    let meet = |a: u32, b: u32| u64::from(a) < end(b, other) && u64::from(b) < end(a, one);
    meet(one.container, other.container) || meet(one.host, other.host)
}

fn end(first: u32, mapping: &IdMapping) -> u64 {
    u64::from(first) + u64::from(mapping.size)
}

/// How many ids there are; the last stands for "none".
const IDS: u64 = u32::MAX as u64;
/// How many lines the kernel takes.
const LINES: usize = 340;

#[cfg(test)]
mod tests {
    use super::*;

    fn map(container: u32, host: u32, size: u32) -> IdMapping {
        IdMapping { container, host, size }
    }

    fn message(uids: &[IdMapping]) -> String {
        let namespace = UserNamespace { uids: uids.to_vec(), ..UserNamespace::new(0, 1) };
        namespace.check(7, 0).unwrap_err().to_string()
    }

    #[test]
    fn mappings_that_the_kernel_refuses() {
        for (uids, why) in [
            (vec![], r#"uid mapping "0:0:0" leaves out root or the user"#),
            (vec![map(0, 5, 0)], r#"uid mapping "0:5:0" is empty"#),
            (vec![map(0, 5, 7)], r#"uid mapping "0:5:7" leaves out root or the user"#),
            (vec![map(1, 5, 7)], r#"uid mapping "1:5:7" leaves out root or the user"#),
            (vec![map(0, u32::MAX, 8)], r#"uid mapping "0:4294967295:8" goes beyond the largest id"#),
            (vec![map(u32::MAX, 0, 1)], r#"uid mapping "4294967295:0:1" goes beyond the largest id"#),
            (vec![map(0, 5, 8), map(7, 50, 1)], r#"uid mapping "7:50:1" overlaps with another"#),
            (vec![map(0, 5, 8), map(8, 12, 1)], r#"uid mapping "8:12:1" overlaps with another"#),
        ] {
            assert_eq!(message(&uids), why);
        }
        let many: Vec<_> = (0..341).map(|id| map(id, id, 1)).collect();
        assert_eq!(message(&many), r#"uid mapping "340:340:1" is one of more than 340"#);
    }

    #[test]
    fn mappings_that_the_kernel_takes() {
        UserNamespace::new(100_000, 65_536).check(65_535, 65_535).unwrap();
        UserNamespace::new(0, u32::MAX).check(0, 0).unwrap();
        let parts = vec![map(0, 1000, 1), map(1, 100_000, 999), map(1000, 1001, 1)];
        UserNamespace { uids: parts.clone(), gids: parts }.check(1000, 1000).unwrap();
    }
}
