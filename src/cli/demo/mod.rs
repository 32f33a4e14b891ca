//! `comity demo`: four countries as four real node processes on this machine.
//!
//! TJ is the origin, UZ and KZ are transit, AE the destination. Cards are exchanged, exercise
//! records submitted and delivered according to the roles; one node is killed with SIGKILL in the
//! middle and started again. Every receipt is checked. Then one record's life is played: read in
//! parts, amended, its use consented to and refused, recalled; and evidence is asked for, refused,
//! overdue, handed over as a file, and exported for court. At the end every ledger is recomputed.

mod country;
mod evidence;
mod report;
mod story;
mod traffic;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    exercise::{Exercise, VICTIM_SUPPORT},
    node::system_clock,
    record::{Country, UnknownCountry},
    shutdown,
    wire::record::CountryRole,
};

use self::{
    country::{CountryNode, approve_cards, exchange_cards},
    evidence::Evidence,
    report::Report,
    story::Story,
    traffic::Submission,
};
use super::{
    exit::{DATAERR, Failure, INTERRUPTED, NOINPUT, SOFTWARE},
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
/// Bytes of the file that is handed over as evidence: more than a node takes between two syncs, so that the
/// upload can break off with a part of it durable.
const SMALL: u64 = 96 << 20;
const LARGE: u64 = 1 << 30;
/// Longest wait for the last receipt, on top of a tenth of a second per record.
const SETTLE: Duration = Duration::from_secs(120);

/// Run four countries on this machine and exchange exercise records.
///
/// Sets up TJ, UZ, KZ and AE as four nodes on loopback, submits records, kills one node in the
/// middle and starts it again, then plays the life of one record: each country reads just its part,
/// it is amended, its use in court is consented to and refused, and it is recalled. Last, one country
/// asks another for evidence and gets a file, though the upload breaks off and both nodes are killed; it
/// exports the request for court, and the bundle verifies until somebody tampers with it;
/// one request is refused and one is overdue. Fails when anything was lost, doubled or unverifiable, or a step did not come out as it should. Nothing is
/// left behind but what --keep keeps.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many synthetic records.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    records: u64,
    /// Seed of the synthetic stream; the same seed gives the same records.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Submit these records instead: NDJSON, as for `comity submit`. Each is submitted by the
    /// first country of the corridor that is not among its destinations; the countries have the
    /// authorities that the records name.
    #[arg(long, conflicts_with_all = ["records", "seed"])]
    input: Option<PathBuf>,
    /// Hand over a file of 1 GiB as evidence, instead of 96 MiB; takes 5 GiB of disk.
    #[arg(long)]
    large: bool,
    /// Keep the four homes in this folder; it must not exist.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Leave the nodes running at the end, until Ctrl-C.
    #[arg(long)]
    serve: bool,
}

impl Demo {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let corridor = corridor()?;
        let mut submissions = self.submissions(&corridor)?;
        let stop = stopped();
        let folder = Folder::make(self.keep.as_deref())?;
        let mut nodes = Vec::new();
        let played = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Failure::new(INTERRUPTED, "interrupted; the nodes are stopped")),
            played = play(&folder, &corridor, &mut nodes, &mut submissions, self.size(), out) => played,
        };
        if self.serve && played.is_ok() {
            how_to_look_around(&nodes, out);
            stop.cancelled().await;
        }
        out.note("stopping the nodes");
        // Whatever came before, no node is left behind; they stop side by side.
        let stopped = futures_util::future::join_all(nodes.iter_mut().map(CountryNode::stop)).await;
        drop(folder);
        let sound = played?;
        stopped.into_iter().collect::<Result<(), Failure>>()?;
        if let Some(kept) = &self.keep {
            let (program, kept) = (program(), kept.display());
            out.note(&format!(
                "the four homes are in {kept}; start one again with `{program} run --home {kept}/tj`"
            ));
        } else if !self.serve {
            out.note(&format!(
                "look around: `{} demo --serve` leaves the nodes running and prints what to try; --keep DIR keeps the homes",
                program()
            ));
        }
        sound
    }

    /// Bytes of the file that is handed over.
    const fn size(&self) -> u64 {
        if self.large { LARGE } else { SMALL }
    }

    fn submissions(&self, corridor: &[(Country, CountryRole)]) -> Result<Vec<Submission>, Failure> {
        let Some(path) = &self.input else {
            let count = usize::try_from(self.records).unwrap_or(usize::MAX);
            return Ok(Exercise::new(self.seed, corridor)
                .starting_at(system_clock()())
                .records()
                .take(count)
                .zip(1..)
                .map(|(exercise, line)| Submission {
                    origin: exercise.origin,
                    record: exercise.record,
                    line,
                })
                .collect());
        };
        let unreadable = |error: std::io::Error| {
            Failure::new(
                NOINPUT,
                format!("{} cannot be read: {error}", path.display()),
            )
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            let what = format!("{} is a folder, not a file of records", path.display());
            return Err(Failure::new(NOINPUT, what));
        }
        let countries: Vec<Country> = corridor.iter().map(|(country, _)| *country).collect();
        let submissions = traffic::from_file(std::io::BufReader::new(file), &countries)?;
        if submissions.is_empty() {
            return Err(Failure::new(DATAERR, "the input holds no record"));
        }
        Ok(submissions)
    }
}

