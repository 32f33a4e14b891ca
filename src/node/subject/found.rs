//! What is said of a record that speaks of a person: nothing of its text.

use crate::{
    inbox::{StoredRecord, consents},
    record::{Country, handling, kind_name, sharing::labels},
    search::subject::{Born, Mentioned, Quality},
    wire::{
        envelope::{ConsentUse, ReceiptType},
        node::{SubjectBorn, SubjectFound, SubjectPlace, SubjectQuality, SubjectReceiver},
        record::Record,
    },
};

use super::super::{Node, NodeError};

/// Records that pass one on, looked at.
const MAX_PASSED_ON: usize = 100;

impl Node {
    /// A record that speaks of the person. `content` is the record's own, or that of the original that it
    /// passes on, which `origin` sealed.
    pub(super) fn subject_found(
        &self,
        stored: &StoredRecord,
        record: &Record,
        content: &Record,
        origin: Option<Country>,
        mentioned: Mentioned,
    ) -> Result<SubjectFound, NodeError> {
        let own = stored.holding.origin == self.country.code() && origin.is_none();
        Ok(SubjectFound {
            reference: self.reference_of(stored)?.to_string(),
            header_digest: stored.digest.to_vec(),
            kind: kind_name(content).unwrap_or_default().to_owned(),
            origin: origin.map_or_else(
                || stored.holding.origin.clone(),
                |origin| origin.code().to_owned(),
            ),
            stored_us: stored.time.micros(),
            places: mentioned
                .places
                .into_iter()
                .map(|place| SubjectPlace {
                    field: place.field,
                    compartment: u32::try_from(place.compartment as i32).unwrap_or(0),
                    quality: quality(place.quality).into(),
                })
                .collect(),
            more_places: mentioned.more,
            born: match mentioned.born {
                Born::Unknown => SubjectBorn::Unspecified,
                Born::Fits => SubjectBorn::Fits,
                Born::Differs => SubjectBorn::Differs,
            }
            .into(),
            compartments: labels(content)
                .into_iter()
                .filter_map(|label| u32::try_from(label as i32).ok())
                .collect(),
            received_by: self.receivers(stored, origin)?,
            restrictions: self.restrictions(stored, record, content, own)?,
            exercise: stored.holding.exercise,
        })
    }

    /// Who else has it: where it came from, where it went, to whom it was passed on.
    fn receivers(
        &self,
        stored: &StoredRecord,
        origin: Option<Country>,
    ) -> Result<Vec<SubjectReceiver>, NodeError> {
        let of = |country: &str, how: &str, proved| SubjectReceiver {
            country: country.to_owned(),
            how: how.to_owned(),
            proved,
        };
        let mut receivers = Vec::new();
        if stored.holding.origin != self.country.code() {
            receivers.push(of(&stored.holding.origin, "origin", true));
        }
        if let Some(origin) = origin.filter(|origin| *origin != self.country) {
            receivers.push(of(origin.code(), "origin", true));
        }
        for delivery in self.deliveries(stored)? {
            let refused = delivery.receipt() == ReceiptType::NonDelivery;
            if !refused {
                let proved = delivery.receipt() != ReceiptType::Unspecified;
                receivers.push(of(&delivery.country, "destination", proved));
            }
        }
        for number in consents::passing_on(&self.store, &stored.digest, MAX_PASSED_ON)? {
            for delivery in self.deliveries(&self.stored(number)?)? {
                if delivery.receipt() != ReceiptType::NonDelivery {
                    let proved = delivery.receipt() != ReceiptType::Unspecified;
                    receivers.push(of(&delivery.country, "passed-on", proved));
                }
            }
        }
        receivers.dedup();
        Ok(receivers)
    }

    /// What may restrict telling the person, one sentence each.
    fn restrictions(
        &self,
        stored: &StoredRecord,
        record: &Record,
        content: &Record,
        own: bool,
    ) -> Result<Vec<String>, NodeError> {
        let mut said = Vec::new();
        let marking = content.marking.clone().unwrap_or_default();
        let demands = handling::demands(&marking, ConsentUse::Unspecified, &labels(content));
        if !own {
            let marks = match demands.as_slice() {
                [] => String::new(),
                demands => format!(" (marked {})", handling::listed(demands)),
            };
            said.push(format!(
                "another country's record{marks}: ask its origin before anything of it is told"
            ));
        } else if !demands.is_empty() {
            said.push(format!("marked {}", handling::listed(&demands)));
        }
        if record.step.is_some() {
            said.push("a step of the exchange, not a record of its own".to_owned());
        }
        if let Some(row) = &stored.life {
            if row.held {
                said.push("a legal hold stands on it".to_owned());
            }
            if row.whole.is_some() {
                said.push("locked: recalled or expired, and to be shredded".to_owned());
            } else if row.victims.is_some() {
                said.push("its compartment `victims` is locked, and to be shredded".to_owned());
            }
        }
        for charge in self.charge_states(stored.holding.number)? {
            let authority = match charge.authority.as_str() {
                "" => "the liaison desk",
                authority => authority,
            };
            said.push(format!(
                "{authority} is in charge of it: ask whether an investigation goes on"
            ));
        }
        Ok(said)
    }
}

const fn quality(quality: Quality) -> SubjectQuality {
    match quality {
        Quality::Exact => SubjectQuality::Exact,
        Quality::Normalised => SubjectQuality::Normalised,
        Quality::Transliterated => SubjectQuality::Transliterated,
        Quality::Part => SubjectQuality::Part,
        Quality::Alike => SubjectQuality::Alike,
    }
}
