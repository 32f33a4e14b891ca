//! Who complied with a recall: what became of the record at each destination, of its recall, and what
//! the destination said since; and at each country to which a destination passed it on, as far as
//! that destination says or sends on.

use std::{collections::BTreeSet, sync::Arc};

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
    relayed::Relayed,
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
        let versions = versions.await?;
        self.tracked(&permit, &reference, number, "recall-status")
            .await?;
        Ok(versions)
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
        let relayed = self.relayed_of(&stored.digest)?;
        for delivery in self.deliveries(&stored)? {
            let of = |states: &[DeliveryState]| {
                let state = states.iter().find(|of| of.country == delivery.country);
                state.cloned().unwrap_or_default()
            };
            let own = compliance(&delivery, &of(&reached), &late);
            let beyond = self.beyond(&own, &relayed);
            status.countries.push(own);
            status.countries.extend(beyond);
        }
        Ok(status)
    }

    /// Those to whom a reader passed the record on: whom it names, and whose receipts it sent on.
    fn beyond(&self, reader: &Compliance, relayed: &[Relayed]) -> Vec<Compliance> {
        let by_reader = |of: &&Relayed| of.receipt.origin == reader.country;
        let named = reader
            .disclosures
            .iter()
            .filter(|notice| notice.manner == "onward" && !notice.country.is_empty())
            .map(|notice| notice.country.clone());
        let heard = relayed
            .iter()
            .filter(by_reader)
            .map(|of| of.receipt.issuer.clone());
        let countries: BTreeSet<String> = named.chain(heard).collect();
        let of = |country: String| {
            let mut compliance = Compliance {
                country,
                state: ComplianceState::Waiting.into(),
                passed_on_by: reader.country.clone(),
                ..Compliance::default()
            };
            let newest = relayed
                .iter()
                .filter(by_reader)
                .filter(|of| of.receipt.issuer == compliance.country)
                .max_by_key(|of| rank(&of.receipt));
            if let Some(newest) = newest {
                compliance.say(&newest.receipt);
                compliance.unverified = self.unverified(newest);
                compliance.proof = Some(newest.proof.clone());
            }
            compliance
        };
        countries.into_iter().map(of).collect()
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

/// What counts of several receipts: what is erased stays erased, whatever else arrives.
fn rank(receipt: &Receipt) -> (bool, i64) {
    (receipt.r#type() == ReceiptType::Erased, receipt.time_us)
}

impl Compliance {
    /// Takes up what an ERASED or HELD says.
    fn say(&mut self, receipt: &Receipt) {
        self.backups_until_us = receipt.backups_until_us;
        self.backups_unknown = receipt.backups_unknown;
        self.ground.clone_from(&receipt.ground);
        self.disclosures.clone_from(&receipt.disclosures);
        let state = if receipt.r#type() == ReceiptType::Erased {
            ComplianceState::Erased
        } else {
            ComplianceState::Held
        };
        self.state = state.into();
        self.since_us = receipt.time_us;
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
        .max_by_key(|receipt| rank(receipt));
    let mut compliance = Compliance {
        country: record.country.clone(),
        ..Compliance::default()
    };
    if let Some(receipt) = newest {
        compliance.say(receipt);
        return compliance;
    }
    let (state, since) = match (record.receipt(), recall.receipt()) {
        (ReceiptType::NonDelivery, _) => (ComplianceState::NeverDelivered, record.time_us),
        (_, ReceiptType::Delivery) => (ComplianceState::Locked, recall.time_us),
        (_, ReceiptType::NonDelivery) => (ComplianceState::Refused, recall.time_us),
        _ => (ComplianceState::Waiting, 0),
    };
    compliance.state = state.into();
    compliance.since_us = since;
    compliance
}
