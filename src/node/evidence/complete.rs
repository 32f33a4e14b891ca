//! What the node puts into a request, or a step of one, when it is prepared: the profile's terms; the
//! step's number, the step before it, and what was seen of the other side.

use crate::{
    crypto::Digest,
    evidence::lifecycle::{MAX_STEPS, Outcome, Party, Step, case},
    inbox::ask,
    record::Country,
    wire::record::{
        EvidenceStep, Record, evidence_step::Act as Wire, situation::Kind, step::Step as StepKind,
    },
};

use super::{
    super::{
        Node, NodeError,
        rules::CustodyDraft,
        steps::{FollowFault, followed},
        submit::SubmitError,
    },
    EvidenceFault, is_request,
    thread::Thread,
};

impl Node {
    /// Completes a request or a step of one that a use case of evidence requests made, and refuses one
    /// that came as any other record. Answers, for a step, how many records followed the request: the
    /// writer refuses it when more do by then.
    ///
    /// # Errors
    /// [`SubmitError::Evidence`]; [`SubmitError::Follows`] for a step of nothing that is held here.
    pub(in crate::node) fn complete_evidence(
        &self,
        record: &mut Record,
        by_use_case: bool,
    ) -> Result<Option<u64>, SubmitError> {
        let step = match record.step.as_ref().and_then(|step| step.step.as_ref()) {
            Some(StepKind::Evidence(step)) => Some(step.clone()),
            _ => None,
        };
        if !by_use_case {
            return match is_request(record) {
                true => Err(EvidenceFault::AsRecord.into()),
                false => Ok(None),
            };
        }
        match step {
            Some(step) => self.complete_step(record, step).map(Some),
            None => self.complete_request(record).map(|()| None),
        }
    }

    /// Signs what a record does with items, and lets it carry that: a step of a request, and any other record
    /// that names items, such as spontaneous information. The writer states it with the record.
    ///
    /// # Errors
    /// [`SubmitError::Evidence`] where it cannot be stated.
    pub(in crate::node) fn complete_custody(
        &self,
        record: &mut Record,
        by_use_case: bool,
        actor: &str,
    ) -> Result<Vec<CustodyDraft>, SubmitError> {
        let followed = followed(record);
        let number = match &followed {
            Some(followed) => ask::by_digest(&self.store, followed).map_err(NodeError::from)?,
            None => None,
        };
        let stated = match (record.step.is_some(), number) {
            (true, Some(number)) if by_use_case => self.custody_of_step(record, number, actor)?,
            (true, _) => return Ok(Vec::new()),
            (false, _) if record.onward.is_some() => return Ok(Vec::new()),
            (false, _) => {
                self.name_uploads(record, number)?;
                self.custody_of_record(record, number, actor)?
            }
        };
        Ok(stated.map_err(EvidenceFault::Custody)?)
    }

    fn complete_request(&self, record: &mut Record) -> Result<(), SubmitError> {
        let country = record
            .destinations
            .first()
            .and_then(|of| of.country.parse::<Country>().ok());
        let kind = record.situation.as_mut().and_then(|of| of.kind.as_mut());
        let Some(Kind::EvidenceRequest(request)) = kind else {
            return Err(EvidenceFault::NotARequest.into());
        };
        if request.terms.is_some() {
            return Err(EvidenceFault::SetByNode("situation.evidenceRequest.terms").into());
        }
        // What else is wrong with it, and every violation at once, validation says.
        if let Some(country) = country.filter(|_| !request.profile.is_empty()) {
            let terms = self.terms_for(country, &request.profile);
            request.terms = Some(terms.map_err(EvidenceFault::Terms)?);
        }
        Ok(())
    }

    fn complete_step(&self, record: &mut Record, step: EvidenceStep) -> Result<u64, SubmitError> {
        let unknown = SubmitError::Follows(FollowFault::Unknown);
        let Some(request) = followed(record) else {
            return Err(unknown);
        };
        let Some(number) = ask::by_digest(&self.store, &request).map_err(NodeError::from)? else {
            return Err(unknown);
        };
        let given = [
            ("step.number", step.number != 0),
            ("step.previous", !step.previous.is_empty()),
            ("step.seen", step.seen != 0),
            ("step.seenDigest", !step.seen_digest.is_empty()),
        ];
        if let Some((field, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(EvidenceFault::SetByNode(field).into());
        }
        let thread = match self.evidence_thread(number) {
            Ok(thread) => thread.ok_or(SubmitError::Follows(FollowFault::NotARequest))?,
            Err(NodeError::Holding(error)) => {
                return Err(EvidenceFault::Unreadable(error.to_string()).into());
            }
            Err(error) => return Err(error.into()),
        };
        let (own, other) = (
            *thread.case.head(thread.own),
            *thread.case.head(thread.own.other()),
        );
        if own.number >= MAX_STEPS {
            return Err(EvidenceFault::TooMany.into());
        }
        let bytes = |digest: Option<Digest>| digest.map(|of| of.to_vec()).unwrap_or_default();
        let completed = EvidenceStep {
            number: own.number.saturating_add(1),
            previous: bytes(own.digest),
            seen: other.placed,
            seen_digest: bytes(other.placed_digest),
            ..step
        };
        self.check_reassigned(&completed)?;
        let readers = readers(&thread);
        for destination in &mut record.destinations {
            destination.authorities.clone_from(&readers);
        }
        if let Some(StepKind::Evidence(of)) =
            record.step.as_mut().and_then(|step| step.step.as_mut())
        {
            *of = completed;
        }
        // Its header has no digest yet; it is the only step with its number, so any will do.
        if let Some(mut new) = Step::of(record, Digest::ZERO, self.country) {
            new.at = self.now();
            let mut steps = thread.pure();
            steps.push(new);
            match case(&thread.matter, &steps).outcome(&Digest::ZERO) {
                Some(Outcome::Void(void)) => return Err(EvidenceFault::Void(void.clone()).into()),
                Some(Outcome::Waits(wait)) => return Err(EvidenceFault::Waits(*wait).into()),
                Some(Outcome::Took { .. }) | None => {}
            }
        }
        Ok(thread.followers)
    }

    /// Whom a request is reassigned to is in the own card, where that names authorities.
    fn check_reassigned(&self, step: &EvidenceStep) -> Result<(), EvidenceFault> {
        let Some(Wire::Reassigned(of)) = &step.act else {
            return Ok(());
        };
        let known = self.own_card().authorities.clone();
        if known.contains(&of.authority) || known.is_empty() {
            return Ok(());
        }
        // What is no line of text, validation says.
        let authority: String = of
            .authority
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .collect();
        Err(EvidenceFault::Authority { authority, known })
    }
}

/// The authorities of the other country to which a step goes; none: the country's desk.
fn readers(thread: &Thread) -> Vec<String> {
    let other = thread.matter.side(thread.own.other());
    let mut authorities = match (thread.own, &thread.case.executing_authority) {
        (Party::Issuing, Some(executing)) => vec![executing.clone()],
        _ => other.authorities.clone(),
    };
    authorities.retain(|authority| !authority.is_empty());
    authorities
}
