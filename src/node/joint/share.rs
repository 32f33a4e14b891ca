//! Sharing what a joint case held before somebody joined. Destinations are signed, so a record goes to
//! somebody else as a version of its own, with the same content: whoever had it has the same text once
//! more, the new member has it for the first time, and what amends it later reaches all of them.
//!
//! Each country decides about its own records, so another's never go on by this.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::{StoredRecord, joint_cases},
    ledger::Shown,
    record::{Country, Moment, Reference, compartments::label_name, joint::Members},
    wire::{
        node::{CaseRecordShare, CaseShareOutcome, RecordState, RecordSummary},
        record::{FollowType, Follows, Record, situation::Kind},
    },
};

use super::{
    super::{
        Node, NodeError,
        evidence::is_request,
        listing::OfficerTag,
        read::{ReadError, blocking},
        submit::{Intent, SubmitError},
    },
    JointError, JointFault,
};

/// Records that are looked at for one answer, at most: each may become one that is sealed anew.
const MAX_SHARED: usize = 100;

/// Which records go to whom.
#[derive(Clone, Debug)]
pub struct ShareOrder {
    /// Any version of the joint case.
    pub reference: Reference,
    /// The country that joined.
    pub country: Country,
    /// The records, by any of their versions; empty: every own one that went to all members of its time.
    pub records: Vec<Reference>,
    /// True for meetings alone.
    pub meetings: bool,
    /// True to send nothing.
    pub dry_run: bool,
    /// Local number to go on from; 0 from the beginning.
    pub after: u64,
    /// How many records of the case are looked at.
    pub limit: usize,
}

/// A record of the case that the other country has not, and what is to become of it.
struct Looked {
    summary: RecordSummary,
    share: CaseRecordShare,
    /// The version that goes.
    version: Option<Record>,
}

/// The version that goes, with what is left out of it in words; or what becomes of the record instead, and why.
type Judged = Result<(String, Record), (CaseShareOutcome, String)>;

impl Node {
    /// Sends own records of a joint case on to a member that joined after them; answers what became of each
    /// record that is not there, and the number to go on from. What went is durable before this answers,
    /// and so is the leaf of what is told. A crash in between leaves some of them gone and some not: the same
    /// again goes on, since what went is known by its destinations.
    ///
    /// # Errors
    /// [`JointError`].
    pub async fn share_case_records(
        self: &Arc<Self>,
        permit: Permit<act::Amend>,
        order: ShareOrder,
    ) -> Result<(Vec<CaseRecordShare>, Option<u64>), JointError> {
        let reference = order.reference;
        let (tag, newest) = self.named_joint_case(reference).await?;
        let (node, by, asked) = (Arc::clone(self), permit.clone(), order.clone());
        let officer = self.person(&permit.actor());
        let limit = order.limit.clamp(1, MAX_SHARED);
        let looked = blocking(move || {
            if let Err(refused) = node.reached_number(&by, &reference, newest) {
                return Ok(Err(JointError::from(refused)));
            }
            let Some(version) = node.case_version(newest)? else {
                return Ok(Err(JointError::NotACase(reference)));
            };
            let members = &version.members;
            let at = node.membership_now();
            let fault = if asked.country == node.country {
                Some(JointFault::Own(asked.country))
            } else if members.authorities(asked.country, at).is_empty() {
                Some(JointFault::Country(asked.country))
            } else {
                None
            };
            if let Some(fault) = fault {
                return Ok(Err(SubmitError::from(fault).into()));
            }
            let numbers = joint_cases::records(&node.store, &tag, asked.after, limit)?;
            let next = (numbers.len() == limit).then(|| numbers.last().copied());
            let mut looked = Vec::new();
            for number in numbers {
                looked.extend(node.look_at(number, members, &asked, &by, &officer)?);
            }
            Ok(Ok((looked, next.flatten())))
        });
        let (mut looked, next) = looked
            .await
            .map_err(|error| ReadError::of(reference, error))??;
        for of in &mut looked {
            let Some(record) = of.version.take() else {
                continue;
            };
            let intent = Intent {
                record,
                idempotency_key: String::new(),
                actor: permit.actor(),
                by_node: false,
                evidence: false,
                item: None,
            };
            match self.submit_intent(intent).await {
                Ok(accepted) => {
                    of.share.outcome = CaseShareOutcome::Shared.into();
                    of.share.shared_as = accepted.reference.to_string();
                }
                Err(SubmitError::Node(error)) => return Err(error.into()),
                Err(refused) => {
                    of.share.outcome = CaseShareOutcome::Refused.into();
                    of.share.says = refused.to_string();
                }
            }
        }
        let shown = looked
            .iter()
            .map(|of| (of.summary.number, &of.summary.header_digest));
        self.listed(&permit, "joint-case-shared", Shown::of(shown))
            .await?;
        Ok((looked.into_iter().map(|of| of.share).collect(), next))
    }

