//! An example of each kind, to start from.

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use prost_types::Timestamp;

use super::{UnknownKind, ask::TIMESTAMP, kind};
use crate::{
    record::{Country, Moment, joint::joint_case, kind_name},
    wire::{
        json,
        record::{CompartmentReaders, Record, situation::Kind},
    },
};

/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// When the examples were written, 2026-01-01T00:00:00Z: their times are moved with the present.
pub(super) const WRITTEN_AT: Moment = Moment::from_micros(1_767_225_600_000_000);

/// The example that has every field common to all kinds. It is no example to submit: what it
/// follows is made up.
pub(super) const EVERY_FIELD: &str = "Record";

/// The examples, by the name of their kind.
const EXAMPLES: &[(&str, &str)] = &[
    (EVERY_FIELD, include_str!("examples/Record.json")),
    ("Route", include_str!("examples/Route.json")),
    ("Network", include_str!("examples/Network.json")),
    ("ModusOperandi", include_str!("examples/ModusOperandi.json")),
    ("Alert", include_str!("examples/Alert.json")),
    ("Trend", include_str!("examples/Trend.json")),
    ("Tip", include_str!("examples/Tip.json")),
    (
        "VictimReferral",
        include_str!("examples/VictimReferral.json"),
    ),
    ("CaseRecord", include_str!("examples/CaseRecord.json")),
    ("Message", include_str!("examples/Message.json")),
    (
        "EvidenceRequest",
        include_str!("examples/EvidenceRequest.json"),
    ),
    (
        "SpontaneousInformation",
        include_str!("examples/SpontaneousInformation.json"),
    ),
    ("JointCase", include_str!("examples/JointCase.json")),
    ("Meeting", include_str!("examples/Meeting.json")),
];

/// A country that sends or receives an example, and the authorities that its card names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The country.
    pub country: Country,
    /// Its authorities.
    pub authorities: Vec<String>,
}

/// An example that cannot be addressed to these countries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unaddressable {
    /// No other country's card is held.
    #[error("no other country's card is held; import one first")]
    Nobody,
    /// The record tells of persons, and the country's card names nobody to send it to.
    #[error(
        "the card of {0} names no authority, and such a record goes to authorities by name only"
    )]
    NoAuthority(Country),
}

/// An example of a kind, marked as an exercise, whose deadlines lie after `now`. Its authorities and
/// destinations are made up; see [`address`].
///
/// # Errors
/// [`UnknownKind`] when there is no such kind.
pub fn example(name: &str, now: Moment) -> Result<Record, UnknownKind> {
    let mut example = written(&kind(name)?.name)?;
    let hours = (now.micros() - WRITTEN_AT.micros()).div_euclid(3_600_000_000);
    let seconds = hours * 3600;
    move_times(&mut example, seconds);
    let mut record: Record = example.transcode_to().map_err(|_| UnknownKind)?;
    // The node puts them in.
    if let Some(Kind::EvidenceRequest(request)) =
        record.situation.as_mut().and_then(|of| of.kind.as_mut())
    {
        request.terms = None;
        request.execute_by = moved_day(&request.execute_by, seconds);
    }
    Ok(record)
}

/// The example as it was written.
pub(super) fn written(name: &str) -> Result<DynamicMessage, UnknownKind> {
    let (_, text) = EXAMPLES
        .iter()
        .find(|(of, _)| *of == name)
        .ok_or(UnknownKind)?;
    let record: Record =
        json::from_json("comity.record.v1.Record", text).map_err(|_| UnknownKind)?;
    let mut message = super::fields::record().ok_or(UnknownKind)?;
    message.transcode_from(&record).map_err(|_| UnknownKind)?;
    Ok(message)
}

