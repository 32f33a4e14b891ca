//! The rules of a record, checked all at once.
//!
//! Here are the rules of the record itself; `situation` has those of what every kind shares, `kinds`
//! those of each kind, `compartments` those of what concerns persons and sources, `checker` and
//! `text` those of single values.

mod at;
mod checker;
mod codes;
mod compartments;
mod date;
mod destinations;
mod evidence;
mod follows;
mod joint;
mod kinds;
mod language;
mod onward;
mod script;
mod situation;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod times;

use std::time::Duration;

use prost::Message as _;

pub(in crate::record) use at::At;
pub(in crate::record) use checker::Checker;
pub use checker::MAX_LIST;
pub(in crate::record) use compartments::victims_go_to_named_authorities;
pub(in crate::record) use destinations::destination_reads;
pub use evidence::MAX_EVIDENCE_STEPS;
pub use steps::MAX_LATE_RECEIPTS;
pub(in crate::record) use text::Text;

use self::checker::Fault;
use super::{Country, Moment, Reference, Rule, Violations};
use crate::wire::record::{HandlingCode, Marking, Record, Tlp, TransferPurpose, Urgency};

/// Largest encoded record, in bytes: 1 MiB.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Most destinations: every country of ISO 3166-1 and one to spare.
pub const MAX_DESTINATIONS: usize = 250;

/// Longest life of a record that expires, in days: 50 years.
const MAX_LIFE_DAYS: u64 = 50 * 365 + 13;

/// Longest title, in characters.
pub(in crate::record) const MAX_TITLE: usize = 200;

/// Longest summary and other long text, in characters.
pub(in crate::record) const MAX_SUMMARY: usize = 20_000;

/// Longest name, identifier or one-line text, in characters.
const MAX_LINE: usize = 256;

/// Longest note, in characters.
const MAX_NOTE: usize = 2_000;

/// Longest address, in characters.
pub(in crate::record) const MAX_URL: usize = 2_048;

/// What a record is checked against.
#[derive(Clone, Copy)]
pub struct ValidationContext<'a> {
    /// The present.
    pub now: Moment,
    /// The country that submits, or submitted, the record.
    pub origin: Country,
    /// The authorities that a country's card names; `None` when there is no card of the country.
    /// Not asked when the record was received, nor for a step.
    pub authorities: &'a dyn Fn(Country) -> Option<Vec<String>>,
    /// True at a destination: reference and time of submission must be there. Nothing that only
    /// the origin could know, or that depends on when the record arrived, is checked again: cards
    /// of other countries, and whether a deadline still lies ahead.
    pub received: bool,
}

/// Checks every rule of a record.
///
/// # Errors
/// [`Violations`]: every rule broken, with the path of its field.
pub fn validate(record: &Record, context: &ValidationContext<'_>) -> Result<(), Violations> {
    let mut checker = Checker::default();
    let size = record.encoded_len();
    if size > MAX_RECORD_BYTES {
        checker.found(
            At::RECORD,
            Rule::TooLarge,
            format!(
                "the record has {size} bytes; at most {MAX_RECORD_BYTES} are allowed; files travel as items of evidence"
            ),
        );
        return checker.finish();
    }
    given_by_the_node(&mut checker, record, context);
    // The node itself takes steps and passes on for its country; it need not name an authority.
    let by_node = record.step.is_some() || record.onward.is_some();
    if !by_node || !record.authority.is_empty() {
        authority(&mut checker, &record.authority, context);
    }
    let destinations_at = At::RECORD.field("destinations");
    // A step goes to whoever is concerned by the record, whatever became of their cards since: a card
    // that expired must not keep a recall from the others.
    let asks_cards = !context.received && record.step.is_none();
    destinations::check(
        &mut checker,
        destinations_at,
        &record.destinations,
        asks_cards,
        context,
    );
    checker.code::<Urgency>(At::RECORD.field("urgency"), record.urgency, true);
    checker.code::<TransferPurpose>(At::RECORD.field("purpose"), record.purpose, false);
    marking(&mut checker, record.marking.as_ref());
    expiry(&mut checker, record, context);
    follows::check(&mut checker, record, context);
    joint::belongs(&mut checker, record, context);
    if let Some(step) = &record.step {
        steps::check(&mut checker, step, record, context);
    } else if let Some(onward) = &record.onward {
        onward::check(&mut checker, onward);
    } else {
        situation::check(&mut checker, record, context);
    }
    compartments::check(&mut checker, record);
    checker.finish()
}

