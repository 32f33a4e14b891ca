//! Listing joint cases, and opening one with its members.

use std::sync::Arc;

use crate::{
    access::{Permit, Verb, act},
    inbox::joint_cases::{self, CaseTag},
    ledger::Shown,
    record::{
        Country, Moment, Reference,
        joint::{Standing, joint_case},
    },
    wire::{
        node::{JointCaseMemberState, JointCaseSummary, MembershipState},
        record::JointCase,
    },
};

use super::{
    super::{
        Node, NodeError,
        read::{MAX_PAGE, ReadError, Reading, blocking},
    },
    JointError,
};

/// Records of a joint case counted at most.
const MOST_COUNTED: usize = 10_000;

/// A member as answers have it.
pub type MemberState = JointCaseMemberState;

/// A joint case, opened.
#[derive(Clone, Debug)]
pub struct Case {
    /// As a list shows it.
    pub summary: JointCaseSummary,
    /// What its newest version says.
    pub joint_case: JointCase,
    /// Its members, in the order of that version.
    pub members: Vec<MemberState>,
    /// SHA-256 of the header of its newest version.
    pub digest: Vec<u8>,
}

impl Node {
    /// Joint cases from a tag on, for whoever may see them; and the tag to go on from, where there may be
    /// more. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list_joint_cases(
        self: &Arc<Self>,
        after: Option<CaseTag>,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<(Vec<JointCaseSummary>, Option<CaseTag>), ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let limit = limit.clamp(1, MAX_PAGE);
        let (found, next) = blocking(move || {
            let cases = joint_cases::cases(&node.store, after.as_ref(), limit)?;
            let next = (cases.len() == limit).then(|| cases.last().map(|(tag, _)| *tag));
            let mut found = Vec::new();
            for (tag, newest) in cases {
                found.extend(node.seen_joint_case(&tag, newest.number, &by)?);
            }
            Ok((found, next.flatten()))
        })
        .await?;
        let shown = found.iter().map(|(number, digest, _)| (*number, digest));
        self.listed(&permit, "joint-cases", Shown::of(shown))
            .await?;
        let found = found.into_iter().map(|(_, _, summary)| summary);
        Ok((found.collect(), next))
    }

    /// A joint case as a list shows it, with its newest version's number and digest.
    fn seen_joint_case<A: Verb>(
        &self,
        tag: &CaseTag,
        number: u64,
        permit: &Permit<A>,
    ) -> Result<Option<(u64, Vec<u8>, JointCaseSummary)>, NodeError> {
        if !permit.sees(&self.subject_of_held(number)?) {
            return Ok(None);
        }
        let Some(version) = self.case_version(number)? else {
            return Ok(None);
        };
        let stored = self.stored(number)?;
        let record = self.open_stored(&stored)?;
        let records = joint_cases::records(&self.store, tag, 0, MOST_COUNTED)?;
        let now = self.membership_now();
        let members = version.members.list().iter().filter(|one| one.holds(now));
        let title = record.situation.as_ref().map(|of| of.title.clone());
        let summary = JointCaseSummary {
            reference: version.first.reference.clone(),
            newest: record.reference.clone(),
            edition: version.members.edition,
            title: title.unwrap_or_default(),
            country: stored.holding.origin.clone(),
            authority: version.members.convener.clone(),
            members: u32::try_from(members.count()).unwrap_or(u32::MAX),
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            submitted_us: record
                .submitted_at
                .as_ref()
                .map_or(0, |at| Moment::from(at).micros()),
            exercise: record.exercise,
        };
        Ok(Some((number, stored.digest.to_vec(), summary)))
    }

    /// The newest version of the joint case that a reference names, or of which it names a version.
    ///
    /// # Errors
    /// [`JointError::Record`] when nothing here has the reference; [`JointError::NotACase`].
    pub(super) async fn named_joint_case(
        self: &Arc<Self>,
        reference: Reference,
    ) -> Result<(CaseTag, u64), JointError> {
        let node = Arc::clone(self);
        let named = blocking(move || node.case_named(&reference)).await?;
        match named {
            Some(named) => Ok(named),
            None => {
                self.find(&reference)?;
                Err(JointError::NotACase(reference))
            }
        }
    }

    /// Opens the newest version of a joint case. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`JointError`].
    pub async fn joint_case(
        self: &Arc<Self>,
        reading: Reading,
        permit: Permit<act::Read>,
    ) -> Result<Case, JointError> {
        let (tag, number) = self.named_joint_case(reading.reference).await?;
        let node = Arc::clone(self);
        let newest = blocking(move || node.reference_of(&node.held(number)?)).await?;
        let reading = Reading {
            reference: newest,
            exact: true,
            situation_only: true,
            ..reading
        };
        let opened = self.read(permit.clone(), reading).await?;
        let node = Arc::clone(self);
        let seen = blocking(move || node.seen_joint_case(&tag, number, &permit)).await?;
        let (_, digest, summary) = seen.ok_or(ReadError::Unknown(newest))?;
        let joint_case = joint_case(&opened.record).cloned().unwrap_or_default();
        let members = self.member_states(&joint_case, number)?;
        Ok(Case {
            summary,
            joint_case,
            members,
            digest,
        })
    }

    /// How each member of a version stands now.
    fn member_states(&self, joint: &JointCase, number: u64) -> Result<Vec<MemberState>, NodeError> {
        let Some(version) = self.case_version(number)? else {
            return Ok(Vec::new());
        };
        let now = self.membership_now();
        let state = |country: &str, authority: &str| {
            let country: Country = country.parse().ok()?;
            Some(
                match version.members.of_authority(country, authority, now) {
                    Standing::Member => MembershipState::Member,
                    Standing::ToCome(_) => MembershipState::ToCome,
                    Standing::Ended(_) => MembershipState::Ended,
                    Standing::Stranger => return None,
                },
            )
        };
        // Of several memberships of one authority each stands for itself.
        let own = |until: Option<Moment>, state: MembershipState| match until {
            Some(until) if until <= now => MembershipState::Ended,
            _ => state,
        };
        let states = joint.members.iter().map(|member| {
            let until = member.until.as_ref().map(Moment::from);
            let state = state(&member.country, &member.authority).unwrap_or_default();
            MemberState {
                member: Some(member.clone()),
                state: own(until, state).into(),
            }
        });
        Ok(states.collect())
    }
}
