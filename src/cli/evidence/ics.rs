//! `comity evidence calendar-export`: due dates for the calendars that officers have.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use crate::{
    evidence::terms::ics::{self, Entry},
    node::system_clock,
    record::Moment,
    wire::node::{EvidenceCase, EvidenceClockState, ListEvidenceRequest},
};

use super::super::{
    Target,
    exit::{Failure, SOFTWARE},
    out::Out,
};

/// Requests asked for at a time.
const PAGE: u32 = 200;

/// Write the ends of open clocks as an iCalendar file: reference, clock and time, and nothing else.
#[derive(Debug, Args)]
pub(in crate::cli) struct CalendarExport {
    #[command(flatten)]
    target: Target,
    /// Where to; a file that is there is replaced, so that a calendar that follows it sees dates move.
    #[arg(long, visible_alias = "ics", value_name = "FILE")]
    to: PathBuf,
    /// Only requests with this country, such as KZ.
    #[arg(long)]
    with: Option<String>,
}

impl CalendarExport {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut entries = Vec::new();
        let mut page_token = String::new();
        let mut complete = true;
        loop {
            let asked = ListEvidenceRequest {
                open: true,
                country: self.with.clone().unwrap_or_default(),
                page_size: PAGE,
                page_token,
                ..ListEvidenceRequest::default()
            };
            let page = client.list_evidence(asked).await?;
            complete &= page.complete;
            entries.extend(page.cases.iter().flat_map(open_clocks));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let text = ics::write(&entries, system_clock()())
            .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
        replace(&self.to, text.as_bytes())
            .map_err(|error| Failure::not_written(&self.to, &error))?;
        if !complete {
            out.note(
                "the node still looks through what it held before its start: there may be more",
            );
        }
        let shown = self.to.display().to_string();
        if out.json() {
            return out.value(&json!({ "file": shown, "clocks": entries.len() }));
        }
        out.line(&format!("{} clocks written to {shown}", entries.len()))
    }
}

fn open_clocks(case: &EvidenceCase) -> Vec<Entry> {
    let some = |us: i64| (us != 0).then(|| Moment::from_micros(us));
    let entry = |clock: &crate::wire::node::EvidenceClock| {
        let open = matches!(
            clock.state(),
            EvidenceClockState::Running | EvidenceClockState::Paused | EvidenceClockState::Late
        );
        Some(Entry {
            reference: case.reference.clone(),
            clock: clock.id.clone(),
            goal: clock.goal(),
            due: some(clock.due_us).filter(|_| open)?,
            warn_at: some(clock.warn_us),
            round: clock.round,
            stands_still: clock.state() == EvidenceClockState::Paused,
        })
    };
    case.clocks.iter().filter_map(entry).collect()
}

/// Puts a file in place of another as a whole: whoever reads it meanwhile sees one or the other.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}
