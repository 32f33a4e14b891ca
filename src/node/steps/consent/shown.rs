//! Requests for consent as officers see them.

use std::sync::Arc;

use crate::{
    inbox::consents,
    record::Moment,
    wire::{
        envelope::{ConsentToken, SignedConsentToken},
        node::{ConsentState, ConsentSummary},
        record::step::Step,
    },
};

use super::{
    super::super::{Node, NodeError, read::blocking},
    MAX_CONSENTS, asked, single_use,
};

impl Node {
    /// Requests sent and received with a local number below `before`, newest first.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub async fn consents(
        self: &Arc<Self>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ConsentSummary)>, NodeError> {
        let node = Arc::clone(self);
        blocking(move || {
            consents::requests(&node.store, before, limit.clamp(1, MAX_CONSENTS))?
                .iter()
                .map(|row| Ok((row.number, node.consent_summary(row)?)))
                .collect()
        })
        .await
    }

    fn consent_summary(&self, row: &consents::RequestRow) -> Result<ConsentSummary, NodeError> {
        let stored = self.stored(row.number)?;
        let record = stored.open(&self.slots)?;
        let asked = asked(&record).unwrap_or_default();
        let about = record.follows.unwrap_or_default();
        let mut summary = ConsentSummary {
            reference: record.reference,
            record: about.reference,
            requester: stored.holding.origin.clone(),
            r#use: asked.r#use,
            compartments: asked.compartments,
            beneficiary: asked.beneficiary,
            ground: asked.ground,
            state: ConsentState::Open.into(),
            answer_by: asked.answer_by,
            stored_us: stored.time.micros(),
            origin: match record.destinations.first() {
                Some(destination) => destination.country.clone(),
                None => String::new(),
            },
            ..ConsentSummary::default()
        };
        let Some(answer) = row.answer else {
            return Ok(summary);
        };
        let answer = self.stored(answer)?.open(&self.slots)?;
        let Some(Step::ConsentAnswer(answer)) = answer.step.and_then(|step| step.step) else {
            return Ok(summary);
        };
        summary.reason = answer.reason;
        summary.state = match &answer.token {
            None => ConsentState::Refused,
            Some(token) => {
                summary.expires_at = expiry(token);
                let over = summary
                    .expires_at
                    .as_ref()
                    .is_none_or(|at| Moment::from(at) <= self.now());
                match single_use(token) {
                    Some(digest) if consents::is_used(&self.store, &digest)? => ConsentState::Used,
                    _ if over => ConsentState::Expired,
                    _ => ConsentState::Granted,
                }
            }
        }
        .into();
        Ok(summary)
    }
}

fn expiry(token: &SignedConsentToken) -> Option<prost_types::Timestamp> {
    use prost::Message as _;
    ConsentToken::decode(token.token.clone()).ok()?.expires_at
}
