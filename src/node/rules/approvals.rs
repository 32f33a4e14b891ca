//! Rules for what needs two persons: asked for by one, approved by another, in time, once; and for
//! what one person may do alone, so many times.

use crate::{
    crypto::Domain,
    entry::{ApprovalAsked, ApprovalChanged, Event, RecalledAlone},
    inbox::approvals::{self, Stage},
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{AloneOrder, ApprovalId, Declined, NodeRules, Proposal, Refusal, no_randomness};

/// Additional data of an order at rest.
pub(in crate::node) fn order_aad(id: &ApprovalId) -> Vec<u8> {
    [Domain::Storage.prefix(), b"approval", id].concat()
}

impl NodeRules {
    pub(super) fn approval(
        &self,
        proposal: Proposal,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let leaf = |actor: String, id: &ApprovalId, detail: String| LeafBody {
            actor,
            action: Action::Alteration.into(),
            detail,
            subject: id.to_vec(),
            ..LeafBody::default()
        };
        match proposal {
            Proposal::Ask {
                id,
                expires_us,
                asker_tag,
                order,
                actor,
                what,
            } => {
                let sealed = self
                    .storage
                    .seal(&order_aad(&id), &order)
                    .map_err(no_randomness)?;
                let event = Event::ApprovalAsked(ApprovalAsked {
                    id: id.to_vec(),
                    expires_us,
                    asker_tag: asker_tag.to_vec(),
                    blob: 0,
                });
                let leaf = leaf(actor, &id, format!("{what}-asked"));
                self.append(group, event, vec![sealed], leaf)
            }
            Proposal::Approve {
                id,
                approver_tag,
                actor,
            } => {
                let row =
                    approvals::of(group, &id)?.ok_or(Decline::Refused(Refusal::NoApproval))?;
                match row.stage {
                    Stage::Asked => {}
                    Stage::Void => return Err(Decline::Refused(Refusal::NoApproval)),
                    Stage::Approved | Stage::Done => {
                        return Err(Decline::Refused(Refusal::Approved));
                    }
                }
                if row.expires_us <= (self.clock)().micros() {
                    return Err(Decline::Refused(Refusal::ApprovalExpired));
                }
                if row.asker_tag == approver_tag {
                    return Err(Decline::Refused(Refusal::OwnApproval));
                }
                let event = Event::ApprovalChanged(ApprovalChanged {
                    id: id.to_vec(),
                    done: false,
                    voided: false,
                });
                self.append(
                    group,
                    event,
                    Vec::new(),
                    leaf(actor, &id, "approved".to_owned()),
                )
            }
            Proposal::ApprovalDone(id) => {
                let event = Event::ApprovalChanged(ApprovalChanged {
                    id: id.to_vec(),
                    done: true,
                    voided: false,
                });
                let leaf = leaf(self.own_actor(), &id, "approved-done".to_owned());
                self.append(group, event, Vec::new(), leaf)
            }
            // A crash before it is durable leaves it waiting, and its asker's certificate revoked.
            Proposal::Void { id, actor } => {
                let row =
                    approvals::of(group, &id)?.ok_or(Decline::Refused(Refusal::NoApproval))?;
                if row.stage != Stage::Asked {
                    return Err(Decline::Refused(Refusal::Approved));
                }
                let event = Event::ApprovalChanged(ApprovalChanged {
                    id: id.to_vec(),
                    done: false,
                    voided: true,
                });
                let leaf = leaf(actor, &id, "voided".to_owned());
                self.append(group, event, Vec::new(), leaf)
            }
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
}
