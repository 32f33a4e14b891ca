//! Submitting a request, and saying before what it lacks.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    record::{Country, Violations},
    wire::record::Record,
};

use super::{
    super::{
        Node,
        read::blocking,
        submit::{Accepted, Intent, SubmitError},
    },
    EvidenceFault, TermsFault, request_of,
};

/// What a request lacks.
#[derive(Debug, Default)]
pub struct Checked {
    /// Every rule that it breaks; `None`: none.
    pub violations: Option<Violations>,
    /// Why the agreements do not let it go.
    pub agreement: Option<TermsFault>,
}

impl Node {
    /// Says what a request lacks. Nothing becomes durable, and nothing is shown that the caller did not
    /// give.
    ///
    /// # Errors
    /// [`SubmitError`] where it is no request, or not the caller's to submit.
    pub async fn check_evidence(
        self: &Arc<Self>,
        permit: Permit<act::RequestEvidence>,
        record: Record,
    ) -> Result<Checked, SubmitError> {
        let Some(request) = request_of(&record) else {
            return Err(EvidenceFault::NotARequest.into());
        };
        if request.terms.is_some() {
            return Err(EvidenceFault::SetByNode("situation.evidenceRequest.terms").into());
        }
        self.check_own(&permit, &record)?;
        let node = Arc::clone(self);
        let checked = blocking(move || {
            let agreement = agreed(&node, &record);
            let now = node.now();
            let violations = node
                .check(&record, now)
                .and_then(|()| node.sharing_of(&record, now).map(|_| ()))
                .err();
            Ok(Checked {
                violations,
                agreement,
            })
        });
        Ok(checked.await?)
    }

    /// Submits a request; answers when it is durable.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing is durable then.
    pub async fn request_evidence(
        &self,
        permit: Permit<act::RequestEvidence>,
        record: Record,
        idempotency_key: String,
    ) -> Result<Accepted, SubmitError> {
        if request_of(&record).is_none() {
            return Err(EvidenceFault::NotARequest.into());
        }
        self.check_own(&permit, &record)?;
        self.submit_intent(Intent {
            record,
            idempotency_key,
            actor: permit.actor(),
            by_node: false,
            evidence: true,
            item: None,
        })
        .await
    }
}

/// Why the agreements do not let a request go; `None` when they do, or it does not say where to.
fn agreed(node: &Node, record: &Record) -> Option<TermsFault> {
    let profile = &request_of(record)?.profile;
    let country: Country = record.destinations.first()?.country.parse().ok()?;
    if profile.is_empty() {
        return None;
    }
    node.terms_for(country, profile).err()
}
