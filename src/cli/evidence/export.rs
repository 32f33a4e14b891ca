//! `comity evidence export REF --for-court COURT`: a court bundle, in a folder or a zip.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::upload::bar;
use crate::{
    bag::BagWriter,
    cli::{
        Target,
        consent::compartment,
        exit::{DATAERR, Failure, SOFTWARE, USAGE},
        out::Out,
        why::Why,
    },
    client::{Client, IntoOrder},
    evidence::bundle::{View, layout},
    record::Moment,
    wire::{
        bundle::{BundleParts, BundledConsents, BundledLedger, BundledReceipts},
        node::{ExportEvidenceRequest, export_evidence_response::Part},
        record::{CompartmentLabel, EvidenceItem},
    },
};

/// Export an evidence request for court, with its items and what proves them.
///
/// Writes a BagIt folder or zip that `comity verify` checks with nothing but the fingerprints of the
/// countries' roots; docs/BUNDLE.md has the format. What came from the other country needs its consent where
/// its marking says so, and a second person agrees to the export, unless the permissions say otherwise. What
/// breaks off leaves no bundle; the same command writes another.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    /// The court, in words, exactly as consent was asked for it.
    #[arg(long, value_name = "COURT")]
    for_court: String,
    /// Which compartments, with commas between them [default: every one that may be had].
    #[arg(long, value_delimiter = ',', value_parser = compartment)]
    compartments: Vec<CompartmentLabel>,
    #[command(flatten)]
    why: Why,
    /// Folder to write; it must not exist.
    #[arg(long, conflicts_with = "zip", required_unless_present = "zip")]
    output_dir: Option<PathBuf>,
    /// Zip to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    zip: Option<PathBuf>,
}

impl Export {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let Some(purpose) = self.why.purpose() else {
            let says = "a request is exported for a purpose: give --purpose and --case";
            return Err(Failure::new(USAGE, says));
        };
        let mut client = self.target.connect().await?;
        // The output first: a consent that serves once must not be used up by a path that is taken.
        let path = self.output_dir.clone().or_else(|| self.zip.clone());
        let path = path.unwrap_or_default();
        let writer = match &self.output_dir {
            Some(folder) => BagWriter::folder(folder),
            None => BagWriter::zip(&path, &self.reference),
        };
        let mut writer = writer.map_err(|error| Failure::not_written(&path, &error))?;
        let mut parts = match self.parts(&mut client).await {
            Ok(parts) => parts,
            Err(failure) => {
                // Nothing was written: what is empty goes again.
                drop(writer);
                let _ = match &self.output_dir {
                    Some(folder) => std::fs::remove_dir(folder),
                    None => std::fs::remove_file(&path),
                };
                return Err(failure);
            }
        };
        let not_written = |error: std::io::Error| Failure::not_written(&path, &error);
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
                purpose,
                case: self.why.case(),
                note: self.why.note(),
            };
            let bar = bar();
            bar.set_length(item.size);
            let mut take = |bytes: &[u8]| {
                bar.inc(bytes.len() as u64);
                writer.write(bytes)
            };
            let fetched = client.download_into(&order, &mut take).await?;
            bar.finish_and_clear();
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
        let bundle = parts.bundle.unwrap_or_default();
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
            ("External-Identifier", bundle.reference.clone()),
            (
                "External-Description",
                format!("Evidence request, exported for {}", bundle.court),
            ),
            ("Bagging-Date", day.to_string().chars().take(10).collect()),
            ("Bag-Software-Agent", bundle.software.clone()),
        ];
        writer.finish(&info).map_err(not_written)?;
        if out.json() {
            return out.value(&json!({
                "reference": bundle.reference,
                "bundle": path,
                "records": bundle.records.len(),
                "items": bundle.items.iter().map(|of| json!({
                    "item": hex::encode(&of.id),
                    "file": of.file,
                    "sha256": hex::encode(&of.sha256),
                    "leftOut": of.left_out,
                })).collect::<Vec<_>>(),
            }));
        }
        for of in bundle.items.iter().filter(|of| !of.left_out.is_empty()) {
            out.note(&format!(
                "item {} is left out: {}",
                hex::encode(&of.id),
                of.left_out
            ));
        }
        out.line(&format!(
            "{} is exported to {}: {} records, {} items; the ledger names it. `comity verify {}` checks it",
            bundle.reference,
            path.display(),
            bundle.records.len(),
            bundle.items.len(),
            path.display()
        ))
    }

    /// Everything but the items' bytes. The disclosure is in the ledger when the first part comes.
    async fn parts(&self, client: &mut Client) -> Result<BundleParts, Failure> {
        let request = ExportEvidenceRequest {
            reference: self.reference.clone(),
            compartments: self.compartments.iter().map(|of| (*of).into()).collect(),
            beneficiary: self.for_court.clone(),
            purpose: self.why.note(),
            reading_purpose: self.why.code(),
            case_reference: self.why.case(),
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
}
