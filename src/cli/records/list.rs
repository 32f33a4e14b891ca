//! `comity records list|watch`.

use std::time::Duration;

use clap::Args;

use crate::{
    client::{Client, News, Start},
    node::system_clock,
    record::Moment,
    wire::node::{Escalation, ListDueRequest, ListRecordsRequest, RecordSummary},
};

use super::{
    super::{Target, exit::Failure, out::Out, out::printable},
    row::{HEADINGS, row, summary_json},
};

/// How long a watch looks for a node that is away, as during its restart.
const PATIENCE: Duration = Duration::from_secs(600);
/// Records asked for at a time.
const PAGE: u32 = 500;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    target: Target,
    /// Only records of this country.
    #[arg(long, conflicts_with_all = ["due", "overdue"])]
    origin: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Steps too: recalls, consent, late receipts.
    #[arg(long, conflicts_with_all = ["due", "overdue"])]
    steps: bool,
    /// Only records of other countries that you have not opened.
    #[arg(long, conflicts_with_all = ["due", "overdue"])]
    unread: bool,
    /// Only records of which an acknowledgement or an answer is due, the earliest first: of other
    /// countries here, own ones elsewhere.
    #[arg(long)]
    due: bool,
    /// Only those of which it is late.
    #[arg(long)]
    overdue: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    #[command(flatten)]
    target: Target,
    /// Begin with what is held already.
    #[arg(long)]
    all: bool,
    /// Steps too: recalls, consent, late receipts.
    #[arg(long)]
    steps: bool,
}

impl List {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut rows = Vec::new();
        let mut left = self.limit;
        let mut page_token = String::new();
        let now = system_clock()();
        while left > 0 {
            let (records, next) = self.page(&mut client, left.min(PAGE), page_token).await?;
            left = left.saturating_sub(u32::try_from(records.len()).unwrap_or(u32::MAX));
            for record in &records {
                if out.json() {
                    out.value(&summary_json(record)?)?;
                } else {
                    rows.push(row(record, now));
                }
            }
            page_token = next;
            if page_token.is_empty() {
                break;
            }
        }
        if !out.json() {
            out.table(&HEADINGS, rows)?;
        }
        Ok(())
    }

    async fn page(
        &self,
        client: &mut Client,
        page_size: u32,
        page_token: String,
    ) -> Result<(Vec<RecordSummary>, String), Failure> {
        if self.due || self.overdue {
            let request = ListDueRequest {
                overdue: self.overdue,
                page_size,
                page_token,
            };
            let page = client.threads.list_due(request).await?.into_inner();
            return Ok((page.records, page.next_page_token));
        }
        let request = ListRecordsRequest {
            origin: self.origin.clone().unwrap_or_default(),
            page_size,
            page_token,
            steps: self.steps,
            unread: self.unread,
        };
        let page = client.list(request).await?;
        Ok((page.records, page.next_page_token))
    }
}

impl Watch {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let client = self.target.connect().await?.with_patience(PATIENCE);
        let start = match self.all {
            true => Start::Beginning,
            false => Start::Now,
        };
        let mut watch = client.watch(start, self.steps).await?;
        if !out.json() {
            out.note("watching; Ctrl-C ends");
        }
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                news = watch.next() => {
                    let News { record, escalation, .. } = news?;
                    show(&record, escalation, out)?;
                }
            }
        }
    }
}

fn show(
    record: &RecordSummary,
    escalation: Option<Escalation>,
    out: &mut Out,
) -> Result<(), Failure> {
    if out.json() {
        let mut value = summary_json(record)?;
        if let (Some(of), Some(object)) = (escalation, value.as_object_mut()) {
            let time = Moment::from_micros(of.time_us).to_string();
            let shown = serde_json::json!({ "level": of.level, "time": time });
            object.insert("escalation".to_owned(), shown);
        }
        return out.value(&value);
    }
    let cells = row(record, system_clock()()).join("  ");
    let line = match escalation {
        Some(of) => format!("LATE (level {})  {cells}", of.level),
        None => cells,
    };
    out.line(&printable(&line))
}