/// Plays everything and reports. Fails when it cannot be played to its end; answers a failure when
/// it was, and came out wrong.
async fn play(
    folder: &Folder,
    corridor: &[(Country, CountryRole)],
    nodes: &mut Vec<CountryNode>,
    submissions: &mut Vec<Submission>,
    size: u64,
    out: &mut Out,
) -> Result<Result<(), Failure>, Failure> {
    out.note("setting up TJ (origin), UZ and KZ (transit), AE (destination)");
    for (country, role) in corridor {
        let mut authorities = traffic::authorities_of(*country, submissions);
        // The local officer belongs to the first: at the destination to whom victims are referred.
        if *role == CountryRole::Destination {
            authorities.sort_by_key(|name| name != VICTIM_SUPPORT);
        }
        nodes.push(CountryNode::set_up(
            &folder.path,
            *country,
            *role,
            authorities,
        )?);
    }
    exchange_cards(nodes).await?;
    futures_util::future::try_join_all(nodes.iter_mut().map(CountryNode::start)).await?;
    approve_cards(nodes).await?;
    out.note("four nodes are up, cards are exchanged: one operator of each imported them, a second approved");
    let total = u64::try_from(submissions.len()).unwrap_or(u64::MAX);
    let bar = progress(total);
    let submissions = std::mem::take(submissions);
    let restarts = traffic::submit_all(nodes, submissions, KILLED, &bar).await?;
    bar.finish_and_clear();
    out.note(&format!(
        "all {total} are durable at their origins; {} was killed with SIGKILL and started again; waiting for receipts",
        CORRIDOR.get(KILLED).map_or("", |(code, _)| code)
    ));
    let patience = SETTLE
        + Duration::from_millis(100).saturating_mul(u32::try_from(total).unwrap_or(u32::MAX));
    traffic::settle(nodes, patience, out).await?;
    let mut report = Report::gather(nodes, total, restarts).await?;
    let story = Story::play(nodes, out).await;
    let evidence = Evidence::play(nodes, &folder.path, size, out).await;
    // Last, so that the ledgers hold the stories too.
    report.verify_ledgers(nodes).await?;
    if out.json() {
        let broken = |failure: &Failure| {
            serde_json::json!({
                "as_it_should_be": false,
                "faults": [failure.message()],
            })
        };
        let told = story.as_ref().map_or_else(broken, Story::json);
        let evidence = evidence.as_ref().map_or_else(broken, Evidence::json);
        out.value(&report.json(told, evidence))?;
    } else {
        report.write(out)?;
        if let Ok(story) = &story {
            story.write(out)?;
        }
        if let Ok(evidence) = &evidence {
            evidence.write(out)?;
        }
    }
    let mut faults = story?.faults();
    faults.extend(evidence?.faults());
    if !report.sound() {
        let what = "records were lost, doubled or cannot be verified; see the report";
        return Ok(Err(Failure::new(SOFTWARE, what)));
    }
    if !faults.is_empty() {
        let what = "the life of the record, or the evidence, is not as it should be";
        return Ok(Err(Failure::new(SOFTWARE, what).with_details(faults)));
    }
    Ok(Ok(()))
}

/// The countries of [`CORRIDOR`].
fn corridor() -> Result<Vec<(Country, CountryRole)>, Failure> {
    CORRIDOR
        .iter()
        .map(|(code, role)| match code.parse() {
            Ok(country) => Ok((country, *role)),
            Err(error) => Err(Failure::new(SOFTWARE, UnknownCountry::to_string(&error))),
        })
        .collect()
}

/// A token that is cancelled at Ctrl-C, SIGTERM, and when the terminal goes away.
fn stopped() -> CancellationToken {
    let token = shutdown::on_signal();
    let stop = token.clone();
    tokio::spawn(async move {
        if let Ok(mut gone) = signal(SignalKind::hangup()) {
            gone.recv().await;
            stop.cancel();
        }
    });
    token
}

/// This program as it was called, for commands to copy.
fn program() -> String {
    std::env::args()
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "comity".to_owned())
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
            format!("records list --home {to} --limit 10"),
            format!("search Шымкент --home {to} --limit 5"),
            format!("records watch --home {to}"),
            format!("status --home {from}"),
            format!("consent list --home {from}"),
            format!("audit list --home {to} --limit 10"),
            format!("audit verify --home {to}"),
        ] {
            out.note(&format!("  {} {command}", program()));
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
        std::fs::create_dir(&path).map_err(|error| Failure::not_written(&path, &error))?;
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
