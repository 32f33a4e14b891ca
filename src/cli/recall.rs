//! `comity recall REF…`, `comity recall status REF`, `comity shred REF…`.

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    node::system_clock,
    record::Moment,
    wire::{
        json,
        node::{
            Compliance, GetRecallStatusRequest, RecallFilter, RecallRecordsRequest, RecalledRecord,
            ShredRecordsRequest,
        },
        record::RecallReason,
    },
};

use super::{
    Target,
    exit::{Failure, USAGE},
    out::{Out, moment},
};

/// Take own records back: readers lock them at once and shred them after their delay.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Recall {
    #[command(subcommand)]
    command: Option<RecallCommand>,
    #[command(flatten)]
    target: Target,
    /// References of own records; every version of each is recalled.
    #[arg(required_unless_present = "all")]
    references: Vec<String>,
    /// Why.
    #[arg(long, value_enum, required = true)]
    reason: Option<Reason>,
    /// In words, without personal data: every reader's node keeps it.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
    /// Every own record since --from instead of references; needs a second operator above the
    /// configured number.
    #[arg(long, requires = "from", conflicts_with = "references")]
    all: bool,
    /// First day, YYYY-MM-DD, in UTC.
    #[arg(long, requires = "all")]
    from: Option<String>,
    /// Last day, YYYY-MM-DD, in UTC.
    #[arg(long, requires = "all")]
    until: Option<String>,
    /// Only this kind, such as Alert.
    #[arg(long, requires = "all", default_value = "", hide_default_value = true)]
    kind: String,
}

#[derive(Debug, Subcommand)]
enum RecallCommand {
    /// Show which countries complied with a recall, and which have not.
    Status(Status),
}

#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    target: Target,
    /// Reference of any version of the record.
    reference: String,
}

/// Shred locked records before their delay is over; a second operator has to approve.
#[derive(Debug, Args)]
pub(super) struct Shred {
    #[command(flatten)]
    target: Target,
    /// References of recalled or expired records.
    #[arg(required = true)]
    references: Vec<String>,
}

/// Why a record is recalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reason {
    /// It is wrong.
    Inaccurate,
    /// It is no longer true.
    Outdated,
    /// It endangers a person.
    EndangersPerson,
    /// It was sent to the wrong reader.
    Misdirected,
    /// A person withdrew consent.
    ConsentWithdrawn,
    /// A court or authority ordered it.
    Ordered,
    /// Its retention ended.
    RetentionEnded,
}

impl From<Reason> for RecallReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Inaccurate => Self::Inaccurate,
            Reason::Outdated => Self::Outdated,
            Reason::EndangersPerson => Self::EndangersPerson,
            Reason::Misdirected => Self::Misdirected,
            Reason::ConsentWithdrawn => Self::ConsentWithdrawn,
            Reason::Ordered => Self::Ordered,
            Reason::RetentionEnded => Self::RetentionEnded,
        }
    }
}

impl Recall {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if let Some(RecallCommand::Status(status)) = self.command {
            return status.carry_out(out).await;
        }
        let filter = if self.all {
            Some(RecallFilter {
                from_us: day(self.from.as_deref().unwrap_or_default())?.micros(),
                until_us: match &self.until {
                    Some(last) => {
                        let next = std::time::Duration::from_secs(86_400);
                        (day(last)? + next).micros()
                    }
                    None => 0,
                },
                kind: self.kind,
            })
        } else {
            None
        };
        let reason = self.reason.map(RecallReason::from).unwrap_or_default();
        let mut client = self.target.connect().await?;
        let answer = client
            .life
            .recall_records(RecallRecordsRequest {
                references: self.references,
                filter,
                reason: reason.into(),
                note: self.note,
            })
            .await?
            .into_inner();
        if out.json() {
            return out.value(&json::to_json(
                "comity.node.v1.RecallRecordsResponse",
                &answer,
            )?);
        }
        if answer.approval_id.is_empty() {
            return recalled(&answer.recalled, out);
        }
        waits(&answer.approval_id, Some(answer.records), out)
    }
}

