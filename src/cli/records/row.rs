//! A record in a table.

use std::time::Duration;

use crate::{
    record::Moment,
    wire::{
        envelope::ReceiptType,
        json,
        node::{ChargeState, DeliveryState, Due, DueState, RecordSummary},
        record::CompartmentLabel,
    },
};

use super::super::exit::Failure;

pub(super) const HEADINGS: [&str; 10] = [
    "REFERENCE",
    "STATE",
    "KIND",
    "URGENCY",
    "SUBMITTED",
    "DUE",
    "HELD BY",
    "PARTS",
    "DELIVERED",
    "TITLE",
];

/// A summary as JSON, with the digest in hexadecimal as everywhere else.
pub(in crate::cli) fn summary_json(record: &RecordSummary) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.RecordSummary", record)?;
    if let Some(object) = value.as_object_mut() {
        object.insert(
            "headerDigest".to_owned(),
            hex::encode(&record.header_digest).into(),
        );
    }
    Ok(value)
}

pub(super) fn row(record: &RecordSummary, now: Moment) -> Vec<String> {
    let marked = if record.exercise { "EXERCISE " } else { "" };
    let delivered = record
        .deliveries
        .iter()
        .filter(|delivery| delivery.receipt() == ReceiptType::Delivery)
        .count();
    vec![
        record.reference.clone(),
        state(record),
        format!("{marked}{}", record.kind),
        short(record.urgency().as_str_name(), "URGENCY_"),
        crate::cli::out::moment(Moment::from_micros(record.submitted_us)),
        record
            .due
            .as_ref()
            .map(|of| due(of, now))
            .unwrap_or_default(),
        held_by(record),
        record
            .compartments
            .iter()
            .filter_map(|label| CompartmentLabel::try_from(*label).ok())
            .map(|label| short(label.as_str_name(), "COMPARTMENT_LABEL_"))
            .collect::<Vec<_>>()
            .join(","),
        if record.deliveries.is_empty() {
            String::new()
        } else {
            format!("{delivered}/{}", record.deliveries.len())
        },
        record.title.clone(),
    ]
}

/// What became of a record, in a word or two.
fn state(record: &RecordSummary) -> String {
    let mut state = short(record.state().as_str_name(), "RECORD_STATE_");
    if record.held {
        state.push_str(", held");
    }
    if record.deliveries.is_empty() && !record.read {
        state.push_str(", unread");
    }
    state
}

/// How what is due stands.
fn due(of: &Due, now: Moment) -> String {
    let by = Moment::from_micros(of.due_us);
    let what = if of.answer { "answer " } else { "" };
    let stands = match of.state() {
        DueState::Open => format!("{what}in {}", age(by.since(now))),
        DueState::Soon => format!("{what}SOON, in {}", age(by.since(now))),
        DueState::Overdue => format!("{what}OVERDUE by {}", age(now.since(by))),
        DueState::Met => return "met".to_owned(),
        DueState::MetLate => return "met late".to_owned(),
        DueState::Over | DueState::Unspecified => return String::new(),
    };
    let again = if of.level > 1 {
        ", escalated twice"
    } else {
        ""
    };
    let awaited = if of.awaited.is_empty() {
        String::new()
    } else {
        format!(" ({})", of.awaited.join(", "))
    };
    format!("{stands}{again}{awaited}")
}

/// A time that has passed, roughly.
pub(super) fn age(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes} min"),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// Who is in charge: here by name, elsewhere by authority.
fn held_by(record: &RecordSummary) -> String {
    let here = record.charges.iter().map(charge);
    let there = record.deliveries.iter().map(acknowledged);
    let all: Vec<String> = here.chain(there).filter(|of| !of.is_empty()).collect();
    all.join(", ")
}

fn charge(of: &ChargeState) -> String {
    let name = of.officer.rsplit('/').next().unwrap_or(&of.officer);
    let assigned = if of.acknowledged_us == 0 {
        "assigned, "
    } else {
        ""
    };
    format!("{name} ({assigned}{})", authority(&of.authority))
}

/// Which authorities of a destination took charge.
pub(super) fn acknowledged(of: &DeliveryState) -> String {
    let taken = of.acknowledgements.iter();
    let names: Vec<String> = taken
        .map(|by| format!("{}/{}", of.country, authority(&by.authority)))
        .collect();
    names.join(", ")
}

/// The name of an authority.
pub(in crate::cli) fn authority(name: &str) -> String {
    match name {
        "" => "liaison desk".to_owned(),
        name => name.to_owned(),
    }
}

fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{node::Acknowledgement, record::Urgency};

    fn at(hours: i64) -> Moment {
        Moment::from_micros(hours * 3_600_000_000)
    }

    #[test]
    fn a_row_counts_deliveries_and_names_who_took_it() {
        let delivery = DeliveryState {
            country: "UZ".to_owned(),
            acknowledgements: vec![Acknowledgement::default()],
            ..DeliveryState::default()
        };
        let record = RecordSummary {
            urgency: Urgency::Emergency.into(),
            deliveries: vec![delivery, DeliveryState::default()],
            exercise: true,
            kind: "Route".to_owned(),
            ..RecordSummary::default()
        };
        let row = row(&record, at(0));
        assert_eq!(row[2], "EXERCISE Route");
        assert_eq!(row[3], "emergency");
        assert_eq!(row[6], "UZ/liaison desk");
        assert_eq!(row[8], "0/2");
    }

    #[test]
    fn what_is_due_is_said_with_its_age() {
        let of = |state: DueState, level, awaited: &[&str]| {
            let due_of = Due {
                state: state.into(),
                due_us: at(10).micros(),
                level,
                awaited: awaited.iter().map(|of| (*of).to_owned()).collect(),
                ..Due::default()
            };
            due(&due_of, at(if state == DueState::Overdue { 15 } else { 9 }))
        };
        assert_eq!(of(DueState::Open, 0, &[]), "in 1 h");
        assert_eq!(of(DueState::Soon, 0, &["KZ"]), "SOON, in 1 h (KZ)");
        assert_eq!(
            of(DueState::Overdue, 2, &["KZ", "AE"]),
            "OVERDUE by 5 h, escalated twice (KZ, AE)"
        );
        assert_eq!(of(DueState::Met, 0, &[]), "met");
        assert_eq!(age(Duration::from_secs(59 * 60)), "59 min");
        assert_eq!(age(Duration::from_secs(72 * 3600)), "3 d");
    }

    #[test]
    fn only_other_countries_records_are_unread() {
        let record = RecordSummary::default();
        assert!(state(&record).ends_with("unread"));
        let own = RecordSummary {
            deliveries: vec![DeliveryState::default()],
            ..RecordSummary::default()
        };
        assert!(!state(&own).contains("unread"));
    }
}
