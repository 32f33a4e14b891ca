//! Requests for consent as officers see them.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::{ask, consents},
    ledger::Shown,
    record::Moment,
    wire::{
        envelope::{ConsentToken, SignedConsentToken},
        node::{ConsentState, ConsentSummary},
        record::step::Step,
    },
};

use super::{
    super::super::{
        Node, NodeError,
        read::{ReadError, blocking},
    },
    MAX_CONSENTS, asked, single_use,
};

impl Node {
    /// Requests sent and received with a local number below `before`, newest first. A page is one
    /// leaf, durable before this answers; a request that cannot be opened hides no other.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read; nothing was shown then.
    pub async fn consents(
        self: &Arc<Self>,
        before: u64,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<Vec<(u64, ConsentSummary)>, ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let page = blocking(move || {
            let (mut seen, mut shown) = (Vec::new(), Vec::new());
            let mut before = before;
            let limit = limit.clamp(1, MAX_CONSENTS);
            while seen.len() < limit {
                let rows = consents::requests(&node.store, before, limit)?;
                let Some(last) = rows.last() else {
                    break;
                };
                before = last.number;
                for row in rows {
                    // Whoever may not list the record is told of no request about it.
                    let about = ask::by_digest(&node.store, &row.about)?;
                    let number = about.unwrap_or(row.number);
                    if seen.len() < limit && by.sees(&node.subject_of_held(number)?) {
                        shown.extend(about.map(|number| (number, row.about.to_vec())));
                        seen.push(row);
                    }
                }
            }
            let page = seen
                .iter()
                .map(|row| match node.consent_summary(row) {
                    Err(NodeError::Holding(error)) => {
                        tracing::error!(number = row.number, %error, "a consent request cannot be opened");
                        Ok((row.number, node.unreadable(row)))
                    }
                    summary => Ok((row.number, summary?)),
                })
                .collect::<Result<Vec<_>, NodeError>>()?;
            Ok((page, Shown::of(shown)))
        });
        let page = page.await?;
        let (page, shown) = page;
        self.listed(&permit, "listed", shown).await?;
        Ok(page)
    }

    /// What stands outside the text of a request that cannot be opened.
    fn unreadable(&self, row: &consents::RequestRow) -> ConsentSummary {
        // As a damaged record of any kind is listed.
        let known = self.damaged_summary(row.number).unwrap_or_default();
        ConsentSummary {
            reference: known.reference,
            requester: known.origin,
            stored_us: known.stored_us,
            state: ConsentState::Unreadable.into(),
            ..ConsentSummary::default()
        }
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
