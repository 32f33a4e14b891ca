//! The chain of an item: own entries out of the store, the other country's out of the records that carry
//! them.

use std::borrow::Borrow;

use crate::{
    card::{Place, TrustedCard, Vouched},
    crypto::{Digest, KeyId},
    envelope::OriginKeys,
    evidence::{
        bundle::MAX_RECORDS,
        custody::{Anchor, Chain, Item, Stated, stated, verify},
    },
    inbox::StoredRecord,
    record::Country,
    wire::record::{EvidenceItem, Record, SignedCustody, evidence_step::Act, step::Step},
};

use super::ItemId;
use crate::node::{Node, NodeError};

/// An item with everything that is stated about it.
#[derive(Clone, Debug)]
pub struct ItemCustody {
    /// As its record describes it, or as it was uploaded; without its key.
    pub item: EvidenceItem,
    /// The record that describes it, by its place in the list that was looked through; `None` for an upload
    /// that no record names yet.
    pub record: Option<usize>,
    /// The entries of both countries that hold.
    pub entries: Vec<SignedCustody>,
    /// The same in order, and what is missing.
    pub chain: Chain,
    /// Entries that do not hold, in words.
    pub refused: Vec<String>,
}

/// A record that may carry items or entries.
pub(in crate::node) struct Carrier {
    pub(in crate::node) number: u64,
    pub(in crate::node) stored: StoredRecord,
    pub(in crate::node) record: Record,
}

/// The own card, as what verifies statements.
struct Own<'a>(&'a TrustedCard);

impl OriginKeys for Own<'_> {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        let own = origin == self.0.country;
        own.then(|| self.0.signing_key(*id)).flatten()
    }

    fn signers(&self, id: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        let key = self.0.signing_key(*id);
        key.map(|key| (self.0.country, key)).into_iter().collect()
    }

    fn renewal(&self, _country: Country) -> u64 {
        self.0.renewal.as_ref().map_or(0, |of| of.number)
    }
}

/// An item's custody, as somebody is shown it.
#[derive(Clone, Debug)]
pub struct ShownCustody {
    /// The items.
    pub items: Vec<ItemCustody>,
}

impl Node {
    /// A request, or spontaneous information, with the steps that follow it, as far as they open.
    pub(in crate::node) fn carriers(&self, number: u64) -> Result<Vec<Carrier>, NodeError> {
        let mut carriers = Vec::new();
        for number in self.request_and_steps(number, MAX_RECORDS)? {
            let stored = match self.stored(number) {
                Ok(stored) => stored,
                Err(error) if error.is_damage() => continue,
                Err(error) => return Err(error),
            };
            match self.open_stored(&stored) {
                Ok(record) => carriers.push(Carrier {
                    number,
                    stored,
                    record,
                }),
                // Locked or erased: what it carried is not known any more.
                Err(NodeError::Holding(error)) => {
                    tracing::debug!(number, %error, "a record of a thread does not open");
                }
                Err(error) => return Err(error),
            }
        }
        // A step may have come before what it follows.
        carriers.sort_by_key(|of| of.record.follows.is_some());
        Ok(carriers)
    }

    /// The custody of every item of these records, and of every upload to the first of them.
    pub(in crate::node) fn custody_in(
        &self,
        carriers: &[impl Borrow<Carrier>],
    ) -> Result<Vec<ItemCustody>, NodeError> {
        let carriers: Vec<&Carrier> = carriers.iter().map(Borrow::borrow).collect();
        let mut items: Vec<(Option<usize>, EvidenceItem)> = Vec::new();
        for (at, carrier) in carriers.iter().enumerate() {
            for item in items_of(&carrier.record) {
                // The last record that names it describes it.
                match items.iter_mut().find(|(_, known)| known.id == item.id) {
                    Some(known) => *known = (Some(at), item.clone()),
                    None => items.push((Some(at), item.clone())),
                }
            }
        }
        if let Some(first) = carriers.first() {
            for upload in self.uploads_to(&first.stored.digest)? {
                if items.iter().all(|(_, known)| known.id != upload.id) {
                    items.push((None, upload));
                }
            }
        }
        items
            .into_iter()
            .map(|(record, item)| self.custody_of(&carriers, record, item))
            .collect()
    }

