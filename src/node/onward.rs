//! Passing on: another country's record goes to a third, as a record of the forwarder's own that
//! carries the origin's header and signature unchanged. The new reader checks all of it before the
//! record is held. A recall by the origin goes on to whom it was passed.

mod judge;
mod list;

use std::sync::Arc;

use crate::{
    crypto::Digest,
    envelope::{self, Header, open_passed_on},
    inbox::{ask, consents, life},
    record::{
        Country, Reference,
        compartments::join,
        sharing::{Agreements, Bar, shared_kind},
    },
    wire::{
        envelope::ConsentUse,
        record::{
            CompartmentLabel, CountryRole, Destination, Onward, Recall, RecallReason, Record,
            TransferPurpose, step::Step,
        },
    },
};

use super::{
    Node, NodeError,
    read::blocking,
    rules::PassesOn,
    steps::{ConsentError, StepOrder, WantedUse, single_use, wanted},
    submit::{Accepted, Intent, SubmitError},
};

/// Records passed on that are looked at for recalls at a time.
const MAX_PASSED_ON: usize = 100_000;

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
    /// Who.
    pub actor: String,
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
    pub async fn pass_on(self: &Arc<Self>, order: OnwardOrder) -> Result<Accepted, OnwardError> {
        let node = Arc::clone(self);
        let intent = tokio::task::spawn_blocking(move || node.onward_intent(order))
            .await
            .map_err(|_| ConsentError::from(NodeError::Task))??;
        Ok(self.submit(intent).await?)
    }

    fn onward_intent(&self, order: OnwardOrder) -> Result<Intent, OnwardError> {
        let held = self.usable(&order.reference, order.exact)?;
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
        let wanted_labels = wanted(&named, &held.labels)?;
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
            actor: order.actor,
            by_node: true,
        })
    }

    /// Recalls what was passed on of records that their origins recalled. Does nothing twice: a
    /// recall of what was recalled is refused by the writer.
    pub(super) async fn pass_recalls_on(self: &Arc<Self>) {
        let node = Arc::clone(self);
        let orders = match blocking(move || node.recalls_to_pass_on()).await {
            Ok(orders) => orders,
            Err(error) => {
                tracing::error!(%error, "recalls cannot be passed on now; the next recall or start tries again");
                return;
            }
        };
        for order in orders {
            let reference = order.reference;
            if let Err(error) = self.submit_step(order).await {
                tracing::error!(%error, %reference, "a recall is not passed on; the next recall or start tries again");
            }
        }
    }

    fn recalls_to_pass_on(&self) -> Result<Vec<StepOrder>, NodeError> {
        let mut orders = Vec::new();
        for (original, number) in consents::passed_on(&self.store, None, MAX_PASSED_ON)? {
            let Some(held) = ask::by_digest(&self.store, &original)? else {
                continue;
            };
            let Some(recall) = self.stored(held)?.life.as_ref().and_then(life::recall_of) else {
                continue;
            };
            let own = self.stored(number)?;
            if own.locked().is_some() {
                continue;
            }
            orders.push(StepOrder {
                followed: own.digest,
                reference: self.reference_of(&own)?,
                destinations: own
                    .outbox
                    .iter()
                    .filter_map(|place| place.peer.parse().ok())
                    .collect(),
                step: Step::Recall(Recall {
                    reason: self.reason_of(&recall)?.into(),
                    note: String::new(),
                }),
                exercise: own.holding.exercise,
                actor: format!("{}/node", self.country),
                key: String::new(),
            });
        }
        Ok(orders)
    }

    /// Why a record was recalled, as its recall says.
    fn reason_of(&self, recall: &Digest) -> Result<RecallReason, NodeError> {
        let unknown = RecallReason::Ordered;
        let Some(number) = ask::by_digest(&self.store, recall)? else {
            return Ok(unknown);
        };
        let record = self.stored(number)?.open(&self.slots)?;
        Ok(match record.step.and_then(|step| step.step) {
            Some(Step::Recall(recall)) => recall.reason(),
            _ => unknown,
        })
    }
}

fn is_destination(header: &Header, country: Country) -> bool {
    let mut destinations = header.destinations.iter();
    destinations.any(|of| of.country == country.code())
}

fn node_error(error: crate::inbox::HoldingError) -> ConsentError {
    ConsentError::Node(NodeError::Holding(error))
}
