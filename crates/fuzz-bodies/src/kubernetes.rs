use wasm_bundle::kubernetes::{RULES, Via, lint, migrate};

/// Manifests that can be read give the same findings each time, all of known rules; migrated, they can be read again, and
/// nothing is left of the systems that are gone.
pub fn kubernetes(text: &str) {
    let Ok(findings) = lint(text, None, None) else { return };
    assert_eq!(lint(text, None, None).ok().as_ref(), Some(&findings), "{text:?}");
    assert!(findings.iter().all(|finding| RULES.iter().any(|rule| rule == finding.rule)));
    let Ok(migration) = migrate(text, &Via::Crun) else { return };
    let Ok(yaml) = migration.manifests.to_yaml() else { return };
    match lint(&yaml, None, None) {
        Ok(findings) => {
            let mut retired = findings.iter().filter(|finding| finding.rule.id.starts_with("retired-"));
            assert_eq!(retired.next(), None, "{text:?} became {yaml:?}");
        }
        // What is written may be longer than what was read, and too long.
        Err(wasm_bundle::Error::Oversized { .. }) => {}
        Err(error) => panic!("{text:?} became {yaml:?}, which is refused: {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_fuzzer_would_try_first() {
        let arch = "{key: kubernetes.io/arch, value: wasm32-wasi}";
        for text in [
            "",
            "---\n---\n",
            "kind: Pod",
            "kind: 'List'\nitems: [{kind: Pod, spec: {nodeSelector: {kubernetes.io/arch: wasm32-wasi}}}]",
            "kind: Foo\nitems: [1]\nmetadata: {annotations: {kwasm.sh/a: b}}",
            &format!(
                "kind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {{spec: {{tolerations: [{arch}]}}}}}}}}}}"
            ),
            "kind: \"a\\u0085\\u2028\\ufeff: #\"\nmetadata: {name: ' x '}",
            "kind: x\na: [1e3, .5, 0o7, 0x1F, -0, 18446744073709551615, -9223372036854775808]",
            "kind: x\n? [a]\n: b",
            "kind: x\ny: !!binary aGk=\nz: !t w",
            "kind: |+\n a\n\n\n",
        ] {
            super::kubernetes(text);
        }
    }
}
