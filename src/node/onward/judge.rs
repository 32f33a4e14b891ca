//! Judging a record that another country passed on, before it is held.

use crate::{
    envelope::{Claim, Fault, LinkFault, verify_passed_on, verify_token},
    inbox::consents,
    record::{
        Country, Moment, ValidationContext,
        handling::{Beneficiary, demands},
        handling_numbers,
        sharing::{labels, shared_kind},
        validate,
    },
    wire::{
        envelope::{ConsentUse, NonDeliveryReason},
        record::{CompartmentLabel, Record},
    },
};

use super::{
    super::{Node, NodeError, steps::numbers},
    content, is_destination, passes_on, purpose,
};

impl Node {
    /// Checks a record that passes another on, before it is held. What is wrong is logged in words
    /// that quote nothing of it.
    pub(in crate::node) fn judge_onward(
        &self,
        record: &Record,
        forwarder: Country,
        now: Moment,
    ) -> Result<(), NonDeliveryReason> {
        let Some(onward) = &record.onward else {
            return Ok(());
        };
        let refuse = |why: &str, reason: NonDeliveryReason| {
            tracing::warn!(%forwarder, why, "a record passed on is refused");
            reason
        };
        let invalid = |why: &str| refuse(why, NonDeliveryReason::OnwardInvalid);
        let original = onward.original.clone().unwrap_or_default();
        let book = self.book.load();
        let passed =
            verify_passed_on(&original, &onward.openings, forwarder, &**book).map_err(|fault| {
                match fault {
                    Fault::Link(LinkFault::UnknownSigner(_)) => refuse(
                        "no card held here vouches for its origin's signature",
                        NonDeliveryReason::OriginUnknown,
                    ),
                    fault => invalid(&format!("the original does not verify: {fault}")),
                }
            })?;
        if passed.origin == forwarder || passed.origin == self.country {
            return Err(invalid("its origin is the forwarder or this country"));
        }
        if !is_destination(&passed.header, forwarder) {
            return Err(invalid("the forwarder is no destination of the original"));
        }
        if is_destination(&passed.header, self.country) {
            return Err(invalid("this country has the original from its origin"));
        }
        let inner = content(&passed.parts).map_err(|_| invalid("the original is malformed"))?;
        let context = ValidationContext {
            now,
            origin: passed.origin,
            authorities: &|_| None,
            received: true,
        };
        if inner.situation.is_none() || validate(&inner, &context).is_err() {
            return Err(invalid("the original breaks rules"));
        }
        let marking = inner.marking.clone().unwrap_or_default();
        let header = &passed.header;
        let agrees = inner.exercise == header.exercise
            && inner.expires_at == header.expires_at
            && handling_numbers(&marking) == header.handling
            && inner.exercise == record.exercise
            && inner.expires_at == record.expires_at
            && inner.marking == record.marking;
        if !agrees {
            return Err(invalid(
                "markings, expiry or exercise differ from the original's",
            ));
        }
        let held = labels(&inner);
        let beneficiary = self
            .beneficiary(record)
            .ok_or_else(|| invalid("it names no destination here, or more than one authority"))?;
        if held.contains(&CompartmentLabel::Victims) && beneficiary.authority.is_none() {
            return Err(invalid("victim data without an authority by name"));
        }
        let agreements = self.agreements_in_force();
        if let Some(agreement) = agreements.0.with(forwarder) {
            agreement
                .accepts(shared_kind(&inner), purpose(&inner), &held, agreements.1)
                .map_err(|bar| {
                    tracing::warn!(%forwarder, rule = %bar.place, "a record passed on is not accepted by agreement");
                    NonDeliveryReason::NotAccepted
                })?;
        }
        let Some(token) = &onward.consent else {
            if demands(&marking, ConsentUse::Onward, &held).is_empty() {
                return Ok(());
            }
            return Err(invalid("the origin's consent is demanded and not there"));
        };
        // One that nothing demands must hold too: a token that serves once is noted as used.
        let claim = Claim {
            header_digest: &passed.digest,
            origin: passed.origin,
            grantee: forwarder,
            purpose: ConsentUse::Onward,
            compartments: &numbers(&held),
            beneficiary: &beneficiary.to_string(),
            // It must have counted when it was used, which the forwarder's signed record says; the
            // record may have been long on its way, and this clock decides nothing.
            now: record.submitted_at.as_ref().map_or(now, Moment::from),
            answered: false,
        };
        verify_token(token, claim, &**book)
            .map_err(|fault| invalid(&format!("the consent does not hold: {fault}")))?;
        Ok(())
    }

    /// Whether a record passes on what its origin recalled, as another that passed it on said.
    pub(in crate::node) fn is_revoked(&self, record: &Record) -> Result<bool, NodeError> {
        match passes_on(record) {
            Some(passes_on) => Ok(consents::is_revoked(&self.store, &passes_on.original)?),
            None => Ok(false),
        }
    }

    /// Whether a single-use token in a record was used before, as the store stands.
    pub(in crate::node) fn is_token_used(&self, record: &Record) -> Result<bool, NodeError> {
        match passes_on(record).and_then(|of| of.token) {
            Some(token) => Ok(consents::is_used(&self.store, &token)?),
            None => Ok(false),
        }
    }

    /// For whom a record came here: the country, or one authority.
    fn beneficiary(&self, record: &Record) -> Option<Beneficiary> {
        let here = record
            .destinations
            .iter()
            .find(|destination| destination.country == self.country.code())?;
        let authority = match here.authorities.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => return None,
        };
        Some(Beneficiary {
            country: self.country,
            authority,
        })
    }
}