    fn custody_of(
        &self,
        carriers: &[&Carrier],
        record: Option<usize>,
        item: EvidenceItem,
    ) -> Result<ItemCustody, NodeError> {
        let id: ItemId = item.id.as_slice().try_into().unwrap_or_default();
        let mut entries = Vec::new();
        let mut signed = Vec::new();
        let mut refused = Vec::new();
        for own in self.own_custody(&id)? {
            match stated(&own) {
                Ok(stated) => {
                    entries.push(stated);
                    signed.push(own);
                }
                Err(fault) => refused.push(fault.to_string()),
            }
        }
        for carrier in carriers {
            let place = self.place_of(&carrier.stored);
            for carried in entries_of(&carrier.record, &item.id) {
                if signed.contains(carried) {
                    continue;
                }
                match self.carried(carried, place.as_ref()) {
                    Ok(stated) => {
                        entries.push(stated);
                        signed.push(carried.clone());
                    }
                    Err(fault) => refused.push(fault),
                }
            }
        }
        refused.sort_unstable();
        refused.dedup();
        Ok(ItemCustody {
            chain: Chain::of(&about(&item), entries),
            item: EvidenceItem {
                key: Vec::new(),
                custody: Vec::new(),
                ..item
            },
            record,
            entries: signed,
            refused,
        })
    }

    /// An entry that a record carries and the store has not: the other country's, or an own one that was lost
    /// when this node was restored from an older state.
    fn carried(&self, signed: &SignedCustody, place: Option<&Place>) -> Result<Stated, String> {
        let anchors: Vec<Anchor<'_>> = place.map(Anchor::Carried).into_iter().collect();
        let own = stated(signed).is_ok_and(|of| of.country == self.country);
        let verified = if own {
            verify(signed, &anchors, &Own(&self.own_card()))
        } else {
            verify(signed, &anchors, &**self.book.load())
        };
        verified.map_err(|fault| fault.to_string())
    }

    /// Where a record of another country stands on its lane to this one.
    fn place_of(&self, stored: &StoredRecord) -> Option<Place> {
        let position = stored.position.as_ref()?;
        Some(Place {
            peer: self.country,
            incarnation: position.incarnation.as_slice().try_into().ok()?,
            lane: u32::try_from(position.lane).ok()?,
            sequence: position.sequence,
            running_hash: Digest::try_from(position.running_hash.as_slice()).ok(),
        })
    }

    /// The last entry of another country about an item that these records carry: what an own entry builds on.
    pub(in crate::node) fn others_end(&self, custody: &ItemCustody) -> Option<Digest> {
        let hands = custody.chain.hands().iter();
        let mut others = hands.filter(|of| of.country != self.country);
        others.next_back().map(|of| of.digest)
    }
}

/// The items that a record describes.
pub(in crate::node) fn items_of(record: &Record) -> impl Iterator<Item = &EvidenceItem> {
    record.evidence.iter().flat_map(|of| &of.items)
}

/// The custody entries of an item that a record carries.
fn entries_of<'a>(record: &'a Record, id: &'a [u8]) -> impl Iterator<Item = &'a SignedCustody> {
    let described = items_of(record).filter(move |item| item.id == id);
    let step = record.step.as_ref().and_then(|step| step.step.as_ref());
    let arrivals = match step {
        Some(Step::Evidence(step)) => match &step.act {
            Some(Act::ItemsArrived(arrived)) => arrived.items.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    let arrived = arrivals.iter().filter(move |of| of.id == id);
    described
        .flat_map(|item| &item.custody)
        .chain(arrived.filter_map(|of| of.custody.as_ref()))
}

/// What a chain is compared with.
pub(in crate::node) fn about(item: &EvidenceItem) -> Item {
    let file = !item.root.is_empty();
    Item {
        id: item.id.as_slice().try_into().unwrap_or_default(),
        digest: found(item),
        file,
    }
}

/// Digest of what is in hand: a file's root, or that of a thing's description; none while a file is not
/// whole.
pub(in crate::node) fn found(item: &EvidenceItem) -> Option<Digest> {
    match item.root.as_slice() {
        [] if item.size > 0 => None,
        [] => Some(Digest::of(item.description.as_bytes())),
        root => Digest::try_from(root).ok(),
    }
}

/// The other country of a thread's records.
pub(in crate::node) fn other_of(carriers: &[Carrier], own: Country) -> Option<Country> {
    let origins = carriers
        .iter()
        .filter_map(|of| of.stored.holding.origin.parse().ok());
    origins.into_iter().find(|country| *country != own)
}
