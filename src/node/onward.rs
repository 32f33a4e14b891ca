//! Passing on: another country's record goes to a third, as a record of the forwarder's own that
//! carries the origin's header and signature unchanged. The new reader checks all of it before the
//! record is held. A recall by the origin goes on to whom it was passed.

mod judge;
mod list;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use crate::{
    access::{Permit, act},
    crypto::Digest,
    envelope::{self, Header, open_passed_on},
    inbox::{ask, consents, life, life_rows},
    record::{
        Country, Reference,
        compartments::join,
        sharing::{Agreements, Bar, shared_kind},
    },
    wire::{
        envelope::ConsentUse,
        record::{
            self, CompartmentLabel, CountryRole, Destination, Onward, Recall, RecallReason, Record,
            TransferPurpose, step::Step,
        },
    },
};

use super::{
    Node, NodeError,
    life::Item,
    read::blocking,
    rules::{PassesOn, SubmissionRefusal},
    steps::{ConsentError, StepOrder, WantedUse, single_use},
    submit::{Accepted, Intent, SubmitError},
};

/// Records passed on that are looked at for recalls at a time.
const PASSED_ON_PAGE: usize = 1024;

/// What an officer passes on.
#[derive(Clone, Debug)]
pub struct OnwardOrder {
    /// Which record.
    pub reference: Reference,
    /// True for this very version, though it was amended.
    pub exact: bool,
    /// To whom: COUNTRY[/AUTHORITY].
    pub to: String,
    /// That country's role on the corridor.
    pub role: CountryRole,
    /// Which compartments beside the situation.
    pub compartments: Vec<CompartmentLabel>,
    /// Why.
    pub ground: String,
    /// The authority that passes it on; empty: the node.
    pub authority: String,
    /// Idempotency key; empty for none.
    pub key: String,
}

/// Why a record is not passed on.
#[derive(Debug, thiserror::Error)]
pub enum OnwardError {
    /// The record, or consent to this use of it.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The agreement with the new reader.
    #[error("{country} cannot be given it: {bar}")]
    Agreement {
        /// The new reader.
        country: Country,
        /// What is in the way.
        bar: Bar,
    },
    /// The new reader is a destination of the original.
    #[error("{0} is a destination of the record and has it from its origin")]
    Destination(Country),
    /// Victim data without an authority.
    #[error("`victims` goes to an authority by name; write --to {0}/AUTHORITY")]
    VictimsUnnamed(Country),
    /// It cannot be submitted.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// The record inside one that passes it on, with the country that sealed it; `None` for a record
/// that passes nothing on. It was verified before it was stored.
pub(super) fn original_of(record: &Record) -> Result<Option<(Country, Record)>, NodeError> {
    let Some(onward) = &record.onward else {
        return Ok(None);
    };
    let original = onward.original.clone().unwrap_or_default();
    let opened = open_passed_on(&original, &onward.openings)
        .map_err(|fault| NodeError::Holding(fault.into()))?;
    let content = content(&opened.parts).map_err(|_| NodeError::Task)?;
    Ok(Some((opened.origin, content)))
}

/// What carries the original, without what opens it.
pub(super) fn without_openings(onward: Onward) -> Onward {
    Onward {
        openings: Vec::new(),
        ..onward
    }
}

fn content(parts: &[(u32, Vec<u8>)]) -> Result<Record, crate::record::compartments::ContentError> {
    let borrowed: Vec<(u32, &[u8])> = parts
        .iter()
        .map(|(label, content)| (*label, content.as_slice()))
        .collect();
    join(&borrowed)
}

/// What a record passes on, for the writer.
pub(super) fn passes_on(record: &Record) -> Option<PassesOn> {
    let onward = record.onward.as_ref()?;
    Some(PassesOn {
        original: Digest::of(&onward.original.as_ref()?.header),
        token: onward.consent.as_ref().and_then(single_use),
    })
}

fn agreed(
    agreements: &Agreements,
    country: Country,
    record: &Record,
    labels: &[CompartmentLabel],
    day: time::Date,
) -> Result<(), Bar> {
    let Some(agreement) = agreements.with(country) else {
        return Ok(());
    };
    agreement.sends(shared_kind(record), purpose(record), day)?;
    labels
        .iter()
        .try_for_each(|label| agreement.sends_compartment(*label))
}

fn purpose(record: &Record) -> TransferPurpose {
    TransferPurpose::try_from(record.purpose).unwrap_or_default()
}

impl Node {
    /// Passes a record on; answers when that is durable.
    ///
    /// # Errors
    /// [`OnwardError`]; nothing is durable then.
    pub async fn pass_on(
        self: &Arc<Self>,
        permit: Permit<act::ShareOnward>,
        order: OnwardOrder,
    ) -> Result<Accepted, OnwardError> {
        let node = Arc::clone(self);
        let intent = tokio::task::spawn_blocking(move || node.onward_intent(&permit, order))
            .await
            .map_err(|_| ConsentError::from(NodeError::Task))??;
        Ok(self.submit_intent(intent).await?)
    }

