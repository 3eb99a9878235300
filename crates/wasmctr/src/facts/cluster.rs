use wasm_bundle::doctor::Cluster;

use super::{said, tried};
use crate::runtimes;

/// The cluster of kubectl's context, if it has one; nothing is changed there.
pub(super) fn cluster() -> Option<Cluster> {
    let kubectl = runtimes::program("kubectl")?;
    let context = said(&kubectl, &["config", "current-context"])?.trim().to_owned();
    if context.is_empty() {
        return None;
    }
    let handlers = "jsonpath={range .items[*]}{.handler}{\"\\n\"}{end}";
    let asked = tried(&kubectl, &["get", "runtimeclasses", "--request-timeout=5s", "--output", handlers]);
    Some(Cluster::new(context, asked.map(|text| text.lines().map(str::to_owned).collect())))
}
