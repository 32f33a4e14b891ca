//! What CAP has no place for, in one parameter: the rest of the record as canonical JSON.

use crate::{
    record::Moment,
    wire::{
        json,
        record::{Alert, HandlingCode, Marking, Record, Situation, situation::Kind},
    },
};

use super::{
    OWN,
    fault::{Fault, FaultKind},
};

/// Name of the parameter.
pub(super) fn name() -> String {
    format!("{OWN}record")
}

const RECORD: &str = "comity.record.v1.Record";

/// Whether a time is lost to the second, as CAP writes times.
fn finer(stamp: Option<prost_types::Timestamp>) -> Option<prost_types::Timestamp> {
    stamp.filter(|stamp| stamp.nanos != 0)
}

/// The part of a record that CAP has no place for.
pub(super) fn rest(record: &Record, situation: &Situation, alert: &Alert) -> Record {
    let marking = record.marking.clone().unwrap_or_default();
    Record {
        urgency: record.urgency,
        marking: Some(Marking {
            handling_note: marking.handling_note,
            tell_purpose: marking.tell_purpose,
            ..Marking::default()
        }),
        expires_at: record.expires_at,
        purpose: record.purpose,
        situation: Some(Situation {
            grading: situation.grading,
            confidence: situation.confidence,
            valid_from: situation.valid_from.clone(),
            valid_until: situation.valid_until.clone(),
            external_references: situation.external_references.clone(),
            kind: Some(Kind::Alert(Alert {
                acknowledge_by: alert.acknowledge_by,
                effective: finer(alert.effective),
                onset: finer(alert.onset),
                expires: finer(alert.expires),
                ..Alert::default()
            })),
            ..Situation::default()
        }),
        ..Record::default()
    }
}

/// The rest as text.
pub(super) fn write(rest: &Record) -> String {
    // A record that was validated has a JSON form.
    json::to_json(RECORD, rest).map_or_else(|_| String::new(), |value| value.to_string())
}

/// Reads the rest, and refuses whatever does not belong into it.
pub(super) fn read(path: &str, text: &str) -> Result<(Record, Situation, Alert), Fault> {
    let fault = |message: String| Fault::new(path, FaultKind::Code, message);
    let record: Record = json::from_json(RECORD, text).map_err(|error| {
        fault(format!(
            "the rest of a record is not written right: {error}"
        ))
    })?;
    let situation = record.situation.clone().unwrap_or_default();
    let alert = match &situation.kind {
        Some(Kind::Alert(alert)) => alert.clone(),
        _ => Alert::default(),
    };
    if rest(&record, &situation, &alert) != record {
        return Err(fault(
            "the rest of a record holds only what CAP has no place for".to_owned(),
        ));
    }
    Ok((record, situation, alert))
}

/// The finer of two times that are the same to the second.
pub(super) fn finest(
    read: Option<Moment>,
    rest: Option<prost_types::Timestamp>,
) -> Option<prost_types::Timestamp> {
    let read = prost_types::Timestamp::from(read?);
    Some(
        rest.filter(|rest| rest.seconds == read.seconds)
            .unwrap_or(read),
    )
}

/// Handling codes and TLP as CAP's `code` elements have them.
pub(super) fn codes(marking: &Marking) -> Vec<String> {
    let mut codes = Vec::new();
    if let Some(tlp) = super::words::word("Tlp", marking.tlp) {
        codes.push(format!("TLP:{}", tlp.replace('_', "+")));
    }
    let handling = marking.handling.iter();
    codes.extend(
        handling.filter_map(|code| super::words::word("HandlingCode", *code)?.parse().ok()),
    );
    codes
}

/// Takes a `code` up into a marking; false where it is none of them.
pub(super) fn take_code(marking: &mut Marking, code: &str) -> bool {
    if let Some(tlp) = code.strip_prefix("TLP:") {
        let number = super::words::number("Tlp", &tlp.replace('+', "_"));
        // Of several the strictest counts; their numbers rise with it.
        marking.tlp = marking.tlp.max(number.unwrap_or_default());
        return number.is_some();
    }
    match super::words::number("HandlingCode", code) {
        Some(number) => {
            marking.handling.push(number);
            true
        }
        None => false,
    }
}

/// What a `restriction` says of a marking: codes, and the note of H3.
pub(super) fn restriction(marking: &Marking) -> String {
    let mut words = codes(marking);
    let other = marking.handling.contains(&HandlingCode::H3.into());
    if other && !marking.handling_note.is_empty() {
        words.push(marking.handling_note.clone());
    }
    words.join("; ")
}