/// Reference and time of submission: given by the origin's node, and by nobody else.
fn given_by_the_node(checker: &mut Checker, record: &Record, context: &ValidationContext<'_>) {
    let reference_at = At::RECORD.field("reference");
    let submitted_at = At::RECORD.field("submittedAt");
    if !context.received {
        let refused = "is set by the node; leave it out of a submission";
        if !record.reference.is_empty() {
            checker.found(reference_at, Rule::NotAllowedHere, refused);
        }
        if record.submitted_at.is_some() {
            checker.found(submitted_at, Rule::NotAllowedHere, refused);
        }
        return;
    }
    if record.reference.is_empty() {
        checker.required(reference_at, "the reference given by the origin");
    } else {
        match record.reference.parse::<Reference>() {
            Err(error) => checker.not_a_reference(reference_at, &record.reference, &error),
            Ok(reference) if reference.to_string() != record.reference => checker.found(
                reference_at,
                Rule::FormatInvalid,
                format!("must be written {reference}"),
            ),
            Ok(reference) if reference.country != context.origin => checker.found(
                reference_at,
                Rule::Mismatch,
                format!(
                    "{reference} is a reference of {}, but {} sent the record",
                    reference.country, context.origin
                ),
            ),
            Ok(_) => {}
        }
    }
    match &record.submitted_at {
        None => checker.required(submitted_at, "the time of submission"),
        Some(stamp) => {
            checker.moment(submitted_at, stamp);
        }
    }
}

fn authority(checker: &mut Checker, name: &str, context: &ValidationContext<'_>) {
    let at = At::RECORD.field("authority");
    if context.received {
        return checker.text(at, name, Text::line(MAX_LINE));
    }
    let Some(known) = (context.authorities)(context.origin) else {
        return checker.text(at, name, Text::line(MAX_LINE));
    };
    if name.is_empty() {
        // A country with a single, unnamed desk submits without naming it.
        if !known.is_empty() {
            checker.required(
                at,
                &format!("the submitting authority, one of {},", listed(&known)),
            );
        }
    } else if !known.iter().any(|authority| authority == name) {
        unknown_authority(checker, at, name, context.origin, &known);
    }
}

fn unknown_authority(
    checker: &mut Checker,
    at: At<'_>,
    name: &str,
    country: Country,
    known: &[String],
) {
    let shown = checker.shown(name);
    let message = if known.is_empty() {
        format!("{shown} is unknown: the card of {country} names no authorities")
    } else {
        format!(
            "{shown} is no authority of {country}; its card names {}",
            listed(known)
        )
    };
    let fault = Fault::new(message)
        .value(checker.code_of(name))
        .allowed(known.iter().take(20).cloned());
    checker.refuse(at, Rule::UnknownAuthority, fault);
}

fn listed(known: &[String]) -> String {
    let first: Vec<&str> = known.iter().take(20).map(String::as_str).collect();
    let more = if known.len() > 20 { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

fn marking(checker: &mut Checker, marking: Option<&Marking>) {
    let at = At::RECORD.field("marking");
    let Some(marking) = marking else {
        return checker.required(at.field("tlp"), "a marking of the Traffic Light Protocol");
    };
    checker.code::<Tlp>(at.field("tlp"), marking.tlp, true);
    checker.codes::<HandlingCode>(at.field("handling"), &marking.handling, false);
    let note_at = at.field("handlingNote");
    let note = Text::lines(MAX_NOTE);
    if marking.handling.contains(&(HandlingCode::H3 as i32)) {
        checker.text(note_at, &marking.handling_note, note.required());
    } else if !marking.handling_note.is_empty() {
        checker.text(note_at, &marking.handling_note, note);
        checker.found(
            note_at,
            Rule::NotAllowedHere,
            "a restriction in words stands for H3; add HANDLING_CODE_H3 to `marking.handling`",
        );
    }
}

fn expiry(checker: &mut Checker, record: &Record, context: &ValidationContext<'_>) {
    let at = At::RECORD.field("expiresAt");
    let Some(stamp) = &record.expires_at else {
        return;
    };
    let Some(expires) = checker.moment(at, stamp) else {
        return;
    };
    let latest = context.now + Duration::from_secs(MAX_LIFE_DAYS * 86_400);
    if !context.received && (expires <= context.now || expires > latest) {
        let fault = Fault::new(format!(
            "{expires} is not in the future or more than 50 years ahead; it is {} now",
            context.now
        ))
        .value(Some(expires.to_string()))
        .allowed(["in the future, at most 50 years ahead".to_owned()]);
        checker.refuse(at, Rule::OutOfRange, fault);
    }
}
