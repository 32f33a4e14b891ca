//! Victims' data whose time is over: it goes alone, at its readers and at its origin.

use crate::{
    entry::LifeRow,
    envelope::{self, Beside, ContentKeys, ReceiptType},
    inbox::{HoldingError, StoredRecord, life},
    record::Country,
    wire::record::CompartmentLabel,
};

use super::super::{
    Node, NodeError,
    rules::{Backups, Rekeying},
    steps::LateReceipt,
};

const VICTIMS: u32 = CompartmentLabel::Victims as u32;

impl Node {
    /// The keys of a record but for those of its victim data, under a new slot; at the origin with
    /// what is kept beside it. Who was to read the victim data and has not got the record yet gets
    /// its header alone from now on: it could not tell what was withdrawn from what was stripped.
    pub(super) fn without_victims(&self, stored: &StoredRecord) -> Result<Rekeying, NodeError> {
        let keys = stored.keys(&self.slots)?;
        let gone = victims_of(stored, &keys)?;
        let own = stored.holding.origin == self.country.code();
        let mut entitlements = keys.entitlements.clone();
        if own {
            entitlements.retain(|of| !of.indexes.iter().any(|index| gone.contains(index)));
        }
        for entitlement in &mut entitlements {
            entitlement.indexes.retain(|index| !gone.contains(index));
        }
        let kept = ContentKeys {
            keys: keys
                .keys
                .iter()
                .filter(|(index, _)| !gone.contains(index))
                .cloned()
                .collect(),
            entitlements,
        };
        let (slot, slot_key) = self.slots.take()?;
        let sealed_keys = kept
            .seal_at_rest(&slot_key, &stored.digest)
            .map_err(|_| HoldingError::Keys)?;
        let beside = |what, plain: &[u8]| {
            envelope::seal_beside(what, plain, &slot_key, &stored.digest)
                .map_err(|_| HoldingError::Keys)
        };
        let sealed_sharing = match stored.sharing(&self.slots)? {
            Some(matrix) => beside(Beside::Sharing, &prost::Message::encode_to_vec(&matrix))?,
            None => Vec::new(),
        };
        let sealed_submission = match stored.submission(&self.slots)? {
            Some(digest) => beside(Beside::Submission, digest.as_bytes())?,
            None => Vec::new(),
        };
        Ok(Rekeying {
            number: stored.holding.number,
            digest: stored.digest,
            slot,
            sealed_keys,
            sealed_sharing,
            sealed_submission,
        })
    }

    /// Whether a destination that has not got a record yet may still have it whole: not once the
    /// time of the victim data that it was to read is over.
    pub(in crate::node) fn goes_whole(
        &self,
        stored: &StoredRecord,
        keys: &ContentKeys,
        reader: Country,
    ) -> Result<bool, NodeError> {
        let Some(entitlement) = keys.entitlement(reader) else {
            return Ok(false);
        };
        let until = stored.holding.victims_until_us;
        // What is withheld now never goes: a wrong clock withholds nothing.
        let over = until != 0 && until <= self.confirmed_now().micros();
        let locked = stored
            .life
            .as_ref()
            .is_some_and(|row| row.victims.is_some());
        if !over && !locked {
            return Ok(true);
        }
        let victims = victims_of(stored, keys)?;
        Ok(!entitlement.indexes.iter().any(|of| victims.contains(of)))
    }

    /// What its origin is told of victim data that went alone.
    pub(super) fn victims_answer(
        &self,
        stored: &StoredRecord,
        row: &LifeRow,
    ) -> Result<Option<LateReceipt>, NodeError> {
        let Some(lock) = row.victims.as_ref().filter(|_| life::owes_victims(row)) else {
            return Ok(None);
        };
        Ok(Some(LateReceipt {
            number: stored.holding.number,
            kind: ReceiptType::Erased,
            compartment: VICTIMS,
            backups: Backups::of(lock),
            disclosures: self.disclosures(stored)?,
            ..LateReceipt::default()
        }))
    }
}

/// Manifest indexes of a record's victim data, of those whose keys are held.
fn victims_of(stored: &StoredRecord, keys: &ContentKeys) -> Result<Vec<u32>, NodeError> {
    let parts = envelope::open_at_rest(&stored.sealed, keys).map_err(HoldingError::from)?;
    // Parts come in the order of the keys.
    let victims = keys
        .keys
        .iter()
        .zip(&parts)
        .filter(|(_, (label, _))| *label == VICTIMS)
        .map(|((index, _), _)| *index);
    Ok(victims.collect())
}
