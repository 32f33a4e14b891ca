//! `comity feed exercise`: synthetic files of case systems.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use crate::{
    cli::{exit::Failure, out::Out},
    exercise::{CaseLayout, case_file},
};

/// Write a synthetic file of a case system: made-up cases, the same for the same seed. Push it with
/// --exercise.
#[derive(Debug, Args)]
pub(in crate::cli) struct Exercise {
    /// The layout.
    #[arg(value_enum)]
    layout: Layout,
    /// Rows without the heading.
    #[arg(long, default_value_t = 100)]
    rows: u64,
    /// The seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// With what files of case systems are known to have: ragged rows, huge cells, an own id twice,
    /// other spellings, other calendars, quotes.
    #[arg(long)]
    dirty: bool,
    /// Write it here, where nothing is yet, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layout {
    Ctdc,
    Htcds,
    Glotip,
}

impl Exercise {
    pub(super) fn carry_out(self, _out: &mut Out) -> Result<(), Failure> {
        let layout = match self.layout {
            Layout::Ctdc => CaseLayout::Ctdc,
            Layout::Htcds => CaseLayout::Htcds,
            Layout::Glotip => CaseLayout::Glotip,
        };
        let mut into: Box<dyn Write> = match &self.out {
            Some(path) => {
                let file = super::files::private()
                    .write(true)
                    .create_new(true)
                    .open(path);
                Box::new(file.map_err(|error| Failure::not_written(path, &error))?)
            }
            None => Box::new(io::stdout().lock()),
        };
        let mut writer = BufWriter::new(&mut into);
        for line in case_file(layout, self.seed, self.rows, self.dirty) {
            writeln!(writer, "{line}")?;
        }
        writer.flush()?;
        Ok(())
    }
}
