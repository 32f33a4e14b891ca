//! Rules for the permissions in force: one table after the other, each from the one before.

use crate::{
    access::ApprovalId,
    crypto::Digest,
    entry::{AccessChanged, Event},
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{super::projection, Declined, NodeRules, Refusal};

/// A table that comes in force.
#[derive(Debug)]
pub struct TableOrder {
    /// SHA-256 of the text.
    pub digest: Digest,
    /// The table, as access.toml.
    pub text: String,
    /// SHA-256 of the table that it takes the place of; `None` for the first.
    pub base: Option<Digest>,
    /// The approval that it carries out.
    pub approval: Option<ApprovalId>,
    /// Who proposed it; `None` for the first.
    pub actor: Option<String>,
}

impl NodeRules {
    /// A crash before this is durable leaves the table before in force, and an approval to be carried
    /// out; after it the new one is in force and the approval done.
    pub(super) fn put_in_force(
        &self,
        order: TableOrder,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let before = projection::permissions_digest(group)?;
        if before != order.base {
            return Err(Decline::Refused(Refusal::PermissionsMoved));
        }
        let approvals = order.approval.map(|id| id.to_vec());
        let leaf = LeafBody {
            actor: order.actor.unwrap_or_else(|| self.own_actor()),
            action: Action::Node.into(),
            detail: "permissions".to_owned(),
            subject: order.digest.to_vec(),
            approvals: approvals.iter().cloned().collect(),
            ..LeafBody::default()
        };
        let event = Event::AccessChanged(AccessChanged {
            digest: order.digest.to_vec(),
            blob: 0,
            lasting: true,
            approval: approvals.unwrap_or_default(),
        });
        self.append(group, event, vec![order.text.into_bytes()], leaf)?;
        match order.approval {
            Some(id) => self.approval_done(&id, group),
            None => Ok(()),
        }
    }
}
