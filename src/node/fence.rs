//! The fence: a node that other countries know more of than it knows itself was restored from an
//! older state. What it would sign might contradict what it signed before, so it signs nothing until
//! it takes a new incarnation.
//!
//! Claims are durable: a restart does not forget them. Two countries must say so where two are known;
//! one alone could stop another by a lie, and only ends its own link.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::{
    record::{Country, Moment},
    store::Store,
    wire::node::FenceClaim,
};

use super::{Node, NodeError, projection, rules::Proposal};

/// What the operator of a fenced node is told.
pub(super) const FENCED: &str = "this node was restored from an older state, as other countries prove or claim (`comity status` \
     says who), and signs nothing: stop it and run `comity store incarnate` with the country root";

/// What a claim about the own card says it is about.
pub(super) const THE_CARD: &str = "the card";

/// What a peer knows more of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it is about, in words.
    pub what: String,
    /// What the peer knows.
    pub theirs: u64,
    /// What this node knows.
    pub ours: u64,
    /// Size of this node's ledger checkpoint that the peer holds; 0 when it said none.
    pub checkpoint_size: u64,
}

/// Who claims to know more of this node, and whether it signs nothing any more.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    claims: Mutex<BTreeMap<Country, Moment>>,
    holds: CancellationToken,
}

impl Fence {
    /// The fence as the store knows it; `cards` countries are known.
    pub(super) fn read(store: &Store, cards: usize) -> Result<Self, NodeError> {
        let fence = Self::default();
        let mut decisive = false;
        for (time, claim) in projection::fences(store)? {
            decisive |= claim.decisive;
            if let Ok(country) = claim.peer.parse() {
                fence.claims().insert(country, time);
            }
        }
        if decisive || fence.claims().len() >= quorum(cards) {
            fence.holds.cancel();
            tracing::error!("{FENCED}");
        }
        Ok(fence)
    }

    fn claims(&self) -> MutexGuard<'_, BTreeMap<Country, Moment>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the fence holds.
    pub(super) async fn holds(&self) {
        self.holds.cancelled().await;
    }
}

/// How many countries must say so.
fn quorum(cards: usize) -> usize {
    cards.clamp(1, 2)
}

impl Node {
    /// Whether this node was restored from an older state, as its peers say, and must not sign.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fence.holds.is_cancelled()
    }

    /// A peer knows more of this node than the node itself does: an alarm, and with enough of them
    /// the end of signing.
    pub(crate) async fn fenced(&self, peer: Country, claim: Claim) {
        let cards = self.book.load().len();
        let decisive = {
            let mut claims = self.fence.claims();
            if claims.contains_key(&peer) {
                return;
            }
            claims.insert(peer, self.now());
            claims.len() >= quorum(cards)
        };
        tracing::error!(%peer, what = claim.what, theirs = claim.theirs, ours = claim.ours, decisive, "fenced by a peer");
        if decisive {
            self.fence.holds.cancel();
        }
        let fence = Proposal::Fence {
            peer,
            claim,
            decisive,
        };
        if let Err(error) = self.writer.propose(fence).await {
            tracing::error!(%error, %peer, "the peer's claim is not in the ledger");
        }
    }

    /// Who says that it knows more of this node, and of what.
    pub(super) fn fence_claims(&self) -> Result<Vec<FenceClaim>, NodeError> {
        Ok(projection::fences(&self.store)?
            .into_iter()
            .map(|(time, claim)| FenceClaim {
                country: claim.peer,
                what: claim.what,
                theirs: claim.theirs,
                ours: claim.ours,
                time_us: time.micros(),
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_country_alone_fences_only_where_one_is_known() {
        assert_eq!([0, 1, 2, 3, 190].map(quorum), [1, 1, 2, 2, 2]);
    }
}
