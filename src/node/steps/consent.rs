//! Consent: a reader asks the origin for a use that the markings forbid, the origin grants or
//! refuses, and a token allows exactly that use.

mod error;
mod shown;
mod uses;

pub use error::ConsentError;
pub(in crate::node) use uses::{WantedUse, blocking_consent, court, numbers, single_use};

use std::{sync::Arc, time::Duration};

use crate::{
    access::{Permit, act},
    crypto::{Digest, random_bytes},
    envelope::{Claim, sign_token_by, verify_token},
    inbox::{ask, consents},
    record::{Country, Moment, Reference, handling::Beneficiary, sharing::matrix},
    wire::{
        envelope::{ConsentToken, ConsentUse},
        record::{
            CompartmentLabel, ConsentAnswer, ConsentRequest, Record, SharingMatrix, step::Step,
        },
    },
};

use super::{
    super::{Node, NodeError, read::ReadError, submit::Accepted},
    CheckError, FollowFault, StepOrder,
};

/// Longest time for which consent is given: a year and a day.
const MAX_VALIDITY: Duration = Duration::from_secs(366 * 86_400);
/// Consent requests that a page answers at most.
pub const MAX_CONSENTS: usize = 500;

/// A request for consent, as an officer makes it.
#[derive(Clone, Debug)]
pub struct ConsentOrder {
    /// Which record.
    pub reference: Reference,
    /// True for this very version, though it was amended.
    pub exact: bool,
    /// For what.
    pub purpose: ConsentUse,
    /// Which compartments; empty: every one held.
    pub compartments: Vec<CompartmentLabel>,
    /// For whom.
    pub beneficiary: String,
    /// Why.
    pub ground: String,
    /// By when an answer is needed.
    pub answer_by: Option<Moment>,
}

/// An answer, as an officer gives it.
#[derive(Clone, Debug)]
pub struct AnswerOrder {
    /// Which request.
    pub request: Reference,
    /// Until when consent is given; `None` refuses.
    pub granted_until: Option<Moment>,
    /// True when it serves any number of times until then.
    pub reusable: bool,
    /// Why.
    pub reason: String,
}

impl Node {
    /// Asks a record's origin for consent to one use.
    ///
    /// # Errors
    /// [`ConsentError`]; nothing is durable then.
    pub async fn request_consent(
        self: &Arc<Self>,
        permit: Permit<act::RequestConsent>,
        order: ConsentOrder,
    ) -> Result<Accepted, ConsentError> {
        let node = Arc::clone(self);
        let step = blocking_consent(move || node.request_step(&permit, order)).await?;
        Ok(self.submit_step(step).await?)
    }

    fn request_step(
        &self,
        permit: &Permit<act::RequestConsent>,
        order: ConsentOrder,
    ) -> Result<StepOrder, ConsentError> {
        let held = self.usable(permit, &order.reference, order.exact)?;
        if held.origin == self.country {
            return Err(ConsentError::Own(order.reference));
        }
        let labels = self.wanted(permit, &order.compartments, &held)?;
        let (beneficiary, demands) = match order.purpose {
            ConsentUse::Unspecified => return Err(ConsentError::Use),
            ConsentUse::Court => (
                court(&order.beneficiary)?,
                held.demands(order.purpose, &labels),
            ),
            ConsentUse::Onward => {
                let to = self.onward_to(&order.beneficiary, held.origin)?;
                let demands = self.onward_demands(&held, &labels, to.country)?;
                (to.to_string(), demands)
            }
        };
        if demands.is_empty() {
            return Err(ConsentError::NotNeeded);
        }
        if held.passed_on {
            return Err(ConsentError::PassedOn {
                reference: order.reference,
                origin: held.origin,
            });
        }
        Ok(StepOrder {
            followed: held.digest,
            reference: order.reference,
            destinations: vec![held.origin],
            step: Step::ConsentRequest(ConsentRequest {
                r#use: order.purpose.into(),
                compartments: labels.iter().map(|label| (*label).into()).collect(),
                beneficiary,
                ground: order.ground,
                answer_by: order.answer_by.map(Into::into),
            }),
            exercise: held.exercise,
            actor: permit.actor(),
            key: String::new(),
        })
    }

    /// Whom a record is passed on to: neither this country nor the origin.
    pub(in crate::node) fn onward_to(
        &self,
        text: &str,
        origin: Country,
    ) -> Result<Beneficiary, ConsentError> {
        let to: Beneficiary = text.parse()?;
        if to.country == self.country || to.country == origin {
            return Err(ConsentError::HasItAlready(to.country));
        }
        Ok(to)
    }

    /// Grants or refuses a request. The first answer counts.
    ///
    /// # Errors
    /// [`ConsentError`]; nothing is durable then.
    pub async fn answer_consent(
        self: &Arc<Self>,
        permit: Permit<act::AnswerConsent>,
        order: AnswerOrder,
    ) -> Result<Accepted, ConsentError> {
        let node = Arc::clone(self);
        let step = blocking_consent(move || node.answer_step(&permit, order)).await?;
        Ok(self.submit_step(step).await?)
    }

