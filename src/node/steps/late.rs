//! Late receipts: what happened after delivery, signed by whom it happened to, sent to the record's
//! origin over the control lane and durable there. Each is checked with its issuer's card alone.

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{self, Entry, Event, LaneId},
    envelope::{self, Receipt, ReceiptType},
    inbox::{StoredRecord, ask, late_rows},
    record::{Country, MAX_LATE_RECEIPTS, Moment, Reference},
    wire::{
        envelope::{DisclosureNotice, ReceiptProof},
        record::{LateReceipts, step::Step},
    },
};

use super::{
    super::{
        EntryError, Node, NodeError,
        rules::{Backups, KeptReceipts, late_aad},
        submit::SubmitError,
    },
    CheckError, FollowFault, StepOrder,
};

/// Most late receipts shown of a record.
const MAX_SHOWN: usize = 4096;

/// A receipt that this node issues about another country's record.
#[derive(Clone, Debug, Default)]
pub struct LateReceipt {
    /// Local number of the record.
    pub number: u64,
    /// RETRIEVAL, ACKNOWLEDGED, ERASED or HELD.
    pub kind: ReceiptType,
    /// When what it attests happened; `None`: now.
    pub time: Option<Moment>,
    /// The recall that ERASED and HELD answer; `None` when the record expired.
    pub recall: Option<Digest>,
    /// On ERASED: what is stated of backups.
    pub backups: Backups,
    /// On ERASED: label of the compartment that went alone; 0: everything went.
    pub compartment: u32,
    /// On HELD: the ground.
    pub ground: String,
    /// On ERASED and HELD: what left the node in plain text.
    pub disclosures: Vec<DisclosureNotice>,
    /// On RETRIEVAL: why.
    pub purpose: String,
    /// On RETRIEVAL and ACKNOWLEDGED: whose officer acted.
    pub authority: String,
}

impl Node {
    /// Signs receipts about records of one origin and sends them to it; they are durable here when
    /// this answers. One step carries [`MAX_LATE_RECEIPTS`] at most; more make several steps.
    ///
    /// # Errors
    /// [`SubmitError`]; what was sent before stays sent.
    pub async fn send_late_receipts(
        self: &std::sync::Arc<Self>,
        origin: Country,
        receipts: Vec<LateReceipt>,
    ) -> Result<(), SubmitError> {
        for batch in receipts.chunks(MAX_LATE_RECEIPTS) {
            let node = std::sync::Arc::clone(self);
            let batch = batch.to_vec();
            let order =
                super::super::read::blocking(move || node.late_order(origin, &batch)).await?;
            if let Some(order) = order {
                self.submit_step(order).await?;
            }
        }
        Ok(())
    }

