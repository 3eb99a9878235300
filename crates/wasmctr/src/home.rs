use std::{env, path::PathBuf};

use anyhow::Context;

use crate::Failure;

/// Where caches of this user are, as <https://specifications.freedesktop.org/basedir-spec/latest/> says: a relative path
/// does not count.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    let named = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache"));
    Ok(named
        .or_else(home)
        .context("nobody says where the cache is: neither XDG_CACHE_HOME nor HOME is set")?)
}
