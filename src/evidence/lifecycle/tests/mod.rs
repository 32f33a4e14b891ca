//! The table, the order and the fold, step by step and by properties.

mod clocks;
mod named;
mod random;
mod table;

use std::sync::Arc;

use super::{Act, Counted, Matter, Side, Step};
use crate::{
    crypto::Digest,
    evidence::terms::{self, Happened, Terms, TermsSet},
    record::Moment,
    wire::record::Urgency,
};

fn matter() -> Matter {
    Matter {
        issuing: Side {
            country: "UZ".parse().unwrap(),
            authorities: vec!["prosecutor-general".to_owned()],
        },
        executing: Side {
            country: "KZ".parse().unwrap(),
            authorities: vec!["prosecutor".to_owned(), "interior-ministry".to_owned()],
        },
        refusal_grounds: Vec::new(),
        delivered: true,
        counted: None,
        received: None,
    }
}

/// The same, with clocks: received at a moment, decided within 30 days that may be extended by 30.
fn counted() -> Matter {
    let set = TermsSet::built_in().unwrap();
    let wire = set.terms("eio-2014-41", "DE".parse().unwrap()).unwrap();
    let counted = Counted {
        terms: Terms::try_from(&wire).unwrap(),
        case: terms::Case::new(Urgency::Routine, ""),
    };
    Matter {
        counted: Some(Arc::new(counted)),
        received: Some(hours(0)),
        ..matter()
    }
}

/// So many hours after 2026-06-01T09:00:00Z.
fn hours(hours: i64) -> Moment {
    Moment::from_micros((1_780_304_400 + hours * 3600) * 1_000_000)
}

/// What an act means for clocks, taken some hours after the request was received.
fn happened(act: Act, after: i64) -> Option<Happened> {
    Some(match act {
        Act::Acknowledge => Happened::Acknowledged,
        Act::Ask => Happened::InformationRequested,
        Act::Answer => Happened::InformationAnswered,
        Act::Recognise => Happened::Recognised,
        Act::Refuse => Happened::Refused,
        Act::Postpone => Happened::Postponed { until: None },
        Act::Begin => Happened::ExecutionBegun,
        Act::Extend => Happened::Extended {
            clock: "decide".to_owned(),
            until: hours(31 * 24 + after * 10),
        },
        Act::Delay => Happened::Delayed {
            clock: "execute".to_owned(),
            estimate: hours(after + 2000),
        },
        Act::ExecutePart => Happened::Executed { partial: true },
        Act::Execute => Happened::Executed { partial: false },
        Act::TransferPart => Happened::Transferred { complete: false },
        Act::Transfer => Happened::Transferred { complete: true },
        Act::ReturnOriginals | Act::ReceiveOriginals => Happened::Returned,
        Act::Withdraw => Happened::Withdrawn,
        Act::Close => Happened::Closed,
        _ => return None,
    })
}

fn digest(of: u8) -> Digest {
    Digest::from_array([of; 32])
}

/// A step by its country, its digest, its number and the one before, and what it had seen.
fn step(country: &str, of: u8, number: u32, previous: u8, seen: (u32, u8), act: Act) -> Step {
    let some = |of: u8| (of != 0).then(|| digest(of));
    let authority = match country {
        "UZ" => "prosecutor-general",
        _ => "prosecutor",
    };
    Step {
        digest: digest(of),
        origin: country.parse().unwrap(),
        authority: authority.to_owned(),
        number,
        previous: some(previous),
        seen: seen.0,
        seen_digest: some(seen.1),
        act,
        ground: 0,
        to: "interior-ministry".to_owned(),
        at: hours(i64::from(of)),
        happened: None,
    }
}
