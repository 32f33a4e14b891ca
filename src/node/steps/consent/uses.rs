//! The uses of a record that markings can forbid: which record, what it demands, and the consent held.

use crate::{
    access::{Decision, Permit, Purpose, Verb},
    crypto::Digest,
    envelope::{Claim, verify_token},
    inbox::{
        StoredRecord,
        consents::{self, ExportNow},
        followers,
    },
    record::{
        Country, Reference,
        compartments::label_name,
        handling::{Demand, MAX_BENEFICIARY, demands},
        sharing::labels,
        step_number,
    },
    wire::{
        envelope::{ConsentToken, ConsentUse, SignedConsentToken},
        node::RecordState,
        record::{CompartmentLabel, FollowType, Record, step::Step},
    },
};

use super::{
    super::super::{Node, NodeError, onward::original_of, read::ReadError},
    ConsentError,
};

/// Answers looked at for one use.
const MAX_ANSWERS: usize = 256;

/// A use that is wanted now.
#[derive(Clone, Debug)]
pub(in crate::node) struct WantedUse {
    pub(in crate::node) header: Digest,
    pub(in crate::node) origin: Country,
    pub(in crate::node) purpose: ConsentUse,
    pub(in crate::node) labels: Vec<CompartmentLabel>,
    pub(in crate::node) beneficiary: String,
    pub(in crate::node) demands: Vec<Demand>,
    /// The export of an evidence request that it belongs to, which may be one that broke off.
    pub(in crate::node) export: Option<ExportNow>,
}

/// The labels by number, sorted, as tokens carry them.
pub(in crate::node) fn numbers(labels: &[CompartmentLabel]) -> Vec<u32> {
    let mut numbers: Vec<u32> = labels.iter().map(|label| *label as u32).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// SHA-256 of a token that serves once; `None` for one that serves again and again.
pub(in crate::node) fn single_use(signed: &SignedConsentToken) -> Option<Digest> {
    use prost::Message as _;
    let token = ConsentToken::decode(signed.token.clone()).ok()?;
    token.single_use.then(|| Digest::of(&signed.token))
}

/// The compartments asked for, all of them held; every one held when none is named.
fn wanted(
    named: &[CompartmentLabel],
    held: &[CompartmentLabel],
) -> Result<Vec<CompartmentLabel>, ConsentError> {
    if named.is_empty() {
        return Ok(held.to_vec());
    }
    if let Some(label) = named.iter().find(|label| !held.contains(label)) {
        let name = label_name(*label);
        return Err(ConsentError::NotHeld(name));
    }
    let mut wanted = named.to_vec();
    wanted.sort_by_key(|label| *label as i32);
    wanted.dedup();
    Ok(wanted)
}

/// A court's name: one line.
pub(in crate::node) fn court(name: &str) -> Result<String, ConsentError> {
    let name = name.trim();
    let chars = name.chars().count();
    if !(1..=MAX_BENEFICIARY).contains(&chars) || name.chars().any(char::is_control) {
        return Err(ConsentError::Court);
    }
    Ok(name.to_owned())
}

/// As [`blocking`], with the errors of this file.
pub(in crate::node) async fn blocking_consent<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConsentError> + Send + 'static,
) -> Result<T, ConsentError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| NodeError::Task)?
}

/// A record as its uses see it.
#[derive(Debug)]
pub(in crate::node) struct Usable {
    pub(in crate::node) number: u64,
    pub(in crate::node) digest: Digest,
    pub(in crate::node) origin: Country,
    /// Who sent it here: the origin, or the country that passed it on.
    pub(in crate::node) sender: Country,
    pub(in crate::node) stored: StoredRecord,
    /// The content; of a record that was passed on, the original's.
    pub(in crate::node) record: Record,
    /// The compartments that the permit reaches.
    pub(in crate::node) labels: Vec<CompartmentLabel>,
    /// What it reaches and what not.
    pub(in crate::node) decision: Decision,
    pub(in crate::node) exercise: bool,
    pub(in crate::node) passed_on: bool,
}

impl Usable {
    /// What demands consent to a use.
    pub(in crate::node) fn demands(
        &self,
        purpose: ConsentUse,
        labels: &[CompartmentLabel],
    ) -> Vec<Demand> {
        let marking = self.record.marking.clone().unwrap_or_default();
        demands(&marking, purpose, labels)
    }
}

impl Node {
    /// A record that may be read, opened for a use of it. Of a version that counts no more, only
    /// where `exact` says that this very one is meant.
    pub(in crate::node) fn usable<A: Verb>(
        &self,
        permit: &Permit<A>,
        reference: &Reference,
        exact: bool,
    ) -> Result<Usable, ConsentError> {
        let number = self.find(reference)?;
        let subject = self.seen(permit, reference, number)?;
        let stored = self.stored(number)?;
        if !exact {
            self.check_newest(reference, &stored)?;
        }
        let opened = self.open_stored(&stored);
        let record = opened.map_err(|error| ReadError::of(*reference, error))?;
        let decision = self.reached(permit, reference, &subject)?;
        // A step of an evidence request says something, and items go along with it; the others only act.
        let evidence = matches!(
            record.step.as_ref().and_then(|step| step.step.as_ref()),
            Some(Step::Evidence(_))
        );
        if record.step.is_some() && !evidence {
            return Err(ConsentError::Step(*reference));
        }
        let exercise = stored.holding.exercise;
        let digest = stored.digest;
        let sender = stored.holding.origin.parse().map_err(|_| NodeError::Task)?;
        let (origin, record, passed_on) = match original_of(&record)? {
            Some((origin, original)) => (origin, original, true),
            None => (sender, record, false),
        };
        Ok(Usable {
            number,
            digest,
            origin,
            sender,
            labels: labels(&record)
                .into_iter()
                .filter(|label| decision.allowed.has(*label))
                .collect(),
            decision,
            stored,
            record,
            exercise,
            passed_on,
        })
    }

