//! What a submission is checked for before anything of it is made.

use crate::{
    access::{Permit, act},
    record::{Moment, ValidationContext, Violations, sharing::Matrix, validate},
    wire::record::Record,
};

use super::{
    super::{Node, rules::CustodyDraft},
    SubmitError,
};

/// A record that may be submitted, completed.
pub(super) struct Vetted {
    /// Who reads what.
    pub(super) sharing: Matrix,
    /// On an own step of an evidence request: how many records followed the request.
    pub(super) evidence_followers: Option<u64>,
    /// What is stated of items in the same group.
    pub(super) custody: Vec<CustodyDraft>,
}

/// Why no submission is accepted now.
pub(super) enum Closed {
    Fenced,
    Disk { used: u64, limit: u64 },
}

impl Closed {
    pub(super) const fn error(&self) -> SubmitError {
        match self {
            Self::Fenced => SubmitError::Fenced,
            Self::Disk { used, limit } => SubmitError::DiskFull {
                used: *used,
                limit: *limit,
            },
        }
    }
}

impl Node {
    /// Whether submissions are accepted now.
    pub(super) fn accepting(&self) -> Result<(), Closed> {
        if self.is_fenced() {
            return Err(Closed::Fenced);
        }
        let limit = self.config.store.disk_full_percent;
        let used = self.disk_used_percent().unwrap_or(0);
        if used > limit {
            return Err(Closed::Disk { used, limit });
        }
        Ok(())
    }

    /// Completes a record and checks it against every rule; who reads what.
    pub(super) fn vet(
        &self,
        record: &mut Record,
        by_node: bool,
        evidence: bool,
        actor: &str,
        now: Moment,
    ) -> Result<Vetted, SubmitError> {
        if (record.step.is_some() || record.onward.is_some()) && !by_node {
            return Err(SubmitError::StepAsRecord);
        }
        let evidence_followers = self.complete_evidence(record, evidence)?;
        let custody = self.complete_custody(record, evidence, actor)?;
        self.complete_joint_case(record, now)?;
        self.check(record, now).map_err(SubmitError::Invalid)?;
        self.check_follow(record, self.country)?;
        let sharing = self.sharing_of(record, now).map_err(SubmitError::Invalid)?;
        Ok(Vetted {
            sharing,
            evidence_followers,
            custody,
        })
    }

    /// Whether a record would be taken if it were submitted now. Nothing becomes durable.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(in crate::node) fn would_take(
        &self,
        permit: &Permit<act::Ingest>,
        mut record: Record,
    ) -> Result<(), SubmitError> {
        self.accepting().map_err(|closed| closed.error())?;
        self.vet(&mut record, false, false, &permit.actor(), self.now())?;
        match self.gives_away(&record)? {
            Some(violations) => Err(SubmitError::Invalid(violations)),
            None => Ok(()),
        }
    }

    /// Every rule the record breaks, against the vocabularies and the cards held.
    pub(in crate::node) fn check(&self, record: &Record, now: Moment) -> Result<(), Violations> {
        let book = self.book.load();
        let authorities = |country| {
            if country == self.country {
                Some(self.own_card().authorities.clone())
            } else {
                // Under a card that has ended too: the record waits for the newer one.
                book.get(country).map(|card| card.authorities.clone())
            }
        };
        validate(
            record,
            &ValidationContext {
                now,
                origin: self.country,
                authorities: &authorities,
                received: false,
            },
        )
    }
}
