//! Rules for who is in charge of a record, and for what is late. All of it against the group in
//! hand: of two officers who acknowledge at once one is first, and what was done meanwhile is not
//! escalated.

use crate::{
    crypto::{Digest, Domain},
    entry::{ChargeChanged, Escalated, Event},
    inbox::{charges, due, life_rows},
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{Declined, NodeRules, Refusal, no_randomness};

/// Additional data of a charge at rest.
pub(in crate::node) fn charge_aad(digest: &Digest) -> Vec<u8> {
    [Domain::Storage.prefix(), b"charge", digest.as_bytes()].concat()
}

/// An officer is to be in charge of a record.
#[derive(Clone, Debug)]
pub struct ChargeOrder {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// As officers say it.
    pub reference: String,
    /// True for an acknowledgement, false for an assignment.
    pub acknowledges: bool,
    /// Keyed tag of the authority.
    pub authority: [u8; 16],
    /// Keyed tag of the officer.
    pub officer: [u8; 16],
    /// Encoded `Charge`.
    pub charge: Vec<u8>,
    /// Who says so.
    pub actor: String,
    /// Anything else; into the ledger.
    pub note: String,
}

/// What is due of a record is late, or is not due any more.
#[derive(Clone, Debug)]
pub struct EscalateOrder {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// As officers say it.
    pub reference: String,
    /// The level reached.
    pub level: u32,
    /// True when it is not due any more.
    pub over: bool,
}

impl NodeRules {
    /// A crash before the group is durable leaves nothing, and the officer no answer. After it the
    /// charge stands, and the origin is owed its receipt until that is durable too.
    pub(super) fn charge(&self, order: ChargeOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let life = life_rows::of(group, order.number)?;
        if life.is_some_and(|row| row.whole.is_some()) {
            return Err(Decline::Refused(Refusal::Life("locked")));
        }
        if let Some(row) = charges::of(group, order.number, &order.authority)? {
            let same = if order.acknowledges {
                row.acknowledged.is_some()
            } else {
                row.officer == order.officer
            };
            if same {
                return Err(Decline::Refused(Refusal::Charged));
            }
        }
        let sealed = self
            .storage
            .seal(&charge_aad(&order.digest), &order.charge)
            .map_err(no_randomness)?;
        let detail = if order.acknowledges {
            "acknowledged"
        } else {
            "assigned"
        };
        let leaf = LeafBody {
            actor: order.actor,
            action: Action::Alteration.into(),
            header_digest: order.digest.to_vec(),
            reference: order.reference,
            purpose: order.note,
            detail: detail.to_owned(),
            subject: Digest::of(&order.charge).to_vec(),
            ..LeafBody::default()
        };
        let event = Event::ChargeChanged(ChargeChanged {
            number: order.number,
            header_digest: order.digest.to_vec(),
            acknowledged: order.acknowledges,
            authority_tag: order.authority.to_vec(),
            officer_tag: order.officer.to_vec(),
            blob: 0,
        });
        self.append(group, event, vec![sealed], leaf)
    }

    /// A crash before the group is durable leaves each of them due, and the next round finds it.
    pub(super) fn escalate(
        &self,
        orders: Vec<EscalateOrder>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for order in orders {
            let Some(row) = life_rows::of(group, order.number)? else {
                continue;
            };
            let next = row.level.saturating_add(1);
            if !due::is_open(&row) || (!order.over && order.level != next) {
                continue;
            }
            let detail = match (order.over, row.foreign, row.answer_due) {
                (true, ..) => "no-longer-due",
                (false, true, false) => "acknowledgement-overdue",
                (false, true, true) => "answer-overdue",
                (false, false, _) => "awaited-overdue",
            };
            let leaf = LeafBody {
                actor: self.own_actor(),
                action: Action::Node.into(),
                header_digest: order.digest.to_vec(),
                reference: order.reference,
                detail: detail.to_owned(),
                count: u64::from(if order.over { 0 } else { order.level }),
                ..LeafBody::default()
            };
            let event = Event::Escalated(Escalated {
                number: order.number,
                header_digest: order.digest.to_vec(),
                level: if order.over { row.level } else { order.level },
                over: order.over,
            });
            self.append(group, event, Vec::new(), leaf)?;
        }
        Ok(())
    }
}
