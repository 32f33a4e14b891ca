//! What countries said that got a record from a reader: the reader sends their signed receipts on to
//! the record's origin, which so sees who complied with its recall beyond those it sent to.
//!
//! The origin holds the third country's card or not. Without it the receipt is kept all the same and
//! shown as unverified; with it, it has to hold. That the third country's record is one in which the
//! original was passed on, is the reader's word.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    crypto::Digest,
    entry,
    envelope::{self, Receipt, ReceiptError, ReceiptType},
    inbox::{ask, late_rows, life, life_rows},
    record::{Country, MAX_LATE_RECEIPTS},
    wire::{
        envelope::ReceiptProof,
        record::{LateReceipts, step::Step},
    },
};

use super::{
    super::{Node, NodeError, submit::SubmitError},
    CheckError, FollowFault, StepOrder,
};

/// A receipt of a country to which a reader passed a record on.
#[derive(Clone, Debug)]
pub(super) struct Relayed {
    pub(super) receipt: Receipt,
    pub(super) proof: ReceiptProof,
}

/// Whether a receipt says what became of a whole record.
fn says(receipt: &Receipt) -> bool {
    receipt.compartment == 0 && matches!(receipt.r#type(), ReceiptType::Erased | ReceiptType::Held)
}

impl Node {
    /// Late receipts of another country came: they may have to go on.
    pub(in crate::node) fn late_receipts_came(&self) {
        self.recalls_to_pass.store(true, Ordering::Release);
    }

    /// Sends on to the origin of a recalled record what those said to whom the own record `number`
    /// passed it on. What was sent once is not sent again.
    ///
    /// # Errors
    /// [`SubmitError`]; the rest is sent another time.
    pub(in crate::node) async fn relay_receipts(
        self: &Arc<Self>,
        original: Digest,
        number: u64,
    ) -> Result<(), SubmitError> {
        let node = Arc::clone(self);
        let orders =
            super::super::read::blocking(move || node.relay_orders(&original, number)).await?;
        for order in orders {
            self.submit_step(order).await?;
        }
        Ok(())
    }

    fn relay_orders(&self, original: &Digest, number: u64) -> Result<Vec<StepOrder>, NodeError> {
        let Some(held) = ask::by_digest(&self.store, original)? else {
            return Ok(Vec::new());
        };
        let life = life_rows::of(&self.store, held)?;
        if life.as_ref().and_then(life::recall_of).is_none() {
            return Ok(Vec::new());
        }
        let mut owed = Vec::new();
        for proof in self.late_of(&self.held(number)?.digest)? {
            let receipt = decoded(&proof)?;
            let sent = late_rows::is_kept(
                &self.store,
                original,
                &receipt.issuer,
                receipt.r#type(),
                receipt.time_us,
            )?;
            if says(&receipt) && !sent {
                owed.push(proof);
            }
        }
        if owed.is_empty() {
            return Ok(Vec::new());
        }
        let about = self.held(held)?;
        let origin = about
            .holding
            .origin
            .parse()
            .map_err(entry::EntryError::from)?;
        let reference = self.reference_of(&about)?;
        Ok(owed
            .chunks(MAX_LATE_RECEIPTS)
            .map(|proofs| StepOrder {
                followed: about.digest,
                reference,
                destinations: vec![origin],
                step: Step::LateReceipts(LateReceipts {
                    receipts: Vec::new(),
                    passed_on: proofs.to_vec(),
                }),
                exercise: about.holding.exercise,
                actor: format!("{}/node", self.country),
                key: String::new(),
            })
            .collect())
    }

    /// Checks receipts that `forwarder` sends on about the record `followed`, or that this node is
    /// about to send on.
    pub(super) fn judge_relayed(
        &self,
        late: &LateReceipts,
        followed: Option<Digest>,
        forwarder: Country,
    ) -> Result<Vec<entry::LateReceipt>, CheckError> {
        let Some(followed) = followed.filter(|_| !late.passed_on.is_empty()) else {
            return Ok(Vec::new());
        };
        let fault = |index, why| CheckError::from(FollowFault::LateReceipt { index, why });
        let number = ask::by_digest(&self.store, &followed).map_err(NodeError::from)?;
        let Some(number) = number else {
            return Err(fault(0, "it is about a record that is not here"));
        };
        if forwarder != self.country {
            let stored = self.held(number)?;
            let sent = |place: &entry::OutboxPlace| place.peer == forwarder.code();
            if !stored.outbox.iter().any(sent) {
                return Err(fault(0, "its sender was not sent that record"));
            }
        }
        let mut receipts = Vec::with_capacity(late.passed_on.len());
        for (at, proof) in late.passed_on.iter().enumerate() {
            let index = late.receipts.len().saturating_add(at);
            let receipt = self
                .judge_one(proof, forwarder)
                .map_err(|why| fault(index, why))?;
            receipts.push(entry::LateReceipt {
                header_digest: followed.to_vec(),
                issuer: receipt.issuer,
                r#type: receipt.r#type,
                time_us: receipt.time_us,
                partial: false,
                relayed: true,
            });
        }
        Ok(receipts)
    }

    fn judge_one(&self, proof: &ReceiptProof, forwarder: Country) -> Result<Receipt, &'static str> {
        let malformed = "its form does not hold";
        let receipt = envelope::stated(proof).map_err(|_| malformed)?;
        if receipt.origin != forwarder.code() {
            return Err("it is not about a record of its sender");
        }
        let issuer: Country = receipt.issuer.parse().map_err(|_| malformed)?;
        if issuer == forwarder || (issuer == self.country && forwarder != self.country) {
            return Err("its issuer is no third country");
        }
        if !says(&receipt) {
            return Err("it does not say what became of the record");
        }
        match envelope::verify_proof(proof, issuer, &**self.book.load()) {
            Ok(_) | Err(ReceiptError::UnknownKey(_)) => Ok(receipt),
            Err(_) => Err("its signature or form does not hold"),
        }
    }

    /// What was sent on here about a record, each with its proof.
    pub(super) fn relayed_of(&self, header: &Digest) -> Result<Vec<Relayed>, NodeError> {
        let (_, relayed) = self.kept_of(header)?;
        relayed
            .into_iter()
            .map(|proof| {
                let receipt = decoded(&proof)?;
                Ok(Relayed { receipt, proof })
            })
            .collect()
    }

    /// Why a receipt that was sent on is not verified; empty when it is.
    pub(super) fn unverified(&self, relayed: &Relayed) -> String {
        let Ok(issuer) = relayed.receipt.issuer.parse::<Country>() else {
            return "it names no country".to_owned();
        };
        match envelope::verify_proof(&relayed.proof, issuer, &**self.book.load()) {
            Ok(_) => String::new(),
            Err(ReceiptError::UnknownKey(_)) => {
                format!("no card held here of {issuer} vouches for its signature")
            }
            Err(error) => error.to_string(),
        }
    }
}

fn decoded(proof: &ReceiptProof) -> Result<Receipt, NodeError> {
    use prost::Message as _;
    Receipt::decode(proof.receipt.as_ref()).map_err(|error| entry::EntryError::from(error).into())
}
