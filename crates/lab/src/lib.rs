//! What the tests need from outside: the table of tools, where they are, and how a test goes without one.
//!
//! `cargo xtask lab` reads the table ([`SETS`]) and puts the tools into [`prefix`]; the tests of every crate ask for
//! them by name:
//!
//! ```no_run
//! # fn test() {
//! let Some(crun) = lab::need!("crun") else { return };
//! let Some(()) = lab::need_root!() else { return };
//! let status = lab::container_command(&crun).arg("--version").status();
//! let Some(schemas) = lab::need!("runtime-spec") else { return }; // a folder of data
//! let schema = schemas.join("config-schema.json");
//! # }
//! ```
//!
//! One rule says what a missing thing means, [`require`]: a *required* one fails the test where `CI` is set and skips it
//! elsewhere, an *optional* one always skips. A skip is never silent: it goes to stderr and into a file that `cargo
//! xtask test` prints (see [`skip`]).
//!
//! No logic of the product, and nothing but the standard library and rustix, to enter a [`Network`]: it is a
//! dev-dependency of everything.

mod cgroup;
mod container;
mod containerd;
mod daemon;
mod find;
mod forgotten;
mod network;
mod program;
mod registry;
mod skip;
mod table;

pub use cgroup::remove_cgroups;
pub use container::{container_command, isolated_command};
pub use containerd::Containerd;
pub use daemon::Daemon;
pub use find::{cache, find, need, prefix, root};
pub use forgotten::assert_all_listed;
pub use network::Network;
pub use program::{install, script};
pub use registry::Registry;
pub use skip::{require, skip, skips_dir, test_name};
pub use table::{Binding, Debian, Folder, Need, SETS, Set, Source, Tool, tool};

#[doc(hidden)]
pub use table::{is_tool, same};

/// Path of a tool of the table, or `None` when the test must be skipped, which is then already recorded.
///
/// The name is checked when the test is compiled.
///
/// # Panics
///
/// When the tool is required, absent, and `CI` is set: a test that cannot run there has failed.
#[macro_export]
macro_rules! need {
    ($tool:literal) => {{
        const { assert!($crate::is_tool($tool), "no such tool in lab::SETS") };
        $crate::need($tool, &$crate::here!())
    }};
}

/// `Some(())` for root, or `None` when the test must be skipped, which is then already recorded.
///
/// # Panics
///
/// When the user is not root and `CI` is set.
#[macro_export]
macro_rules! need_root {
    () => {
        $crate::require($crate::root(), "root's rights", "run the tests as root", &$crate::here!())
    };
}

/// Name of the test that is running, for [`skip`] and [`require`].
#[macro_export]
macro_rules! here {
    () => {{
        fn here() {}
        $crate::test_name(::std::any::type_name_of_val(&here))
    }};
}
