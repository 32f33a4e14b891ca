//! Listing requests, newest first.

use std::{sync::Arc, time::Duration};

use crate::{
    access::{Permit, Verb, act},
    evidence::lifecycle::{Party, State},
    inbox::{clocks, clocks::Look},
    ledger::Shown,
    record::{Country, Moment},
    wire::node::{EvidenceCase, EvidenceSide, EvidenceState},
};

use super::{
    super::{
        Node, NodeError,
        read::{MAX_PAGE, ReadError, blocking},
    },
    request_of,
    thread::Thread,
};

/// Requests of a page, each with its local number.
type Page = Vec<(u64, EvidenceCase)>;

/// Which requests are listed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// In one of these states; empty: in any.
    pub states: Vec<State>,
    /// Only those that are not refused, withdrawn or closed.
    pub open: bool,
    /// With this country.
    pub country: Option<Country>,
    /// Of which this country is that side.
    pub side: Option<Party>,
}

impl Wanted {
    fn takes(&self, state: State, other: Country, own: Party) -> bool {
        (self.states.is_empty() || self.states.contains(&state))
            && (!self.open || state.is_open())
            && self.country.is_none_or(|country| country == other)
            && self.side.is_none_or(|side| side == own)
    }
}

impl Node {
    /// Requests below a local number, newest first; the number to go on below, where there may be more;
    /// and whether everything held was looked through. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError::Refused`] when a second person has to agree to so many; [`ReadError::Node`] when the
    /// store cannot be read.
    pub async fn list_evidence(
        self: &Arc<Self>,
        wanted: Wanted,
        before: u64,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<(Vec<EvidenceCase>, Option<u64>, bool), ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let limit = limit.clamp(1, MAX_PAGE);
        let (page, next) =
            blocking(move || node.evidence_page(&wanted, before, limit, &by)).await?;
        let shown = Shown::of(page.iter().map(|(number, of)| (*number, &of.header_digest)));
        self.listed(&permit, "evidence-listed", shown).await?;
        let cases = page.into_iter().map(|(_, of)| of).collect();
        Ok((cases, next, self.cases.is_complete()))
    }

    fn evidence_page(
        &self,
        wanted: &Wanted,
        mut before: u64,
        limit: usize,
        permit: &Permit<act::List>,
    ) -> Result<(Page, Option<u64>), NodeError> {
        while !self.look_at_new(MAX_PAGE)? {}
        let mut page = Vec::new();
        while let Some(number) = self.cases.below(before) {
            if page.len() >= limit {
                return Ok((page, Some(before)));
            }
            before = number;
            let Some(brief) = self.brief_of(number)? else {
                continue;
            };
            if wanted.takes(brief.state, brief.other, brief.own)
                && let Some(case) = self.seen_case(number, permit)?
            {
                page.push((number, case));
            }
        }
        Ok((page, None))
    }

    /// Requests with a clock that runs, by the earliest end, after a place where one is named; and where
    /// the list goes on. The leaf is durable before this answers.
    ///
    /// # Errors
    /// As [`Self::list_evidence`].
    pub async fn list_evidence_due(
        self: &Arc<Self>,
        wanted: Wanted,
        until: Option<Duration>,
        after: Option<Look>,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<(Vec<EvidenceCase>, Option<Look>), ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let limit = limit.clamp(1, MAX_PAGE);
        let until = until.map(|until| (self.now() + until).micros());
        let (page, next) =
            blocking(move || node.evidence_due_page(&wanted, until, after, limit, &by)).await?;
        let shown = Shown::of(page.iter().map(|(number, of)| (*number, &of.header_digest)));
        self.listed(&permit, "evidence-listed", shown).await?;
        Ok((page.into_iter().map(|(_, of)| of).collect(), next))
    }

    fn evidence_due_page(
        &self,
        wanted: &Wanted,
        until: Option<i64>,
        mut after: Option<Look>,
        limit: usize,
        permit: &Permit<act::List>,
    ) -> Result<(Page, Option<Look>), NodeError> {
        let mut page = Vec::new();
        loop {
            let rows = clocks::running(&self.store, after, limit)?;
            if rows.is_empty() {
                return Ok((page, None));
            }
            for row in rows {
                if until.is_some_and(|until| row.at_us > until) {
                    return Ok((page, None));
                }
                if page.len() >= limit {
                    return Ok((page, after));
                }
                after = Some(row);
                let Some(brief) = self.brief_of(row.number)? else {
                    continue;
                };
                if wanted.takes(brief.state, brief.other, brief.own)
                    && let Some(case) = self.seen_case(row.number, permit)?
                {
                    page.push((row.number, case));
                }
            }
        }
    }

