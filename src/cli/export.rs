//! `comity export REF --for-court COURT --output-dir DIR`: a record for use in court, with its proofs; and
//! `comity export cap|geojson|csv`: records in the formats of other systems.

mod formats;

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    crypto::Digest,
    record::compartments::label_name,
    wire::{
        json::to_json,
        node::{ExportRecordRequest, ExportRecordResponse},
        record::CompartmentLabel,
    },
};

use super::{
    Target,
    consent::compartment,
    exit::{Failure, SOFTWARE, USAGE},
    out::{Out, printable},
    why::Why,
};

/// Export a record for court, with what proves it; or records as CAP, GeoJSON or CSV.
///
/// For court, writes record.json (the content), header.json (the origin's signed header), receipts.json,
/// proof.json (its ledger leaves, this export among them), consent.json (where consent was needed),
/// report.txt (for people) and digests.json (SHA-256 of each file).
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Export {
    #[command(subcommand)]
    format: Option<formats::Formats>,
    #[command(flatten)]
    court: Option<Court>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    why: Why,
}

/// What is exported for court. It flattens nothing: clap takes an optional struct that does for absent, whatever
/// was given.
#[derive(Debug, Args)]
struct Court {
    /// Reference of the record, such as UZ-26-000412-H.
    reference: String,
    /// The court, in words, exactly as consent was asked for it.
    #[arg(long, value_name = "COURT")]
    for_court: String,
    /// Which compartments, with commas between them [default: every one held].
    #[arg(long, value_delimiter = ',', value_parser = compartment)]
    compartments: Vec<CompartmentLabel>,
    /// This very version, though a newer one replaced it.
    #[arg(long)]
    exact: bool,
    /// Folder to write; it must not exist.
    #[arg(long)]
    output_dir: PathBuf,
}

impl Export {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match (self.format, self.court) {
            (Some(format), _) => format.carry_out(out).await,
            (None, Some(court)) => court.carry_out(&self.target, &self.why, out).await,
            (None, None) => Err(Failure::new(
                USAGE,
                "name a record and --for-court, or a format: cap, geojson, csv",
            )),
        }
    }
}

impl Court {
    async fn carry_out(self, target: &Target, why: &Why, out: &mut Out) -> Result<(), Failure> {
        let mut client = target.connect().await?;
        // The folder first: a consent that serves once must not be used up by a path that is taken.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&self.output_dir)
            .map_err(|error| Failure::not_written(&self.output_dir, &error))?;
        let request = ExportRecordRequest {
            reference: self.reference.clone(),
            compartments: self.compartments.iter().map(|of| (*of).into()).collect(),
            beneficiary: self.for_court.clone(),
            purpose: why.note(),
            reading_purpose: why.code(),
            case_reference: why.case(),
            exact: self.exact,
        };
        let exported = match client.consents.export_record(request).await {
            Ok(exported) => exported.into_inner(),
            Err(refused) => {
                // Nothing was written: the empty folder goes again.
                let _ = fs::remove_dir(&self.output_dir);
                return Err(refused.into());
            }
        };
        // Compartments that were asked for by name are refused; of the others, what is left out is said.
        for of in &exported.withheld {
            out.note(&format!(
                "compartment `{}` is left out: {}",
                label_name(of.compartment()),
                printable(&of.reason)
            ));
        }
        let files = self.files(&exported, why)?;
        let mut digests = serde_json::Map::new();
        for (name, content) in &files {
            write(&self.output_dir.join(name), content)?;
            digests.insert(
                (*name).to_owned(),
                hex::encode(Digest::of(content).as_bytes()).into(),
            );
        }
        let digests = Value::Object(digests);
        write(&self.output_dir.join("digests.json"), &pretty(&digests)?)?;
        if out.json() {
            return out.value(&json!({
                "reference": self.reference,
                "directory": self.output_dir,
                "sha256": digests,
            }));
        }
        out.line(&format!(
            "{} is exported to {}; the ledger names it",
            self.reference,
            self.output_dir.display()
        ))
    }

    /// Name and content of each file.
    fn files(
        &self,
        exported: &ExportRecordResponse,
        why: &Why,
    ) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
        let record = exported.record.clone().unwrap_or_default();
        let record = to_json("comity.record.v1.Record", &record)?;
        let sealed = exported.sealed.clone().unwrap_or_default();
        let header = json!({
            "headerDigest": hex::encode(&exported.header_digest),
            "origin": exported.origin,
            "header": hex::encode(&sealed.header),
            "keyId": hex::encode(&sealed.key_id),
            "signature": hex::encode(&sealed.signature),
        });
        let receipts = exported
            .receipts
            .iter()
            .map(|proof| to_json("comity.envelope.v1.ReceiptProof", proof))
            .collect::<Result<Vec<_>, _>>()?;
        let proof = exported.proof.clone().unwrap_or_default();
        let mut files = vec![
            ("record.json", pretty(&record)?),
            ("header.json", pretty(&header)?),
            ("receipts.json", pretty(&Value::Array(receipts.clone()))?),
            (
                "proof.json",
                pretty(&to_json("comity.ledger.v1.RecordProof", &proof)?)?,
            ),
        ];
        if let Some(consent) = &exported.consent {
            let consent = to_json("comity.envelope.v1.SignedConsentToken", consent)?;
            files.push(("consent.json", pretty(&consent)?));
        }
        let report = self.report(exported, why, &record, receipts.len());
        files.push(("report.txt", report.into_bytes()));
        Ok(files)
    }

    /// The record for people: field by field, text from outside escaped.
    fn report(
        &self,
        exported: &ExportRecordResponse,
        why: &Why,
        record: &Value,
        receipts: usize,
    ) -> String {
        let mut lines = vec![
            format!("Record {} of {}", self.reference, exported.origin),
            format!("Exported for: {}", printable(&self.for_court)),
            format!("Purpose: {}", printable(&why.to_string())),
            format!(
                "SHA-256 of the signed header: {}",
                hex::encode(&exported.header_digest)
            ),
            if exported.consent.is_some() {
                format!("Consent of {}: given, see consent.json", exported.origin)
            } else {
                "Consent: the markings of the record do not demand any".to_owned()
            },
            format!("Receipts: {receipts}, see receipts.json; ledger proofs: proof.json"),
            String::new(),
        ];
        if record.get("exercise") == Some(&Value::Bool(true)) {
            lines.insert(0, "EXERCISE - all facts are made up".to_owned());
        }
        flatten("", record, &mut lines);
        lines.push(String::new());
        lines.join("\n")
    }
}

/// `path: value` for everything in a JSON value.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(&path, value, lines);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, lines);
            }
        }
        Value::String(text) => lines.push(format!("{path}: {}", printable(text))),
        other => lines.push(format!("{path}: {other}")),
    }
}

fn pretty(value: &Value) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
    written.map_err(|error| Failure::not_written(path, &error))
}