    /// What is to become of a record of the case; `None` of one that its caller may not see, that counts no
    /// more, that was not asked for, or that the other country has.
    fn look_at(
        &self,
        number: u64,
        members: &Members,
        order: &ShareOrder,
        permit: &Permit<act::Amend>,
        officer: &OfficerTag,
    ) -> Result<Option<Looked>, NodeError> {
        let Some(summary) = self.listing(number, false, permit, officer)? else {
            return Ok(None);
        };
        if !matches!(summary.state(), RecordState::Current | RecordState::Pending) {
            return Ok(None);
        }
        let stored = match self.stored(number) {
            Err(error) if error.is_damage() => return Ok(None),
            other => other?,
        };
        // Versions of the case itself go to whoever joins by themselves.
        if stored.holding.joint_case_edition != 0 {
            return Ok(None);
        }
        let record = match self.open_stored(&stored) {
            Err(NodeError::Holding(_)) => return Ok(None),
            other => other?,
        };
        let named = self.is_named(number, &order.records)?;
        if !named && !order.records.is_empty() || order.meetings && !is_meeting(&record) {
            return Ok(None);
        }
        let at = self.membership_now();
        if has_it(&record, members, order.country, at) {
            return Ok(None);
        }
        let mut share = CaseRecordShare {
            reference: summary.reference.clone(),
            title: summary.title.clone(),
            ..CaseRecordShare::default()
        };
        let judged = self.judge_share(&stored, record, members, order, permit)?;
        let version = match judged {
            Ok((says, version)) => {
                share.outcome = CaseShareOutcome::WouldShare.into();
                share.says = says;
                Some(version).filter(|_| !order.dry_run)
            }
            Err((outcome, says)) => {
                share.outcome = outcome.into();
                share.says = says;
                None
            }
        };
        Ok(Some(Looked {
            summary,
            share,
            version,
        }))
    }

    /// The version that may go, with what is left out of it; or why none does.
    fn judge_share(
        &self,
        stored: &StoredRecord,
        mut record: Record,
        members: &Members,
        order: &ShareOrder,
        permit: &Permit<act::Amend>,
    ) -> Result<Judged, NodeError> {
        let origin = &stored.holding.origin;
        if *origin != self.country.code() {
            let says = format!("a record of {origin}, which decides about it");
            return Ok(Err((CaseShareOutcome::Foreign, says)));
        }
        let refused = |says: String| Ok(Err((CaseShareOutcome::Refused, says)));
        if is_request(&record) {
            let says = "a request for evidence goes to one country; send another request";
            return refused(says.to_owned());
        }
        if order.records.is_empty()
            && (is_cut(&record) || self.is_narrowed(stored, &record, members)?)
        {
            let says =
                "it went to some of the members of its time alone, or in part; name it to share it";
            return Ok(Err((CaseShareOutcome::Narrowed, says.to_owned())));
        }
        let at = self.membership_now();
        record.follows = Some(Follows {
            r#type: FollowType::Amendment.into(),
            header_digest: stored.digest.to_vec(),
            reference: std::mem::take(&mut record.reference),
        });
        record.submitted_at = None;
        record.joint_case = None;
        record.destinations = members.and(&record, order.country, at);
        if let Err(error) = self.check_own(permit, &record) {
            return refused(error.to_string());
        }
        let matrix = match self.sharing_of(&record, self.now()) {
            Ok(matrix) => matrix,
            Err(violations) => return refused(violations.to_string()),
        };
        let row = matrix.rows.iter().find(|row| row.country == order.country);
        let withheld = row.map(|row| row.withheld.as_slice()).unwrap_or_default();
        let names: Vec<&str> = withheld
            .iter()
            .map(|(label, _)| label_name(*label))
            .collect();
        let says = match names.as_slice() {
            [] => String::new(),
            names => format!("without {}", names.join(", ")),
        };
        Ok(Ok((says, record)))
    }

    /// Whether a record went to some alone of the authorities that were members when its first version was
    /// submitted and still were with this one; so it is where the first one does not open.
    fn is_narrowed(
        &self,
        stored: &StoredRecord,
        record: &Record,
        members: &Members,
    ) -> Result<bool, NodeError> {
        let Some(submitted) = record.submitted_at.as_ref().map(Moment::from) else {
            return Ok(true);
        };
        let Some(first) = self.first_submitted(stored.holding.number)? else {
            return Ok(true);
        };
        let countries = members.countries(first).into_iter();
        let mut others = countries.filter(|country| *country != self.country);
        Ok(others.any(|country| {
            let mut still = members.authorities(country, first);
            let with_this = members.authorities(country, submitted);
            still.retain(|name| with_this.contains(name));
            let mut destinations = record.destinations.iter();
            let there = destinations.find(|of| of.country == country.code());
            let there = there
                .map(|of| of.authorities.as_slice())
                .unwrap_or_default();
            !still.iter().all(|name| there.contains(name))
        }))
    }

    /// When the first version of a record was submitted; `None` where that does not open.
    fn first_submitted(&self, number: u64) -> Result<Option<Moment>, NodeError> {
        let versions = self.versions(number)?;
        let Some(first) = versions.first() else {
            return Ok(None);
        };
        let opened = self
            .stored(first.number)
            .and_then(|stored| self.open_stored(&stored));
        match opened {
            Ok(record) => Ok(record.submitted_at.as_ref().map(Moment::from)),
            Err(NodeError::Holding(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether one of these references is of a version of a record.
    fn is_named(&self, number: u64, references: &[Reference]) -> Result<bool, NodeError> {
        if references.is_empty() {
            return Ok(false);
        }
        for version in self.versions(number)? {
            if references.contains(&self.reference_of(&self.held(version.number)?)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a record went to every authority of a country that is a member.
fn has_it(record: &Record, members: &Members, country: Country, at: Moment) -> bool {
    let mut destinations = record.destinations.iter();
    let there = destinations.find(|of| of.country == country.code());
    there.is_some_and(|there| {
        let members = members.authorities(country, at);
        members.iter().all(|name| there.authorities.contains(name))
    })
}

/// Whether a destination of a record reads other compartments than its role does, or not by all its authorities.
fn is_cut(record: &Record) -> bool {
    let mut destinations = record.destinations.iter();
    destinations.any(|of| !of.compartments.is_empty() || !of.readers.is_empty())
}

fn is_meeting(record: &Record) -> bool {
    let kind = record.situation.as_ref().and_then(|of| of.kind.as_ref());
    matches!(kind, Some(Kind::Meeting(_)))
}
