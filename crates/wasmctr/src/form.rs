use clap::ValueEnum;

/// How a command prints what it found: the values of `--format`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Form {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}
