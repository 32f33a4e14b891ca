//! What the node states itself: hashed and uploaded, delivered, opened.

use std::sync::Arc;

use crate::{
    access::{Purpose, purpose_word},
    crypto::Digest,
    entry::ItemDescription,
    evidence::custody::{CustodyOrder, OrderFault, stated},
    record::Moment,
    wire::record::CustodyAct,
};

use super::{
    ItemId, Signed,
    chain::{Carrier, found},
};
use crate::node::{
    Node, NodeError,
    read::blocking,
    rules::{By, CustodyDraft, Proposal, Refusal},
};

/// How often an entry is signed, at most, while others are faster.
const ATTEMPTS: usize = 8;
/// Most characters of a reason made of purpose and case.
const MAX_REASON: usize = 900;
/// Within which time a download that goes on is the same opening, in microseconds.
const SAME_OPENING_US: i64 = 24 * 3600 * 1_000_000;

/// What an upload that ended is.
pub(in crate::node) struct Uploaded<'a> {
    pub(in crate::node) item: ItemId,
    pub(in crate::node) header: Digest,
    pub(in crate::node) root: Digest,
    pub(in crate::node) description: &'a ItemDescription,
}

impl Node {
    /// The place that the node itself is.
    pub(super) fn here(&self) -> String {
        format!("node of {}", self.country)
    }

    /// The entries of an upload: how the officer says that it came, that it was hashed, that it is here.
    ///
    /// # Errors
    /// [`NodeError`]; within it, [`OrderFault`] where something cannot be stated.
    pub(in crate::node) fn uploaded_entries(
        &self,
        of: &Uploaded<'_>,
        by: &By,
    ) -> Result<Result<Vec<CustodyDraft>, OrderFault>, NodeError> {
        let now = self.now();
        let description = of.description;
        let entry = |act, at, place: String, hand: String, reason: &str| CustodyOrder {
            item: of.item,
            act,
            at,
            place,
            authority: by.authority().to_owned(),
            by: hand,
            reason: reason.to_owned(),
            found: of.root,
        };
        let mut orders = Vec::new();
        if description.seized_us != 0 || !description.seized_by.is_empty() {
            let hand = match description.seized_by.as_str() {
                "" => description.uploaded_by.clone(),
                by => by.to_owned(),
            };
            let at = match description.seized_us {
                0 => now,
                at => Moment::from_micros(at),
            };
            let place = description.seized_place.clone();
            orders.push(entry(
                CustodyAct::Seized,
                at,
                place,
                hand,
                "as stated with the upload",
            ));
        }
        let uploader = &description.uploaded_by;
        for (act, reason) in [
            (
                CustodyAct::Hashed,
                "by the uploading client, and again by the node",
            ),
            (CustodyAct::Uploaded, "to the evidence request"),
        ] {
            orders.push(entry(act, now, self.here(), uploader.clone(), reason));
        }
        let mut after = self.custody_end(&of.item)?;
        let mut drafts = Vec::with_capacity(orders.len());
        for order in &orders {
            let signed = match self.sign_custody(of.header, order, after, None, by.clone())? {
                Ok(signed) => signed,
                Err(fault) => return Ok(Err(fault)),
            };
            after = Some(signed.draft.is);
            drafts.push(signed.draft);
        }
        Ok(Ok(drafts))
    }

    /// The entry that an item of another country arrived whole.
    pub(in crate::node) fn delivered_entry(
        &self,
        number: u64,
        item: &ItemId,
    ) -> Result<Option<CustodyDraft>, NodeError> {
        let carriers = self.carriers(number)?;
        let reason = "every chunk came and fits the root that its country signed";
        let signed = self.nodes_entry(&carriers, item, CustodyAct::Delivered, reason)?;
        Ok(signed.map(|of| of.draft))
    }

