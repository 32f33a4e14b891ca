//! Somebody leaves: what they were in charge of goes to another officer, and what they asked a second
//! person for, and the leaves that they have, are void.
//!
//! Each step is an entry with its leaf. A crash leaves some done and the rest as it was; doing it again
//! goes on.

use std::sync::Arc;

use prost::Message as _;

use crate::{
    access::{Permit, act},
    entry::Charge,
    inbox::charges,
};

use super::{
    super::{
        Node, NodeError,
        read::blocking,
        rules::{ChargeOrder, Proposal, Refusal},
    },
    ChargeError,
};

/// Records looked at together.
const MAX_HELD: usize = 100_000;
/// What the ledger says of why somebody else is in charge.
const REASON: &str = "offboarding";

/// What became of what somebody held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offboarded {
    /// References that another officer is in charge of now.
    pub reassigned: Vec<String>,
    /// References that nobody who is here is in charge of.
    pub left: Vec<String>,
    /// How many requests for a second person were voided.
    pub voided: u64,
}

impl Node {
    /// Hands what `leaving`, such as `UZ/officer/n.karimova`, is in charge of to the officer `to`, and
    /// voids what they asked a second person for. Without `to` it only says what is left.
    ///
    /// # Errors
    /// [`ChargeError::Officer`] when no valid certificate was issued to `to`; [`ChargeError::Node`]
    /// when the store fails, with what was done before durable.
    pub async fn offboard(
        self: &Arc<Self>,
        permit: &Permit<act::Offboard>,
        leaving: &str,
        to: Option<&str>,
    ) -> Result<Offboarded, ChargeError> {
        let actor = permit.actor();
        let to = to.map(|to| self.officer(to)).transpose()?;
        let tag = self.person(leaving);
        let mut done = Offboarded::default();
        let node = Arc::clone(self);
        let held = blocking(move || {
            let mut held = Vec::new();
            for (number, row) in charges::held_by(&node.store, &tag, MAX_HELD)? {
                let stored = node.held(number)?;
                let reference = node.reference_of(&stored)?.to_string();
                let authority = node.charge_at(row.place)?.charge.authority;
                held.push((number, stored.digest, reference, authority));
            }
            Ok::<_, NodeError>(held)
        })
        .await?;
        for (number, digest, reference, authority) in held {
            let Some(officer) = to.as_deref().filter(|to| *to != leaving) else {
                done.left.push(reference);
                continue;
            };
            let charge = Charge {
                authority: authority.clone(),
                officer: officer.to_owned(),
                by: actor.clone(),
                note: REASON.to_owned(),
            };
            let order = ChargeOrder {
                number,
                digest,
                reference: reference.clone(),
                acknowledges: false,
                authority: self.keys.index.tag("authority", authority.as_bytes()),
                officer: self.person(officer),
                charge: charge.encode_to_vec(),
                actor: actor.clone(),
                note: REASON.to_owned(),
            };
            let proposed = self.writer.propose(Proposal::Charge(Box::new(order))).await;
            match proposed.map_err(NodeError::from) {
                Ok(_) | Err(NodeError::Refused(Refusal::Charged)) => {
                    done.reassigned.push(reference)
                }
                // Of what was taken back nobody has to be in charge.
                Err(NodeError::Refused(Refusal::Life(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        done.voided = self.void_approvals(leaving, permit).await?;
        Ok(done)
    }
}
