//! Executing a program like any other.

use super::{Found, Rule, Selection, Verdict, View, Why};

/// What becomes of a program that is executed: crun and runc look for it in the `PATH` of the container's environment.
pub(super) fn execute(view: &View<'_>, rule: &'static Rule) -> Verdict {
    let path = view.search_path().unwrap_or_default();
    let who = if view.is_root() { 0o111 } else { EVERYBODY };
    of(view.in_path(view.program(), path), who, rule)
}

/// What becomes of what was found, once it is executed; `who` are the bits of which one must be set.
pub(super) fn of(found: Found, who: u32, rule: &'static Rule) -> Verdict {
    match found {
        Found::Unknown => Verdict::new(rule, Selection::Native),
        Found::Missing => Verdict::refused(rule, Why::Missing),
        Found::File { mode, .. } if mode & who == 0 => Verdict::refused(rule, Why::NotExecutable),
        Found::File { program, .. } if program.is_native() => Verdict::new(rule, Selection::Native),
        Found::File { .. } => Verdict::refused(rule, Why::NotNative),
    }
}

/// The permission for everybody to execute.
pub(super) const EVERYBODY: u32 = 0o001;
