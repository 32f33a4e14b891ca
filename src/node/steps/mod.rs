//! What follows a record: whether it may, what the node notes of it, and how the node takes a step
//! of its own. Each kind of step has a file of its own; what it does durably is in `rules/steps`.

mod compliance;
mod consent;
mod late;
mod recall;
mod relayed;
mod retention;

use crate::{
    crypto::Digest,
    entry::Follow,
    inbox::{StoredRecord, ask},
    record::{Country, Moment, Reference, kind_name, step_number},
    wire::record::{
        CountryRole, Destination, FollowType, Follows, Marking, Record, Step, Tlp, Urgency,
        step::Step as Kind,
    },
};

use super::{
    Node, NodeError,
    rules::{Effect, Facts},
    submit::{Accepted, Intent, SubmitError},
};

pub use consent::{AnswerOrder, ConsentError, ConsentOrder, MAX_CONSENTS};
pub(super) use consent::{WantedUse, blocking_consent, court, numbers, single_use};
pub use late::LateReceipt;
pub use recall::{Filter, MAX_RECALLED, Outcome, RecallError, Recalled};

/// Why a record may not follow what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowFault {
    /// Nothing here has this header.
    #[error("no record with the header digest in `follows.headerDigest` is held here")]
    Unknown,
    /// Digest and reference name two records.
    #[error("`follows.reference` and `follows.headerDigest` name two different records")]
    Reference,
    /// Only the origin amends or recalls.
    #[error("the record is of {0}: only its origin amends or recalls it")]
    ForeignOrigin(Country),
    /// An amendment is of the same kind.
    #[error("an amendment is of the same kind as the record it amends")]
    Kind,
    /// Steps are not followed by amendments, replies or recalls.
    #[error("what it names is a step, which is neither amended nor answered nor recalled")]
    Step,
    /// A recall for the sake of an original names another than the record passes on.
    #[error("the recall names another original than the record passes on")]
    Original,
    /// Steps of evidence requests follow requests.
    #[error("what it names is no evidence request")]
    NotARequest,
    /// The record is locked.
    #[error("the record was recalled or has expired; nothing follows it any more")]
    Locked,
    /// Consent is asked of the origin, and given by it; late receipts go to it.
    #[error("this step does not fit the record's origin, {0}")]
    Party(Country),
    /// A consent answer does not hold.
    #[error("the consent answer does not hold: {0}")]
    Consent(&'static str),
    /// A late receipt does not hold.
    #[error("late receipt {index} does not hold: {why}")]
    LateReceipt {
        /// Which of them.
        index: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A check found a fault, or the node failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The record's fault.
    #[error(transparent)]
    Fault(#[from] FollowFault),
    /// The node's.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<CheckError> for SubmitError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Fault(fault) => Self::Follows(fault),
            CheckError::Node(error) => Self::Node(error),
        }
    }
}

/// A step that the node takes.
#[derive(Clone, Debug)]
pub struct StepOrder {
    /// SHA-256 of the header of the record that it acts on.
    pub followed: Digest,
    /// Reference of that record.
    pub reference: Reference,
    /// Who receives it.
    pub destinations: Vec<Country>,
    /// What it does.
    pub step: Kind,
    /// True when the record that it acts on is an exercise.
    pub exercise: bool,
    /// Who takes it.
    pub actor: String,
    /// Idempotency key; empty for none.
    pub key: String,
}

/// The header digest that a record follows; `None` when it opens a thread.
pub fn followed(record: &Record) -> Option<Digest> {
    let follows = record.follows.as_ref()?;
    Digest::try_from(follows.header_digest.as_slice()).ok()
}

