//! What needs two persons: one operator asks, another approves, and what was asked for happens. An
//! approval that is durable is carried out, now or after a restart.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use prost::Message as _;

use crate::{
    access::{Permit, act},
    crypto::{Digest, random_bytes},
    entry::{ApprovalKind, ApprovalOrder, EntryError, Event, LockCause},
    inbox::{
        approvals::{self, ApprovalRow, Stage},
        ask,
    },
    wire::node::PendingApproval,
};

use super::{
    Node, NodeError,
    life::Item,
    read::blocking,
    rules::{ApprovalId, LockOrder, Proposal, Refusal, order_aad},
    steps::{RecallError, Recalled},
    submit::SubmitError,
};

/// Approvals listed at most.
const MAX_LISTED: usize = 100;
/// References shown of each.
const MAX_REFERENCES: usize = 20;

impl Node {
    /// Keyed tag of a person, by the name in the certificate.
    pub(super) fn person(&self, actor: &str) -> [u8; 16] {
        super::rules::person_tag(&self.keys.index, actor)
    }

    /// Asks for something that a second person has to approve; answers its id.
    pub(super) async fn ask_for(&self, order: ApprovalOrder) -> Result<String, NodeError> {
        let id: ApprovalId = random_bytes()?;
        let what = match order.kind() {
            ApprovalKind::Shred => "shredding",
            _ => "recall",
        };
        self.writer
            .propose(Proposal::Ask {
                id,
                expires_us: (self.now() + self.waits(order.kind())).micros(),
                asker_tag: self.person(&order.asked_by),
                actor: order.asked_by.clone(),
                order: order.encode_to_vec(),
                what,
            })
            .await?;
        Ok(hex::encode(id))
    }

    fn order(&self, id: &ApprovalId, row: &ApprovalRow) -> Result<ApprovalOrder, NodeError> {
        let Event::ApprovalAsked(asked) =
            crate::entry::Entry::decode(&self.store.body(row.place)?)?.event
        else {
            return Err(EntryError::Field("approval_asked").into());
        };
        let sealed = self.store.blob(row.place, asked.blob)?;
        let plain = self
            .keys
            .storage
            .open(&order_aad(id), &sealed)
            .map_err(|_| EntryError::Field("approval order"))?;
        Ok(ApprovalOrder::decode(plain.as_slice()).map_err(EntryError::from)?)
    }

