//! What needs two persons: one asks, another approves or refuses. What was asked for happens, or who
//! asked may do it.
//!
//! Each step is an entry with its leaf before anybody is told of it. An order that is approved
//! durably is carried out, now or after a restart (`carry`); a leave is looked for by what is done
//! under it (`leave`).

mod carry;
mod error;
mod leave;
mod shown;

use std::sync::{Arc, atomic::Ordering};

use prost::Message as _;

use crate::{
    access::{ApprovalId, Permit, Shape, Verb, act},
    crypto::{Digest, random_bytes},
    entry::{ApprovalAnswer, ApprovalKind, ApprovalOrder, Entry, EntryError, Event},
    inbox::approvals::{self, ApprovalRow, Move, PersonTag, Stage},
    wire::node::PendingApproval,
};

use super::{
    Node, NodeError,
    access::guarded,
    purpose::MAX_PURPOSE_CHARS,
    read::blocking,
    rules::{AnswerOrder, AskOrder, By, Proposal, Refusal, answer_aad, order_aad},
    steps::Recalled,
};

use self::carry::Carried;
pub use self::error::ApprovalError;
pub use self::leave::{LeaveRequest, MAX_OPENED_TOGETHER, Matter, TableScope};

/// Open ones listed at most.
const MAX_LISTED: usize = 100;
/// Requests of one person that may wait at the same time.
const MAX_WAITING: usize = 50;

/// Something waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its id, in hexadecimal.
    pub id: String,
    /// Until when it can be approved, microseconds since 1970.
    pub expires_us: i64,
}

/// What became of an approval.
#[derive(Debug)]
pub struct Approved {
    /// The records recalled; empty for anything else.
    pub recalled: Vec<Recalled>,
    /// How it stands now.
    pub approval: PendingApproval,
}

/// Reads an id as it is shown.
fn id_of(text: &str) -> Result<ApprovalId, ApprovalError> {
    let bytes = hex::decode(text).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(ApprovalError::Approval(Refusal::NoApproval))
}

/// The person behind a principal, such as `UZ/officer/eid:n.karimova`: the name alone. Whoever holds
/// several certificates of one name is one person.
fn person_of(actor: &str) -> &str {
    let name = actor.rsplit('/').next().unwrap_or(actor);
    name.split_once(':').map_or(name, |(_, name)| name)
}

impl Node {
    /// Keyed tag of a principal, by the name in the certificate.
    pub(super) fn person(&self, actor: &str) -> [u8; 16] {
        super::rules::person_tag(&self.keys.index, actor)
    }

    /// Keyed tag of the person behind a principal, whichever certificate it comes with.
    fn human(&self, actor: &str) -> PersonTag {
        self.keys.index.tag("human", person_of(actor).as_bytes())
    }

    /// Asks for something that a second person has to approve. Durable before this answers.
    pub(super) async fn ask_for<A: Verb>(
        &self,
        order: ApprovalOrder,
        permit: &Permit<A>,
        about: Option<(Digest, String)>,
        by: By,
    ) -> Result<Asked, ApprovalError> {
        let order = ApprovalOrder {
            asked_by: permit.actor(),
            asked_us: self.now().micros(),
            ..order
        };
        let asker = self.human(&order.asked_by);
        let open = approvals::open(&self.store, order.asked_us).map_err(NodeError::from)?;
        let waiting = open
            .iter()
            .filter(|(_, row)| row.state.stage == Stage::Asked && row.state.asker == asker);
        if waiting.count() >= MAX_WAITING {
            return Err(ApprovalError::TooMany);
        }
        let id: ApprovalId = random_bytes().map_err(NodeError::from)?;
        let expires_us = (self.now() + self.waits(order.kind())).micros();
        let ask = AskOrder {
            id,
            expires_us,
            asker,
            order: order.encode_to_vec(),
            what: guarded(order.kind()).as_str(),
            about,
            by,
        };
        let proposed = self.writer.propose(Proposal::Ask(Box::new(ask))).await;
        proposed.map_err(NodeError::from)?;
        Ok(Asked {
            id: hex::encode(id),
            expires_us,
        })
    }