/// A day, YYYY-MM-DD, moved by whole days; what is no day stays as it is.
fn moved_day(day: &str, seconds: i64) -> String {
    let midnight = format!("{day}T00:00:00Z").parse::<Timestamp>();
    let moved = midnight.map(|at| Timestamp {
        seconds: at.seconds.saturating_add(seconds.div_euclid(DAY_S) * DAY_S),
        nanos: 0,
    });
    let moved = moved.map(|at| at.to_string().chars().take(day.len()).collect());
    moved.unwrap_or_else(|_| day.to_owned())
}

/// Moves every time by `seconds`.
fn move_times(message: &mut DynamicMessage, seconds: i64) {
    if message.descriptor().full_name() == TIMESTAMP {
        let now = message
            .get_field_by_name("seconds")
            .and_then(|value| value.as_i64());
        let moved = now.unwrap_or_default().saturating_add(seconds);
        message.set_field_by_name("seconds", Value::I64(moved));
        return;
    }
    for (_, value) in message.fields_mut() {
        match value {
            Value::Message(inner) => move_times(inner, seconds),
            Value::List(list) => {
                let inner = list.iter_mut().filter_map(Value::as_message_mut);
                inner.for_each(|inner| move_times(inner, seconds));
            }
            Value::Map(map) => {
                let inner = map.values_mut().filter_map(Value::as_message_mut);
                inner.for_each(|inner| move_times(inner, seconds));
            }
            _ => {}
        }
    }
}

/// Addresses an example from one country to others: as many as it has destinations, each authority
/// replaced by the first of the card.
///
/// # Errors
/// [`Unaddressable`] when there is nobody to send it to.
pub fn address(record: &mut Record, own: &Party, others: &[Party]) -> Result<(), Unaddressable> {
    if others.is_empty() {
        return Err(Unaddressable::Nobody);
    }
    let joint = joint_case(record).is_some();
    let met = kind_name(record) == Some("Meeting");
    // Members and participants belong to authorities by name.
    let named = |of: &&Party| (joint || met) && of.authorities.is_empty();
    if let Some(party) = others.iter().chain([own]).find(named) {
        return Err(Unaddressable::NoAuthority(party.country));
    }
    record.authority = own.authorities.first().cloned().unwrap_or_default();
    record.destinations.truncate(others.len());
    let of_a_case = kind_name(record) == Some("CaseRecord");
    for (destination, party) in record.destinations.iter_mut().zip(others) {
        let to: Vec<String> = party.authorities.iter().take(1).cloned().collect();
        // Only what tells of persons needs a name.
        let personal = record.victims.is_some() || of_a_case;
        if to.is_empty() && personal {
            return Err(Unaddressable::NoAuthority(party.country));
        }
        destination.country = party.country.code().to_owned();
        destination.authorities.clone_from(&to);
        let readers = std::mem::take(&mut destination.readers).into_iter();
        destination.readers = readers
            .map(|of| CompartmentReaders {
                authorities: to.clone(),
                ..of
            })
            .filter(|of| !of.authorities.is_empty())
            .collect();
    }
    let parties = [own].into_iter().chain(others);
    let mut parties = parties.map(|of| {
        let authority = of.authorities.first().cloned().unwrap_or_default();
        (of.country.code().to_owned(), authority)
    });
    match record.situation.as_mut().and_then(|of| of.kind.as_mut()) {
        Some(Kind::JointCase(of)) => {
            of.members.truncate(others.len().saturating_add(1));
            for (member, (country, authority)) in of.members.iter_mut().zip(parties) {
                (member.country, member.authority) = (country, authority);
            }
        }
        Some(Kind::Meeting(of)) => {
            let first = parties.next().unwrap_or_default();
            of.participants.truncate(others.len().saturating_add(1));
            let each = [first.clone()].into_iter().chain(parties);
            for (participant, (country, authority)) in of.participants.iter_mut().zip(each) {
                (participant.country, participant.authority) = (country, authority);
            }
            for follow_up in &mut of.follow_ups {
                (follow_up.country, follow_up.authority) = first.clone();
            }
        }
        _ => {}
    }
    Ok(())
}
