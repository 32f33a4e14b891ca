//! A new signing key for a stopped node: up to where the old one's signatures count is what its store
//! holds.

use crate::{
    card::TrustedCard,
    ledger::rows,
    record::Moment,
    replication::lanes,
    wire::card::{LanePosition, Retirement},
};

use super::{
    projection,
    renew::{RenewError, Stopped},
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
        let retirement = Retirement {
            positions,
            ledger_size: size,
            ledger_root: if size == 0 {
                Vec::new()
            } else {
                rows::root(&self.store, size)?.to_vec()
            },
        };
        Ok(self.home.rotate_signing_key(retirement, now)?)
    }
}
