//! Export of an evidence request for court: the request, its steps and what proves them leave the node in
//! plain text, after consent, a second person and the disclosure's leaf. The items' bytes follow as
//! downloads of their own.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    access::{Compartments, Permit, Purpose, act, purpose_word},
    crypto::Digest,
    entry::ItemStand,
    evidence::{bundle::MAX_RECORDS, custody::CustodyOrder},
    inbox::consents::ExportNow,
    record::{Country, Reference, handling::demands, sharing::labels},
    wire::{
        bundle::BundleParts,
        envelope::{ConsentUse, SignedConsentToken},
        record::{CompartmentLabel, CustodyAct, situation::Kind, step::Step},
    },
};

use super::{
    ItemId, Signed,
    chain::{Carrier, ItemCustody, found, items_of, other_of},
};
use crate::node::{
    Node, NodeError,
    access::beyond,
    approvals::Matter,
    purpose::check_purpose,
    read::ReadError,
    rules::{By, DiscloseOrder, ExportedEvidence, Proposal, Refusal},
    steps::{ConsentError, WantedUse, blocking_consent, court, numbers, single_use},
};

/// How often an export is prepared, at most, while custody moves.
const ATTEMPTS: usize = 8;

/// What an officer exports.
#[derive(Clone, Debug)]
pub struct EvidenceExport {
    /// The request, or a record of its thread.
    pub reference: Reference,
    /// Which compartments; empty: every one that may be had.
    pub compartments: Vec<CompartmentLabel>,
    /// For which court.
    pub beneficiary: String,
    /// Why.
    pub purpose: Option<Purpose>,
    /// The same in words; into the ledger.
    pub note: String,
}

/// A record that is exported.
pub(super) struct Exported {
    pub(super) carrier: Carrier,
    pub(super) reference: String,
    /// Compartments that leave the node.
    pub(super) labels: Vec<CompartmentLabel>,
    pub(super) consent: Option<SignedConsentToken>,
}

/// Everything that is decided before the disclosure is durable.
pub(super) struct Decided {
    pub(super) records: Vec<Exported>,
    pub(super) items: Vec<ItemCustody>,
    pub(super) custody: Vec<Signed>,
    pub(super) left_out: BTreeSet<u32>,
    disclosures: Vec<DiscloseOrder>,
    pub(super) court: String,
    pub(super) other: Country,
}

impl Node {
    /// Exports a request for court. The disclosure of each record and the custody entry of each item are
    /// durable before this answers. What breaks off after that is done again within a day by the same person,
    /// for the same court, purpose and case, of the same compartments, under the same leave, and needs no second
    /// consent: each time has its leaves and entries. Information that was amended goes in its newest version.
    ///
    /// # Errors
    /// [`ConsentError`]; nothing left the node then.
    pub async fn export_evidence(
        self: &Arc<Self>,
        permit: Permit<act::ExportCourt>,
        order: EvidenceExport,
    ) -> Result<BundleParts, ConsentError> {
        check_purpose(&order.note)?;
        for _ in 0..ATTEMPTS {
            let (node, by, asked) = (Arc::clone(self), permit.clone(), order.clone());
            let mut decided = blocking_consent(move || node.decide_export(&by, &asked)).await?;
            let drafts = decided.custody.iter().map(|of| of.draft.clone());
            let proposal = ExportedEvidence {
                disclosures: std::mem::take(&mut decided.disclosures),
                custody: drafts.collect(),
            };
            let proposed = self
                .writer
                .propose(Proposal::ExportEvidence(Box::new(proposal)))
                .await;
            match proposed.map_err(NodeError::from) {
                Ok(_) => {
                    let node = Arc::clone(self);
                    return blocking_consent(move || Ok(node.parts_of(decided)?)).await;
                }
                // Somebody else stated custody meanwhile.
                Err(NodeError::Refused(Refusal::Raced)) => {}
                Err(NodeError::Refused(Refusal::ConsentUsed)) => return Err(ConsentError::Used),
                Err(error) => return Err(error.into()),
            }
        }
        Err(NodeError::Refused(Refusal::Raced).into())
    }