    fn onward_intent(
        &self,
        permit: &Permit<act::ShareOnward>,
        order: OnwardOrder,
    ) -> Result<Intent, OnwardError> {
        let held = self.usable(permit, &order.reference, order.exact)?;
        if held.origin == self.country {
            return Err(ConsentError::Own(order.reference).into());
        }
        if held.passed_on {
            return Err(ConsentError::PassedOn {
                reference: order.reference,
                origin: held.origin,
            }
            .into());
        }
        let to = self.onward_to(&order.to, held.origin)?;
        // The situation goes along: it holds the markings that bind the new reader.
        let mut named = order.compartments;
        named.push(CompartmentLabel::Situation);
        let wanted_labels = self.wanted(permit, &named, &held)?;
        if wanted_labels.contains(&CompartmentLabel::Victims) && to.authority.is_none() {
            return Err(OnwardError::VictimsUnnamed(to.country));
        }
        let keys = held.stored.keys(&self.slots).map_err(node_error)?;
        let parts = envelope::open_at_rest(&held.stored.sealed, &keys)
            .map_err(|fault| node_error(fault.into()))?;
        let indexes: Vec<u32> = keys
            .keys
            .iter()
            .zip(&parts)
            .filter(|(_, (label, _))| wanted_labels.iter().any(|one| *one as u32 == *label))
            .map(|((index, _), _)| *index)
            .collect();
        let (original, openings) = envelope::pass_on(&held.stored.sealed, &keys, &indexes);
        let opened =
            open_passed_on(&original, &openings).map_err(|fault| node_error(fault.into()))?;
        if is_destination(&opened.header, to.country) {
            return Err(OnwardError::Destination(to.country));
        }
        let (agreements, today) = self.agreements_in_force();
        agreed(&agreements, to.country, &held.record, &wanted_labels, today).map_err(|bar| {
            OnwardError::Agreement {
                country: to.country,
                bar,
            }
        })?;
        let consent = self.consent_for(&WantedUse {
            header: held.digest,
            origin: held.origin,
            purpose: ConsentUse::Onward,
            demands: held.demands(ConsentUse::Onward, &wanted_labels),
            labels: wanted_labels,
            beneficiary: to.to_string(),
        })?;
        self.check_heard(held.sender)?;
        let record = Record {
            authority: order.authority,
            destinations: vec![Destination {
                country: to.country.code().to_owned(),
                role: order.role.into(),
                authorities: to.authority.into_iter().collect(),
                ..Destination::default()
            }],
            urgency: held.record.urgency,
            marking: held.record.marking.clone(),
            exercise: held.record.exercise,
            expires_at: held.record.expires_at,
            onward: Some(Onward {
                original: Some(original),
                openings,
                consent,
                ground: order.ground,
            }),
            ..Record::default()
        };
        Ok(Intent {
            record,
            idempotency_key: order.key,
            actor: permit.actor(),
            by_node: true,
            evidence: false,
            item: None,
        })
    }

    /// Recalls what was passed on of records that their origins recalled, and sends what came of it on to
    /// those origins, where there may be such: after each recall and late receipt that comes, after a
    /// start, and after a failure. Does nothing twice: a recall of what
    /// was recalled is refused by the writer.
    pub(super) async fn pass_recalls_on(self: &Arc<Self>) -> Result<(), NodeError> {
        if self.resting.rests(&Item::Onward, Instant::now())
            // Before anything is looked at: a recall that comes meanwhile is seen the next time.
            || !self.recalls_to_pass.swap(false, Ordering::AcqRel)
        {
            return Ok(());
        }
        let passed = self.pass_all_on().await;
        match &passed {
            Ok(true) => self.resting.done(&Item::Onward),
            Ok(false) => {}
            Err(_) => self.resting.failed(Item::Onward, Instant::now()),
        }
        if !matches!(passed, Ok(true)) {
            self.recalls_to_pass.store(true, Ordering::Release);
        }
        passed.map(drop)
    }

