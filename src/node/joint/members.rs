//! Changing the members of a joint case: an amendment of its newest version.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::ask,
    record::{Reference, joint},
    wire::record::{FollowType, Follows, JointCaseMember, situation::Kind},
};

use super::{
    super::{
        Node, NodeError,
        read::{ReadError, blocking},
        submit::{Intent, SubmitError},
    },
    JointError, JointFault,
};

/// Who joins and who leaves.
#[derive(Clone, Debug)]
pub struct ChangeOrder {
    /// Any version of the joint case.
    pub reference: Reference,
    /// Who joins.
    pub add: Vec<JointCaseMember>,
    /// Who leaves.
    pub end: Vec<JointCaseMember>,
    /// Idempotency key; empty for none.
    pub key: String,
}

/// A version that is durable.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Its reference.
    pub reference: Reference,
    /// Which version it is.
    pub edition: u32,
    /// True when the idempotency key was known.
    pub repeated: bool,
}

impl Node {
    /// Adds members to a joint case, or says until when they belong to it. Durable when this answers.
    ///
    /// # Errors
    /// [`JointError`]; nothing is changed then.
    pub async fn change_members(
        self: &Arc<Self>,
        permit: Permit<act::Amend>,
        order: ChangeOrder,
    ) -> Result<Changed, JointError> {
        let (node, by, asked) = (Arc::clone(self), permit.clone(), order.clone());
        let first = blocking(move || node.changed_before(&by, &asked)).await?;
        if let Some(first) = first {
            return Ok(first);
        }
        let node = Arc::clone(self);
        let reference = order.reference;
        let found = blocking(move || node.case_named(&reference)).await?;
        let Some((_, number)) = found else {
            self.find(&reference)?;
            return Err(JointError::NotACase(reference));
        };
        let (node, by) = (Arc::clone(self), permit.clone());
        let opened = blocking(move || {
            if let Err(refused) = node.reached_number(&by, &reference, number) {
                return Ok(Err(refused));
            }
            let stored = node.stored(number)?;
            let record = node.open_stored(&stored)?;
            Ok(Ok((stored, record)))
        });
        let opened = opened
            .await
            .map_err(|error| ReadError::of(reference, error))?;
        let (stored, mut record) = opened?;
        if stored.holding.origin != self.country.code() {
            let convener = format!("{}/{}", stored.holding.origin, record.authority);
            return Err(SubmitError::from(JointFault::NotTheConvener(convener)).into());
        }
        record.follows = Some(Follows {
            r#type: FollowType::Amendment.into(),
            header_digest: stored.digest.to_vec(),
            reference: std::mem::take(&mut record.reference),
        });
        record.submitted_at = None;
        record.joint_case = None;
        record.destinations = Vec::new();
        if let Some(Kind::JointCase(of)) = record.situation.as_mut().and_then(|of| of.kind.as_mut())
        {
            joint::change(of, order.add, order.end, self.membership_now()).map_err(|of| {
                let who = format!("{}/{}", of.country, of.authority);
                let who = who.chars().filter(|c| !c.is_control()).take(64).collect();
                SubmitError::from(JointFault::NoSuchMember(who))
            })?;
        }
        self.check_own(&permit, &record)?;
        let accepted = self
            .submit_intent(Intent {
                record,
                idempotency_key: order.key,
                actor: permit.actor(),
                by_node: false,
                evidence: false,
                item: None,
            })
            .await?;
        Ok(Changed {
            reference: accepted.reference,
            edition: self.edition_of(&accepted.reference)?,
            repeated: accepted.repeated,
        })
    }

    fn edition_of(&self, reference: &Reference) -> Result<u32, ReadError> {
        let number = self.find(reference)?;
        Ok(self.held(number)?.holding.joint_case_edition)
    }

    /// The change that this caller made under the same key: what it was then is not compared, for the
    /// amendment is made of the version that is the newest by now.
    fn changed_before(
        &self,
        permit: &Permit<act::Amend>,
        order: &ChangeOrder,
    ) -> Result<Option<Changed>, NodeError> {
        if order.key.is_empty() {
            return Ok(None);
        }
        let tag = self.idempotency_tag(&permit.actor(), &order.key);
        let Some(number) = ask::by_idempotency(&self.store, &tag)? else {
            return Ok(None);
        };
        let stored = self.held(number)?;
        let Some((tag, _)) = self.case_named(&order.reference)? else {
            return Ok(None);
        };
        if stored.holding.joint_case_tag != tag || stored.holding.joint_case_edition == 0 {
            // Another submission's: the writer says so.
            return Ok(None);
        }
        Ok(Some(Changed {
            reference: self.reference_of(&stored)?,
            edition: stored.holding.joint_case_edition,
            repeated: true,
        }))
    }
}
