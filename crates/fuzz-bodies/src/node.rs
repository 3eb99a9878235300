use wasm_bundle::node::{Config, Runtime, Version};

/// A configuration of containerd that is edited is read again, editing it again changes nothing, and what is said of the
/// runtime is sound; one that cannot be edited stays as it was.
pub fn node(text: &str) {
    for read in [Config::parse(text), Config::parse_template(text, Version::V3)] {
        let Ok(mut config) = read else { continue };
        let before = config.to_string();
        let Ok(runtime) = "crun".parse::<Runtime>() else { unreachable!("a known name") };
        if config.set(&runtime).is_err() {
            assert_eq!(config.to_string(), before, "{text:?} was changed");
            continue;
        }
        let once = config.to_string();
        config.set(&runtime).unwrap_or_else(|error| panic!("{once:?} cannot be edited again: {error}"));
        assert_eq!(config.to_string(), once, "{text:?} is edited twice");
        let kept = ["annotation-wide", "annotation-pattern", "systemd-cgroup"];
        let mut findings = config.lint().into_iter().filter(|finding| finding.place == "runtimes.crun");
        assert_eq!(findings.find(|finding| !kept.contains(&finding.rule.id)), None, "{once:?}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_fuzzer_would_try_first() {
        let runtimes = "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes";
        for text in [
            "",
            "version = 3",
            "version = 2\r\n[a]\r\n# b",
            "version = 3\n[[plugins]]\n",
            "version = 3\nplugins = {} # x",
            &format!("version = 3\n{runtimes}.crun]\npod_annotations = [\n'a', # b\n\n'[' # c\n]\n"),
            &format!("version = 4\n{runtimes}.runc.options]\nSystemdCgroup = 1\n"),
            "{{ a }}\n version = 3\n{{ b }}",
            "#wasmctr:{{\nversion = 3\n[__wasmctr_end__]\n",
        ] {
            super::node(text);
        }
    }
}
