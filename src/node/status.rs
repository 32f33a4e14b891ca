//! Status: how the node is, for its operator.

use crate::{
    access::{Permit, act},
    inbox::ask,
    replication::lanes,
    wire::{
        envelope::Lane,
        node::{GetStatusResponse, LaneStatus, LinkStatus},
    },
};

use super::{Node, NodeError};

/// The lanes, most urgent first.
pub const LANES: [Lane; 3] = [Lane::Control, Lane::Urgent, Lane::Bulk];

impl Node {
    /// The node's state.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn status(&self, _permit: &Permit<act::Status>) -> Result<GetStatusResponse, NodeError> {
        let book = self.book.load();
        let mut links = Vec::new();
        for card in book.iter() {
            let facts = self.links.facts(card.country);
            let mut lane_states = Vec::new();
            for lane in LANES {
                let outgoing = self.outgoing_over_all(card.country, lane)?;
                let received = match facts.incarnation {
                    Some(incarnation) => {
                        let from = crate::entry::LaneId {
                            peer: card.country,
                            incarnation,
                            lane,
                        };
                        lanes::incoming(&self.store, &from)?.sequence
                    }
                    None => 0,
                };
                lane_states.push(LaneStatus {
                    lane: lane.into(),
                    assigned: outgoing.assigned,
                    receipted: outgoing.receipted,
                    received,
                    stuck_at: facts.stuck.get(&lane).copied().unwrap_or(0),
                });
            }
            links.push(LinkStatus {
                country: card.country.code().to_owned(),
                up: facts.up,
                lanes: lane_states,
                last_error: facts.last_error,
            });
        }
        let space = self.store.space()?;
        let used = self.disk_used_percent().unwrap_or(0);
        Ok(GetStatusResponse {
            country: self.country.code().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            records: ask::last_number(&self.store)?,
            ledger_size: self.ledger_size()?,
            store_start: self.opened.how.to_string(),
            links,
            journal_bytes: space.journal_bytes,
            scrub: Some(self.scrub_status()),
            search: Some(self.search_coverage()?),
            due: Some(self.due_counts()?),
            evidence: Some(self.evidence_due()?),
            accepting: used <= self.config.store.disk_full_percent && !self.is_fenced(),
            fenced: self.is_fenced(),
            fence_claims: self.fence_claims()?,
            lost: self.lost_records()?,
            start_check: self.start_check().into(),
            endings: Vec::new(),
            permissions_note: self.permissions_note().unwrap_or_default(),
            ports: Vec::new(),
            keys_protected: self.own_card_file.is_protected(),
            signing_token: self.keys.token.clone(),
        })
    }
}

impl Node {
    /// Last local number given to a record.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn last_number(&self) -> Result<u64, NodeError> {
        Ok(ask::last_number(&self.store)?)
    }
}
