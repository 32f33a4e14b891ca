//! `comity case …`: joint cases of several countries, their members, meetings and timeline.

mod calendar;
mod ics;
mod members;
mod share;
mod show;
mod timeline;

use clap::{Args, Subcommand};

use super::{Target, exit::Failure, input::read_record, out::Out, template::Template};
use crate::wire::{
    json,
    node::SubmitRecordResponse,
    record::{JointCaseReference, Record, situation::Kind},
};

/// Work with other countries on one case: who belongs to it, what is in it, when to meet.
#[derive(Debug, Subcommand)]
pub(super) enum Case {
    /// Write a filled joint case to start from, or a meeting of one.
    Template(Example),
    /// Open a joint case; it goes to all its members.
    Open(Open),
    /// List the joint cases that you may see.
    List(show::List),
    /// Show a joint case: on what it rests, what it is for, who belongs to it.
    Show(show::Show),
    /// Show what is in a joint case, in time order: records, requests, meetings, decisions, what is due.
    Timeline(timeline::Timeline),
    /// List the members of a joint case, those who left among them.
    Members(show::Members),
    /// Add members: they read what is put into the case from now on, and get the own meetings.
    Add(members::Add),
    /// Share own records that the case held before a member joined.
    Share(share::Share),
    /// Say until when a member belongs to a joint case; from then on it reads nothing of it any more.
    End(members::End),
    /// Put a meeting into a joint case; `comity amend` changes it.
    Meeting(Meeting),
    /// Write the meetings of a joint case and what is due after them as a calendar (iCalendar).
    Ics(calendar::Calendar),
}

/// Write a filled joint case or meeting, ready to submit as an exercise.
#[derive(Debug, Args)]
pub(super) struct Example {
    #[command(flatten)]
    target: Target,
    /// A meeting instead.
    #[arg(long)]
    meeting: bool,
    /// Make up authorities, whatever home or profile the environment names.
    #[arg(long, conflicts_with_all = ["home", "profile"])]
    offline: bool,
}

/// Open a joint case.
#[derive(Debug, Args)]
pub(super) struct Open {
    #[command(flatten)]
    target: Target,
    /// File with a record of kind JointCase as one JSON object; `-` for standard input. The node makes
    /// its destinations of the members.
    file: String,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long)]
    key: Option<String>,
}

/// Put a meeting into a joint case.
#[derive(Debug, Args)]
pub(super) struct Meeting {
    #[command(flatten)]
    target: Target,
    /// Reference of the joint case.
    reference: String,
    /// File with a record of kind Meeting as one JSON object; `-` for standard input. Without
    /// `destinations` it goes to all members.
    file: String,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long)]
    key: Option<String>,
}

impl Case {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Template(of) => {
                let kind = if of.meeting { "Meeting" } else { "JointCase" };
                let template = Template::of(kind, of.target, of.offline);
                template.carry_out(out).await
            }
            Self::Open(open) => {
                let record = record_of(&open.file, "JointCase")?;
                submit(&open.target, record, open.key, out).await
            }
            Self::List(list) => list.carry_out(out).await,
            Self::Show(show) => show.carry_out(out).await,
            Self::Timeline(timeline) => timeline.carry_out(out).await,
            Self::Members(members) => members.carry_out(out).await,
            Self::Add(add) => add.carry_out(out).await,
            Self::Share(share) => share.carry_out(out).await,
            Self::End(end) => end.carry_out(out).await,
            Self::Meeting(meeting) => {
                let mut record = record_of(&meeting.file, "Meeting")?;
                record.joint_case = Some(JointCaseReference {
                    reference: meeting.reference,
                    ..JointCaseReference::default()
                });
                submit(&meeting.target, record, meeting.key, out).await
            }
            Self::Ics(calendar) => calendar.carry_out(out).await,
        }
    }
}

/// The record of a file, which has to be of a kind.
fn record_of(file: &str, kind: &str) -> Result<Record, Failure> {
    let text = read_record(file)?;
    let record: Record = json::from_json("comity.record.v1.Record", &text)?;
    let found = record.situation.as_ref().and_then(|of| of.kind.as_ref());
    let fits = match found {
        Some(Kind::JointCase(_)) => kind == "JointCase",
        Some(Kind::Meeting(_)) => kind == "Meeting",
        _ => false,
    };
    if fits {
        return Ok(record);
    }
    let why = format!("the record is of another kind than {kind}; `comity submit` takes any");
    Err(Failure::new(super::exit::DATAERR, why))
}

async fn submit(
    target: &Target,
    record: Record,
    key: Option<String>,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let answer: SubmitRecordResponse = match key {
        Some(key) => client.submit_with_key(record, key).await?,
        None => client.submit(record).await?,
    };
    if out.json() {
        return out.value(&serde_json::json!({
            "reference": answer.reference,
            "headerDigest": hex::encode(&answer.header_digest),
            "repeated": answer.repeated,
        }));
    }
    out.line(&answer.reference)
}
