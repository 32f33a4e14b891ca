//! Export for court: a record leaves the node in plain text, with what proves it. The disclosure is
//! in the ledger first, and the origin's consent where the markings demand it.

use std::sync::Arc;

use crate::{
    access::{Compartments, Permit, Purpose, Subject, act},
    envelope::ReceiptProof,
    record::Reference,
    wire::{
        envelope::{ConsentUse, SealedRecord, SignedConsentToken},
        ledger::RecordProof,
        node::WithheldCompartment,
        record::{CompartmentLabel, Record},
    },
};

use super::{
    Node, NodeError,
    access::{beyond, withheld},
    approvals::Matter,
    purpose::check_purpose,
    read::ReadError,
    rules::{By, DiscloseOrder, Proposal, Refusal},
    steps::{ConsentError, WantedUse, blocking_consent, court, numbers, single_use},
};

/// What an officer exports.
#[derive(Clone, Debug)]
pub struct ExportOrder {
    /// Which record.
    pub reference: Reference,
    /// True for this very version, though it was amended.
    pub exact: bool,
    /// Which compartments; empty: every one held.
    pub compartments: Vec<CompartmentLabel>,
    /// For which court.
    pub beneficiary: String,
    /// Why; needed for whatever is beyond the situation.
    pub purpose: Option<Purpose>,
    /// The same in words; into the ledger.
    pub note: String,
}

/// A record for use in court.
#[derive(Debug)]
pub struct Exported {
    /// The content, compartments left out as asked.
    pub record: Record,
    /// Header and signature, without compartments.
    pub sealed: SealedRecord,
    /// SHA-256 of the header.
    pub header_digest: crate::crypto::Digest,
    /// Country that sealed the record.
    pub origin: crate::record::Country,
    /// Receipts about it.
    pub receipts: Vec<ReceiptProof>,
    /// Its leaves, this disclosure among them.
    pub proof: RecordProof,
    /// The origin's consent, where one was needed.
    pub consent: Option<SignedConsentToken>,
    /// Compartments that were left out because who exports may not have them, and why.
    pub withheld: Vec<WithheldCompartment>,
}

impl Node {
    /// Exports a record for court. The disclosure is durable before this answers.
    ///
    /// # Errors
    /// [`ConsentError`]; nothing left the node then.
    pub async fn export(
        self: &Arc<Self>,
        permit: Permit<act::ExportCourt>,
        order: ExportOrder,
    ) -> Result<Exported, ConsentError> {
        let ExportOrder {
            reference,
            exact,
            compartments,
            beneficiary,
            purpose,
            note,
        } = order;
        check_purpose(&note)?;
        let (node, by, why) = (Arc::clone(self), permit.clone(), purpose.clone());
        let court = court(&beneficiary)?;
        let (named, for_court) = (court.clone(), court.clone());
        let (held, labels, consent, warrant) = blocking_consent(move || {
            let mut held = node.usable(&by, &reference, exact)?;
            node.open_usable(&mut held, &by, why.as_ref())?;
            let labels = node.wanted(&by, &compartments, &held)?;
            let shown: Compartments = labels.iter().copied().collect();
            if shown.beyond_situation() && why.is_none() {
                return Err(ReadError::PurposeMissing {
                    reference,
                    compartments: beyond(shown),
                    told: false,
                }
                .into());
            }
            let demands = if held.origin == node.country {
                Vec::new()
            } else {
                held.demands(ConsentUse::Court, &labels)
            };
            if held.passed_on && !demands.is_empty() {
                return Err(ConsentError::PassedOn {
                    reference,
                    origin: held.origin,
                });
            }
            let consent = node.consent_for(&WantedUse {
                header: held.digest,
                origin: held.origin,
                purpose: ConsentUse::Court,
                labels: labels.clone(),
                beneficiary: named,
                demands,
                export: None,
            })?;
            node.check_heard(held.sender)?;
            let versions = node.digests_of(held.number)?;
            let matter = Matter::ExportCourt(&versions, &for_court);
            let warrant = node.leave(&by, &matter, why.as_ref())?;
            Ok((held, labels, consent, warrant))
        })
        .await?;
        let order = DiscloseOrder {
            number: held.number,
            digest: held.digest,
            reference: reference.to_string(),
            manner: "court-export",
            compartments: numbers(&labels),
            token: consent.as_ref().and_then(single_use),
            by: By::of(&permit)
                .reading_for(purpose, [court.as_str(), note.as_str()].join(": "))
                .under(warrant.as_ref())
                .under(held.decision.under.as_ref()),
            // The text is shown as by a reading.
            retrieval: held.sender != self.country,
            // The answer is one message: it came, or nothing did.
            export: None,
        };
        let proposed = self
            .writer
            .propose(Proposal::Disclose(Box::new(order)))
            .await;
        match proposed.map_err(NodeError::from) {
            Ok(_) => {}
            Err(NodeError::Refused(Refusal::ConsentUsed)) => return Err(ConsentError::Used),
            Err(error) => return Err(error.into()),
        }
        let node = Arc::clone(self);
        blocking_consent(move || {
            let mut record = held.record;
            let withheld = withheld(&held.decision);
            // What names the record stays: reference, marking, times.
            Subject::remove(&mut record, labels.iter().copied().collect());
            Ok(Exported {
                withheld,
                record,
                sealed: SealedRecord {
                    compartments: Vec::new(),
                    wrap: None,
                    ..held.stored.sealed
                },
                header_digest: held.digest,
                origin: held.origin,
                receipts: node.receipts_of(held.number)?,
                proof: node.prove(held.number)?,
                consent,
            })
        })
        .await
    }
}