    /// A request as a list shows it, to whoever may see it.
    fn seen_case<A: Verb>(
        &self,
        number: u64,
        permit: &Permit<A>,
    ) -> Result<Option<EvidenceCase>, NodeError> {
        let Some(thread) = self.open_thread(number)? else {
            return Ok(None);
        };
        let subject = self.subject_of(&thread.stored, &thread.record)?;
        if !permit.sees(&subject) {
            return Ok(None);
        }
        Ok(Some(self.case_with_clocks(&thread)?))
    }
}

/// A request as lists and screens show it.
pub(super) fn case_of(thread: &Thread) -> EvidenceCase {
    let record = &thread.record;
    let [steps, void_steps, waiting_steps] = thread.counts();
    EvidenceCase {
        reference: record.reference.clone(),
        header_digest: thread.stored.digest.to_vec(),
        title: record
            .situation
            .as_ref()
            .map(|situation| situation.title.clone())
            .unwrap_or_default(),
        urgency: record.urgency,
        state: state(thread.case.state).into(),
        issuing_country: thread.matter.issuing.country.code().to_owned(),
        issuing_authority: record.authority.clone(),
        executing_country: thread.matter.executing.country.code().to_owned(),
        executing_authority: thread.case.executing_authority.clone().unwrap_or_default(),
        side: side(thread.own).into(),
        profile: request_of(record)
            .map(|request| request.profile.clone())
            .unwrap_or_default(),
        submitted_us: record
            .submitted_at
            .as_ref()
            .map_or(0, |at| Moment::from(at).micros()),
        stored_us: thread.stored.time.micros(),
        delivered_us: thread.delivered_us,
        exercise: record.exercise,
        steps,
        void_steps,
        waiting_steps,
        open_questions: u32::try_from(thread.case.questions.len()).unwrap_or(u32::MAX),
        not_delivered: thread
            .not_delivered
            .map(|reason| reason.as_str_name().to_owned())
            .unwrap_or_default(),
        ..EvidenceCase::default()
    }
}

/// A state on the wire.
pub const fn state(state: State) -> EvidenceState {
    match state {
        State::Draft => EvidenceState::Draft,
        State::Submitted => EvidenceState::Submitted,
        State::Delivered => EvidenceState::Delivered,
        State::Acknowledged => EvidenceState::Acknowledged,
        State::InformationRequested => EvidenceState::InformationRequested,
        State::Recognised => EvidenceState::Recognised,
        State::Refused => EvidenceState::Refused,
        State::Postponed => EvidenceState::Postponed,
        State::Executing => EvidenceState::Executing,
        State::PartiallyExecuted => EvidenceState::PartiallyExecuted,
        State::Executed => EvidenceState::Executed,
        State::Transferred => EvidenceState::Transferred,
        State::Closed => EvidenceState::Closed,
        State::Withdrawn => EvidenceState::Withdrawn,
    }
}

/// A state from the wire; `None` where it states none.
pub const fn state_of(state: EvidenceState) -> Option<State> {
    Some(match state {
        EvidenceState::Unspecified => return None,
        EvidenceState::Draft => State::Draft,
        EvidenceState::Submitted => State::Submitted,
        EvidenceState::Delivered => State::Delivered,
        EvidenceState::Acknowledged => State::Acknowledged,
        EvidenceState::InformationRequested => State::InformationRequested,
        EvidenceState::Recognised => State::Recognised,
        EvidenceState::Refused => State::Refused,
        EvidenceState::Postponed => State::Postponed,
        EvidenceState::Executing => State::Executing,
        EvidenceState::PartiallyExecuted => State::PartiallyExecuted,
        EvidenceState::Executed => State::Executed,
        EvidenceState::Transferred => State::Transferred,
        EvidenceState::Closed => State::Closed,
        EvidenceState::Withdrawn => State::Withdrawn,
    })
}

/// A side on the wire.
pub(super) const fn side(party: Party) -> EvidenceSide {
    match party {
        Party::Issuing => EvidenceSide::Issuing,
        Party::Executing => EvidenceSide::Executing,
    }
}

/// A side from the wire; `None` where it states none.
pub const fn party_of(side: EvidenceSide) -> Option<Party> {
    match side {
        EvidenceSide::Unspecified => None,
        EvidenceSide::Issuing => Some(Party::Issuing),
        EvidenceSide::Executing => Some(Party::Executing),
    }
}