    fn answer_step(
        &self,
        permit: &Permit<act::AnswerConsent>,
        order: AnswerOrder,
    ) -> Result<StepOrder, ConsentError> {
        let unknown = || ConsentError::NotARequest(order.request);
        let number = self.find(&order.request)?;
        let row = consents::request(&self.store, number).map_err(NodeError::from)?;
        let row = row.ok_or_else(unknown)?;
        let request = self.stored(number)?;
        let requester: Country = request.holding.origin.parse().map_err(|_| unknown())?;
        if requester == self.country {
            return Err(unknown());
        }
        let asked = asked(&self.open_stored(&request)?).ok_or_else(unknown)?;
        let target = ask::by_digest(&self.store, &row.about).map_err(NodeError::from)?;
        let target = target.ok_or_else(unknown)?;
        // Consent to a use of compartments is given by who may see them.
        let decision = self.reached_number(permit, &order.request, target)?;
        let labels = labels_of(&asked.compartments);
        self.check_labels(
            permit,
            &order.request,
            &decision,
            labels.into_iter().collect(),
        )?;
        let target = self.stored(target)?;
        let token = match order.granted_until {
            None => None,
            Some(until) => {
                let now = self.now();
                if until <= now || until > now + MAX_VALIDITY {
                    return Err(ConsentError::Validity);
                }
                let about = self.reference_of(&target)?;
                self.check_open(&target)
                    .map_err(|error| ReadError::of(about, error))?;
                self.check_entitled(&target, requester, &asked)?;
                let token = ConsentToken {
                    header_digest: target.digest.to_vec().into(),
                    origin: self.country.code().to_owned(),
                    grantee: requester.code().to_owned(),
                    r#use: asked.r#use,
                    compartments: numbers(&labels_of(&asked.compartments)),
                    beneficiary: asked.beneficiary,
                    request_digest: request.digest.to_vec().into(),
                    expires_at: Some(until.into()),
                    nonce: random_bytes::<16>()
                        .map_err(NodeError::from)?
                        .to_vec()
                        .into(),
                    single_use: !order.reusable,
                };
                Some(sign_token_by(&token, &*self.keys.signing).map_err(NodeError::from)?)
            }
        };
        Ok(StepOrder {
            followed: target.digest,
            reference: self.reference_of(&target)?,
            destinations: vec![requester],
            step: Step::ConsentAnswer(ConsentAnswer {
                request_digest: request.digest.to_vec(),
                granted: token.is_some(),
                reason: order.reason,
                token,
            }),
            exercise: target.holding.exercise,
            actor: permit.actor(),
            key: String::new(),
        })
    }

    /// The requester reads everything it asks for, as the record was sent.
    fn check_entitled(
        &self,
        target: &crate::inbox::StoredRecord,
        requester: Country,
        asked: &ConsentRequest,
    ) -> Result<(), ConsentError> {
        let record = self.open_stored(target)?;
        let sent = target.sharing(&self.slots).map_err(NodeError::from)?;
        let sent = sent.unwrap_or_else(|| {
            matrix(&record).map_or_else(|_| SharingMatrix::default(), |of| (&of).into())
        });
        let reads = |label: CompartmentLabel| {
            let row = sent.rows.iter().find(|row| row.country == requester.code());
            row.is_some_and(|row| {
                let mut cells = row.cells.iter();
                cells.any(|cell| cell.reads && cell.compartment() == label)
            })
        };
        match labels_of(&asked.compartments)
            .into_iter()
            .find(|label| !reads(*label))
        {
            None => Ok(()),
            Some(label) => Err(ConsentError::NotEntitled {
                country: requester,
                label: crate::record::compartments::label_name(label),
            }),
        }
    }

    /// Checks an answer that came: a token allows what was asked, and its signature is the origin's.
    pub(super) fn judge_answer(
        &self,
        answer: &ConsentAnswer,
        followed: Option<Digest>,
        origin: Country,
    ) -> Result<(), CheckError> {
        let (Some(followed), Some(token)) = (followed, &answer.token) else {
            return Ok(());
        };
        if origin == self.country {
            return Ok(());
        }
        let unasked = FollowFault::Consent("it answers no request of this country");
        let request = Digest::try_from(answer.request_digest.as_slice()).map_err(|_| unasked)?;
        let number = ask::by_digest(&self.store, &request).map_err(NodeError::from)?;
        let request = self.stored(number.ok_or(unasked)?)?;
        if request.holding.origin != self.country.code() {
            return Err(unasked.into());
        }
        let asked = asked(&request.open(&self.slots).map_err(NodeError::from)?).ok_or(unasked)?;
        let claim = Claim {
            header_digest: &followed,
            origin,
            grantee: self.country,
            purpose: asked.r#use(),
            compartments: &numbers(&labels_of(&asked.compartments)),
            beneficiary: &asked.beneficiary,
            now: Moment::from_micros(i64::MIN),
            answered: true,
        };
        match verify_token(token, claim, &**self.book.load()) {
            Ok(token) if token.request_digest == answer.request_digest => Ok(()),
            Ok(_) => Err(FollowFault::Consent("its token answers another request").into()),
            Err(_) => Err(FollowFault::Consent("its token is not for what was asked").into()),
        }
    }
}

fn asked(record: &Record) -> Option<ConsentRequest> {
    match record.step.as_ref()?.step.as_ref()? {
        Step::ConsentRequest(request) => Some(request.clone()),
        _ => None,
    }
}

fn labels_of(numbers: &[i32]) -> Vec<CompartmentLabel> {
    let labels = numbers.iter();
    labels
        .filter_map(|number| CompartmentLabel::try_from(*number).ok())
        .collect()
}
