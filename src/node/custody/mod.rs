//! Custody of items: what this node states when it does something with one, and what officers state.
//!
//! An entry is signed outside the writer and stated by it, in the group of what it is about where there
//! is one: an item that is kept, a step that hands it over. When another entry was faster it is signed
//! again. The other country's entries are not stored apart: they stand in the records that carry them.

mod automatic;
mod chain;
mod export;
mod handing;
mod parts;
pub(in crate::node) mod rows;
mod state;

use prost::Message as _;

pub(in crate::node) use automatic::Uploaded;
pub use chain::{ItemCustody, ShownCustody};
pub use export::EvidenceExport;
pub(in crate::node) use rows::ItemId;
pub use state::{CustodyError, CustodyStatement};

use crate::{
    crypto::{Digest, Domain},
    entry::{EntryError, Event},
    evidence::custody::{CustodyOrder, Last, OrderFault, next, sign_by, stated},
    record::Moment,
    wire::record::{CustodyEntry, SignedCustody},
};

use super::{
    Node, NodeError,
    rules::{By, CustodyDraft},
};

/// Additional data of a custody entry at rest.
fn aad(item: &ItemId, number: u32) -> Vec<u8> {
    [
        Domain::Storage.prefix(),
        b"custody",
        item,
        &number.to_be_bytes(),
    ]
    .concat()
}

/// An entry that was signed and not stated yet.
#[derive(Clone, Debug)]
pub(in crate::node) struct Signed {
    pub(in crate::node) draft: CustodyDraft,
    pub(in crate::node) signed: SignedCustody,
}

impl Node {
    /// The own entries of an item, oldest first.
    pub(in crate::node) fn own_custody(
        &self,
        item: &ItemId,
    ) -> Result<Vec<SignedCustody>, NodeError> {
        let mut entries = Vec::new();
        for place in rows::places(&self.store, item)? {
            let entry = crate::entry::Entry::decode(&self.store.body(place)?)?;
            let Event::CustodyStated(of) = entry.event else {
                return Err(EntryError::Field("custody_stated").into());
            };
            let sealed = self.store.blob(place, 0)?;
            let plain = self
                .keys
                .storage
                .open(&aad(item, of.number), &sealed)
                .map_err(|_| EntryError::Field("custody entry"))?;
            let signed = SignedCustody::decode(plain.as_slice()).map_err(EntryError::from)?;
            entries.push(signed);
        }
        Ok(entries)
    }

    /// Where the own chain of an item ends.
    pub(in crate::node) fn custody_end(&self, item: &ItemId) -> Result<Option<Last>, NodeError> {
        Ok(rows::last(&self.store, item)?)
    }

    /// Signs the next entry of an item's chain after `after`, building on what the records carry of the other
    /// country's. Signing may take as long as a token takes.
    pub(in crate::node) fn sign_custody(
        &self,
        header: Digest,
        order: &CustodyOrder,
        after: Option<Last>,
        other: Option<Digest>,
        by: By,
    ) -> Result<Result<Signed, OrderFault>, NodeError> {
        let now: Moment = self.now();
        let entry = match next(order, self.country, after, other, now) {
            Ok(entry) => entry,
            Err(fault) => return Ok(Err(fault)),
        };
        let renewal = self.own_card().renewal.as_ref().map_or(0, |of| of.number);
        let entry = CustodyEntry { renewal, ..entry };
        let signed = sign_by(&entry, &*self.keys.signing)?;
        let is = stated(&signed).map_err(|_| EntryError::Field("custody entry"))?;
        let sealed = self
            .keys
            .storage
            .seal(&aad(&order.item, entry.number), &signed.encode_to_vec())
            .map_err(|error| NodeError::Store(error.into()))?;
        Ok(Ok(Signed {
            draft: CustodyDraft {
                item: order.item,
                header,
                after,
                is: Last::from(&is),
                sealed,
                by,
            },
            signed,
        }))
    }
}
