//! `comity audit report`: a time summed up for a supervisor, proved against the ledger.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use clap::Args;

use crate::{
    card::TrustedCard,
    crypto::Digest,
    ledger::{Checkpoint, checkpoint, tree},
    wire::{
        json,
        node::{AuditReport, ListCardsRequest, MakeReportRequest},
    },
};

use super::{
    super::{
        Target,
        exit::{DATAERR, Failure, USAGE},
        out::Out,
    },
    html,
    sections::{local, offset, sections, zone},
    verified,
    when::{self, When},
};

/// Sum up a time for a supervisor: who read what for what purpose, what was refused, what to look at.
#[derive(Debug, Args)]
pub(in crate::cli) struct Report {
    #[command(flatten)]
    target: Target,
    /// From this day of the country's own time, or moment, on, such as 2026-11-01.
    #[arg(long, value_name = "TIME", value_parser = when::begins)]
    from: When,
    /// To this day, itself included, or moment.
    #[arg(long, value_name = "TIME", value_parser = when::ends)]
    to: When,
    /// Write it as a page to print, too; the file must not exist.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Report {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if self.to.at <= self.from.at {
            return Err(Failure::new(USAGE, "--to must be later than --from"));
        }
        let mut client = self.target.connect_operator().await?;
        let request = MakeReportRequest {
            from_us: self.from.at.micros(),
            to_us: self.to.at.micros(),
            from_local_day: self.from.is_local_day,
            to_local_day: self.to.is_local_day,
        };
        let report = client.audit.make_report(request).await?.into_inner().report;
        let report = report.unwrap_or_default();
        let cards = client.cards.list_cards(ListCardsRequest {}).await?;
        let own = cards.into_inner().cards.into_iter().next();
        let proved = prove(&report, &verified(&own.unwrap_or_default())?)?;
        if let Some(path) = &self.html {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .and_then(|mut file| {
                    file.write_all(html::page(&report, &proved).as_bytes())?;
                    file.sync_all()
                })
                .map_err(|error| Failure::not_written(path, &error))?;
        }
        if out.json() {
            out.value(&json::to_json("comity.node.v1.AuditReport", &report)?)?;
        } else {
            show(&report, &proved, out)?;
        }
        if report.cut {
            out.note("some lists are longer than a report; their totals count everything");
        }
        if let Some(path) = &self.html {
            out.note(&format!("{} is written", path.display()));
        }
        Ok(())
    }
}

/// What proves a report: the trees at its beginning and its end.
pub(super) struct Proved {
    /// `None` when the time begins before the ledger does.
    pub(super) begin: Option<Checkpoint>,
    pub(super) end: Checkpoint,
}

/// Checks that both checkpoints are signed by the country and one tree goes on from the other.
fn prove(report: &AuditReport, card: &TrustedCard) -> Result<Proved, Failure> {
    let fault = |what: String| Failure::new(DATAERR, format!("the report does not verify: {what}"));
    let open = |note: &str| {
        checkpoint::open(note, &card.ledger_origin, &card.ledger_keys())
            .map_err(|error| fault(error.to_string()))
    };
    let end = open(&report.end_checkpoint)?;
    if report.begin_checkpoint.is_empty() {
        return Ok(Proved { begin: None, end });
    }
    let begin = open(&report.begin_checkpoint)?;
    let path = report
        .consistency
        .iter()
        .map(|hash| Digest::try_from(hash.as_slice()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| fault("a hash of the consistency path is not 32 bytes".to_owned()))?;
    tree::verify_consistency(begin.size, &begin.root, end.size, &end.root, &path)
        .map_err(|error| fault(error.to_string()))?;
    Ok(Proved {
        begin: Some(begin),
        end,
    })
}

fn show(report: &AuditReport, proved: &Proved, out: &mut Out) -> Result<(), Failure> {
    let at = |micros: i64| local(micros, offset(report));
    out.line(&format!(
        "Reading log of {} from {} to {} ({}); {}",
        report.country,
        at(report.from_us),
        at(report.to_us),
        zone(offset(report)),
        leaves(report, proved),
    ))?;
    for section in sections(report) {
        out.line(&format!(
            "\n{}\n{}",
            section.title.to_uppercase(),
            section.says
        ))?;
        if section.rows.is_empty() {
            out.line("none")?;
        } else {
            out.table(&section.headings, section.rows)?;
        }
    }
    Ok(())
}

/// Which leaves a report is made of.
pub(super) fn leaves(report: &AuditReport, proved: &Proved) -> String {
    let first = proved.begin.as_ref().map_or(0, |begin| begin.size);
    let gone = match report.bodies_gone {
        0 => String::new(),
        gone => format!(", {gone} of which have no text any more"),
    };
    match report.leaves {
        0 => "no leaf is of that time".to_owned(),
        count => format!(
            "{count} leaves, from {first} to {}{gone}; both checkpoints are verified",
            proved.end.size.saturating_sub(1)
        ),
    }
}
