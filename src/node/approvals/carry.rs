//! Carrying out what was approved, now or after a restart. Doing a part of it again does no harm.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use prost::Message as _;

use crate::{
    access::ApprovalId,
    card,
    crypto::Digest,
    entry::{ApprovalKind, ApprovalOrder, EntryError, LockCause},
    inbox::{
        approvals::{self, Move, Stage},
        ask,
    },
    wire::card::SignedCard,
};

use super::super::{
    Node, NodeError,
    cards::CardRefusal,
    life::Item,
    rules::{LockOrder, Proposal},
    steps::Recalled,
    submit::SubmitError,
};

/// What became of an order.
#[derive(Debug)]
pub(super) enum Carried {
    /// Records were recalled.
    Recalled(Vec<Recalled>),
    /// It is done.
    Done,
    /// It can never be done; the approval says why.
    Failed,
}

/// What is left to do of an order, once it was tried.
enum Outcome {
    /// Everything but to note it.
    Did(Carried),
    /// Nothing: it was noted in the group of what was done.
    Noted,
    /// It can never be done.
    Cannot(String),
}

impl Node {
    /// Carries out what was approved before a crash, or could not be carried out then. An order that
    /// cannot be carried out keeps no other from it.
    pub(in crate::node) async fn carry_out_approved(self: &Arc<Self>) -> Result<(), SubmitError> {
        if self.approvals_seen.load(Ordering::Acquire) {
            return Ok(());
        }
        // Before they are looked at: one that is approved or fails meanwhile is seen again.
        self.approvals_seen.store(true, Ordering::Release);
        let open = approvals::open(&self.store, self.now().micros()).map_err(NodeError::from)?;
        let approved = open
            .into_iter()
            .filter(|(_, row)| row.state.stage == Stage::Approved);
        let mut left = false;
        for (id, _) in approved {
            let item = Item::Approval(id);
            if self.resting.rests(&item, Instant::now()) {
                left = true;
                continue;
            }
            match self.carry_out_order(&id).await {
                Ok(_) => self.resting.done(&item),
                Err(error @ SubmitError::Node(NodeError::Closed)) => return Err(error),
                Err(error) => {
                    left = true;
                    self.not_done(item, &error).await;
                }
            }
        }
        if left {
            self.approvals_seen.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Carries out one order. A crash in between leaves it approved, and it is carried out again.
    pub(super) async fn carry_out_order(
        self: &Arc<Self>,
        id: &ApprovalId,
    ) -> Result<Carried, SubmitError> {
        let _alone = self.approval_change.lock().await;
        let row = approvals::of(&self.store, id).map_err(NodeError::from)?;
        // The round and who approved may both come to it.
        let Some(row) = row.filter(|row| row.state.stage == Stage::Approved) else {
            return Ok(Carried::Done);
        };
        let order = self.order(id, &row)?;
        let outcome = match order.kind() {
            ApprovalKind::Recall => self.recall_ordered(&order).await?,
            ApprovalKind::Shred => self.shred_ordered(&order).await?,
            ApprovalKind::ImportCard => self.import_ordered(&order).await?,
            ApprovalKind::ChangePermissions => self.change_ordered(id, &order).await?,
            _ => Outcome::Cannot("this version knows no such order".to_owned()),
        };
        match outcome {
            Outcome::Noted => Ok(Carried::Done),
            Outcome::Did(carried) => {
                let done = self.writer.propose(Proposal::ApprovalDone(*id)).await;
                done.map_err(NodeError::from)?;
                Ok(carried)
            }
            Outcome::Cannot(why) => {
                tracing::warn!(%why, "what was approved cannot be carried out");
                let actor = format!("{}/node", self.country);
                self.settle(*id, Move::Fail, &actor, "", why).await?;
                Ok(Carried::Failed)
            }
        }
    }

    /// The records meant that are still here.
    fn meant_by(&self, order: &ApprovalOrder) -> Result<Vec<(u64, Digest)>, NodeError> {
        let mut meant = Vec::with_capacity(order.records.len());
        for digest in &order.records {
            let digest = Digest::try_from(digest.as_slice())
                .map_err(|_| EntryError::Field("approval record"))?;
            let number = ask::by_digest(&self.store, &digest)?;
            meant.extend(number.map(|number| (number, digest)));
        }
        Ok(meant)
    }

    /// With what was submitted since it was asked for.
    async fn recall_ordered(
        self: &Arc<Self>,
        order: &ApprovalOrder,
    ) -> Result<Outcome, SubmitError> {
        let meant = self.meant_by(order)?;
        let numbers: Vec<u64> = meant.iter().map(|(number, _)| *number).collect();
        let recalled = self
            .recall_all(&numbers, order.reason, &order.note, &order.asked_by)
            .await?;
        Ok(Outcome::Did(Carried::Recalled(recalled)))
    }

    async fn shred_ordered(
        self: &Arc<Self>,
        order: &ApprovalOrder,
    ) -> Result<Outcome, SubmitError> {
        self.shred_now(self.meant_by(order)?, &order.asked_by)
            .await?;
        Ok(Outcome::Did(Carried::Done))
    }

    /// Lets locked records be shredded in the next round.
    pub(in crate::node) async fn shred_now(
        self: &Arc<Self>,
        records: Vec<(u64, Digest)>,
        actor: &str,
    ) -> Result<(), SubmitError> {
        let orders = records
            .into_iter()
            .map(|(number, digest)| LockOrder {
                number,
                digest,
                cause: LockCause::Recall,
                shred_us: 0,
                victims_only: false,
            })
            .collect();
        let refused = self.propose_locks(orders, actor).await?;
        match refused.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The card is judged again: it may have ended, or another may be held by now.
    async fn import_ordered(&self, order: &ApprovalOrder) -> Result<Outcome, SubmitError> {
        let signed = SignedCard::decode(order.signed_card.as_slice());
        let signed = signed.map_err(|error| NodeError::from(EntryError::from(error)))?;
        let accepted = match card::verify_card(&signed, self.now()) {
            Ok(card) => self.accept_card(card, order.asked_by.clone()).await,
            Err(fault) => Err(fault.into()),
        };
        match accepted {
            Ok(_) => Ok(Outcome::Did(Carried::Done)),
            Err(CardRefusal::Node(error)) => Err(error.into()),
            Err(refusal) => Ok(Outcome::Cannot(refusal.to_string())),
        }
    }

    async fn change_ordered(
        &self,
        id: &ApprovalId,
        order: &ApprovalOrder,
    ) -> Result<Outcome, SubmitError> {
        Ok(match self.put_in_force(order, Some(*id)).await? {
            Ok(()) => Outcome::Noted,
            Err(why) => Outcome::Cannot(why),
        })
    }
}