    /// An entry in the node's own name about an item of these records; `None` where nothing can be stated.
    fn nodes_entry(
        &self,
        carriers: &[Carrier],
        item: &ItemId,
        act: CustodyAct,
        reason: &str,
    ) -> Result<Option<Signed>, NodeError> {
        let by = By::named(&format!("{}/node", self.country));
        let order = |found| CustodyOrder {
            item: *item,
            act,
            at: self.now(),
            place: self.here(),
            authority: String::new(),
            by: format!("{}/node", self.country),
            reason: reason.to_owned(),
            found,
        };
        let signed = self.entry_about(carriers, item, order, by)?;
        match signed {
            Some(Ok(signed)) => Ok(Some(signed)),
            Some(Err(fault)) => {
                tracing::warn!(item = hex::encode(item), %fault, "custody of an item cannot be stated");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Signs an entry about an item of these records; `None` where they have no such item.
    fn entry_about(
        &self,
        carriers: &[Carrier],
        item: &ItemId,
        order: impl FnOnce(Digest) -> CustodyOrder,
        by: By,
    ) -> Result<Option<Result<Signed, OrderFault>>, NodeError> {
        let Some(header) = carriers.first().map(|of| of.stored.digest) else {
            return Ok(None);
        };
        let custody = self.custody_in(carriers)?;
        let mut custody = custody.into_iter();
        let Some(custody) = custody.find(|of| of.item.id == item) else {
            return Ok(None);
        };
        let Some(found) = found(&custody.item) else {
            return Ok(None);
        };
        let (after, other) = (self.custody_end(item)?, self.others_end(&custody));
        self.sign_custody(header, &order(found), after, other, by)
            .map(Some)
    }

    /// States that somebody opened an item, before the first byte of it leaves. A download that goes on is
    /// the same opening.
    ///
    /// # Errors
    /// [`NodeError`]; within it, [`OrderFault`] where it cannot be stated: then it is not opened.
    pub(in crate::node) async fn state_opened(
        self: &Arc<Self>,
        number: u64,
        item: ItemId,
        by: By,
        purpose: &Purpose,
        goes_on: bool,
    ) -> Result<Result<(), OrderFault>, NodeError> {
        let reason = format!("{}, case {}", purpose_word(purpose.code()), purpose.case());
        for _ in 0..ATTEMPTS {
            let (node, by, reason) = (Arc::clone(self), by.clone(), reason.clone());
            let signed = blocking(move || node.opened_entry(number, &item, &by, reason, goes_on));
            let draft = match signed.await? {
                None => return Ok(Ok(())),
                Some(Err(fault)) => return Ok(Err(fault)),
                Some(Ok(signed)) => signed.draft,
            };
            let proposed = self.writer.propose(Proposal::Custody(vec![draft])).await;
            match proposed.map_err(NodeError::from) {
                Ok(_) => return Ok(Ok(())),
                Err(NodeError::Refused(Refusal::Raced)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(NodeError::Refused(Refusal::Raced))
    }

    /// The entry that an upload was taken back and is erased, with the reason that its officer gave.
    ///
    /// # Errors
    /// [`NodeError`]; within it, [`OrderFault`] where it cannot be stated: then it stays.
    pub(in crate::node) fn destroyed_entry(
        &self,
        number: u64,
        item: ItemId,
        by: &By,
        reason: &str,
    ) -> Result<Result<CustodyDraft, OrderFault>, NodeError> {
        let carriers = self.carriers(number)?;
        let order = |found| CustodyOrder {
            item,
            act: CustodyAct::Destroyed,
            at: self.now(),
            place: self.here(),
            authority: by.authority().to_owned(),
            by: by.actor().to_owned(),
            reason: reason.to_owned(),
            found,
        };
        Ok(
            match self.entry_about(&carriers, &item, order, by.clone())? {
                None => Err(OrderFault::Unknown),
                Some(Err(fault)) => Err(fault),
                Some(Ok(signed)) => Ok(signed.draft),
            },
        )
    }

    fn opened_entry(
        &self,
        number: u64,
        item: &ItemId,
        by: &By,
        reason: String,
        goes_on: bool,
    ) -> Result<Option<Result<Signed, OrderFault>>, NodeError> {
        if goes_on && self.opened_lately(item, by)? {
            return Ok(None);
        }
        let carriers = self.carriers(number)?;
        let order = |found| CustodyOrder {
            item: *item,
            act: CustodyAct::Opened,
            at: self.now(),
            place: self.here(),
            authority: by.authority().to_owned(),
            by: by.actor().to_owned(),
            reason: reason.chars().take(MAX_REASON).collect(),
            found,
        };
        // What is opened without an entry would be a gap that nobody sees.
        match self.entry_about(&carriers, item, order, by.clone())? {
            None => Ok(Some(Err(OrderFault::Unknown))),
            entry => Ok(entry),
        }
    }

    /// Whether the last own entry says that the same person opened the item, not long ago.
    fn opened_lately(&self, item: &ItemId, by: &By) -> Result<bool, NodeError> {
        let own = self.own_custody(item)?;
        let Some(Ok(last)) = own.last().map(stated) else {
            return Ok(false);
        };
        let lately = self.now().micros().saturating_sub(last.told_at.micros()) < SAME_OPENING_US;
        Ok(last.act == CustodyAct::Opened && last.by == by.actor() && lately)
    }
}
