//! `comity audit who` and `comity audit officer`.

use clap::Args;

use crate::{
    record::{Moment, compartments::label_name},
    wire::{
        json,
        ledger::{Action, ReadingPurpose},
        node::{ListActsOfPersonRequest, ListActsOnRecordRequest, LoggedAct},
        record::CompartmentLabel,
    },
};

use super::{
    super::{
        Target,
        exit::Failure,
        out::{self, Out},
    },
    when::{self, When},
};

/// Acts asked for at a time.
const PAGE: u32 = 500;

/// Show who saw, searched up, followed, exported or was refused a record, newest first.
#[derive(Debug, Args)]
pub(in crate::cli) struct Who {
    #[command(flatten)]
    target: Target,
    /// Reference, such as UZ-26-000412-H.
    reference: String,
    #[command(flatten)]
    page: Page,
}

/// Show everything that a person did, refused attempts included, newest first.
#[derive(Debug, Args)]
pub(in crate::cli) struct Officer {
    #[command(flatten)]
    target: Target,
    /// Who: an officer's name, or another kind with it, such as auditor/s.lee.
    person: String,
    /// From this day of the country's own time, or moment, on.
    #[arg(long, value_name = "TIME", value_parser = when::begins)]
    from: Option<When>,
    /// To this day, itself included, or moment.
    #[arg(long, value_name = "TIME", value_parser = when::ends)]
    to: Option<When>,
    #[command(flatten)]
    page: Page,
}

/// Which part of a long list.
#[derive(Clone, Debug, Args)]
struct Page {
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only leaves below this one: where the list before ended.
    #[arg(long, value_name = "LEAF")]
    before: Option<u64>,
}

impl Page {
    fn token(&self) -> String {
        self.before
            .map_or_else(String::new, |leaf| leaf.to_string())
    }
}

impl Who {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let mut list = List::new(self.page.limit);
        let mut page_token = self.page.token();
        while let Some(page_size) = list.wants() {
            let request = ListActsOnRecordRequest {
                reference: self.reference.clone(),
                page_size,
                page_token: page_token.clone(),
            };
            let answer = client
                .audit
                .list_acts_on_record(request)
                .await?
                .into_inner();
            page_token.clone_from(&answer.next_page_token);
            list.take(answer.acts, answer.next_page_token);
        }
        list.show(&HEADINGS_OF_RECORD, row_of_record, out)?;
        out.note("leaves are proved by `comity audit prove`, and those of lists by `comity audit verify`");
        Ok(())
    }
}

impl Officer {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let mut list = List::new(self.page.limit);
        let mut page_token = self.page.token();
        let (mut person, mut unindexed) = (String::new(), 0);
        while let Some(page_size) = list.wants() {
            let request = ListActsOfPersonRequest {
                person: self.person.clone(),
                from_us: self.from.map_or(0, |from| from.at.micros()),
                to_us: self.to.map_or(0, |to| to.at.micros()),
                from_local_day: self.from.is_some_and(|from| from.is_local_day),
                to_local_day: self.to.is_some_and(|to| to.is_local_day),
                page_size,
                page_token: page_token.clone(),
            };
            let answer = client
                .audit
                .list_acts_of_person(request)
                .await?
                .into_inner();
            page_token.clone_from(&answer.next_page_token);
            (person, unindexed) = (answer.person, answer.unindexed);
            list.take(answer.acts, answer.next_page_token);
        }
        if list.acts.is_empty() {
            out.note(&format!(
                "no leaf of that time names {person} as who did it"
            ));
        }
        list.show(&HEADINGS_OF_PERSON, row_of_person, out)?;
        if unindexed > 0 {
            out.note(&format!(
                "NOT COMPLETE: {unindexed} leaves of an earlier version are not in the index of persons yet; ask \
                 again in a moment"
            ));
        }
        Ok(())
    }
}

/// A list in the making, over as many pages as it needs.
struct List {
    acts: Vec<LoggedAct>,
    limit: usize,
    /// Where the next page goes on; `None` before the first.
    next: Option<String>,
}

impl List {
    fn new(limit: u32) -> Self {
        Self {
            acts: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            next: None,
        }
    }

