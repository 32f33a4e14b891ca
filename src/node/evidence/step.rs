//! Taking a step of a request: in the name of an authority of this country, or by the node itself.

use std::sync::Arc;

use crate::{
    access::{Permit, Subject, Verb, act},
    crypto::Digest,
    evidence::lifecycle::{Act, Party, State, Void, table},
    inbox::ask,
    record::{Country, Reference},
    wire::record::{
        CountryRole, Destination, Evidence, EvidenceStep, FollowType, Follows, Marking, Record,
        Step, Urgency, step::Step as Kind,
    },
};

use super::{
    super::{
        Node, NodeError,
        items::ItemId,
        read::{ReadError, blocking},
        rules::SubmissionRefusal,
        submit::{Accepted, Intent, SubmitError},
    },
    EvidenceError, EvidenceFault,
    thread::Thread,
};

/// How often a step is prepared, at most, while others are faster.
const ATTEMPTS: usize = 8;

/// A step to take.
#[derive(Clone, Debug)]
pub struct StepOrder {
    /// Reference of the request.
    pub reference: Reference,
    /// What the step does; its place is the node's to say.
    pub step: EvidenceStep,
    /// Items with their keys, and persons, that go along.
    pub evidence: Option<Evidence>,
    /// Items uploaded to the request that go along with their keys.
    pub items: Vec<ItemId>,
    /// The own authority that takes it; empty: the caller's, or the one whose request it is.
    pub authority: String,
    /// Idempotency key; empty for none.
    pub key: String,
}

/// A step that is durable.
#[derive(Clone, Debug)]
pub struct StepTaken {
    /// The submission's answer.
    pub accepted: Accepted,
    /// State after it, as this country knows it.
    pub state: State,
    /// Its number on its side.
    pub number: u32,
}

impl Node {
    /// Takes a step of the issuing side. Durable when this answers.
    ///
    /// # Errors
    /// [`EvidenceError`]; nothing is durable then.
    pub async fn take_issuing_step(
        self: &Arc<Self>,
        permit: Permit<act::RequestEvidence>,
        order: StepOrder,
    ) -> Result<StepTaken, EvidenceError> {
        self.take_step(permit, Party::Issuing, order).await
    }

    /// Takes a step of the executing side. Durable when this answers.
    ///
    /// # Errors
    /// [`EvidenceError`]; nothing is durable then.
    pub async fn take_executing_step(
        self: &Arc<Self>,
        permit: Permit<act::ExecuteEvidence>,
        order: StepOrder,
    ) -> Result<StepTaken, EvidenceError> {
        self.take_step(permit, Party::Executing, order).await
    }

    /// Takes a step that the node itself takes, such as that items arrived. Durable when this answers.
    ///
    /// # Errors
    /// [`EvidenceError`]; nothing is durable then.
    pub async fn take_nodes_step(
        self: &Arc<Self>,
        request: u64,
        step: EvidenceStep,
        key: String,
    ) -> Result<StepTaken, EvidenceError> {
        let node = Arc::clone(self);
        let thread = blocking(move || node.evidence_thread(request)).await?;
        let Some(thread) = thread else {
            return Err(NodeError::Holding(crate::inbox::HoldingError::NotARecord(request)).into());
        };
        let actor = format!("{}/node", self.country);
        let record = step_record(&thread, step, None, String::new());
        self.submit_evidence_step(record, thread.stored.digest, actor, key)
            .await
    }

    async fn take_step<A: Verb>(
        self: &Arc<Self>,
        permit: Permit<A>,
        party: Party,
        mut order: StepOrder,
    ) -> Result<StepTaken, EvidenceError> {
        let reference = order.reference;
        let number = self.find(&reference)?;
        let (node, by) = (Arc::clone(self), permit.clone());
        let seen = blocking(move || {
            if let Err(refused) = node.reached_number(&by, &reference, number) {
                return Ok(Err(refused));
            }
            Ok(Ok(node.evidence_thread(number)?))
        });
        let thread = seen
            .await
            .map_err(|error| ReadError::of(reference, error))??
            .ok_or(EvidenceError::NotARequest(reference))?;
        if let Some(act) = Act::of(&order.step) {
            if act.is_nodes() {
                return Err(SubmitError::Evidence(EvidenceFault::NodesOwn(act)).into());
            }
            // Said first: whoever is on the wrong side should not be told of authorities.
            if thread.own != party || !table::is_partys(act, party) {
                let void = Void::Party {
                    act,
                    by: thread.own,
                };
                return Err(SubmitError::Evidence(void.into()).into());
            }
        }
        if !order.items.is_empty() {
            let named = self.items_to_transfer(reference, order.items).await;
            let named = named.map_err(Box::new)?;
            let evidence = order.evidence.get_or_insert_default();
            evidence.items.extend(named);
        }
        let authority = authority(&permit, &thread, order.authority);
        self.check_in_name_of(&permit, &thread, &authority, order.evidence.as_ref())?;
        let record = step_record(&thread, order.step, order.evidence, authority);
        self.submit_evidence_step(record, thread.stored.digest, permit.actor(), order.key)
            .await
    }

