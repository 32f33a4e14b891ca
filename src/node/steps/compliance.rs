//! Who complied with a recall: what became of the record at each destination, of its recall, and what
//! the destination said since.

use std::sync::Arc;

use prost::Message as _;

use crate::{
    access::{Permit, act},
    crypto::Digest,
    entry::EntryError,
    envelope::{Receipt, ReceiptType},
    inbox::{Follower, followers},
    record::{RECALL_STEP, Reference},
    wire::{
        node::{Compliance, ComplianceState, DeliveryState, RecallStatus},
        record::FollowType,
    },
};

use super::{
    super::{Node, NodeError, read::blocking},
    RecallError,
};

impl Node {
    /// Who complied with the recall of a record, version by version.
    ///
    /// # Errors
    /// [`RecallError`] when the record is not here or not of this country.
    pub async fn recall_status(
        self: &Arc<Self>,
        reference: Reference,
        permit: Permit<act::Track>,
    ) -> Result<Vec<RecallStatus>, RecallError> {
        let number = self.find(&reference)?;
        self.reached_number(&permit, &reference, number)?;
        if self.held(number)?.holding.origin != self.country.code() {
            return Err(RecallError::Foreign(reference));
        }
        let node = Arc::clone(self);
        let versions = blocking(move || {
            node.family(number)?
                .iter()
                .map(|version| node.version_status(version.number))
                .collect::<Result<_, _>>()
        });
        Ok(versions.await?)
    }

    fn version_status(&self, number: u64) -> Result<RecallStatus, NodeError> {
        let stored = self.held(number)?;
        let mut status = RecallStatus {
            reference: self.reference_of(&stored)?.to_string(),
            ..RecallStatus::default()
        };
        let recalls = |follower: &Follower| {
            follower.kind == FollowType::Step
                && u32::from(follower.step) == RECALL_STEP
                && follower.origin == self.country
        };
        let recall = followers::followers(&self.store, &stored.digest, recalls)?
            .first()
            .map(|recall| self.held(recall.number))
            .transpose()?;
        let mut reached = Vec::new();
        if let Some(recall) = &recall {
            status.recall = self.reference_of(recall)?.to_string();
            status.recalled_us = recall.time.micros();
            reached = self.deliveries(recall)?;
        }
        if let Some(lock) = stored.life.as_ref().and_then(|row| row.whole.as_ref()) {
            status.erased_us = lock.erased_us;
        }
        let late = self.late_decoded(&stored.digest)?;
        for delivery in self.deliveries(&stored)? {
            let of = |states: &[DeliveryState]| {
                let state = states.iter().find(|of| of.country == delivery.country);
                state.cloned().unwrap_or_default()
            };
            status
                .countries
                .push(compliance(&delivery, &of(&reached), &late));
        }
        Ok(status)
    }

    fn late_decoded(&self, header: &Digest) -> Result<Vec<Receipt>, NodeError> {
        self.late_of(header)?
            .iter()
            .map(|proof| {
                Receipt::decode(proof.receipt.as_ref())
                    .map_err(|error| EntryError::from(error).into())
            })
            .collect()
    }
}

/// How far one country complied: what became of the record there, of its recall, and what it said
/// since.
fn compliance(record: &DeliveryState, recall: &DeliveryState, late: &[Receipt]) -> Compliance {
    let newest = late
        .iter()
        .filter(|receipt| {
            receipt.issuer == record.country
                // That victims' data went alone is no answer to a recall.
                && receipt.compartment == 0
                && matches!(receipt.r#type(), ReceiptType::Erased | ReceiptType::Held)
        })
        // What is erased stays erased, whatever else arrives.
        .max_by_key(|receipt| (receipt.r#type() == ReceiptType::Erased, receipt.time_us));
    let mut compliance = Compliance {
        country: record.country.clone(),
        ..Compliance::default()
    };
    let (state, since) = match (newest, record.receipt(), recall.receipt()) {
        (Some(receipt), _, _) => {
            compliance.backups_until_us = receipt.backups_until_us;
            compliance.backups_unknown = receipt.backups_unknown;
            compliance.ground.clone_from(&receipt.ground);
            compliance.disclosures.clone_from(&receipt.disclosures);
            let state = if receipt.r#type() == ReceiptType::Erased {
                ComplianceState::Erased
            } else {
                ComplianceState::Held
            };
            (state, receipt.time_us)
        }
        (None, ReceiptType::NonDelivery, _) => (ComplianceState::NeverDelivered, record.time_us),
        (None, _, ReceiptType::Delivery) => (ComplianceState::Locked, recall.time_us),
        (None, _, ReceiptType::NonDelivery) => (ComplianceState::Refused, recall.time_us),
        (None, _, _) => (ComplianceState::Waiting, 0),
    };
    compliance.state = state.into();
    compliance.since_us = since;
    compliance
}