    /// How many are wanted of the next page; `None` when no page is.
    fn wants(&self) -> Option<u32> {
        let left = self.limit.saturating_sub(self.acts.len());
        let ended = self.next.as_ref().is_some_and(String::is_empty);
        let left = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        (left > 0 && !ended).then_some(left)
    }

    fn take(&mut self, acts: Vec<LoggedAct>, next: String) {
        self.acts.extend(acts);
        self.next = Some(next);
    }

    fn show(
        &self,
        headings: &[&str],
        row: fn(&LoggedAct) -> Vec<String>,
        out: &mut Out,
    ) -> Result<(), Failure> {
        if out.json() {
            for act in &self.acts {
                out.value(&act_json(act)?)?;
            }
        } else {
            out.table(headings, self.acts.iter().map(row).collect())?;
        }
        if let Some(next) = self.next.as_ref().filter(|next| !next.is_empty()) {
            out.note(&format!("there are more: --before {next} goes on"));
        }
        Ok(())
    }
}

const HEADINGS_OF_RECORD: [&str; 10] = [
    "LEAF",
    "TIME",
    "WHO",
    "AUTHORITY",
    "ROLES",
    "WHAT",
    "COMPARTMENTS",
    "WHY",
    "RESULT",
    "FROM",
];
const HEADINGS_OF_PERSON: [&str; 8] = [
    "LEAF",
    "TIME",
    "WHAT",
    "RECORD",
    "COMPARTMENTS",
    "WHY",
    "RESULT",
    "FROM",
];

fn row_of_record(act: &LoggedAct) -> Vec<String> {
    vec![
        act.leaf.to_string(),
        out::moment(Moment::from_micros(act.time_us)),
        match act.peer.as_str() {
            "" => act.actor.clone(),
            peer => format!("{} ({peer})", act.actor),
        },
        act.authority.clone(),
        act.roles.join(", "),
        act.detail.clone(),
        labels(&act.compartments),
        why(act),
        result(act),
        act.from.clone(),
    ]
}

fn row_of_person(act: &LoggedAct) -> Vec<String> {
    let record = match (act.reference.as_str(), act.about.as_str()) {
        ("", "") => act.references.join(", "),
        ("", about) => about.to_owned(),
        (reference, _) => reference.to_owned(),
    };
    vec![
        act.leaf.to_string(),
        out::moment(Moment::from_micros(act.time_us)),
        act.detail.clone(),
        record,
        labels(&act.compartments),
        why(act),
        result(act),
        act.from.clone(),
    ]
}

fn result(act: &LoggedAct) -> String {
    let refused = act.action() == Action::Refusal && act.count > 1;
    let mut result = match refused {
        true => format!("{} ({} times)", act.result, act.count),
        false => act.result.clone(),
    };
    if !act.withheld.is_empty() {
        result.push_str(&format!(" (withheld: {})", labels(&act.withheld)));
    }
    result
}

/// Names of compartments.
pub(in crate::cli) fn labels(labels: &[u32]) -> String {
    let names: Vec<&str> = labels.iter().map(|label| name(*label)).collect();
    names.join(", ")
}

fn name(label: u32) -> &'static str {
    let label = i32::try_from(label).unwrap_or(0);
    CompartmentLabel::try_from(label).map_or("?", label_name)
}

/// A purpose of the list in words; empty for none.
pub(super) fn purpose(purpose: ReadingPurpose) -> &'static str {
    crate::access::purpose_word(purpose)
}

fn why(act: &LoggedAct) -> String {
    let parts = [purpose(act.reading_purpose()), &act.case_reference];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// An act as JSON, compartments by name.
fn act_json(act: &LoggedAct) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.LoggedAct", act)?;
    if let Some(object) = value.as_object_mut() {
        for (field, of) in [
            ("compartments", &act.compartments),
            ("withheld", &act.withheld),
        ] {
            if !of.is_empty() {
                let names = of.iter().map(|label| name(*label).into()).collect();
                object.insert(field.to_owned(), serde_json::Value::Array(names));
            }
        }
        object.insert("leaf".to_owned(), act.leaf.into());
    }
    Ok(value)
}
