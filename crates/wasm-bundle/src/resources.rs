use oci_spec::runtime::{LinuxResources, Spec};
use serde_json::{Map, Value, json};

use crate::{Error, Result};

/// What a container may use of the machine; nothing is limited by default.
///
/// The limits are those of the whole container, its engine included: WasmEdge in crun takes some 30 MB of memory and
/// several threads before the guest has any.
///
/// ```
/// use wasm_bundle::{Handler, Resources, Workload};
///
/// let resources = Resources::default().memory(128 << 20).cpu_millis(500).pids(32);
/// let spec = Workload::new(["/app.wasm"]).resources(resources).to_spec(Handler::Compat)?;
/// let limits = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
/// assert_eq!(limits.and_then(|limits| limits.memory().as_ref()?.limit()), Some(128 << 20));
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Resources {
    /// Memory in bytes, `linux.resources.memory.limit`. When it is used up the kernel ends the container.
    pub memory: Option<u64>,
    /// Thousandths of a processor, at least 10: 500 is a half, 2000 are two. `linux.resources.cpu.quota` in a period of
    /// 100 ms.
    pub cpu_millis: Option<u32>,
    /// Processes and threads, `linux.resources.pids.limit`.
    pub pids: Option<u32>,
}

impl Resources {
    /// Limits memory, in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Limits processor time, in thousandths of a processor.
    #[must_use]
    pub fn cpu_millis(mut self, millis: u32) -> Self {
        self.cpu_millis = Some(millis);
        self
    }

    /// Limits processes and threads.
    #[must_use]
    pub fn pids(mut self, pids: u32) -> Self {
        self.pids = Some(pids);
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some(memory) = self.memory.filter(|memory| *memory == 0 || i64::try_from(*memory).is_err()) {
            return Err(Error::value("memory limit", &memory.to_string(), "is not between 1 byte and 8 EiB"));
        }
        if let Some(millis) = self.cpu_millis.filter(|millis| *millis < MILLIS) {
            return Err(Error::value(
                "cpu limit",
                &millis.to_string(),
                "is less than 10 thousandths of a processor",
            ));
        }
        if self.pids == Some(0) {
            return Err(Error::value("pids limit", "0", "leaves no process"));
        }
        Ok(())
    }

    /// The value of `linux.resources`: the limits, and every device denied, to which runtimes add the harmless ones.
    pub(crate) fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("devices".into(), json!([{ "allow": false, "access": "rwm" }]));
        if let Some(memory) = self.memory {
            document.insert("memory".into(), json!({ "limit": memory }));
        }
        if let Some(millis) = self.cpu_millis {
            let quota = u64::from(millis) * (PERIOD / 1000);
            document.insert("cpu".into(), json!({ "quota": quota, "period": PERIOD }));
        }
        if let Some(pids) = self.pids {
            document.insert("pids".into(), json!({ "limit": pids }));
        }
        document.into()
    }

    /// The limits of a configuration. What is zero or negative is none, and a share of a processor is rounded up.
    pub(crate) fn of(spec: &Spec) -> Self {
        let found = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
        let positive = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
        let memory = found.and_then(|found| found.memory().as_ref()?.limit()).and_then(positive);
        let pids = found.and_then(|found| found.pids().as_ref()).and_then(|pids| positive(pids.limit()));
        Self {
            memory,
            cpu_millis: found.and_then(cpu),
            pids: pids.map(|pids| u32::try_from(pids).unwrap_or(u32::MAX)),
        }
    }
}

fn cpu(found: &LinuxResources) -> Option<u32> {
    let cpu = found.cpu().as_ref()?;
    let quota = u64::try_from(cpu.quota()?).ok().filter(|quota| *quota > 0)?;
    let period = cpu.period().filter(|period| *period > 0).unwrap_or(PERIOD);
    let millis = (u128::from(quota) * 1000).div_ceil(u128::from(period));
    Some(u32::try_from(millis).unwrap_or(u32::MAX).max(MILLIS))
}

/// What a quota is a part of, in microseconds: the kernel's own default.
const PERIOD: u64 = 100_000;
/// The kernel takes no quota below 1 ms.
const MILLIS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resources: &Value) -> Resources {
        let spec = json!({ "ociVersion": "1.0.2", "linux": { "resources": resources } });
        Resources::of(&serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn limits_are_read_as_they_are_written() {
        for limits in [
            Resources::default(),
            Resources::default().memory(1).cpu_millis(10).pids(1),
            Resources::default().memory(i64::MAX as u64).cpu_millis(u32::MAX).pids(u32::MAX),
        ] {
            limits.check().unwrap();
            assert_eq!(of(&limits.document()), limits);
        }
    }

    #[test]
    fn limits_of_others() {
        for (document, limits) in [
            (json!({ "memory": { "limit": -1 }, "pids": { "limit": 0 } }), Resources::default()),
            (json!({ "cpu": { "quota": -1, "period": 100_000 } }), Resources::default()),
            (json!({ "cpu": { "shares": 2 } }), Resources::default()),
            (json!({ "cpu": { "quota": 50_000 } }), Resources::default().cpu_millis(500)),
            (json!({ "cpu": { "quota": 1, "period": 1_000_000 } }), Resources::default().cpu_millis(10)),
            (json!({ "cpu": { "quota": 10, "period": 3 } }), Resources::default().cpu_millis(3334)),
            (json!({ "cpu": { "quota": i64::MAX, "period": 1 } }), Resources::default().cpu_millis(u32::MAX)),
            (json!({ "pids": { "limit": i64::MAX } }), Resources::default().pids(u32::MAX)),
        ] {
            assert_eq!(of(&document), limits, "{document}");
        }
    }

    #[test]
    fn limits_that_are_none() {
        for (limits, message) in [
            (Resources::default().memory(0), r#"memory limit "0" is not between 1 byte and 8 EiB"#),
            (
                Resources::default().memory(u64::MAX),
                r#"memory limit "18446744073709551615" is not between 1 byte and 8 EiB"#,
            ),
            (
                Resources::default().cpu_millis(9),
                r#"cpu limit "9" is less than 10 thousandths of a processor"#,
            ),
            (Resources::default().pids(0), r#"pids limit "0" leaves no process"#),
        ] {
            assert_eq!(limits.check().unwrap_err().to_string(), message);
        }
    }
}
