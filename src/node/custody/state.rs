//! Stating custody: what an officer did with an item, and showing the chain.

use std::sync::Arc;

use crate::{
    access::{Permit, Purpose, Verb, act},
    crypto::Digest,
    evidence::custody::{CustodyOrder, OrderFault, Stated, act_name, is_officers, stated},
    record::{Moment, Reference},
    wire::record::{CompartmentLabel, CustodyAct},
};

use super::{
    ItemId,
    chain::{ItemCustody, ShownCustody, found},
};
use crate::node::{
    Node, NodeError,
    purpose::check_purpose,
    read::ReadError,
    rules::{By, Proposal, ReadOrder, Refusal},
};

/// How often an entry is signed, at most, while others are faster.
const ATTEMPTS: usize = 8;

/// What an officer states.
#[derive(Clone, Debug)]
pub struct CustodyStatement {
    /// The request, or another record of its thread.
    pub reference: Reference,
    /// Which item.
    pub item: ItemId,
    /// What was done.
    pub act: CustodyAct,
    /// When; `None` for now.
    pub at: Option<Moment>,
    /// Where, in words.
    pub place: String,
    /// In whose hand; empty for the caller's.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Custody cannot be stated or shown.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The record cannot be found, read or reached.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// No record of the thread names this item, and it was not uploaded to it.
    #[error("{reference} has no item {item}; `comity evidence items {reference}` lists them")]
    Unknown {
        /// The record.
        reference: Reference,
        /// The item, in hexadecimal.
        item: String,
    },
    /// The upload is not finished.
    #[error("the item is not whole yet, so that nobody has it in hand")]
    NotWhole,
    /// The node states this itself.
    #[error(
        "`{0}` is stated by the node when it is done; officers state seized, examined, taken-over, returned and destroyed"
    )]
    Automatic(&'static str),
    /// It cannot be stated.
    #[error(transparent)]
    Order(#[from] OrderFault),
}

impl From<NodeError> for CustodyError {
    fn from(error: NodeError) -> Self {
        Self::Record(error.into())
    }
}

/// As `blocking`, with the errors of this file.
pub(super) async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CustodyError> + Send + 'static,
) -> Result<T, CustodyError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| NodeError::Task)?
}

impl Node {
    /// States what an officer did with an item. Durable, with its leaf, when this answers.
    ///
    /// # Errors
    /// [`CustodyError`]; nothing is durable then.
    pub async fn state_custody(
        self: &Arc<Self>,
        permit: Permit<act::StateCustody>,
        order: CustodyStatement,
    ) -> Result<Stated, CustodyError> {
        if !is_officers(order.act) {
            return Err(CustodyError::Automatic(act_name(order.act)));
        }
        for _ in 0..ATTEMPTS {
            let (node, by, asked) = (Arc::clone(self), permit.clone(), order.clone());
            let signed = off(move || node.officers_entry(&by, &asked)).await?;
            let proposal = Proposal::Custody(vec![signed.draft]);
            match self.writer.propose(proposal).await.map_err(NodeError::from) {
                Ok(_) => {
                    let stated = stated(&signed.signed);
                    return Ok(stated.map_err(|_| NodeError::Task)?);
                }
                Err(NodeError::Refused(Refusal::Raced)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NodeError::Refused(Refusal::Raced).into())
    }

    fn officers_entry(
        &self,
        permit: &Permit<act::StateCustody>,
        asked: &CustodyStatement,
    ) -> Result<super::Signed, CustodyError> {
        let (header, custody) = self.item_in_hand(permit, asked.reference, &asked.item)?;
        let now = self.now();
        let order = CustodyOrder {
            item: asked.item,
            act: asked.act,
            at: asked.at.unwrap_or(now),
            place: asked.place.clone(),
            authority: permit
                .principal()
                .authority()
                .unwrap_or_default()
                .to_owned(),
            by: match asked.by.as_str() {
                "" => permit.actor(),
                by => by.to_owned(),
            },
            reason: asked.reason.clone(),
            found: found(&custody.item).ok_or(CustodyError::NotWhole)?,
        };
        let after = self.custody_end(&asked.item)?;
        let other = self.others_end(&custody);
        let signed = self.sign_custody(header, &order, after, other, By::of(permit))?;
        Ok(signed?)
    }

    /// An item of a thread whose compartment `evidence` a permit reaches, with the header of the record to
    /// which it belongs.
    fn item_in_hand<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: Reference,
        item: &ItemId,
    ) -> Result<(Digest, ItemCustody), CustodyError> {
        let (header, items) = self.items_in_reach(permit, reference)?;
        let mut items = items.into_iter();
        let found = items.find(|of| of.item.id == item);
        let custody = found.ok_or_else(|| CustodyError::Unknown {
            reference,
            item: hex::encode(item),
        })?;
        Ok((header, custody))
    }

    fn items_in_reach<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: Reference,
    ) -> Result<(Digest, Vec<ItemCustody>), CustodyError> {
        let number = self.find(&reference)?;
        let mut subject = self.seen(permit, &reference, number)?;
        subject.present.insert(CompartmentLabel::Evidence);
        let decision = self.reached(permit, &reference, &subject)?;
        let evidence = [CompartmentLabel::Evidence].into_iter().collect();
        self.check_labels(permit, &reference, &decision, evidence)?;
        let stored = self.stored(number)?;
        self.check_open(&stored)
            .map_err(|error| ReadError::of(reference, error))?;
        let carriers = self.carriers(number)?;
        let mut opens = Vec::with_capacity(carriers.len());
        for of in &carriers {
            let mut subject = self.subject_of(&of.stored, &of.record)?;
            subject.present.insert(CompartmentLabel::Evidence);
            let reached = permit.reach(&subject).allowed;
            opens.push(reached.has(CompartmentLabel::Evidence));
        }
        let header = carriers
            .first()
            .map_or(stored.digest, |of| of.stored.digest);
        let mut items = self.custody_in(&carriers)?;
        // Each by the record that names it; an upload that none names is the first's.
        items.retain(|of| opens.get(of.record.unwrap_or(0)).copied().unwrap_or(false));
        Ok((header, items))
    }

    /// Shows the custody of a thread's items, or of one. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`CustodyError`]; nothing was shown to anyone then.
    pub async fn show_custody(
        self: &Arc<Self>,
        permit: Permit<act::Read>,
        reference: Reference,
        item: Option<ItemId>,
        purpose: Purpose,
        note: String,
    ) -> Result<ShownCustody, CustodyError> {
        check_purpose(&note)?;
        let (node, by) = (Arc::clone(self), permit.clone());
        let (_, mut items) = off(move || node.items_in_reach(&by, reference)).await?;
        if let Some(item) = item {
            items.retain(|of| of.item.id == item);
            if items.is_empty() {
                let item = hex::encode(item);
                return Err(CustodyError::Unknown { reference, item });
            }
        }
        let number = self.find(&reference)?;
        let digest = self.held(number)?.digest;
        let bulk = self.gets_at(&permit, &[number])?;
        let order = ReadOrder {
            number,
            digest: Some(digest),
            reference: reference.to_string(),
            compartments: vec![CompartmentLabel::Evidence as u32],
            subject: item.map(|of| of.to_vec()).unwrap_or_default(),
            by: By::of(&permit)
                .reading_for(Some(purpose), note)
                .under(bulk.as_ref()),
            detail: "custody-shown",
            ..ReadOrder::default()
        };
        self.writer
            .propose(Proposal::Read(Box::new(order)))
            .await
            .map_err(NodeError::from)?;
        Ok(ShownCustody { items })
    }
}
