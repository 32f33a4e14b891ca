//! A court bundle, from the node's answers to the folder or zip: what `comity evidence export` writes.

use std::{io, path::Path};

use crate::{
    bag::BagWriter,
    client::{Client, IntoOrder},
    evidence::bundle::{View, layout},
    record::Moment,
    wire::{
        bundle::{BundleParts, BundledConsents, BundledLedger, BundledReceipts},
        ledger::ReadingPurpose,
        node::{ExportEvidenceRequest, export_evidence_response::Part},
        record::{CompartmentLabel, EvidenceItem},
    },
};

use super::exit::{DATAERR, Failure, SOFTWARE};

/// What is exported, for which court and why.
#[derive(Clone, Debug)]
pub(super) struct Bundling {
    pub(super) reference: String,
    pub(super) court: String,
    /// Which compartments; empty: every one that may be had.
    pub(super) compartments: Vec<CompartmentLabel>,
    pub(super) purpose: ReadingPurpose,
    pub(super) case: String,
    pub(super) note: String,
}

impl Bundling {
    /// Everything but the items' bytes. The disclosure is in the ledger when the first part comes.
    pub(super) async fn ask(&self, client: &mut Client) -> Result<BundleParts, Failure> {
        let request = ExportEvidenceRequest {
            reference: self.reference.clone(),
            compartments: self.compartments.iter().map(|of| (*of).into()).collect(),
            beneficiary: self.court.clone(),
            purpose: self.note.clone(),
            reading_purpose: self.purpose.into(),
            case_reference: self.case.clone(),
        };
        let mut answers = client.bundles.export_evidence(request).await?.into_inner();
        let mut parts = BundleParts::default();
        let mut receipts = BundledReceipts::default();
        let mut consents = BundledConsents::default();
        let mut ledger = BundledLedger::default();
        while let Some(answer) = answers.message().await? {
            match answer.part {
                Some(Part::Bundle(bundle)) => parts.bundle = Some(bundle),
                Some(Part::Card(card)) => parts.cards.push(card),
                Some(Part::Record(record)) => parts.records.push(record),
                Some(Part::Receipt(receipt)) => receipts.receipts.push(receipt),
                Some(Part::Consent(consent)) => consents.consents.push(consent),
                Some(Part::Ledger(of)) => ledger = of,
                Some(Part::Leaf(leaf)) => {
                    ledger.proof.get_or_insert_default().leaves.push(leaf);
                }
                Some(Part::Custody(custody)) => parts.custody.push(custody),
                None => {}
            }
        }
        parts.receipts = Some(receipts);
        parts.consents = Some(consents);
        parts.ledger = Some(ledger);
        Ok(parts)
    }

    /// Fetches the items and writes everything; answers the parts as they were written. `progress` is told
    /// how many bytes of an item are written, and of how many.
    pub(super) async fn write(
        &self,
        client: &mut Client,
        mut parts: BundleParts,
        mut writer: BagWriter,
        path: &Path,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<BundleParts, Failure> {
        let not_written = |error: io::Error| Failure::not_written(path, &error);
        let view = View::of(&parts).map_err(|fault| Failure::new(DATAERR, fault.to_string()))?;
        let described: Vec<EvidenceItem> = view.items.into_iter().map(|of| of.item).collect();
        let entries = parts.bundle.iter_mut().flat_map(|of| of.items.iter_mut());
        for (number, (entry, item)) in entries.zip(&described).enumerate() {
            if item.root.is_empty() || !entry.left_out.is_empty() {
                continue;
            }
            let file = layout::item_file(number, &item.name);
            writer
                .begin(&format!("{}{file}", layout::ITEMS), item.size)
                .map_err(not_written)?;
            let order = IntoOrder {
                reference: self.reference.clone(),
                item: item.id.as_slice().try_into().unwrap_or_default(),
                purpose: self.purpose,
                case: self.case.clone(),
                note: self.note.clone(),
            };
            let mut done = 0_u64;
            let mut take = |bytes: &[u8]| {
                done = done.saturating_add(bytes.len() as u64);
                progress(done, item.size);
                writer.write(bytes)
            };
            let fetched = client.download_into(&order, &mut take).await?;
            if fetched.root != item.root {
                let says = "the node holds another file than the record describes";
                return Err(Failure::new(DATAERR, says));
            }
            entry.sha256 = writer.end().map_err(not_written)?.to_vec();
            entry.file = file;
        }
        let view = View::of(&parts).map_err(|fault| Failure::new(DATAERR, fault.to_string()))?;
        let files = layout::files(&parts, &view)
            .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
        for (name, bytes) in &files {
            writer.file(name, bytes).map_err(not_written)?;
        }
        let bundle = parts.bundle.clone().unwrap_or_default();
        let day = bundle
            .exported_at
            .as_ref()
            .map(Moment::from)
            .unwrap_or_default();
        let info = [
            (
                "Source-Organization",
                format!("node of {}", bundle.exported_by),
            ),
            ("External-Identifier", bundle.reference),
            (
                "External-Description",
                format!("Evidence request, exported for {}", bundle.court),
            ),
            ("Bagging-Date", day.to_string().chars().take(10).collect()),
            ("Bag-Software-Agent", bundle.software),
        ];
        writer.finish(&info).map_err(not_written)?;
        Ok(parts)
    }
}