    fn decide_export(
        &self,
        permit: &Permit<act::ExportCourt>,
        order: &EvidenceExport,
    ) -> Result<Decided, ConsentError> {
        let court = court(&order.beneficiary)?;
        let asked = self.find(&order.reference)?;
        let carriers = self.carriers(asked)?;
        // A bundle that left something out without saying so would prove what is not true.
        if carriers.len() >= MAX_RECORDS {
            return Err(ConsentError::TooLong(order.reference));
        }
        let carriers = request_and_steps(carriers, order.reference)?;
        let other = other_of(&carriers, self.country)
            .or_else(|| destination_of(&carriers))
            .ok_or(ReadError::Unknown(order.reference))?;
        let first = carriers
            .first()
            .ok_or(ReadError::Unknown(order.reference))?;
        // Whoever may not see it does not learn that it was amended.
        let reference = self.reference_of(&first.stored)?;
        self.seen(permit, &reference, first.number)?;
        self.check_newest(&reference, &first.stored)?;
        let versions = self.digests_of(first.number)?;
        let matter = Matter::ExportCourt(&versions, &court);
        let export = self.export_now(permit, &matter, order, &court)?;
        let mut records = Vec::with_capacity(carriers.len());
        let mut left_out = BTreeSet::new();
        for carrier in carriers {
            let exported =
                self.decide_record(permit, order, &court, &export, carrier, &mut left_out)?;
            records.push(exported);
        }
        let shown: Compartments = records
            .iter()
            .flat_map(|of| of.labels.iter().copied())
            .collect();
        if shown.beyond_situation() && order.purpose.is_none() {
            return Err(ReadError::PurposeMissing {
                reference: order.reference,
                compartments: beyond(shown),
                told: false,
            }
            .into());
        }
        let request = records.first().ok_or(ReadError::Unknown(order.reference))?;
        let header = request.carrier.stored.digest;
        let warrant = self.leave(permit, &matter, order.purpose.as_ref())?;
        let by = By::of(permit)
            .reading_for(
                order.purpose.clone(),
                [court.as_str(), order.note.as_str()].join(": "),
            )
            .under(warrant.as_ref());
        let disclosures = records
            .iter()
            .map(|of| DiscloseOrder {
                number: of.carrier.number,
                digest: of.carrier.stored.digest,
                reference: of.reference.clone(),
                manner: "court-export",
                compartments: numbers(&of.labels),
                token: of.consent.as_ref().and_then(single_use),
                by: by.clone(),
                retrieval: of.carrier.stored.position.is_some() && of.carrier.record.step.is_none(),
                export: Some(export.tag),
            })
            .collect();
        let opens: Vec<&Carrier> = records
            .iter()
            .filter(|of| of.labels.contains(&CompartmentLabel::Evidence))
            .map(|of| &of.carrier)
            .collect();
        let items = self.items_for_court(&records, &opens)?;
        let mut custody = Vec::new();
        for item in &items {
            custody.extend(self.exported_entry(permit, header, item, &court, &by)?);
        }
        Ok(Decided {
            records,
            items,
            custody,
            left_out,
            disclosures,
            court,
            other,
        })
    }

    /// The export as one that may be done again when it breaks off, with consent that served it: by the same
    /// person, for the same court, purpose and case, of the same compartments, under the same leave.
    fn export_now(
        &self,
        permit: &Permit<act::ExportCourt>,
        matter: &Matter<'_>,
        order: &EvidenceExport,
        court: &str,
    ) -> Result<ExportNow, NodeError> {
        let purpose = order.purpose.as_ref();
        let leave = self.warrant(permit, matter, purpose)?;
        let leave = leave.map(|leave| leave.approval().to_vec());
        let purpose = purpose.map(|of| format!("{}\0{}", purpose_word(of.code()), of.case()));
        let compartments = numbers(&order.compartments);
        let compartments: Vec<String> = compartments.iter().map(u32::to_string).collect();
        let parts = [
            permit.actor(),
            court.to_owned(),
            purpose.unwrap_or_default(),
            compartments.join(","),
            hex::encode(leave.unwrap_or_default()),
        ];
        Ok(ExportNow {
            tag: self.keys.index.tag("export", parts.join("\0").as_bytes()),
            at_us: self.now().micros(),
        })
    }

