//! Rules for custody: each own entry follows the last one, against the group in hand.

use crate::{
    crypto::Digest,
    entry::{CustodyStated, Event},
    evidence::custody::{Last, act_name},
    store::{Decline, Group},
    wire::{
        ledger::{Action, LeafBody},
        record::CustodyAct,
    },
};

use super::{
    super::custody::{ItemId, rows},
    By, Declined, NodeRules, Refusal,
};

/// A signed entry of this country's chain of an item, to be stated.
#[derive(Clone, Debug)]
pub struct CustodyDraft {
    /// Which item.
    pub item: ItemId,
    /// SHA-256 of the header of the record that the item belongs to; it is proved with that record.
    pub header: Digest,
    /// The entry that it follows.
    pub after: Option<Last>,
    /// Where the chain ends with it.
    pub is: Last,
    /// The encoded `SignedCustody`, encrypted under the storage key.
    pub sealed: Vec<u8>,
    /// Who, from where, and why.
    pub by: By,
}

impl CustodyDraft {
    /// Says to which record the item belongs, where that was not sealed yet when the entry was signed.
    pub(in crate::node) fn belongs_to(&mut self, sealed: Digest) {
        if self.header == Digest::ZERO {
            self.header = sealed;
        }
    }
}

impl NodeRules {
    /// Whether each entry follows the last one that is there, or the one before it in this list.
    pub(super) fn follows_custody(
        drafts: &[CustodyDraft],
        group: &Group<'_>,
    ) -> Result<bool, Declined> {
        for (at, draft) in drafts.iter().enumerate() {
            let before = drafts.iter().take(at).rfind(|of| of.item == draft.item);
            let last = match before {
                Some(before) => Some(before.is),
                None => rows::last(group, &draft.item)?,
            };
            if last != draft.after {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Each entry with its leaf. A crash leaves all of a group or none.
    pub(super) fn custody(
        &self,
        drafts: Vec<CustodyDraft>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if !Self::follows_custody(&drafts, group)? {
            return Err(Decline::Refused(Refusal::Raced));
        }
        for draft in drafts {
            let leaf = LeafBody {
                action: action(draft.is.act).into(),
                header_digest: draft.header.to_vec(),
                detail: format!("custody-{}", act_name(draft.is.act)),
                subject: draft.is.digest.to_vec(),
                ..draft.by.leaf()
            };
            let event = Event::CustodyStated(CustodyStated {
                item: draft.item.to_vec(),
                header_digest: draft.header.to_vec(),
                number: draft.is.number,
                entry_digest: draft.is.digest.to_vec(),
                act: draft.is.act.into(),
            });
            self.append(group, event, vec![draft.sealed], leaf)?;
        }
        Ok(())
    }
}

/// What a custody entry is for the ledger. What it accompanies, such as a reading or a disclosure, has a
/// leaf of its own: so that nothing counts twice, the entry is an addition to what is known of the item.
const fn action(act: CustodyAct) -> Action {
    match act {
        CustodyAct::Seized | CustodyAct::TakenOver => Action::Collection,
        CustodyAct::Destroyed => Action::Erasure,
        _ => Action::Alteration,
    }
}
