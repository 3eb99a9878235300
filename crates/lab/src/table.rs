//! The one table of tools, by the way they are got.

/// Tools that are got together.
#[derive(Debug)]
#[non_exhaustive]
pub struct Set {
    /// Its name: a folder under [`prefix`](crate::prefix), and what `cargo xtask lab --with` calls it.
    pub name: &'static str,
    /// What the absence of one of its tools means for a test.
    pub need: Need,
    /// How the lab gets it.
    pub source: Source,
    /// The tools.
    pub tools: &'static [Tool],
}

/// What the absence of a tool means for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// The lab always gets it: a test without it fails where `CI` is set and is skipped elsewhere.
    Required,
    /// Only `cargo xtask lab --with NAME` gets it: a test without it is skipped everywhere.
    Optional,
}

/// How the lab gets a set of tools.
#[derive(Debug)]
#[non_exhaustive]
pub enum Source {
    /// Packages of a Debian suite, unpacked with all that they depend on.
    Debian(Debian),
    /// A package of the crate registry, compiled here.
    Cargo {
        /// Arguments of `cargo install`.
        install: &'static [&'static str],
        /// Debian's packages that must be installed on the system for it.
        system: &'static [&'static str],
    },
    /// Folders of data out of packages of a Debian suite, without what the packages depend on.
    Data {
        /// Code name of the suite.
        suite: &'static str,
        /// The folders.
        folders: &'static [Folder],
    },
    /// A package of the Python registry, with all that it depends on, in a folder of its own.
    Python {
        /// The package and its version, as pip has them.
        package: &'static str,
        /// The module that is its program.
        module: &'static str,
    },
    /// Nothing that a program should do alone: a text that says how.
    ByHand(&'static str),
}

/// A folder of data out of a Debian package; its name in the set's folder is that of the tool in the same place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Folder {
    /// The package.
    pub package: &'static str,
    /// Where it is in the package.
    pub path: &'static str,
}

/// Packages of a Debian suite.
#[derive(Debug)]
#[non_exhaustive]
pub struct Debian {
    /// Code name of the suite.
    pub suite: &'static str,
    /// The packages.
    pub packages: &'static [&'static str],
    /// Programs of theirs that are made to run anywhere, each with the name it gets in the prefix's `bin`.
    pub programs: &'static [(&'static str, &'static str)],
    /// A package whose release must be the one that a crate of ours is made for.
    pub binds: Option<Binding>,
}

/// A package that must have a certain release, and who says so.
#[derive(Debug)]
#[non_exhaustive]
pub struct Binding {
    /// The package.
    pub package: &'static str,
    /// The release its version must begin with.
    pub release: &'static str,
    /// The crate that is made for this release.
    pub user: &'static str,
}

/// A tool that tests run against, or a folder of data that they read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tool {
    /// What [`need!`](crate::need!) calls it: its program's name in the prefix's `bin`.
    pub name: &'static str,
    /// Its place under the prefix when that is not `bin/NAME`.
    pub file: Option<&'static str>,
    /// Command that must succeed (its program is looked for in the prefix's `bin` when it is the lab's own copy);
    /// empty for a folder of data.
    pub proof: &'static [&'static str],
    /// What this command prints for the release that the lab gets; for data, how the version of its package begins.
    pub release: &'static str,
    /// What it prints for every copy that is of use, one found on `PATH` too.
    pub feature: &'static str,
}