impl Node {
    /// Takes a step: it becomes a record of its own, on the control lane, and what it does here
    /// happens in the same durable group.
    ///
    /// # Errors
    /// [`SubmitError`] as for every submission.
    pub async fn submit_step(&self, order: StepOrder) -> Result<Accepted, SubmitError> {
        let destinations = order
            .destinations
            .iter()
            .map(|country| Destination {
                country: country.code().to_owned(),
                role: CountryRole::Transit.into(),
                ..Destination::default()
            })
            .collect();
        let record = Record {
            destinations,
            urgency: Urgency::Urgent.into(),
            marking: Some(Marking {
                tlp: Tlp::Amber.into(),
                ..Marking::default()
            }),
            exercise: order.exercise,
            follows: Some(Follows {
                r#type: FollowType::Step.into(),
                header_digest: order.followed.to_vec(),
                reference: order.reference.to_string(),
            }),
            step: Some(Step {
                step: Some(order.step),
            }),
            ..Record::default()
        };
        self.submit_intent(Intent {
            record,
            idempotency_key: order.key,
            actor: order.actor,
            by_node: true,
            evidence: false,
            item: None,
        })
        .await
    }

    /// Whether a valid record of `origin` may follow what it names. What it names need not be here
    /// yet when another country sends it.
    pub(super) fn check_follow(&self, record: &Record, origin: Country) -> Result<(), CheckError> {
        let (Some(follows), Some(followed)) = (&record.follows, followed(record)) else {
            return Ok(());
        };
        let Some(number) = ask::by_digest(&self.store, &followed).map_err(NodeError::from)? else {
            return if origin == self.country {
                Err(FollowFault::Unknown.into())
            } else {
                Ok(())
            };
        };
        let target = self.held(number)?;
        if let Ok(reference) = follows.reference.parse::<Reference>()
            && target.holding.reference_tag != self.reference_tag(&reference).to_bytes()
        {
            return Err(FollowFault::Reference.into());
        }
        self.check_target(record, follows, &target, origin)?;
        Ok(())
    }

    fn check_target(
        &self,
        record: &Record,
        follows: &Follows,
        target: &StoredRecord,
        origin: Country,
    ) -> Result<(), FollowFault> {
        let target_origin: Country = target
            .holding
            .origin
            .parse()
            .map_err(|_| FollowFault::Unknown)?;
        let is_step = target.is_step();
        let own_only = |fault| {
            if target_origin == origin {
                Ok(())
            } else {
                Err(fault)
            }
        };
        match FollowType::try_from(follows.r#type).unwrap_or_default() {
            FollowType::Amendment => {
                own_only(FollowFault::ForeignOrigin(target_origin))?;
                if is_step {
                    return Err(FollowFault::Step);
                }
                if target.holding.kind_tag != self.kind_tag(record, &target.digest) {
                    return Err(FollowFault::Kind);
                }
            }
            FollowType::Reply if is_step => return Err(FollowFault::Step),
            FollowType::Reply | FollowType::Unspecified => {}
            FollowType::Step => {
                let step = record.step.as_ref().and_then(|step| step.step.as_ref());
                // At the node that takes the step, the other party is another country; at the one
                // that receives it, it is this one.
                let to_origin = if origin == self.country {
                    target_origin != self.country
                } else {
                    target_origin == self.country
                };
                match step {
                    Some(Kind::Recall(recall)) => {
                        own_only(FollowFault::ForeignOrigin(target_origin))?;
                        if is_step {
                            return Err(FollowFault::Step);
                        }
                        if !recall.original_digest.is_empty()
                            && recall.original_digest != target.holding.passes_on
                        {
                            return Err(FollowFault::Original);
                        }
                        // A second recall changes nothing and is let through.
                        return Ok(());
                    }
                    Some(Kind::ConsentAnswer(answer)) => {
                        own_only(FollowFault::Party(target_origin))?;
                        // Whoever asked about a record that was recalled since is owed a no.
                        if answer.token.is_none() {
                            return Ok(());
                        }
                    }
                    Some(Kind::ConsentRequest(_) | Kind::LateReceipts(_)) if !to_origin => {
                        return Err(FollowFault::Party(target_origin));
                    }
                    // Told of what became of a record that is locked: that is what they are for.
                    Some(Kind::LateReceipts(_)) => return Ok(()),
                    Some(Kind::Evidence(_)) => {
                        if !target.holding.evidence_request {
                            return Err(FollowFault::NotARequest);
                        }
                        let asked =
                            |peer: Country| target.outbox.iter().any(|of| of.peer == peer.code());
                        if origin != self.country && origin != target_origin && !asked(origin) {
                            return Err(FollowFault::Party(target_origin));
                        }
                    }
                    Some(Kind::ConsentRequest(_)) | None => {}
                }
            }
        }
        // What another country sent before it heard of the lock is taken up.
        if origin == self.country && target.locked().is_some() {
            return Err(FollowFault::Locked);
        }
        Ok(())
    }