    /// The step that carries receipts; `None` for none.
    fn late_order(
        &self,
        origin: Country,
        receipts: &[LateReceipt],
    ) -> Result<Option<StepOrder>, NodeError> {
        let mut about = None;
        let mut issued = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let stored = self.held(receipt.number)?;
            issued.push(self.late_receipt(&stored, receipt)?);
            about.get_or_insert(stored);
        }
        let Some(first) = about else {
            return Ok(None);
        };
        let group = envelope::issue_by(issued, &*self.keys.signing)?;
        Ok(Some(StepOrder {
            followed: first.digest,
            reference: self.reference_of(&first)?,
            destinations: vec![origin],
            step: Step::LateReceipts(LateReceipts {
                receipts: envelope::proofs(&group),
                passed_on: Vec::new(),
            }),
            exercise: first.holding.exercise,
            actor: format!("{}/node", self.country),
            key: String::new(),
        }))
    }

    fn late_receipt(
        &self,
        stored: &StoredRecord,
        late: &LateReceipt,
    ) -> Result<Receipt, NodeError> {
        let position = stored
            .position
            .as_ref()
            .ok_or(EntryError::Field("position"))?;
        let lane = LaneId::try_from(position)?;
        Ok(Receipt {
            r#type: late.kind.into(),
            header_digest: stored.digest.to_vec().into(),
            origin: stored.holding.origin.clone(),
            issuer: self.country.code().to_owned(),
            incarnation: lane.incarnation.to_vec().into(),
            lane: lane.lane.into(),
            sequence: position.sequence,
            time_us: late.time.unwrap_or_else(|| self.now()).micros(),
            recall_digest: late
                .recall
                .map(|digest| digest.to_vec().into())
                .unwrap_or_default(),
            backups_until_us: late.backups.until_us(),
            backups_unknown: late.kind == ReceiptType::Erased && late.backups == Backups::Unknown,
            compartment: late.compartment,
            ground: late.ground.clone(),
            disclosures: late.disclosures.clone(),
            purpose: late.purpose.clone(),
            authority: late.authority.clone(),
            ..Receipt::default()
        })
    }

    /// The reference of a record that may be locked: from its leaf, which names it.
    pub(in crate::node) fn reference_of(
        &self,
        stored: &StoredRecord,
    ) -> Result<Reference, NodeError> {
        self.reference_in(stored.leaf)
    }

    /// The reference that the leaf of a record's entry names.
    pub(in crate::node) fn reference_in(&self, leaf: u64) -> Result<Reference, NodeError> {
        let leaf = self
            .leaf(leaf)?
            .ok_or(EntryError::Field("leaf of the record"))?;
        let body = crate::wire::ledger::LeafBody::decode(leaf.body.as_slice())
            .map_err(EntryError::from)?;
        body.reference
            .parse()
            .map_err(|_| EntryError::Field("reference").into())
    }

    /// Checks late receipts that came with a step of `issuer`, or are to go with one of this node.
    pub(super) fn judge_late(
        &self,
        late: &LateReceipts,
        issuer: Country,
    ) -> Result<KeptReceipts, CheckError> {
        let mut receipts = Vec::with_capacity(late.receipts.len());
        for (index, proof) in late.receipts.iter().enumerate() {
            let fault = |why| FollowFault::LateReceipt { index, why };
            let receipt = self.verify_late(proof, issuer).map_err(fault)?;
            let origin = if issuer == self.country {
                None
            } else {
                Some(self.country)
            };
            if origin.is_some_and(|origin| receipt.origin != origin.code()) {
                return Err(fault("it is about a record of another country").into());
            }
            let header = Digest::try_from(receipt.header_digest.as_ref())
                .map_err(|_| fault("its header digest is not 32 bytes"))?;
            let number = ask::by_digest(&self.store, &header).map_err(NodeError::from)?;
            let Some(number) = number else {
                return Err(fault("it is about a record that is not here").into());
            };
            let stored = self.held(number)?;
            let answers = match origin {
                // At the origin: the issuer must be a destination, at this place of its lane.
                Some(_) => stored.outbox.iter().any(|place| {
                    place.peer == issuer.code()
                        && place.lane == receipt.lane
                        && place.sequence == receipt.sequence
                }),
                None => stored.holding.origin == receipt.origin,
            };
            if !answers {
                return Err(fault("its issuer was not sent that record at that place").into());
            }
            receipts.push(entry::LateReceipt {
                header_digest: header.to_vec(),
                issuer: receipt.issuer.clone(),
                r#type: receipt.r#type,
                time_us: receipt.time_us,
                partial: receipt.compartment != 0,
                relayed: false,
            });
        }
        Ok(KeptReceipts {
            encoded: late.encode_to_vec(),
            receipts,
        })
    }

    fn verify_late(&self, proof: &ReceiptProof, issuer: Country) -> Result<Receipt, &'static str> {
        let receipt = if issuer == self.country {
            // This node has just signed it.
            Receipt::decode(proof.receipt.as_ref()).map_err(|_| "it does not decode")?
        } else {
            envelope::verify_proof(proof, issuer, &**self.book.load())
                .map_err(|_| "its signature or form does not hold")?
        };
        match ReceiptType::try_from(receipt.r#type) {
            Ok(kind) if envelope::is_late(kind) => Ok(receipt),
            _ => Err("it attests nothing that happens after delivery"),
        }
    }

    /// Late receipts about a record by those to whom its origin sent it, each with its proof.
    pub(in crate::node) fn late_of(&self, header: &Digest) -> Result<Vec<ReceiptProof>, NodeError> {
        Ok(self.kept_of(header)?.0)
    }

    /// Late receipts about a record, and those that were sent on from whom it was passed on to.
    pub(super) fn kept_of(
        &self,
        header: &Digest,
    ) -> Result<(Vec<ReceiptProof>, Vec<ReceiptProof>), NodeError> {
        let (mut proofs, mut relayed) = (Vec::new(), Vec::new());
        for row in late_rows::late_receipts(&self.store, header, MAX_SHOWN)? {
            let Event::LateReceiptsKept(kept) = Entry::decode(&self.store.body(row.place)?)?.event
            else {
                return Err(EntryError::Field("late_receipts_kept").into());
            };
            let step = Digest::try_from(kept.step_digest.as_slice())
                .map_err(|_| EntryError::Field("step_digest"))?;
            let blob = self.store.blob(row.place, row.blob)?;
            let plain = self.keys.storage.open(&late_aad(&step), &blob);
            let plain = plain.map_err(|_| EntryError::Field("late receipts"))?;
            let late = LateReceipts::decode(plain.as_slice()).map_err(EntryError::from)?;
            let index = usize::try_from(row.index).unwrap_or(usize::MAX);
            match index.checked_sub(late.receipts.len()) {
                None => proofs.extend(late.receipts.into_iter().nth(index)),
                Some(index) => relayed.extend(late.passed_on.into_iter().nth(index)),
            }
        }
        Ok((proofs, relayed))
    }
}
