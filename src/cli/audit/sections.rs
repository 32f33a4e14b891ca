//! A report as sections of a heading, a few words and a table: the same for the terminal and for paper.

use crate::{
    access::PURPOSES,
    record::Moment,
    wire::node::{
        AuditReport, ReportAct, ReportActs, ReportDimension, ReportFinding, ReportMeasures,
        ReportRule,
    },
};

use super::acts::{labels, purpose};

/// A part of a report.
pub(super) struct Section {
    pub(super) title: &'static str,
    /// What it shows, and by what measure.
    pub(super) says: String,
    pub(super) headings: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// The column of numbers, drawn as bars on paper where `bars` says so.
    pub(super) numbers: Option<usize>,
    pub(super) bars: bool,
}

impl Section {
    fn new(title: &'static str, says: impl Into<String>, headings: &[&'static str]) -> Self {
        Self {
            title,
            says: says.into(),
            headings: headings.to_vec(),
            rows: Vec::new(),
            numbers: None,
            bars: false,
        }
    }
}

/// Minutes that the country's time is ahead of UTC.
pub(super) fn offset(report: &AuditReport) -> i32 {
    let measures = report.measures.unwrap_or_default();
    measures.utc_offset_minutes
}

/// An offset for people: `UTC+05:00`.
pub(super) fn zone(minutes: i32) -> String {
    if minutes == 0 {
        return "UTC".to_owned();
    }
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A moment in the country's time, to the second.
pub(super) fn local(micros: i64, offset: i32) -> String {
    let shift = i64::from(offset).saturating_mul(60_000_000);
    super::super::out::moment(Moment::from_micros(micros.saturating_add(shift)))
}

/// The sections of a report.
pub(super) fn sections(report: &AuditReport) -> Vec<Section> {
    let at = |micros: i64| local(micros, offset(report));
    let mut all = vec![readings(report)];
    all.push(findings(report, &at));
    for (dimension, title, heading) in [
        (ReportDimension::Authority, "By authority", "AUTHORITY"),
        (ReportDimension::Person, "By person", "PERSON"),
        (ReportDimension::Action, "By action", "ACTION"),
        (ReportDimension::Purpose, "By purpose", "PURPOSE"),
        (
            ReportDimension::Compartment,
            "By compartment",
            "COMPARTMENT",
        ),
    ] {
        all.push(totals(report, dimension, title, heading));
    }
    let acts = |title, says, of: &Option<ReportActs>| listed(title, says, of.as_ref(), &at);
    all.push(acts(
        "Victims' compartments opened",
        "Every reading and export in which victims' data was shown.",
        &report.victims,
    ));
    all.push(acts(
        "Exports",
        "What left the node in plain text: for court, to another country, as a table.",
        &report.exports,
    ));
    let mut approvals = Section::new(
        "Two persons",
        "What was asked of a second person, and what became of it.",
        &["WHAT", "COUNT", "PERSONS"],
    );
    approvals.rows = report
        .approvals
        .iter()
        .map(|of| {
            vec![
                of.detail.clone(),
                of.count.to_string(),
                of.persons.to_string(),
            ]
        })
        .collect();
    approvals.numbers = Some(1);
    all.push(approvals);
    let mut refusals = Section::new(
        "Refused attempts",
        "What the permissions refused, by person and reason.",
        &["PERSON", "WHAT", "REASON", "COUNT"],
    );
    let mut rows: Vec<_> = report.refusals.iter().collect();
    rows.sort_by_key(|of| std::cmp::Reverse(of.count));
    refusals.rows = rows
        .into_iter()
        .map(|of| {
            vec![
                of.actor.clone(),
                of.detail.clone(),
                of.why.clone(),
                of.count.to_string(),
            ]
        })
        .collect();
    refusals.numbers = Some(3);
    all.push(refusals);
    all.push(principals(report, &at));
    all.push(keys(report, &at));
    all
}

fn readings(report: &AuditReport) -> Section {
    let of = report.readings.unwrap_or_default();
    let mut section = Section::new(
        "Readings",
        "What persons of this country saw. A list or a search is one reading, however many records it showed.",
        &["WHAT", "COUNT"],
    );
    section.rows = [
        ("records opened", of.opened),
        ("lists and watches", of.lists),
        ("searches and correlations", of.searches),
        ("questions about what became of a record", of.tracked),
        ("looks at the ledger", of.audits),
        ("attempts refused", of.refused),
    ]
    .map(|(what, count)| vec![what.to_owned(), count.to_string()])
    .to_vec();
    section.numbers = Some(1);
    section
}

fn totals(
    report: &AuditReport,
    dimension: ReportDimension,
    title: &'static str,
    heading: &'static str,
) -> Section {
    let says = match dimension {
        ReportDimension::Purpose => format!(
            "For what records were opened, searched and exported, of {} purposes there are.",
            PURPOSES.len()
        ),
        ReportDimension::Compartment => {
            "Which compartments were opened, searched or exported.".to_owned()
        }
        ReportDimension::Authority | ReportDimension::Person => {
            "Everything that persons did or tried.".to_owned()
        }
        _ => "Everything that persons did or tried, in the ledger's words.".to_owned(),
    };
    let persons = dimension == ReportDimension::Person;
    let headings: &[&'static str] = if persons {
        &["PERSON", "AUTHORITY", "COUNT"]
    } else {
        &[heading, "COUNT"]
    };
    let mut section = Section::new(title, says, headings);
    let of = report
        .totals
        .iter()
        .filter(|of| of.dimension() == dimension);
    section.rows = of
        .map(|of| match persons {
            true => vec![of.key.clone(), of.authority.clone(), of.count.to_string()],
            false if of.key == "none" => {
                vec!["(no authority)".to_owned(), of.count.to_string()]
            }
            false => vec![of.key.clone(), of.count.to_string()],
        })
        .collect();
    section.numbers = Some(headings.len().saturating_sub(1));
    section.bars = true;
    section
}

fn listed(
    title: &'static str,
    says: &str,
    of: Option<&ReportActs>,
    at: &dyn Fn(i64) -> String,
) -> Section {
    let acts = of.map(|of| of.acts.as_slice()).unwrap_or_default();
    let count = of.map_or(0, |of| of.count);
    let says = format!("{says} {}", counted(count, acts.len()));
    let headings = [
        "LEAF",
        "TIME",
        "WHO",
        "AUTHORITY",
        "WHAT",
        "RECORD",
        "COMPARTMENTS",
        "PURPOSE",
        "CASE",
    ];
    let mut section = Section::new(title, says, &headings);
    let row = |act: &ReportAct| {
        let record = match act.peer.as_str() {
            "" => act.reference.clone(),
            peer => format!("{} to {peer}", act.reference),
        };
        vec![
            act.leaf.to_string(),
            at(act.time_us),
            act.actor.clone(),
            act.authority.clone(),
            act.detail.clone(),
            record,
            labels(&act.compartments),
            purpose(act.reading_purpose()).to_owned(),
            act.case_reference.clone(),
        ]
    };
    section.rows = acts.iter().map(row).collect();
    section
}

fn counted(count: u64, shown: usize) -> String {
    if u64::try_from(shown).unwrap_or(u64::MAX) < count {
        format!("{count} in all; the newest {shown} are shown.")
    } else {
        format!("{count} in all.")
    }
}

fn principals(report: &AuditReport, at: &dyn Fn(i64) -> String) -> Section {
    let of = report.principals.clone().unwrap_or_default();
    let says = format!(
        "Certificates of this country's persons and systems issued, renewed and revoked. {}",
        counted(of.count, of.acts.len())
    );
    let mut section = Section::new(
        "Certificates",
        says,
        &["LEAF", "TIME", "WHAT", "WHOSE", "AUTHORITY"],
    );
    section.rows = of
        .acts
        .iter()
        .map(|act| {
            vec![
                act.leaf.to_string(),
                at(act.time_us),
                act.detail.clone(),
                act.about.clone(),
                act.authority.clone(),
            ]
        })
        .collect();
    section
}

fn keys(report: &AuditReport, at: &dyn Fn(i64) -> String) -> Section {
    let of = report.keys.clone().unwrap_or_default();
    let mut section = Section::new(
        "Keys of the node",
        format!(
            "Keys that took another's place. {}",
            counted(of.count, of.acts.len())
        ),
        &["LEAF", "TIME", "WHAT"],
    );
    section.rows = of
        .acts
        .iter()
        .map(|act| vec![act.leaf.to_string(), at(act.time_us), act.detail.clone()])
        .collect();
    section
}

fn findings(report: &AuditReport, at: &dyn Fn(i64) -> String) -> Section {
    let measures = report.measures.unwrap_or_default();
    let mut section = Section::new(
        "To look at",
        format!(
            "Counted facts, none of which says that anything was wrong: records opened before {:02}:00 or from \
             {:02}:00 on ({}); {} or more records opened by one person within an hour; {} or more attempts \
             refused within an hour; cases named for one reading only.",
            measures.day_begins_h,
            measures.day_ends_h,
            zone(measures.utc_offset_minutes),
            measures.many_in_an_hour,
            measures.refused_in_an_hour,
        ),
        &["WHAT", "WHO", "AUTHORITY", "WHEN", "COUNT", "LEAVES"],
    );
    let row = |of: &ReportFinding| {
        vec![
            what(of, &measures),
            of.actor.clone(),
            of.authority.clone(),
            match of.rule() {
                ReportRule::UnusualHours => at(of.at_us).chars().take(10).collect(),
                _ => at(of.at_us).chars().take(16).collect(),
            },
            of.count.to_string(),
            if of.first_leaf == of.last_leaf {
                of.first_leaf.to_string()
            } else {
                format!("{} to {}", of.first_leaf, of.last_leaf)
            },
        ]
    };
    section.rows = report.findings.iter().map(row).collect();
    section.numbers = Some(4);
    section
}

fn what(of: &ReportFinding, measures: &ReportMeasures) -> String {
    match of.rule() {
        ReportRule::UnusualHours => format!(
            "records opened outside {:02}:00 to {:02}:00",
            measures.day_begins_h, measures.day_ends_h
        ),
        ReportRule::ManyInAnHour => "records opened within an hour".to_owned(),
        ReportRule::CaseNamedOnce => format!("case {} named once", of.case_reference),
        ReportRule::RefusedInACluster => "attempts refused within an hour".to_owned(),
        ReportRule::Unspecified => String::new(),
    }
}
