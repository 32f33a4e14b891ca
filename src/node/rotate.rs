//! New keys for a stopped node. Up to where an old signing key's signatures count is what the store
//! holds; the file key over the shred slots is replaced with the slot file.

use crate::{
    card::TrustedCard,
    home::TokenKey,
    inbox::ask,
    ledger::rows,
    record::Moment,
    replication::lanes,
    store::ShredSlots,
    wire::card::{LanePosition, Retirement},
};

use super::{
    projection,
    renew::{RenewError, Stopped},
    slot_paths,
};

impl Stopped {
    /// Makes a new signing key and issues the card that retires the old one: it counts for every lane
    /// up to what was assigned or received, and for the ledger as it is. What waits to be sent was
    /// signed before and counts.
    ///
    /// # Errors
    /// [`RenewError::Behind`] when peers know more than this store: what they have of it would not
    /// count any more; other [`RenewError`]s when store or home cannot be read or written.
    pub fn rotate_signing_key(&self, now: Moment) -> Result<TrustedCard, RenewError> {
        Ok(self.home.rotate_signing_key(self.retirement()?, now)?)
    }

    /// As [`Self::rotate_signing_key`], to a key that the configured token makes and keeps.
    ///
    /// # Errors
    /// As [`Self::rotate_signing_key`]; [`crate::home::HomeError::Token`] in the token's words.
    pub fn rotate_signing_key_to_token(&self, now: Moment) -> Result<TrustedCard, RenewError> {
        let retirement = self.retirement()?;
        let key = TokenKey::generate(&self.home)?;
        Ok(self.home.rotate_signing_key_to(&key, retirement, now)?)
    }

    /// Makes a new storage key. What is sealed already stays readable with the file of the old one.
    ///
    /// # Errors
    /// [`RenewError::Node`] when a key cannot be read or written.
    pub fn rotate_storage_key(&self, now: Moment) -> Result<(), RenewError> {
        Ok(self.home.rotate_storage_key(now)?)
    }

    /// Writes the shred slots anew under a new file key and destroys the old one: a copy of the slots
    /// from before opens with nothing that is here from now on.
    ///
    /// # Errors
    /// [`RenewError::Node`] when slots or key cannot be read or written.
    pub fn rotate_file_key(&self) -> Result<(), RenewError> {
        let paths = slot_paths(&self.home)?;
        let slots = ShredSlots::open(paths, ask::next_slot(&self.store)?)?;
        slots.erase(&[])?;
        Ok(())
    }

    /// Everything that the key signed so far.
    fn retirement(&self) -> Result<Retirement, RenewError> {
        if !projection::fences(&self.store)?.is_empty() {
            return Err(RenewError::Behind);
        }
        let size = rows::size(&self.store)?;
        let positions = lanes::every(&self.store)?
            .into_iter()
            .map(|(lane, sequence, hash)| LanePosition {
                peer: lane.peer.code().to_owned(),
                incarnation: lane.incarnation.to_vec(),
                lane: lane.lane as u32,
                sequence,
                running_hash: hash.to_vec(),
            })
            .collect();
        Ok(Retirement {
            positions,
            ledger_size: size,
            ledger_root: if size == 0 {
                Vec::new()
            } else {
                rows::root(&self.store, size)?.to_vec()
            },
        })
    }
}
