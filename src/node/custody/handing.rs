//! What the node states itself when a record names items: each that goes along is handed over, with its
//! custody so far.

use crate::{
    crypto::Digest,
    entry::ItemStand,
    evidence::custody::{CustodyOrder, OrderFault, stated},
    wire::record::{
        CustodyAct, EvidenceItem, ItemArrival, Record, SignedCustody, evidence_step::Act,
        step::Step,
    },
};

use super::{
    ItemId,
    chain::{ItemCustody, found},
};
use crate::node::{
    Node, NodeError,
    rules::{By, CustodyDraft},
};

/// Most entries that a record carries with an item.
const MAX_CARRIED: usize = 256;

/// By whom and with what items are handed over.
struct Handing<'a> {
    /// SHA-256 of the header of the record to which they belong; zeros until it is sealed.
    header: Digest,
    authority: String,
    actor: &'a str,
    reason: &'static str,
}

impl Node {
    /// What a step of a request does with items: each that goes along is handed over, with its custody so far,
    /// and each that arrived has the entry that says so. The writer states the entries with the step.
    ///
    /// # Errors
    /// [`NodeError`]; within it, [`OrderFault`] where something cannot be stated.
    pub(in crate::node) fn custody_of_step(
        &self,
        record: &mut Record,
        request: u64,
        actor: &str,
    ) -> Result<Result<Vec<CustodyDraft>, OrderFault>, NodeError> {
        let authority = record.authority.clone();
        let step = record.step.as_mut().and_then(|step| step.step.as_mut());
        let Some(Step::Evidence(step)) = step else {
            return Ok(Ok(Vec::new()));
        };
        if let Some(Act::ItemsArrived(arrived)) = &mut step.act {
            for arrival in &mut arrived.items {
                self.carry_arrival(arrival)?;
            }
            return Ok(Ok(Vec::new()));
        }
        let items = record.evidence.iter_mut().flat_map(|of| &mut of.items);
        let items: Vec<&mut EvidenceItem> = items.collect();
        if items.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let carriers = self.carriers(request)?;
        let Some(header) = carriers.first().map(|of| of.stored.digest) else {
            return Ok(Ok(Vec::new()));
        };
        let handing = Handing {
            header,
            authority,
            actor,
            reason: "handed over with a step of the request",
        };
        self.hand_over(items, &self.custody_in(&carriers)?, &handing)
    }

    /// What a record that is no step does with items that are in this country's hands: things that it
    /// describes, and files that were uploaded here, which it names with their keys. `follows` is the record
    /// that it amends or answers. The entries belong to the record itself, which has no header yet.
    ///
    /// # Errors
    /// [`NodeError`]; within it, [`OrderFault`] where something cannot be stated.
    pub(in crate::node) fn custody_of_record(
        &self,
        record: &mut Record,
        follows: Option<u64>,
        actor: &str,
    ) -> Result<Result<Vec<CustodyDraft>, OrderFault>, NodeError> {
        let authority = record.authority.clone();
        let mut items: Vec<&mut EvidenceItem> = Vec::new();
        for item in record.evidence.iter_mut().flat_map(|of| &mut of.items) {
            if self.is_in_hand(item)? {
                items.push(item);
            }
        }
        if items.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let known = match follows {
            Some(number) => self.custody_in(&self.carriers(number)?)?,
            None => Vec::new(),
        };
        let handing = Handing {
            header: Digest::ZERO,
            authority,
            actor,
            reason: "handed over with the record that names it",
        };
        self.hand_over(items, &known, &handing)
    }

    /// Whether an item is in this country's hands: a thing is; a file is where it was uploaded here and is
    /// named with its own key, which nobody has from elsewhere.
    fn is_in_hand(&self, item: &EvidenceItem) -> Result<bool, NodeError> {
        let Ok(id) = ItemId::try_from(item.id.as_slice()) else {
            return Ok(false);
        };
        match self.item_row(&id)? {
            Some(row) if row.stand() == ItemStand::Kept => self.has_key(id, row, &item.key),
            Some(_) => Ok(false),
            None => Ok(item.root.is_empty() && item.key.is_empty()),
        }
    }

    /// States that these items are handed over, and puts what was stated of each so far into it.
    fn hand_over(
        &self,
        items: Vec<&mut EvidenceItem>,
        known: &[ItemCustody],
        handing: &Handing<'_>,
    ) -> Result<Result<Vec<CustodyDraft>, OrderFault>, NodeError> {
        let mut drafts = Vec::with_capacity(items.len());
        for item in items {
            let Ok(id) = ItemId::try_from(item.id.as_slice()) else {
                continue;
            };
            let Some(found) = found(item) else { continue };
            let of = known.iter().find(|of| of.item.id == item.id);
            let mut carried: Vec<SignedCustody> = match of {
                Some(of) => of.entries.clone(),
                None => self.own_custody(&id)?,
            };
            // A thing has no key that shows whose it is: another record's chain is not handed on by its id.
            if of.is_none() && !carried.is_empty() && item.key.is_empty() {
                return Ok(Err(OrderFault::Another));
            }
            let order = CustodyOrder {
                item: id,
                act: CustodyAct::Transferred,
                at: self.now(),
                place: self.here(),
                authority: handing.authority.clone(),
                by: handing.actor.to_owned(),
                reason: handing.reason.to_owned(),
                found,
            };
            let (after, other) = (
                self.custody_end(&id)?,
                of.and_then(|of| self.others_end(of)),
            );
            let by = By::named(handing.actor);
            let signed = match self.sign_custody(handing.header, &order, after, other, by)? {
                Ok(signed) => signed,
                Err(fault) => return Ok(Err(fault)),
            };
            carried.push(signed.signed);
            // Whatever the client said of custody: this is what the node has.
            if carried.len() > MAX_CARRIED {
                return Ok(Err(OrderFault::Full));
            }
            item.custody = carried;
            drafts.push(signed.draft);
        }
        Ok(Ok(drafts))
    }

    /// Puts the entry of an item's delivery into what is told of its arrival.
    fn carry_arrival(&self, arrival: &mut ItemArrival) -> Result<(), NodeError> {
        let Ok(id) = ItemId::try_from(arrival.id.as_slice()) else {
            return Ok(());
        };
        let own = self.own_custody(&id)?;
        let delivered = own
            .into_iter()
            .rfind(|signed| stated(signed).is_ok_and(|of| of.act == CustodyAct::Delivered));
        arrival.custody = delivered.filter(|_| arrival.whole);
        Ok(())
    }
}