    /// What the writer may know of a record sealed here.
    pub(super) fn facts(&self, record: &Record, digest: &Digest) -> Facts {
        let kind_tag = match &record.step {
            Some(_) => Vec::new(),
            None => self.kind_tag(record, digest),
        };
        let follow = record.follows.as_ref().map(|follows| Follow {
            header_digest: follows.header_digest.clone(),
            r#type: follows.r#type,
            step: record
                .step
                .as_ref()
                .and_then(|step| step.step.as_ref())
                .map_or(0, step_number),
            kind_tag: match (
                follows.r#type == FollowType::Amendment as i32,
                followed(record),
            ) {
                (true, Some(followed)) => self.kind_tag(record, &followed),
                _ => Vec::new(),
            },
            answers: match record.step.as_ref().and_then(|step| step.step.as_ref()) {
                Some(Kind::ConsentAnswer(answer)) => answer.request_digest.clone(),
                _ => Vec::new(),
            },
            revokes: match record.step.as_ref().and_then(|step| step.step.as_ref()) {
                Some(Kind::Recall(recall)) => recall.original_digest.clone(),
                _ => Vec::new(),
            },
            evidence_number: match record.step.as_ref().and_then(|step| step.step.as_ref()) {
                Some(Kind::Evidence(step)) => step.number,
                _ => 0,
            },
        });
        Facts {
            follow,
            kind_tag,
            expires_us: record
                .expires_at
                .as_ref()
                .map_or(0, |at| Moment::from(at).micros()),
            passes_on: super::onward::passes_on(record),
            items: super::items::named_in(record),
            evidence_request: super::evidence::is_request(record),
            joint_case: self.case_fact(record),
            ..Facts::default()
        }
    }

    /// Tells whether two records are of the same kind, to this node alone and for this header
    /// alone.
    fn kind_tag(&self, record: &Record, header: &Digest) -> Vec<u8> {
        let kind = kind_name(record).unwrap_or_default();
        let bound = [header.as_bytes(), kind.as_bytes()].concat();
        self.keys.index.tag("kind", &bound).to_vec()
    }

    /// What a record's step does once it is durable.
    pub(super) fn effect_of(
        &self,
        record: &Record,
        origin: Country,
    ) -> Result<Option<Effect>, CheckError> {
        let step = record.step.as_ref().and_then(|step| step.step.as_ref());
        Ok(match step {
            Some(Kind::Recall(_)) => Some(Effect::Recall {
                reference: record
                    .follows
                    .as_ref()
                    .map(|follows| follows.reference.clone())
                    .unwrap_or_default(),
            }),
            Some(Kind::LateReceipts(late)) => {
                let mut kept = self.judge_late(late, origin)?;
                let relayed = self.judge_relayed(late, followed(record), origin)?;
                kept.receipts.extend(relayed);
                Some(Effect::LateReceipts(kept))
            }
            Some(Kind::ConsentAnswer(answer)) => {
                self.judge_answer(answer, followed(record), origin)?;
                None
            }
            Some(Kind::ConsentRequest(_) | Kind::Evidence(_)) | None => None,
        })
    }
}