    fn order(&self, id: &ApprovalId, row: &ApprovalRow) -> Result<ApprovalOrder, NodeError> {
        let Event::ApprovalAsked(asked) = Entry::decode(&self.store.body(row.place)?)?.event else {
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

    /// Who decided it, or why it failed; `None` while nobody did.
    fn answer_to(
        &self,
        id: &ApprovalId,
        row: &ApprovalRow,
    ) -> Result<Option<ApprovalAnswer>, NodeError> {
        let Some(place) = row.answered else {
            return Ok(None);
        };
        let Event::ApprovalChanged(changed) = Entry::decode(&self.store.body(place)?)?.event else {
            return Err(EntryError::Field("approval_changed").into());
        };
        let sealed = self.store.blob(place, changed.blob)?;
        // Earlier versions kept no answer.
        let Ok(plain) = self.keys.storage.open(&answer_aad(id), &sealed) else {
            return Ok(None);
        };
        let answer = ApprovalAnswer::decode(plain.as_slice()).map_err(EntryError::from)?;
        Ok(Some(answer))
    }

    fn found(&self, id: &ApprovalId) -> Result<(ApprovalRow, ApprovalOrder), ApprovalError> {
        let row = approvals::of(&self.store, id).map_err(NodeError::from)?;
        let row = row.ok_or(ApprovalError::Approval(Refusal::NoApproval))?;
        let order = self.order(id, &row)?;
        Ok((row, order))
    }

    /// Who asked for something, and who decided it.
    pub(super) fn asked_and_answered(
        &self,
        id: &ApprovalId,
    ) -> Result<(String, String), NodeError> {
        let Some(row) = approvals::of(&self.store, id)? else {
            return Ok(Default::default());
        };
        let by = self.answer_to(id, &row)?.map(|answer| answer.by);
        Ok((self.order(id, &row)?.asked_by, by.unwrap_or_default()))
    }

    /// What waits for a second person, is being carried out, or counts as a leave; newest first.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub async fn approvals(
        self: &Arc<Self>,
        _permit: &Permit<act::SeeApprovals>,
    ) -> Result<Vec<PendingApproval>, NodeError> {
        let node = Arc::clone(self);
        blocking(move || {
            let mut found = Vec::new();
            for (id, row) in approvals::open(&node.store, node.now().micros())? {
                found.push((node.order(&id, &row)?, id, row));
            }
            found.sort_by_key(|(order, ..)| std::cmp::Reverse(order.asked_us));
            found.truncate(MAX_LISTED);
            let mut shown = Vec::with_capacity(found.len());
            for (order, id, row) in found {
                shown.push(node.pending(&id, &row, order)?);
            }
            Ok(shown)
        })
        .await
    }

    /// How one stands, whatever became of it.
    ///
    /// # Errors
    /// [`ApprovalError::Approval`] when nothing has this id.
    pub async fn approval(
        self: &Arc<Self>,
        id: &str,
        _permit: &Permit<act::SeeApprovals>,
    ) -> Result<PendingApproval, ApprovalError> {
        self.stands(id_of(id)?).await
    }

    async fn stands(self: &Arc<Self>, id: ApprovalId) -> Result<PendingApproval, ApprovalError> {
        let node = Arc::clone(self);
        let stands = blocking(move || {
            Ok((|| {
                let (row, order) = node.found(&id)?;
                Ok(node.pending(&id, &row, order)?)
            })())
        });
        stands.await?
    }

    /// Approves what another person asked for: an order is carried out, a leave counts from now on.
    ///
    /// # Errors
    /// [`ApprovalError`]; an order that is durably approved stays so and is carried out again.
    pub async fn approve(
        self: &Arc<Self>,
        id: &str,
        permit: &Permit<act::Approve>,
    ) -> Result<Approved, ApprovalError> {
        let id = id_of(id)?;
        let (_, order) = self.found(&id)?;
        self.check_approver(permit, order.kind())?;
        let actor = permit.actor();
        if person_of(&order.asked_by) == person_of(&actor) {
            return Err(ApprovalError::Approval(Refusal::OwnApproval));
        }
        let by = self.human(&actor);
        let step = match guarded(order.kind()).shape() {
            Shape::Order => Move::Approve { by },
            Shape::Warrant => Move::Grant {
                by,
                until_us: (self.now() + self.waits(order.kind())).micros(),
            },
        };
        self.settle(id, step, &actor, permit.from(), String::new())
            .await?;
        let mut recalled = Vec::new();
        if matches!(step, Move::Approve { .. }) {
            match self.carry_out_order(&id).await {
                Ok(Carried::Recalled(records)) => recalled = records,
                Ok(Carried::Done | Carried::Failed) => {}
                Err(error) => {
                    // The next round goes on with it.
                    self.approvals_seen.store(false, Ordering::Release);
                    return Err(error.into());
                }
            }
        }
        let approval = self.stands(id).await?;
        Ok(Approved { recalled, approval })
    }

    /// Refuses what another person asked for, or takes a leave back; who asked may do so too.
    ///
    /// # Errors
    /// [`ApprovalError`]; it stays as it was then.
    pub async fn refuse(
        self: &Arc<Self>,
        id: &str,
        reason: &str,
        permit: &Permit<act::Approve>,
    ) -> Result<(), ApprovalError> {
        let reason = reason.trim();
        let chars = reason.chars().count();
        if !(1..=MAX_PURPOSE_CHARS).contains(&chars) || reason.chars().any(char::is_control) {
            return Err(ApprovalError::Reason);
        }
        let id = id_of(id)?;
        let (_, order) = self.found(&id)?;
        let actor = permit.actor();
        if order.asked_by != actor {
            self.check_approver(permit, order.kind())?;
        }
        self.settle(id, Move::Refuse, &actor, permit.from(), reason.to_owned())
            .await?;
        Ok(())
    }

    /// Voids what somebody who leaves asked for, and the leaves that they have; answers how many.
    pub(super) async fn void_approvals(
        &self,
        leaving: &str,
        by: &Permit<act::Offboard>,
    ) -> Result<u64, NodeError> {
        let (mut voided, actor) = (0_u64, by.actor());
        for (id, row) in approvals::open(&self.store, self.now().micros())? {
            if row.state.stage == Stage::Approved || self.order(&id, &row)?.asked_by != leaving {
                continue;
            }
            let void = self.settle(id, Move::Void, &actor, by.from(), String::new());
            match void.await {
                Ok(()) => voided = voided.saturating_add(1),
                // It was decided, or its time was over, between looking and deciding.
                Err(NodeError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(voided)
    }

    async fn settle(
        &self,
        id: ApprovalId,
        step: Move,
        actor: &str,
        from: &str,
        reason: String,
    ) -> Result<(), NodeError> {
        let answer = ApprovalAnswer {
            by: actor.to_owned(),
            time_us: self.now().micros(),
            reason: reason.clone(),
        };
        let order = AnswerOrder {
            id,
            step,
            answer: answer.encode_to_vec(),
            actor: actor.to_owned(),
            from: from.to_owned(),
            reason,
        };
        self.writer
            .propose(Proposal::Answer(Box::new(order)))
            .await?;
        Ok(())
    }
}

/// An order of a kind, about these records.
pub(super) fn order_of(kind: ApprovalKind, records: Vec<Vec<u8>>) -> ApprovalOrder {
    ApprovalOrder {
        kind: kind.into(),
        records,
        ..ApprovalOrder::default()
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod persons {
    use super::person_of;

    #[test]
    fn a_person_is_the_name_whichever_certificate_it_comes_with() {
        for actor in [
            "UZ/officer/n.karimova",
            "UZ/operator/n.karimova",
            "UZ/officer/eid:n.karimova",
        ] {
            assert_eq!(person_of(actor), "n.karimova");
        }
        assert_ne!(person_of("UZ/officer/karimova"), "n.karimova");
    }
}
