//! What the compartments of a received record make up, and the rules that it must keep.

use crate::{
    envelope::Header,
    record::{
        Country, Moment, Reference, ValidationContext, compartments::join, handling_numbers, lane,
        sharing, validate,
    },
    wire::{envelope::NonDeliveryReason, record::Record},
};

use super::super::{Node, steps::followed};

impl Node {
    /// Reference and content of a record that keeps the rules; the reason when it does not. What
    /// exactly is wrong stays out of the log: it quotes content.
    pub(super) fn content(
        &self,
        parts: &[(u32, &[u8])],
        header: &Header,
        origin: Country,
        now: Moment,
    ) -> Result<(Reference, Record), NonDeliveryReason> {
        let malformed = NonDeliveryReason::MalformedContent;
        let record = join(parts).map_err(|_| malformed)?;
        if !agrees(&record, header) {
            tracing::debug!(%origin, "the content contradicts its header");
            return Err(malformed);
        }
        let reference: Reference = record.reference.parse().map_err(|_| malformed)?;
        if reference.country != origin {
            return Err(NonDeliveryReason::ReferenceInvalid);
        }
        // Authorities change with cards, which may arrive in another order than records.
        let authorities = |_| None;
        let context = ValidationContext {
            now,
            origin,
            authorities: &authorities,
            received: true,
        };
        if let Err(violations) = validate(&record, &context) {
            tracing::debug!(%origin, count = violations.iter().len(), "the content breaks rules");
            return Err(malformed);
        }
        if !sharing::entitled(&record, self.country) {
            tracing::warn!(%origin, "the record holds more than its destinations give this country");
            return Err(malformed);
        }
        self.accepts(&record, origin, now)?;
        Ok((reference, record))
    }
}

/// The content must say what the header says in the clear, or two readers of one record could act
/// on different rules: exercise, expiry, lane, handling codes and what it follows.
fn agrees(record: &Record, header: &Header) -> bool {
    let handling = record
        .marking
        .as_ref()
        .map(handling_numbers)
        .unwrap_or_default();
    record.exercise == header.exercise
        && record.expires_at == header.expires_at
        && lane(record) as i32 == header.lane
        && handling == header.handling
        && followed(record)
            .map(|digest| digest.to_vec())
            .unwrap_or_default()
            == header.follows
}