    /// Whether a caller may act in the name of an authority in this request, with what goes along.
    fn check_in_name_of<A: Verb>(
        &self,
        permit: &Permit<A>,
        thread: &Thread,
        authority: &str,
        evidence: Option<&Evidence>,
    ) -> Result<(), SubmitError> {
        // As if that authority had submitted a request with the same along with it.
        let record = Record {
            authority: authority.to_owned(),
            situation: thread.record.situation.clone(),
            evidence: evidence.cloned(),
            ..Record::default()
        };
        self.check_own(permit, &record)
    }

    /// Submits a step, again while another one is faster.
    async fn submit_evidence_step(
        self: &Arc<Self>,
        record: Record,
        request: Digest,
        actor: String,
        key: String,
    ) -> Result<StepTaken, EvidenceError> {
        let mut attempt = 1;
        let accepted = loop {
            let intent = Intent {
                record: record.clone(),
                idempotency_key: key.clone(),
                actor: actor.clone(),
                by_node: true,
                evidence: true,
                item: None,
            };
            match self.submit_intent(intent).await {
                Err(SubmitError::Conflict(SubmissionRefusal::EvidenceMoved))
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                outcome => break outcome?,
            }
        };
        let (node, digest) = (Arc::clone(self), accepted.digest);
        let thread = blocking(move || {
            let number = ask::by_digest(&node.store, &request)?;
            number.map_or(Ok(None), |number| node.evidence_thread(number))
        });
        let thread = thread.await?.ok_or(NodeError::Task)?;
        let step = thread.steps.iter().find(|(_, step)| step.digest == digest);
        Ok(StepTaken {
            number: step.map_or(0, |(_, step)| step.number),
            state: thread.case.state,
            accepted,
        })
    }
}

/// In whose name a step is taken: as the caller says, or the caller's own authority, or the one whose
/// request it is.
fn authority<A: Verb>(permit: &Permit<A>, thread: &Thread, given: String) -> String {
    if !given.is_empty() {
        return given;
    }
    if let Some(own) = permit.principal().authority() {
        return own.to_owned();
    }
    let executing = thread.case.executing_authority.clone();
    let first = || thread.matter.side(thread.own).authorities.first().cloned();
    match thread.own {
        Party::Executing => executing.or_else(first),
        Party::Issuing => first(),
    }
    .unwrap_or_default()
}

/// A step as a record: to the other country, under the request's markings. To which authority there,
/// the node says when it is prepared.
fn step_record(
    thread: &Thread,
    step: EvidenceStep,
    evidence: Option<Evidence>,
    authority: String,
) -> Record {
    let other: Country = thread.other();
    let request = &thread.record;
    Record {
        authority,
        destinations: vec![Destination {
            country: other.code().to_owned(),
            role: CountryRole::Destination.into(),
            ..Destination::default()
        }],
        urgency: Urgency::Urgent.into(),
        marking: request.marking.clone().or_else(|| Some(Marking::default())),
        purpose: request.purpose,
        exercise: request.exercise,
        follows: Some(Follows {
            r#type: FollowType::Step.into(),
            header_digest: thread.stored.digest.to_vec(),
            reference: request.reference.clone(),
        }),
        step: Some(Step {
            step: Some(Kind::Evidence(step)),
        }),
        evidence,
        ..Record::default()
    }
}

impl Node {
    /// Adds to the subject of a request of another country the authority that executes it now, where
    /// that is another than the destination names.
    pub(in crate::node) fn with_executing(
        &self,
        number: u64,
        subject: Subject,
    ) -> Result<Subject, NodeError> {
        match self.executing_authority(number)? {
            Some(authority) if !authority.is_empty() => Ok(subject.also_of(&authority)),
            _ => Ok(subject),
        }
    }
}
