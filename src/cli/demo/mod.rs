//! `comity demo`: four countries as four real node processes on this machine.
//!
//! TJ is the origin, UZ and KZ are transit, AE the destination. Cards are exchanged, exercise
//! records submitted and delivered according to the roles; one node is killed with SIGKILL in the
//! middle and started again. At the end every receipt is checked and every ledger recomputed.

mod country;
mod report;
mod traffic;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{exercise::Exercise, node::system_clock, wire::record::CountryRole};

use self::{
    country::{CountryNode, exchange_cards},
    report::Report,
    traffic::Submission,
};
use super::{
    exit::{CANTCREAT, DATAERR, Failure, NOINPUT, SOFTWARE, TEMPFAIL},
    out::Out,
};

/// The corridor of the exercise.
const CORRIDOR: [(&str, CountryRole); 4] = [
    ("TJ", CountryRole::Origin),
    ("UZ", CountryRole::Transit),
    ("KZ", CountryRole::Transit),
    ("AE", CountryRole::Destination),
];
/// Which of them is killed in the middle.
const KILLED: usize = 1;
/// Longest wait for the last receipt, on top of a tenth of a second per record.
const SETTLE: Duration = Duration::from_secs(120);

/// Run four countries on this machine and exchange exercise records.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many synthetic records.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    records: u64,
    /// Seed of the synthetic stream; the same seed gives the same records.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Submit these records instead: NDJSON, as for `comity submit`. Each is submitted by the
    /// first country of the corridor that is not among its destinations.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Keep the four homes in this new folder.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Leave the nodes running at the end, until Ctrl-C.
    #[arg(long)]
    serve: bool,
}

impl Demo {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        tokio::select! {
            done = self.play(out) => done,
            _ = tokio::signal::ctrl_c() => {
                Err(Failure::new(TEMPFAIL, "interrupted; the nodes are stopped"))
            }
        }
    }

    async fn play(self, out: &mut Out) -> Result<(), Failure> {
        let folder = Folder::make(self.keep.as_deref())?;
        out.note("setting up TJ (origin), UZ and KZ (transit), AE (destination)");
        let mut nodes = Vec::new();
        for (code, role) in CORRIDOR {
            nodes.push(CountryNode::set_up(&folder.path, code, role)?);
        }
        exchange_cards(&nodes).await?;
        for node in &mut nodes {
            node.start().await?;
        }
        out.note("four nodes are up, cards are exchanged");
        let submissions = self.submissions(&nodes)?;
        let total = u64::try_from(submissions.len()).unwrap_or(u64::MAX);
        let bar = progress(total);
        let restarts = traffic::submit_all(&mut nodes, submissions, KILLED, &bar).await?;
        bar.finish_and_clear();
        out.note(&format!(
            "{total} records are durable at their origins; {} was killed with SIGKILL and started again; waiting for receipts",
            CORRIDOR.get(KILLED).map_or("", |(code, _)| code)
        ));
        let patience = SETTLE
            + Duration::from_millis(100).saturating_mul(u32::try_from(total).unwrap_or(u32::MAX));
        traffic::settle(&mut nodes, patience, out).await?;
        let report = Report::gather(&mut nodes, total, restarts).await?;
        report.write(out)?;
        if self.serve {
            how_to_look_around(&nodes, out);
            // Ctrl-C ends the whole command; until then the nodes serve.
            std::future::pending::<()>().await;
        }
        for node in &mut nodes {
            node.stop().await?;
        }
        if let Some(kept) = &self.keep {
            out.note(&format!(
                "the four homes are in {}; start one again with `comity run --home {}/tj`",
                kept.display(),
                kept.display()
            ));
        }
        drop(folder);
        if report.sound() {
            Ok(())
        } else {
            Err(Failure::new(
                SOFTWARE,
                "records were lost, doubled or cannot be verified; see the report",
            ))
        }
    }

    fn submissions(&self, nodes: &[CountryNode]) -> Result<Vec<Submission>, Failure> {
        match &self.input {
            Some(path) => {
                let file = std::fs::File::open(path).map_err(|error| {
                    Failure::new(
                        NOINPUT,
                        format!("{} cannot be read: {error}", path.display()),
                    )
                })?;
                let submissions = traffic::from_file(std::io::BufReader::new(file), nodes)?;
                if submissions.is_empty() {
                    return Err(Failure::new(DATAERR, "the input holds no record"));
                }
                Ok(submissions)
            }
            None => {
                let countries: Vec<_> =
                    nodes.iter().map(|node| (node.country, node.role)).collect();
                let count = usize::try_from(self.records).unwrap_or(usize::MAX);
                Ok(Exercise::new(self.seed, &countries)
                    .starting_at(system_clock()())
                    .records()
                    .take(count)
                    .map(|exercise| Submission {
                        origin: exercise.origin,
                        record: exercise.record,
                    })
                    .collect())
            }
        }
    }
}

fn progress(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("submitting {bar:40} {pos}/{len} {per_sec}") {
        bar.set_style(style);
    }
    bar
}

fn how_to_look_around(nodes: &[CountryNode], out: &mut Out) {
    out.note("\nThe nodes keep running until Ctrl-C. Try, in another terminal:");
    if let (Some(origin), Some(destination)) = (nodes.first(), nodes.last()) {
        let (from, to) = (origin.home.display(), destination.home.display());
        for command in [
            format!("comity records list --home {to} --limit 10"),
            format!("comity records watch --home {to}"),
            format!("comity status --home {from}"),
            format!("comity audit list --home {to} --limit 10"),
            format!("comity audit verify --home {to}"),
        ] {
            out.note(&format!("  {command}"));
        }
    }
}

/// The folder of the four homes; removed at the end unless it is kept.
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    fn make(keep: Option<&std::path::Path>) -> Result<Self, Failure> {
        let path = match keep {
            Some(path) => path.to_owned(),
            None => {
                let name = crate::crypto::random_bytes::<8>()
                    .map(hex::encode)
                    .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
                std::env::temp_dir().join(format!("comity-demo-{name}"))
            }
        };
        std::fs::create_dir(&path).map_err(|error| {
            Failure::new(
                CANTCREAT,
                format!("{} cannot be created: {error}", path.display()),
            )
        })?;
        Ok(Self {
            path,
            kept: keep.is_some(),
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // A leftover in the temporary folder is an untidiness, not a failure.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
