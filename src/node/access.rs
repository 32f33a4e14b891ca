//! Permissions in force: who enters, what a permit reaches of a record, and the attempts refused.
//!
//! Every call of the client port begins with [`Node::enter`]; use cases take the [`Permit`] that it
//! gives and ask `Node::reached` before anything of a record is used.

mod explain;
mod permissions;
mod refusals;
mod tally;

use std::time::Duration;

use crate::{
    access::{
        Action, Caller, Compartments, Decision, Guarded, Missing, Permit, Principal, Purpose,
        Refused, Subject, Verb, act, enter,
    },
    crypto::Digest,
    entry::ApprovalKind,
    inbox::StoredRecord,
    record::{Reference, compartments::label_name},
    wire::{
        node::{RecordSummary, WithheldCompartment},
        record::{CompartmentLabel, FollowType, Record},
    },
};

use super::{
    Node, NodeError, approvals::Matter, onward::original_of, read::ReadError, submit::SubmitError,
};

pub use explain::ExplainError;
pub(crate) use permissions::InForce;
pub use permissions::{Proposed, Standing};
pub use refusals::RefusedAttempts;
pub(super) use refusals::{Refusals, flush_refusals};
pub(crate) use tally::Tally;

impl Node {
    /// Lets a caller do something if the permissions allow it. A refusal is counted, and the ledger
    /// has it before long.
    ///
    /// # Errors
    /// [`Refused`] with what is missing.
    pub fn enter<A: Verb>(&self, caller: Caller) -> Result<Permit<A>, Refused> {
        self.enter_about(caller, None)
    }

    /// As [`Self::enter`], where the call names a record: the leaf of a refusal names it too.
    ///
    /// # Errors
    /// [`Refused`] with what is missing.
    pub fn enter_about<A: Verb>(
        &self,
        caller: Caller,
        reference: Option<&Reference>,
    ) -> Result<Permit<A>, Refused> {
        enter(caller.clone(), &self.access.table())
            .inspect_err(|refused| self.refused(refused, &caller, reference))
    }

    /// Whoever holds the node's home, while the node does not serve: its first operator.
    pub fn local_operator(&self) -> Caller {
        Caller {
            principal: Principal::first_operator(self.country),
            from: "the node's home".to_owned(),
        }
    }

    /// The same caller's permit by the permissions as they are now: for what takes long.
    ///
    /// # Errors
    /// [`Refused`] when it is allowed no more.
    pub fn again<A: Verb>(&self, permit: &Permit<A>) -> Result<Permit<A>, Refused> {
        self.enter(permit.caller().clone())
    }

    /// Notes an attempt that was refused, with the record where it is known which.
    pub(super) fn refused(
        &self,
        refused: &Refused,
        caller: &Caller,
        reference: Option<&Reference>,
    ) {
        let why = refused.missing.to_string();
        self.refusals.note(caller, refused.action, why, reference);
    }

    /// Notes an attempt to open a record without a reason.
    pub(super) fn unreasoned<A: Verb>(&self, permit: &Permit<A>, reference: &Reference) {
        let why = "no purpose was stated".to_owned();
        self.refusals
            .note(permit.caller(), A::ACTION, why, Some(reference));
    }

    /// What a decision about a record is about.
    pub(super) fn subject_of(
        &self,
        stored: &StoredRecord,
        record: &Record,
    ) -> Result<Subject, NodeError> {
        let original = original_of(record)?;
        let content = original.as_ref().map_or(record, |(_, original)| original);
        let own = stored.holding.origin == self.country.code();
        let subject = Subject::of(record, content, self.country, own);
        let subject = match stored.holding.evidence_request && !own {
            true => self.with_executing(stored.holding.number, subject)?,
            false => subject,
        };
        self.within_case(subject, stored, record)
    }

    /// The same of a record whose text may be locked; of one that cannot be opened, nothing is known.
    pub(super) fn subject_of_held(&self, number: u64) -> Result<Subject, NodeError> {
        let stored = match self.stored(number) {
            Ok(stored) => stored,
            Err(error) if error.is_damage() => return Ok(Subject::closed()),
            Err(error) => return Err(error),
        };
        // Of a text that cannot be opened, its own or that of a record passed on, nothing is known.
        let subject = stored
            .open(&self.slots)
            .ok()
            .and_then(|record| self.subject_of(&stored, &record).ok());
        Ok(subject.unwrap_or_else(Subject::closed))
    }