    /// Opens compartment `victims` of a record in hand, where a second person gave leave to.
    pub(in crate::node) fn open_usable<A: Verb>(
        &self,
        held: &mut Usable,
        permit: &Permit<A>,
        purpose: Option<&Purpose>,
    ) -> Result<(), NodeError> {
        self.open_victims(&mut held.decision, permit, held.number, purpose)?;
        let decision = &held.decision;
        let reached = labels(&held.record).into_iter();
        held.labels = reached
            .filter(|label| decision.allowed.has(*label))
            .collect();
        Ok(())
    }

    /// The compartments of a record asked for; every one within reach when none is named.
    pub(in crate::node) fn wanted<A: Verb>(
        &self,
        permit: &Permit<A>,
        named: &[CompartmentLabel],
        held: &Usable,
    ) -> Result<Vec<CompartmentLabel>, ConsentError> {
        let labels = named.iter().copied().collect();
        let reference = self.reference_of(&held.stored)?;
        self.check_labels(permit, &reference, &held.decision, labels)?;
        wanted(named, &held.labels)
    }

    /// What demands consent to passing a record on to a country. Whoever put it into a joint case meant its
    /// members: others get it with consent alone.
    pub(in crate::node) fn onward_demands(
        &self,
        held: &Usable,
        labels: &[CompartmentLabel],
        to: Country,
    ) -> Result<Vec<Demand>, ConsentError> {
        let mut demands = held.demands(ConsentUse::Onward, labels);
        if self.is_outside_case(&held.stored, to)? {
            demands.push(Demand::JointCase);
        }
        Ok(demands)
    }

    /// Refuses a version that was amended since, or that does not count.
    pub(in crate::node) fn check_newest(
        &self,
        reference: &Reference,
        stored: &StoredRecord,
    ) -> Result<(), ConsentError> {
        let newest = match self.state(stored)? {
            RecordState::Amended => Self::newest(&self.versions(stored.holding.number)?),
            RecordState::Void => None,
            _ => return Ok(()),
        };
        let newest = newest
            .map(|number| self.reference_of(&self.stored(number)?))
            .transpose()?;
        Err(ConsentError::Superseded {
            reference: *reference,
            newest,
        })
    }

    /// The consent that allows a use; `None` where none is demanded.
    pub(in crate::node) fn consent_for(
        &self,
        wanted: &WantedUse,
    ) -> Result<Option<SignedConsentToken>, ConsentError> {
        if wanted.demands.is_empty() {
            return Ok(None);
        }
        // A clock that is behind would revive consent that has expired.
        if !self.clocks.agrees(self.now()) {
            return Err(ConsentError::Clock);
        }
        let answers = followers::followers(&self.store, &wanted.header, |one| {
            one.kind == FollowType::Step
                && one.origin == wanted.origin
                && u32::from(one.step) == step_number(&Step::ConsentAnswer(Default::default()))
        });
        let answers = answers.map_err(NodeError::from)?;
        let mut why = None;
        // The newest first: what it says of a failure is what the officer has in mind.
        for answer in answers.iter().rev().take(MAX_ANSWERS) {
            let record = self.open_stored(&self.stored(answer.number)?)?;
            let Some(Step::ConsentAnswer(answer)) = record.step.and_then(|step| step.step) else {
                continue;
            };
            let Some(token) = answer.token else { continue };
            let claim = Claim {
                header_digest: &wanted.header,
                origin: wanted.origin,
                grantee: self.country,
                purpose: wanted.purpose,
                compartments: &numbers(&wanted.labels),
                beneficiary: &wanted.beneficiary,
                now: self.now(),
                // Who is given the record sees the token out of its answer, and refuses it.
                answered: wanted.purpose == ConsentUse::Court,
            };
            match verify_token(&token, claim, &**self.book.load()) {
                Ok(_) => match single_use(&token) {
                    Some(digest)
                        if consents::is_used_by_another(
                            &self.store,
                            &digest,
                            wanted.export.as_ref(),
                        )
                        .map_err(NodeError::from)? =>
                    {
                        why.get_or_insert(ConsentError::Used);
                    }
                    _ => return Ok(Some(token)),
                },
                Err(fault) => {
                    why.get_or_insert(ConsentError::NotThis(fault));
                }
            }
        }
        Err(why.unwrap_or_else(|| ConsentError::Needed(wanted.demands.clone())))
    }
}
