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
        court::Bundling,
        exit::{Failure, USAGE},
        out::Out,
        why::Why,
    },
    wire::record::CompartmentLabel,
};

/// What an export that broke off says.
const AGAIN: &str = "the disclosure is in the ledger; the same command again, within a day and under the same leave, \
                     needs no second consent";

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
        // The output first: nothing is disclosed for a path that is taken.
        let path = self.output_dir.clone().or_else(|| self.zip.clone());
        let path = path.unwrap_or_default();
        let writer = match &self.output_dir {
            Some(folder) => BagWriter::folder(folder),
            None => BagWriter::zip(&path, &self.reference),
        };
        let writer = writer.map_err(|error| Failure::not_written(&path, &error))?;
        let bundling = Bundling {
            reference: self.reference.clone(),
            court: self.for_court.clone(),
            compartments: self.compartments.clone(),
            purpose,
            case: self.why.case(),
            note: self.why.note(),
        };
        let bar = bar();
        let mut progress = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let written = match bundling.ask(&mut client).await {
            Ok(parts) => {
                let written = bundling.write(&mut client, parts, writer, &path, &mut progress);
                written
                    .await
                    .map_err(|failure| failure.and(AGAIN.to_owned()))
            }
            Err(failure) => {
                drop(writer);
                Err(failure)
            }
        };
        bar.finish_and_clear();
        let parts = match written {
            Ok(parts) => parts,
            Err(failure) => {
                // It was made by this command and is no bundle: the same command makes it anew.
                let _ = match &self.output_dir {
                    Some(folder) => std::fs::remove_dir_all(folder),
                    None => std::fs::remove_file(&path),
                };
                return Err(failure);
            }
        };
        let bundle = parts.bundle.unwrap_or_default();
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
}