    /// What a permit reaches of a record. One that its holder may not even list is answered as if it
    /// were not there.
    ///
    /// # Errors
    /// [`ReadError::Unknown`], [`ReadError::Refused`].
    pub(super) fn reached<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: &Reference,
        subject: &Subject,
    ) -> Result<Decision, ReadError> {
        let decision = permit.reach(subject);
        let Some(missing) = decision.refused.clone() else {
            return Ok(decision);
        };
        Err(self.out_of_reach(permit, reference, subject, missing))
    }

    /// As [`Self::reached`], of a record by its local number, whether it can still be read or not.
    ///
    /// # Errors
    /// As [`Self::reached`].
    pub(super) fn reached_number<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: &Reference,
        number: u64,
    ) -> Result<Decision, ReadError> {
        let subject = self.subject_of_held(number)?;
        self.reached(permit, reference, &subject)
    }

    /// Refuses a record that its caller may not even list, and nothing else: what is said of one that is
    /// locked is for those who may.
    ///
    /// # Errors
    /// [`ReadError::Unknown`].
    pub(super) fn seen<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: &Reference,
        number: u64,
    ) -> Result<Subject, ReadError> {
        let subject = self.subject_of_held(number)?;
        if permit.sees(&subject) {
            return Ok(subject);
        }
        Err(self.out_of_reach(permit, reference, &subject, Missing::Authority))
    }

    /// Refuses a record, and counts that.
    pub(super) fn out_of_reach<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: &Reference,
        subject: &Subject,
        missing: Missing,
    ) -> ReadError {
        let refused = permit.refusal(missing);
        self.refused(&refused, permit.caller(), Some(reference));
        // Whoever could see it before a membership ended is told when that was.
        let before = subject.before(&refused.missing);
        if permit.sees(before.as_ref().unwrap_or(subject)) {
            ReadError::Refused(refused)
        } else {
            ReadError::Unknown(*reference)
        }
    }

    /// Opens compartment `victims` of a record in a decision, where nothing but a second person's leave
    /// is missing and there is one, for this purpose. `number` is any version of the record.
    pub(super) fn open_victims<A: Verb>(
        &self,
        decision: &mut Decision,
        permit: &Permit<A>,
        number: u64,
        purpose: Option<&Purpose>,
    ) -> Result<(), NodeError> {
        let Some(purpose) = purpose.filter(|_| decision.victims_need_second()) else {
            return Ok(());
        };
        let versions = self.digests_of(number)?;
        let matter = Matter::OpenVictims(&versions);
        if let Some(warrant) = self.warrant(permit, &matter, Some(purpose))? {
            decision.open_victims(warrant);
        }
        Ok(())
    }

    /// Headers of every version of a record.
    pub(super) fn digests_of(&self, number: u64) -> Result<Vec<Digest>, NodeError> {
        let versions = self.versions(number)?;
        Ok(versions.iter().map(|version| version.digest).collect())
    }

    /// Refuses what needs a compartment that a decision withholds.
    ///
    /// # Errors
    /// [`ReadError::Refused`] for the first of them.
    pub(super) fn check_labels<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: &Reference,
        decision: &Decision,
        labels: Compartments,
    ) -> Result<(), ReadError> {
        let withheld = decision.withheld.iter();
        match withheld.into_iter().find(|(label, _)| labels.has(*label)) {
            None => Ok(()),
            Some((_, missing)) => {
                let refused = permit.refusal(missing.clone());
                self.refused(&refused, permit.caller(), Some(reference));
                Err(ReadError::Refused(refused))
            }
        }
    }

    /// Whether a record may be submitted: every compartment in it, under the authority that it names.
    ///
    /// # Errors
    /// [`SubmitError::Refused`].
    pub(super) fn check_submission(
        &self,
        permit: &Permit<act::Submit>,
        record: &Record,
    ) -> Result<(), SubmitError> {
        let follows = record.follows.as_ref().map(|follows| follows.r#type());
        match follows {
            Some(FollowType::Amendment) => self.check_own(&permit.and::<act::Amend>()?, record),
            Some(FollowType::Reply) => self.check_own(&permit.and::<act::Reply>()?, record),
            _ => self.check_own(permit, record),
        }
    }

    /// As [`Self::check_submission`], for what a permit of another action submits.
    pub(super) fn check_own<A: Verb>(
        &self,
        permit: &Permit<A>,
        record: &Record,
    ) -> Result<(), SubmitError> {
        let subject = Subject::of(record, record, self.country, true);
        let decision = permit.reach(&subject);
        let withheld = decision.withheld.into_iter().next();
        let missing = decision.refused.or(withheld.map(|(_, missing)| missing));
        match missing {
            None => Ok(()),
            Some(missing) => {
                let refused = permit.refusal(missing);
                self.refused(&refused, permit.caller(), None);
                Err(SubmitError::Refused(refused))
            }
        }
    }

    /// Refuses who may not approve something.
    ///
    /// # Errors
    /// [`Refused`].
    pub(super) fn check_approver(
        &self,
        permit: &Permit<act::Approve>,
        kind: ApprovalKind,
    ) -> Result<(), Refused> {
        let guarded = guarded(kind);
        let second = permit.table().second(guarded);
        if permit.has_one_of(&second.approvers) {
            return Ok(());
        }
        let refused = permit.refusal(Missing::Approver(guarded));
        self.refused(&refused, permit.caller(), None);
        Err(refused)
    }

    /// How long something waits for a second person, and a leave counts.
    pub(super) fn waits(&self, kind: ApprovalKind) -> Duration {
        let hours = self.access.table().second(guarded(kind)).hours;
        Duration::from_secs(u64::from(hours).saturating_mul(3600))
    }

    /// Marks in a summary what its reader may not open, or answers `None` where there is no telling of
    /// the record.
    pub(super) fn narrowed<A: Verb>(
        &self,
        permit: &Permit<A>,
        subject: &Subject,
        mut summary: RecordSummary,
    ) -> Option<RecordSummary> {
        if !permit.sees(subject) {
            return None;
        }
        let readable = permit.readable(subject).allowed;
        summary.withheld = summary
            .compartments
            .iter()
            .copied()
            .filter(|label| {
                CompartmentLabel::try_from(*label).is_ok_and(|label| !readable.has(label))
            })
            .collect();
        Some(summary)
    }
}

