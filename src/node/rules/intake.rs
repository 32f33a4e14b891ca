//! Rules for items of feeds: what was decided of one is done only while the item is what it was
//! decided by, so that two streams with the same item never make two records of it.

use std::sync::Arc;

use crate::{
    entry::{Event, FeedItemNoted, FeedPlace},
    node::intake::rows::{self, FedRow},
    store::{Decline, Group},
};

use super::{Declined, NodeRules, Refusal, recent::Name};

/// A record is what an item of a feed says.
#[derive(Clone, Debug)]
pub struct FeedClaim {
    /// Keyed tag of authority, feed and own id.
    pub tag: [u8; 16],
    /// The newest version of the item, with this one.
    pub version: u64,
    /// The item as this was decided by; `None`: it was new.
    pub prior: Option<FedRow>,
    /// Position of the store at which it was so.
    pub known_at: u64,
    /// Name of the feed, for the ledger.
    pub feed: Arc<str>,
}

/// An item came under another version, or was deleted in its system.
#[derive(Clone, Copy, Debug)]
pub struct NoteOrder {
    /// Keyed tag of authority, feed and own id.
    pub tag: [u8; 16],
    /// The newest version of the item, with this one.
    pub version: u64,
    /// The item as this was decided by.
    pub prior: FedRow,
    /// Whether it is deleted from now on.
    pub deleted: bool,
}

impl NodeRules {
    /// Whether an item is another than a claim was decided by.
    pub(super) fn item_moved(
        &self,
        claim: &FeedClaim,
        group: &Group<'_>,
    ) -> Result<bool, Declined> {
        if claim.prior.is_none() && self.recent.is_new(claim.known_at, &Name::Fed(claim.tag)) {
            return Ok(false);
        }
        Ok(rows::of(group, &claim.tag)? != claim.prior)
    }

    pub(super) fn note_fed(
        &self,
        order: &NoteOrder,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if rows::of(group, &order.tag)? != Some(order.prior) {
            return Err(Decline::Refused(Refusal::ItemMoved));
        }
        // What happened to records has its leaves; this is what the node needs to know.
        let event = Event::FeedItemNoted(FeedItemNoted {
            item_tag: order.tag.to_vec(),
            version: order.version,
            deleted: order.deleted,
        });
        self.append_leafless(event, group)
    }
}

/// As an entry has it.
pub(super) fn place(claim: &FeedClaim) -> FeedPlace {
    FeedPlace {
        item_tag: claim.tag.to_vec(),
        version: claim.version,
    }
}
