//! `comity feed`: files of case systems become records.

mod exercise;
mod files;
mod letters;
mod mapping;
mod noting;
mod options;
mod progress;
mod push;
mod report;
mod run;
mod source;
mod stream;
mod watch;

use clap::Subcommand;

use super::{exit::Failure, out::Out};

/// Feed what case systems export: files become records, each item once.
#[derive(Debug, Subcommand)]
pub(super) enum Feed {
    /// Push the rows of files; every row becomes a record or is explained.
    Push(push::Push),
    /// Push every file that is put into a folder.
    Watch(watch::Watch),
    /// List, show and check mappings, and write one to start from.
    #[command(subcommand)]
    Mapping(mapping::MappingCommand),
    /// Write a synthetic file of a case system.
    Exercise(exercise::Exercise),
}

impl Feed {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Push(push) => push.carry_out(out).await,
            Self::Watch(watch) => watch.carry_out(out).await,
            Self::Mapping(mapping) => mapping.carry_out(out),
            Self::Exercise(exercise) => exercise.carry_out(out),
        }
    }
}
