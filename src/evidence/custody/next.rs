//! The next entry of a country's chain.

use super::{
    Stated,
    entry::{MAX_NAME, MAX_REASON, fits},
};
use crate::{
    crypto::Digest,
    record::{Country, Moment},
    wire::record::{CustodyAct, CustodyEntry},
};

/// Where a country's chain of an item ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Number of its last entry.
    pub number: u32,
    /// SHA-256 of that entry.
    pub digest: Digest,
    /// What it states.
    pub act: CustodyAct,
}

impl From<&Stated> for Last {
    fn from(stated: &Stated) -> Self {
        Self {
            number: stated.number,
            digest: stated.digest,
            act: stated.act,
        }
    }
}

/// What shall be stated.
#[derive(Clone, Debug, PartialEq)]
pub struct CustodyOrder {
    /// Id of the item.
    pub item: [u8; 16],
    /// What was done.
    pub act: CustodyAct,
    /// When.
    pub at: Moment,
    /// Where, in words.
    pub place: String,
    /// The authority.
    pub authority: String,
    /// The person or system.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The item's Merkle root, or SHA-256 of a thing's description.
    pub found: Digest,
}

/// Something cannot be stated; whose state it depends on, or which field, it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// A text that is too long or has characters that nobody sees.
    #[error("`{0}` is too long, empty, or has characters that nobody sees")]
    Text(&'static str),
    /// It has not happened yet.
    #[error("the time lies in the future; state what was done, not what will be")]
    Future,
    /// It lies before 1970.
    #[error("the time lies before 1970; correct `at`")]
    Past,
    /// It was destroyed.
    #[error("the item was destroyed here; nothing more happens to it")]
    Destroyed,
    /// The thread does not name it, as far as it is looked at.
    #[error("no record of the thread names the item")]
    Unknown,
    /// Its id is that of a thing of which another record has the chain.
    #[error(
        "another record describes an item with this id; amend that record, or give the item an id of its own"
    )]
    Another,
    /// The chain is as long as one may be.
    #[error("the item's chain of custody is as long as one may be")]
    Full,
}

/// The next entry of `country`'s chain after `own`, which builds on `other`, the last one of the other
/// country that is known; under no renewal, unless who signs it says under which. To be stated by the writer
/// only.
///
/// # Errors
/// [`OrderFault`]; nothing is stated then.
pub fn next(
    order: &CustodyOrder,
    country: Country,
    own: Option<Last>,
    other: Option<Digest>,
    now: Moment,
) -> Result<CustodyEntry, OrderFault> {
    for (text, most, name, needed) in [
        (&order.place, MAX_NAME, "place", false),
        (&order.authority, MAX_NAME, "authority", false),
        (&order.by, MAX_NAME, "by", true),
        (
            &order.reason,
            MAX_REASON,
            "reason",
            super::is_officers(order.act),
        ),
    ] {
        if !fits(text, most) || needed && text.is_empty() {
            return Err(OrderFault::Text(name));
        }
    }
    if order.at.micros() < 0 {
        return Err(OrderFault::Past);
    }
    if order.at > now {
        return Err(OrderFault::Future);
    }
    if own.is_some_and(|own| own.act == CustodyAct::Destroyed) {
        return Err(OrderFault::Destroyed);
    }
    let last = own.map_or(0, |own| own.number);
    if usize::try_from(last).unwrap_or(usize::MAX) >= super::MAX_ENTRIES / 2 {
        return Err(OrderFault::Full);
    }
    Ok(CustodyEntry {
        item: order.item.to_vec(),
        number: last.saturating_add(1),
        previous: own.map_or_else(Vec::new, |own| own.digest.to_vec()),
        builds_on: other.map_or_else(Vec::new, |other| other.to_vec()),
        act: order.act.into(),
        at: Some(order.at.into()),
        told_at: Some(now.into()),
        place: order.place.clone(),
        country: country.code().to_owned(),
        authority: order.authority.clone(),
        by: order.by.clone(),
        reason: order.reason.clone(),
        digest: order.found.to_vec(),
        renewal: 0,
    })
}
