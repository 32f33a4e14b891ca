//! Rules for what needs two persons: asked for by one, approved by another, in time, once; and for
//! what one person may do alone, so many times.

use crate::{
    crypto::{Digest, Domain},
    entry::{ApprovalAsked, ApprovalChanged, Event, RecalledAlone},
    inbox::approvals::{self, Fault, Move, PersonTag, Stage},
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{AloneOrder, ApprovalId, By, Declined, NodeRules, Proposal, Refusal, no_randomness};

/// Something that needs two persons is asked for.
#[derive(Debug)]
pub struct AskOrder {
    /// Random.
    pub id: ApprovalId,
    /// Until when it can be approved, microseconds since 1970.
    pub expires_us: i64,
    /// Keyed tag of who asks.
    pub asker: PersonTag,
    /// Encoded `ApprovalOrder`.
    pub order: Vec<u8>,
    /// What for, a stable word.
    pub what: &'static str,
    /// Header and reference, where it is about one record.
    pub about: Option<(Digest, String)>,
    /// Who asks, from where and why.
    pub by: By,
}

/// It is approved, refused, void, or can never be done.
#[derive(Debug)]
pub struct AnswerOrder {
    /// Which.
    pub id: ApprovalId,
    /// What becomes of it.
    pub step: Move,
    /// Encoded `ApprovalAnswer`.
    pub answer: Vec<u8>,
    /// Who says so.
    pub actor: String,
    /// From where.
    pub from: String,
    /// Why; empty for an approval.
    pub reason: String,
}

/// Additional data of an order at rest.
pub(in crate::node) fn order_aad(id: &ApprovalId) -> Vec<u8> {
    [Domain::Storage.prefix(), b"approval", id].concat()
}

/// Additional data of an answer at rest.
pub(in crate::node) fn answer_aad(id: &ApprovalId) -> Vec<u8> {
    [Domain::Storage.prefix(), b"approval-answer", id].concat()
}

const fn refusal(fault: Fault) -> Refusal {
    match fault {
        Fault::Own => Refusal::OwnApproval,
        Fault::Expired => Refusal::ApprovalExpired,
        Fault::Closed(Stage::Refused) => Refusal::ApprovalRefused,
        Fault::Closed(Stage::Void) => Refusal::ApprovalVoid,
        Fault::Closed(_) => Refusal::Approved,
        Fault::NotApproved(_) => Refusal::NotApproved,
    }
}

fn leaf(actor: String, id: &ApprovalId, detail: impl Into<String>) -> LeafBody {
    LeafBody {
        actor,
        action: Action::Alteration.into(),
        detail: detail.into(),
        subject: id.to_vec(),
        approvals: vec![id.to_vec()],
        ..LeafBody::default()
    }
}

impl NodeRules {
    pub(super) fn approval(
        &self,
        proposal: Proposal,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        match proposal {
            Proposal::Ask(order) => self.ask(*order, group),
            Proposal::Answer(order) => self.answer(*order, group),
            Proposal::ApprovalDone(id) => self.approval_done(&id, group),
            Proposal::RecallAlone(AloneOrder {
                person_tag,
                count,
                most,
                since_us,
                actor,
            }) => {
                let before = approvals::recalled_alone(group, &person_tag, since_us)?;
                if before.saturating_add(count) > most {
                    return Err(Decline::Refused(Refusal::NeedsSecond));
                }
                let event = Event::RecalledAlone(RecalledAlone {
                    person_tag: person_tag.to_vec(),
                    count,
                    time_us: (self.clock)().micros(),
                });
                let leaf = LeafBody {
                    actor,
                    action: Action::Alteration.into(),
                    detail: "recall-alone".to_owned(),
                    count,
                    ..LeafBody::default()
                };
                self.append(group, event, Vec::new(), leaf)
            }
            _ => Ok(()),
        }
    }

    /// A crash before it is durable leaves nothing that anybody was told of.
    fn ask(&self, order: AskOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let sealed = self.storage.seal(&order_aad(&order.id), &order.order);
        let event = Event::ApprovalAsked(ApprovalAsked {
            id: order.id.to_vec(),
            expires_us: order.expires_us,
            asker_tag: order.asker.to_vec(),
            blob: 0,
        });
        let (header_digest, reference) = match order.about {
            Some((digest, reference)) => (digest.to_vec(), reference),
            None => (Vec::new(), String::new()),
        };
        let why = order.by.leaf();
        let asked = leaf(
            why.actor.clone(),
            &order.id,
            format!("{}-asked", order.what),
        );
        let leaf = LeafBody {
            action: asked.action,
            detail: asked.detail,
            subject: asked.subject,
            approvals: asked.approvals,
            header_digest,
            reference,
            ..why
        };
        self.append(group, event, vec![sealed.map_err(no_randomness)?], leaf)
    }

    /// A crash before it is durable leaves it as it was: waiting, granted, or to be carried out.
    fn answer(&self, order: AnswerOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let row = approvals::of(group, &order.id)?.ok_or(Decline::Refused(Refusal::NoApproval))?;
        let now = (self.clock)().micros();
        let after = row.state.after(order.step, now);
        let after = after.map_err(|fault| Decline::Refused(refusal(fault)))?;
        let sealed = self.storage.seal(&answer_aad(&order.id), &order.answer);
        let event = Event::ApprovalChanged(ApprovalChanged {
            id: order.id.to_vec(),
            voided: after.stage == Stage::Void,
            refused: after.stage == Stage::Refused,
            failed: after.stage == Stage::Failed,
            until_us: match after.stage {
                Stage::Granted => after.until_us,
                _ => 0,
            },
            ..ApprovalChanged::default()
        });
        let detail = match after.stage {
            Stage::Void => "voided",
            Stage::Refused => "approval-refused",
            Stage::Failed => "approved-failed",
            _ => "approved",
        };
        let leaf = LeafBody {
            from: order.from,
            purpose: order.reason,
            ..leaf(order.actor, &order.id, detail)
        };
        self.append(group, event, vec![sealed.map_err(no_randomness)?], leaf)
    }

    /// Notes in the group of what was done that it was. A crash leaves both or neither.
    pub(super) fn approval_done(
        &self,
        id: &ApprovalId,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let row = approvals::of(group, id)?.ok_or(Decline::Refused(Refusal::NoApproval))?;
        let after = row.state.after(Move::Done, (self.clock)().micros());
        after.map_err(|fault| Decline::Refused(refusal(fault)))?;
        let event = Event::ApprovalChanged(ApprovalChanged {
            id: id.to_vec(),
            done: true,
            ..ApprovalChanged::default()
        });
        let leaf = leaf(self.own_actor(), id, "approved-done");
        self.append(group, event, Vec::new(), leaf)
    }
}
