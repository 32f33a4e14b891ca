//! `comity records list|watch`.

use clap::Args;
use futures_util::StreamExt as _;

use crate::{
    client::Client,
    node::system_clock,
    record::Moment,
    wire::node::{
        Escalation, ListDueRequest, ListRecordsRequest, RecordSummary, WatchRecordsRequest,
    },
};

use super::{
    super::{Target, exit::Failure, out::Out, out::printable},
    row::{HEADINGS, row, summary_json},
};

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
        let page = client.records.list_records(request).await?.into_inner();
        Ok((page.records, page.next_page_token))
    }
}

impl Watch {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut records = client
            .records
            .watch_records(WatchRecordsRequest {
                after_number: 0,
                only_new: !self.all,
                steps: self.steps,
            })
            .await?
            .into_inner();
        if !out.json() {
            out.note("watching; Ctrl-C ends");
        }
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                answer = records.next() => match answer {
                    Some(answer) => {
                        let answer = answer?;
                        if let Some(record) = answer.record {
                            show(&record, answer.escalation, out)?;
                        }
                    }
                    None => return Ok(()),
                },
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