    /// What of one record may leave, and under whose consent.
    fn decide_record(
        &self,
        permit: &Permit<act::ExportCourt>,
        order: &EvidenceExport,
        court: &str,
        export: &ExportNow,
        carrier: Carrier,
        left_out: &mut BTreeSet<u32>,
    ) -> Result<Exported, ConsentError> {
        let reference = self.reference_of(&carrier.stored)?;
        let mut subject = self.seen(permit, &reference, carrier.number)?;
        let present = labels(&carrier.record);
        for label in &present {
            subject.present.insert(*label);
        }
        let mut decision = self.reached(permit, &reference, &subject)?;
        self.open_victims(
            &mut decision,
            permit,
            carrier.number,
            order.purpose.as_ref(),
        )?;
        let named = order.compartments.as_slice();
        let wanted = |label: &CompartmentLabel| {
            *label == CompartmentLabel::Situation || named.is_empty() || named.contains(label)
        };
        let (labels, closed): (Vec<_>, Vec<_>) = present
            .into_iter()
            .partition(|label| wanted(label) && decision.allowed.has(*label));
        let refused = closed.iter().copied().filter(|label| named.contains(label));
        self.check_labels(permit, &reference, &decision, refused.collect())?;
        left_out.extend(numbers(&closed));
        let origin: Country = carrier
            .stored
            .holding
            .origin
            .parse()
            .map_err(|_| NodeError::Task)?;
        let mut consent = None;
        if origin != self.country {
            let marking = carrier.record.marking.clone().unwrap_or_default();
            let demands = demands(&marking, ConsentUse::Court, &labels);
            consent = self
                .consent_for(&WantedUse {
                    header: carrier.stored.digest,
                    origin,
                    purpose: ConsentUse::Court,
                    labels: labels.clone(),
                    beneficiary: court.to_owned(),
                    demands,
                    export: Some(*export),
                })
                .map_err(|error| error.about(reference))?;
            self.check_heard(origin)?;
        }
        Ok(Exported {
            reference: reference.to_string(),
            carrier,
            labels,
            consent,
        })
    }

    /// The items that the exported records describe.
    fn items_for_court(
        &self,
        records: &[Exported],
        opens: &[&Carrier],
    ) -> Result<Vec<ItemCustody>, NodeError> {
        let described: BTreeSet<&[u8]> = opens
            .iter()
            .flat_map(|carrier| items_of(&carrier.record))
            .map(|item| item.id.as_slice())
            .collect();
        let carriers: Vec<&Carrier> = records.iter().map(|of| &of.carrier).collect();
        let mut items = self.custody_in(&carriers)?;
        items.retain(|of| of.record.is_some() && described.contains(of.item.id.as_slice()));
        Ok(items)
    }

    /// The entry that says that an item goes to court; none of a thing, which stays where it is.
    fn exported_entry(
        &self,
        permit: &Permit<act::ExportCourt>,
        header: Digest,
        custody: &ItemCustody,
        court: &str,
        by: &By,
    ) -> Result<Option<Signed>, ConsentError> {
        let item: ItemId = custody.item.id.as_slice().try_into().unwrap_or_default();
        let whole = self
            .item_row(&item)?
            .is_some_and(|row| matches!(row.stand(), ItemStand::Kept | ItemStand::Arrived));
        let Some(found) = found(&custody.item).filter(|_| whole) else {
            return Ok(None);
        };
        let order = CustodyOrder {
            item,
            act: CustodyAct::Exported,
            at: self.now(),
            place: format!("node of {}", self.country),
            authority: permit
                .principal()
                .authority()
                .unwrap_or_default()
                .to_owned(),
            by: permit.actor(),
            reason: format!("for {court}"),
            found,
        };
        let (after, other) = (self.custody_end(&item)?, self.others_end(custody));
        let signed = self.sign_custody(header, &order, after, other, by.clone())?;
        signed.map(Some).map_err(ConsentError::Custody)
    }
}

/// The request, or spontaneous information, and the steps of it; what else stands in the thread, such as consent
/// given to this very export, goes along as what it is.
fn request_and_steps(
    carriers: Vec<Carrier>,
    reference: Reference,
) -> Result<Vec<Carrier>, ConsentError> {
    let is_first = |of: &Carrier| {
        let kind = of.record.situation.as_ref().and_then(|of| of.kind.as_ref());
        matches!(
            kind,
            Some(Kind::EvidenceRequest(_) | Kind::SpontaneousInformation(_))
        ) && of.record.onward.is_none()
    };
    if !carriers.first().is_some_and(is_first) {
        return Err(ConsentError::NotEvidence(reference));
    }
    let is_step = |of: &Carrier| {
        let step = of.record.step.as_ref().and_then(|step| step.step.as_ref());
        matches!(step, Some(Step::Evidence(_)))
    };
    let mut carriers = carriers.into_iter();
    let first = carriers.next();
    Ok(first.into_iter().chain(carriers.filter(is_step)).collect())
}

/// The country that the first of these went to.
fn destination_of(carriers: &[Carrier]) -> Option<Country> {
    let first = carriers.first()?;
    first.record.destinations.first()?.country.parse().ok()
}