impl Shred {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client
            .life
            .shred_records(ShredRecordsRequest {
                references: self.references,
            })
            .await?
            .into_inner();
        if out.json() {
            return out.value(&serde_json::json!({ "approvalId": answer.approval_id }));
        }
        if answer.approval_id.is_empty() {
            return out.line("they are shredded within seconds");
        }
        waits(&answer.approval_id, None, out)
    }
}

/// Says that a second operator is needed.
fn waits(id: &str, records: Option<u64>, out: &mut Out) -> Result<(), Failure> {
    out.line(id)?;
    let what = records.map_or_else(
        || "nothing is shredded yet".to_owned(),
        |records| format!("nothing is recalled yet: {records} records are meant"),
    );
    out.note(&format!(
        "{what}; another operator approves it within a day: comity approvals approve {id}"
    ));
    Ok(())
}

/// Shows what was recalled.
pub(super) fn recalled(records: &[RecalledRecord], out: &mut Out) -> Result<(), Failure> {
    let rows = records
        .iter()
        .map(|one| vec![one.reference.clone(), one.recall.clone()])
        .collect();
    out.table(&["RECALLED", "BY"], rows)?;
    out.note("`comity recall status REF` says who complied");
    Ok(())
}

impl Status {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client
            .life
            .get_recall_status(GetRecallStatusRequest {
                reference: self.reference,
            })
            .await?
            .into_inner();
        if out.json() {
            for version in &answer.versions {
                out.value(&json::to_json("comity.node.v1.RecallStatus", version)?)?;
            }
            return Ok(());
        }
        let now = system_clock()();
        let mut rows = Vec::new();
        for version in &answer.versions {
            for country in &version.countries {
                let mut row = vec![version.reference.clone(), version.recall.clone()];
                row.extend(compliance(country, version.recalled_us, now));
                rows.push(row);
            }
        }
        out.table(
            &["RECORD", "RECALL", "COUNTRY", "STATE", "AGE", "SAYS"],
            rows,
        )
    }
}

fn compliance(of: &Compliance, recalled_us: i64, now: Moment) -> Vec<String> {
    let name = of.state().as_str_name().to_lowercase();
    let state = name.strip_prefix("compliance_state_").unwrap_or(&name);
    let mut says = Vec::new();
    if !of.ground.is_empty() {
        says.push(format!("ground: {}", of.ground));
    }
    if of.backups_until_us > 0 {
        let until = moment(Moment::from_micros(of.backups_until_us));
        says.push(format!("backups until {until}"));
    }
    if of.backups_unknown {
        says.push("does not say whether backups exist".to_owned());
    }
    for disclosure in &of.disclosures {
        let at = moment(Moment::from_micros(disclosure.time_us));
        let to = match disclosure.country.as_str() {
            "" => String::new(),
            country => format!(" to {country}"),
        };
        says.push(format!("disclosed by {}{to} at {at}", disclosure.manner));
    }
    let age = if recalled_us == 0 {
        String::new()
    } else {
        let until = if of.since_us > recalled_us {
            Moment::from_micros(of.since_us)
        } else {
            now
        };
        age(until.since(Moment::from_micros(recalled_us)).as_secs())
    };
    if !of.unverified.is_empty() {
        says.push(format!("NOT VERIFIED: {}", of.unverified));
    }
    let country = match of.passed_on_by.as_str() {
        "" => of.country.clone(),
        by => format!("{} by way of {by}", of.country),
    };
    vec![country, state.replace('_', " "), age, says.join("; ")]
}

/// How long from the recall to the state shown, or until now.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The beginning of a day in UTC.
fn day(text: &str) -> Result<Moment, Failure> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, &form)
        .map(|date| Moment::from(date.midnight().assume_utc()))
        .map_err(|_| Failure::new(USAGE, format!("`{text}` is not a day written YYYY-MM-DD")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_ages() {
        assert_eq!(
            day("2026-01-02").unwrap().to_string(),
            "2026-01-02T00:00:00Z"
        );
        assert!(day("2026-13-02").is_err() && day("tomorrow").is_err());
        assert_eq!((age(5), age(600)), ("5 s".to_owned(), "10 min".to_owned()));
        assert_eq!(age(3 * 86_400), "3 d");
    }
}