/// The guarded act of an order's kind.
pub(super) const fn guarded(kind: ApprovalKind) -> Guarded {
    match kind {
        ApprovalKind::Recall | ApprovalKind::Unspecified => Guarded::MassRecall,
        ApprovalKind::Shred => Guarded::Shred,
        ApprovalKind::OpenVictims => Guarded::OpenVictims,
        ApprovalKind::ExportCourt => Guarded::ExportCourt,
        ApprovalKind::ExportBulk => Guarded::ExportBulk,
        ApprovalKind::ChangePermissions => Guarded::ChangePermissions,
        ApprovalKind::ImportCard => Guarded::ImportCard,
        ApprovalKind::DataSubject => Guarded::DataSubject,
    }
}

/// What is withheld, as answers say it.
pub(super) fn withheld(decision: &Decision) -> Vec<WithheldCompartment> {
    let withheld = decision.withheld.iter();
    withheld
        .map(|(label, missing)| WithheldCompartment {
            compartment: (*label).into(),
            reason: missing.to_string(),
        })
        .collect()
}

/// What may be looked at for a purpose: without one, the situation alone.
pub(super) fn for_purpose(allowed: Compartments, purpose: Option<&Purpose>) -> Compartments {
    match purpose {
        Some(_) => allowed,
        None => allowed.and(Compartments::situation()),
    }
}

/// Names of compartments that need a purpose.
pub(super) fn beyond(allowed: Compartments) -> String {
    let labels = allowed.without(CompartmentLabel::Situation);
    let names: Vec<&str> = labels.iter().map(label_name).collect();
    names.join(", ")
}

/// The word of a refusal's leaf.
pub(super) fn refusal_word(action: Action) -> String {
    format!("refused-{action}")
}
