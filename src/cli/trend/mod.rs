//! `comity trend`: statistics, imported and exported as protected tables.

mod aggregate;
mod deliver;
mod import;
mod table;

use clap::Subcommand;

use super::{exit::Failure, out::Out};

pub(super) use table::code;

/// Import statistics and show them as protected tables.
#[derive(Debug, Subcommand)]
pub(super) enum Trend {
    /// Make Trend records of a file of statistics, protect them and submit them; every row is used or
    /// explained.
    Import(import::Import),
    /// Export a table of the Trend records held here, protected beside everything released before.
    Table(table::Table),
    /// Count the cases that this country submitted, and submit the counts as Trend records.
    Aggregate(aggregate::Aggregate),
}

impl Trend {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.carry_out(out).await,
            Self::Table(table) => table.carry_out(out).await,
            Self::Aggregate(aggregate) => aggregate.carry_out(out).await,
        }
    }
}