    /// Whether all of it is done.
    async fn pass_all_on(self: &Arc<Self>) -> Result<bool, NodeError> {
        let (mut after, mut all) = (None, true);
        loop {
            let node = Arc::clone(self);
            let page = blocking(move || {
                let page = consents::passed_on(&node.store, after.as_ref(), PASSED_ON_PAGE)?;
                let order = |(original, number): &(Digest, u64)| {
                    let order = node.recall_to_pass_on(original, *number);
                    (*original, *number, order)
                };
                let orders = page.iter().map(order).collect::<Vec<_>>();
                Ok((page.last().copied(), orders))
            });
            let (last, orders) = page.await?;
            let Some(last) = last else {
                return Ok(all);
            };
            after = Some(last);
            for (original, number, order) in orders {
                // One that cannot be recalled keeps none of the others from it.
                let recalled: Result<(), SubmitError> = match order {
                    Ok(None) => Ok(()),
                    Err(error) => Err(error.into()),
                    Ok(Some(order)) => match self.submit_step(order).await {
                        Ok(_) | Err(SubmitError::Conflict(SubmissionRefusal::AlreadyRecalled)) => {
                            Ok(())
                        }
                        Err(error) => Err(error),
                    },
                };
                let relayed = match recalled {
                    Ok(()) => self.relay_receipts(original, number).await,
                    failed => failed,
                };
                match relayed {
                    Ok(()) => {}
                    Err(SubmitError::Node(error @ NodeError::Closed)) => return Err(error),
                    Err(failed) => {
                        tracing::error!(number, error = %failed, "a recall, or what came of it, is not passed on");
                        self.not_done(Item::Onward, &failed).await;
                        all = false;
                    }
                }
            }
        }
    }

    /// The recall of a record that passes another on; `None` when the other was not recalled, or the
    /// record is locked already.
    fn recall_to_pass_on(
        &self,
        original: &Digest,
        number: u64,
    ) -> Result<Option<StepOrder>, NodeError> {
        let Some(held) = ask::by_digest(&self.store, original)? else {
            return Ok(None);
        };
        let life = life_rows::of(&self.store, held)?;
        let Some(recall) = life.as_ref().and_then(life::recall_of) else {
            return Ok(None);
        };
        let own = self.held(number)?;
        if own.locked().is_some() {
            return Ok(None);
        }
        Ok(Some(StepOrder {
            followed: own.digest,
            reference: self.reference_of(&own)?,
            destinations: own
                .outbox
                .iter()
                .filter_map(|place| place.peer.parse().ok())
                .collect(),
            step: Step::Recall(Recall {
                reason: self.reason_of(&recall).into(),
                note: String::new(),
                original_digest: original.to_vec(),
            }),
            exercise: own.holding.exercise,
            actor: format!("{}/node", self.country),
            key: String::new(),
        }))
    }

    /// Why a record was recalled, as its recall says; where that cannot be read, that it was ordered.
    fn reason_of(&self, recall: &Digest) -> RecallReason {
        let read = || -> Result<Option<Record>, NodeError> {
            let Some(number) = ask::by_digest(&self.store, recall)? else {
                return Ok(None);
            };
            Ok(Some(self.stored(number)?.open(&self.slots)?))
        };
        match read() {
            Ok(Some(Record {
                step:
                    Some(record::Step {
                        step: Some(Step::Recall(recall)),
                    }),
                ..
            })) => recall.reason(),
            Ok(_) => RecallReason::Ordered,
            Err(error) => {
                tracing::warn!(%error, "the reason of a recall cannot be read");
                RecallReason::Ordered
            }
        }
    }
}

fn is_destination(header: &Header, country: Country) -> bool {
    let mut destinations = header.destinations.iter();
    destinations.any(|of| of.country == country.code())
}

fn node_error(error: crate::inbox::HoldingError) -> ConsentError {
    ConsentError::Node(NodeError::Holding(error))
}