/// Every tool that a test may ask for.
pub const SETS: &[Set] = &[
    Set {
        name: "runtimes",
        need: Need::Required,
        source: Source::Debian(Debian {
            suite: "trixie",
            packages: &[
                "crun",
                "libwasmedge0",
                "wasmedge",
                "runc",
                "containerd",
                "docker-registry",
                "skopeo",
                "umoci",
            ],
            programs: &[
                ("crun", "crun"),
                ("wasmedge", "wasmedge"),
                ("runc", "runc"),
                ("containerd", "containerd"),
                ("containerd-shim-runc-v2", "containerd-shim-runc-v2"),
                ("ctr", "ctr"),
                ("docker-registry", "docker-registry"),
                ("skopeo", "skopeo"),
                ("umoci", "umoci"),
            ],
            binds: None,
        }),
        tools: &[
            Tool { feature: "+WASM:wasmedge", ..program(&["crun", "--version"], "version 1.21") },
            program(&["wasmedge", "--version"], "version 0.14.1"),
            program(&["runc", "--version"], "version 1.1."),
            program(&["containerd", "--version"], " 1.7."),
            program(&["ctr", "--version"], " 1.7."),
            program(&["docker-registry", "--version"], " 2.8."),
            program(&["skopeo", "--version"], "version 1.18."),
            program(&["umoci", "--version"], "version 0.4.7"),
        ],
    },
    Set {
        name: "oras",
        need: Need::Required,
        source: Source::Debian(Debian {
            suite: "forky",
            packages: &["oras"],
            programs: &[("oras", "oras")],
            binds: None,
        }),
        tools: &[program(&["oras", "version"], "1.3.")],
    },
    Set {
        name: "engine",
        need: Need::Required,
        source: Source::Debian(Debian {
            suite: "forky",
            packages: &["libwasmedge-dev", "wasmedge"],
            programs: &[("wasmedge", "wasmedge-0.17")],
            binds: Some(Binding { package: "libwasmedge0", release: "0.17.1", user: "wasmedge-sdk 0.17.1" }),
        }),
        tools: &[
            program(&["wasmedge-0.17", "--version"], "version 0.17.1"),
            Tool {
                name: "libwasmedge",
                file: Some("wasmedge/lib/libwasmedge.so"),
                ..program(&["wasmedge-0.17", "--version"], "version 0.17.1")
            },
        ],
    },
    Set {
        name: "schemas",
        need: Need::Required,
        source: Source::Data {
            suite: "trixie",
            folders: &[
                Folder {
                    package: "golang-github-opencontainers-image-spec-dev",
                    path: "usr/share/gocode/src/github.com/opencontainers/image-spec/schema",
                },
                Folder {
                    package: "golang-github-opencontainers-specs-dev",
                    path: "usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema",
                },
            ],
        },
        tools: &[
            data("image-spec", "schemas/image-spec", "1.1.0"),
            data("runtime-spec", "schemas/runtime-spec", "1.2.0"),
        ],
    },
    Set {
        name: "cri",
        need: Need::Required,
        source: Source::Debian(Debian {
            suite: "trixie",
            packages: &["protobuf-compiler", "busybox-static"],
            programs: &[("protoc", "protoc"), ("busybox", "busybox")],
            binds: None,
        }),
        tools: &[
            program(&["protoc", "--version"], "libprotoc 3.21."),
            program(&["busybox", "--help"], "BusyBox v1."),
        ],
    },
    Set {
        name: "strace",
        need: Need::Required,
        source: Source::Debian(Debian {
            suite: "trixie",
            packages: &["strace"],
            programs: &[("strace", "strace")],
            binds: None,
        }),
        tools: &[program(&["strace", "--version"], "version 6.")],
    },
    Set {
        name: "podman",
        need: Need::Optional,
        source: Source::Debian(Debian {
            suite: "trixie",
            packages: &["podman", "conmon"],
            programs: &[("podman", "podman"), ("conmon", "conmon")],
            binds: None,
        }),
        tools: &[
            program(&["podman", "--version"], "version 5.4."),
            program(&["conmon", "--version"], "version 2."),
        ],
    },
    Set {
        name: "manifests",
        need: Need::Required,
        source: Source::Python { package: "kubernetes-validate==1.37.0", module: "kubernetes_validate" },
        tools: &[program(&["kubernetes-validate", "--version"], "1.37.")],
    },
    Set {
        name: "docker",
        need: Need::Optional,
        source: Source::Debian(Debian {
            suite: "trixie",
            packages: &["docker.io", "docker-cli"],
            programs: &[("dockerd", "dockerd"), ("docker", "docker")],
            binds: None,
        }),
        tools: &[
            program(&["dockerd", "--version"], "version 26.1."),
            program(&["docker", "--version"], "version 26.1."),
        ],
    },
    Set {
        name: "buildah",
        need: Need::Optional,
        source: Source::Debian(Debian {
            suite: "trixie",
            packages: &["buildah", "netavark"],
            programs: &[("buildah", "buildah")],
            binds: None,
        }),
        tools: &[program(&["buildah", "--version"], "version 1.39.")],
    },
    Set {
        name: "youki",
        need: Need::Optional,
        source: Source::Cargo {
            install: &[
                "youki",
                "--version=0.7.0",
                "--locked",
                "--no-default-features",
                "--features=v1,v2,seccomp,wasm-wasmtime",
            ],
            system: &["libseccomp-dev", "pkg-config"],
        },
        tools: &[program(&["youki", "--version"], "0.7.0")],
    },
    Set {
        name: "wasmtime",
        need: Need::Optional,
        source: Source::Cargo { install: &["wasmtime-cli", "--version=^48", "--locked"], system: &[] },
        tools: &[program(&["wasmtime", "--version"], "wasmtime 48.")],
    },
    Set {
        name: "kubernetes",
        need: Need::Optional,
        source: Source::ByHand(
            "build kubelet, kube-apiserver, kube-controller-manager and kube-scheduler 1.20 from the source package \
             `kubernetes` of Debian 12 and put them on PATH",
        ),
        tools: &[program(&["kubelet", "--version"], "")],
    },
];

/// The tool of this name, with the set it comes from.
pub fn tool(name: &str) -> Option<(&'static Set, &'static Tool)> {
    SETS.iter().find_map(|set| set.tools.iter().find(|tool| tool.name == name).map(|tool| (set, tool)))
}

/// Whether the table has a tool of this name; `need!` asks while it is compiled.
#[doc(hidden)]
#[must_use]
pub const fn is_tool(name: &str) -> bool {
    let mut set = 0;
    while set < SETS.len() {
        let tools = SETS[set].tools;
        let mut tool = 0;
        while tool < tools.len() {
            if same(tools[tool].name, name) {
                return true;
            }
            tool += 1;
        }
        set += 1;
    }
    false
}

/// Whether two texts are the same, while a test is compiled.
#[doc(hidden)]
#[must_use]
pub const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

/// A program that proves itself.
const fn program(proof: &'static [&'static str], release: &'static str) -> Tool {
    Tool { name: proof[0], file: None, proof, release, feature: "" }
}

/// A folder of data, which only says its release.
const fn data(name: &'static str, folder: &'static str, release: &'static str) -> Tool {
    Tool { name, file: Some(folder), proof: &[], release, feature: "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_has_a_folder_for_each_name() {
        for set in SETS {
            if let Source::Data { folders, .. } = &set.source {
                assert_eq!(folders.len(), set.tools.len(), "{}", set.name);
                for tool in set.tools {
                    assert_eq!(tool.file, Some(&*format!("{}/{}", set.name, tool.name)));
                }
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = SETS.iter().flat_map(|set| set.tools).map(|tool| tool.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn tools_are_found_by_their_whole_name() {
        assert!(is_tool("crun"));
        assert!(!is_tool("cru"));
        assert!(!is_tool("crun-wasm"));
        assert!(tool("crun").is_some_and(|(set, _)| set.need == Need::Required));
        assert!(tool("youki").is_some_and(|(set, _)| set.need == Need::Optional));
    }
}
