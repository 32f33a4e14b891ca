//! `comity access table`: the permissions that are built in.

use clap::{Args, Subcommand};

use crate::access::{self, Table};

use super::{exit::Failure, out::Out};

/// Show who may do what.
#[derive(Debug, Subcommand)]
pub(super) enum Access {
    /// Write the permissions that are built in, row by row.
    Table(Builtin),
}

#[derive(Debug, Args)]
pub(super) struct Builtin {
    /// As docs/ACCESS.md explains them.
    #[arg(long)]
    markdown: bool,
}

impl Access {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Table(table) => {
                let text = match table.markdown {
                    true => access::page(),
                    false => Table::default().to_toml(),
                };
                out.line(text.trim_end())
            }
        }
    }
}