    /// What waits for a second person, newest first.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub async fn approvals(
        self: &Arc<Self>,
        _permit: &Permit<act::SeeApprovals>,
    ) -> Result<Vec<PendingApproval>, NodeError> {
        let node = Arc::clone(self);
        blocking(move || {
            let now = node.now().micros();
            let mut found = Vec::new();
            for (id, row) in approvals::at_stage(&node.store, Stage::Asked)? {
                if row.expires_us > now {
                    found.push(node.pending(&id, &row)?);
                }
            }
            found.sort_by_key(|one| std::cmp::Reverse(one.asked_us));
            found.truncate(MAX_LISTED);
            Ok(found)
        })
        .await
    }

    fn pending(&self, id: &ApprovalId, row: &ApprovalRow) -> Result<PendingApproval, NodeError> {
        let order = self.order(id, row)?;
        let mut references = Vec::new();
        for digest in order.records.iter().take(MAX_REFERENCES) {
            let digest = Digest::try_from(digest.as_slice())
                .map_err(|_| EntryError::Field("approval record"))?;
            if let Some(number) = ask::by_digest(&self.store, &digest)? {
                // One that cannot be read does not hide the others.
                match self
                    .held(number)
                    .and_then(|stored| self.reference_of(&stored))
                {
                    Ok(reference) => references.push(reference.to_string()),
                    Err(error) => tracing::error!(number, %error, "a record cannot be named"),
                }
            }
        }
        Ok(PendingApproval {
            id: hex::encode(id),
            what: match order.kind() {
                ApprovalKind::Shred => "shred",
                _ => "recall",
            }
            .to_owned(),
            asked_by: order.asked_by.clone(),
            asked_us: order.asked_us,
            expires_us: row.expires_us,
            records: u64::try_from(order.records.len()).unwrap_or(u64::MAX),
            references,
            reason: order.reason,
            note: order.note,
        })
    }

    /// Approves what another operator asked for, and carries it out.
    ///
    /// # Errors
    /// [`RecallError`]; what is durable stays so and is carried out again.
    pub async fn approve(
        self: &Arc<Self>,
        id: &str,
        permit: &Permit<act::Approve>,
    ) -> Result<Vec<Recalled>, RecallError> {
        let actor = permit.actor();
        let id: ApprovalId = hex::decode(id)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(RecallError::Approval(Refusal::NoApproval))?;
        let approver_tag = self.person(&actor);
        let row = approvals::of(&self.store, &id)
            .map_err(NodeError::from)?
            .ok_or(RecallError::Approval(Refusal::NoApproval))?;
        self.check_approver(permit, self.order(&id, &row)?.kind())?;
        let approved = self
            .writer
            .propose(Proposal::Approve {
                id,
                approver_tag,
                actor,
            })
            .await
            .map_err(NodeError::from);
        match approved {
            Err(NodeError::Refused(refusal)) => return Err(RecallError::Approval(refusal)),
            other => other?,
        };
        let row = approvals::of(&self.store, &id)
            .map_err(NodeError::from)?
            .ok_or(RecallError::Approval(Refusal::NoApproval))?;
        let done = self.carry_out_order(&id, &row).await;
        if done.is_err() {
            // The next round goes on with it.
            self.approvals_seen.store(false, Ordering::Release);
        }
        Ok(done?)
    }

    /// Carries out what was approved before a crash, or could not be carried out then. An order that
    /// cannot be carried out keeps no other from it.
    pub(super) async fn carry_out_approved(self: &Arc<Self>) -> Result<(), SubmitError> {
        if self.approvals_seen.load(Ordering::Acquire) {
            return Ok(());
        }
        let approved =
            approvals::at_stage(&self.store, Stage::Approved).map_err(NodeError::from)?;
        // Before they are looked at: one that is approved or fails meanwhile is seen again.
        self.approvals_seen.store(true, Ordering::Release);
        let mut left = false;
        for (id, row) in approved {
            let item = Item::Approval(id);
            if self.resting.rests(&item, Instant::now()) {
                left = true;
                continue;
            }
            match self.carry_out_order(&id, &row).await {
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

    async fn carry_out_order(
        self: &Arc<Self>,
        id: &ApprovalId,
        row: &ApprovalRow,
    ) -> Result<Vec<Recalled>, SubmitError> {
        let _alone = self.approval_change.lock().await;
        let order = self.order(id, row)?;
        let mut meant = Vec::with_capacity(order.records.len());
        for digest in &order.records {
            let digest = Digest::try_from(digest.as_slice())
                .map_err(|_| NodeError::from(EntryError::Field("approval record")))?;
            let number = ask::by_digest(&self.store, &digest).map_err(NodeError::from)?;
            meant.extend(number.map(|number| (number, digest)));
        }
        let recalled = match order.kind() {
            // With what was submitted since it was asked for.
            ApprovalKind::Recall => {
                let numbers: Vec<u64> = meant.iter().map(|(number, _)| *number).collect();
                self.recall_all(&numbers, order.reason, &order.note, &order.asked_by)
                    .await?
            }
            ApprovalKind::Shred => {
                let orders = meant
                    .into_iter()
                    .map(|(number, digest)| LockOrder {
                        number,
                        digest,
                        cause: LockCause::Recall,
                        shred_us: 0,
                        victims_only: false,
                    })
                    .collect();
                let refused = self.propose_locks(orders, &order.asked_by).await?;
                if let Some((_, error)) = refused.into_iter().next() {
                    return Err(error.into());
                }
                Vec::new()
            }
            ApprovalKind::Unspecified => Vec::new(),
        };
        self.writer
            .propose(Proposal::ApprovalDone(*id))
            .await
            .map_err(NodeError::from)?;
        Ok(recalled)
    }
}
