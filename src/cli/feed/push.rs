//! `comity feed push FILE… --mapping M`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    cli::{exit::Failure, out::Out},
    shutdown,
};

use super::{
    options::Options,
    run::{Run, verdict},
};

/// Push the rows of files: CSV, NDJSON or a workbook, by a mapping.
///
/// Every row becomes a record, changes one, or is explained: rows that fail are listed beside the file, in
/// FILE.dead-letters.csv or .ndjson, with why and with their cells, to be corrected and pushed again. A repeat
/// changes nothing. What was killed goes on with the same command where it stopped. Exit code 65: rows
/// failed, or the file cannot be used; 130: stopped by Ctrl-C, at an item.
#[derive(Debug, Args)]
pub(in crate::cli) struct Push {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// Say what would become of each row; nothing is kept.
    #[arg(long)]
    dry_run: bool,
    /// Begin again at the first row, whatever an earlier push left.
    #[arg(long)]
    fresh: bool,
    /// How long a node that is away is looked for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
}

impl Push {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let loaded = self.options.load()?;
        let stop = shutdown::on_signal();
        let run = Run {
            options: &self.options,
            loaded: &loaded,
            dry_run: self.dry_run,
            fresh: self.fresh,
            patience: Duration::from_secs(self.patience),
            stop: &stop,
        };
        let mut worst = Ok(());
        let several = self.files.len() > 1;
        for file in &self.files {
            let pushed = match run.file(file, out).await {
                Ok(report) => {
                    report.show(out)?;
                    verdict(&report)
                }
                Err(failure) => Err(failure),
            };
            if let Err(failure) = pushed {
                if several {
                    out.failure(&failure);
                }
                worst = Err(failure);
            }
            if stop.is_cancelled() {
                break;
            }
        }
        worst
    }
}
