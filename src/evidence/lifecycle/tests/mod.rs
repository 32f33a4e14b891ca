//! The table, the order and the fold, step by step and by properties.

mod named;
mod random;
mod table;

use super::{Act, Matter, Side, Step};
use crate::crypto::Digest;

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
    }
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
    }
}
