//! `comity export cap|geojson|csv`: records as files of other systems.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    client::replace,
    record::{Country, compartments::label_name},
    wire::node::{
        ExportEnd, ExportFormat, ExportPiece, ExportQuery, ExportRecordsRequest,
        export_records_response::Part,
    },
};

use super::super::{
    Target,
    audit::when::{When, begins},
    exit::{DATAERR, Failure, NOPERM, USAGE},
    out::{Out, printable},
    why::Why,
};

/// Most bytes of an export that are held before they are written.
const MOST_BYTES: usize = 512 * 1024 * 1024;

/// Export records in the formats of other systems. Each record that leaves is in the ledger before it does;
/// each that may not is named with the reason.
#[derive(Debug, Subcommand)]
pub(super) enum Formats {
    /// Alerts, and recalls of alerts, as messages of the Common Alerting Protocol 1.2: one file each.
    Cap(Cap),
    /// Routes as GeoJSON, a feature for each leg.
    #[command(name = "geojson")]
    GeoJson(One),
    /// Records of one kind as a table.
    Csv(Csv),
}

/// Which records, and why.
#[derive(Debug, Args)]
struct Which {
    #[command(flatten)]
    target: Target,
    /// References of the records, such as UZ-26-000412-H; without any, those held that the flags ask for.
    references: Vec<String>,
    /// Only records of these origins (ISO 3166-1 alpha-2).
    #[arg(long, value_delimiter = ',', conflicts_with = "references")]
    origin: Vec<Country>,
    /// Only what this node has held since then: a day, or a moment with its offset.
    #[arg(long, value_name = "WHEN", value_parser = begins, conflicts_with = "references")]
    since: Option<When>,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(super) struct Cap {
    #[command(flatten)]
    which: Which,
    /// File to write, of a single record; it must not exist. Without it the message goes to standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "output_dir")]
    out: Option<PathBuf>,
    /// Folder to write REFERENCE.xml into; it must not exist.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    which: Which,
    /// File to write; it must not exist. Without it the export goes to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Csv {
    #[command(flatten)]
    one: One,
    /// Kind of the records, such as Route.
    #[arg(long)]
    kind: String,
    /// Of routes: a row for each leg.
    #[arg(long)]
    long: bool,
    /// Begin with the byte order mark by which Excel knows UTF-8.
    #[arg(long)]
    bom: bool,
}

/// An export as it came, whole.
#[derive(Default)]
struct Exported {
    /// Reference and content of each file; of the one file that several stand in, without a reference.
    files: Vec<(String, Vec<u8>)>,
    /// Reference, word and sentence of each that stays.
    refused: Vec<(String, String, String)>,
    end: ExportEnd,
}

impl Formats {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Cap(cap) => cap.carry_out(out).await,
            Self::GeoJson(one) => {
                let request = one.which.request(ExportFormat::Geojson);
                one.carry_out(request, out).await
            }
            Self::Csv(csv) => {
                let request = ExportRecordsRequest {
                    kind: csv.kind,
                    long: csv.long,
                    byte_order_mark: csv.bom,
                    ..csv.one.which.request(ExportFormat::Csv)
                };
                csv.one.carry_out(request, out).await
            }
        }
    }
}

impl Which {
    fn request(&self, format: ExportFormat) -> ExportRecordsRequest {
        ExportRecordsRequest {
            format: format.into(),
            references: self.references.clone(),
            query: Some(ExportQuery {
                kinds: Vec::new(),
                origins: self.origin.iter().map(|of| of.code().to_owned()).collect(),
                since: self.since.map(|when| when.at.into()),
            }),
            reading_purpose: self.why.code(),
            case_reference: self.why.case(),
            purpose: self.why.note(),
            ..ExportRecordsRequest::default()
        }
    }

    async fn export(
        &self,
        request: ExportRecordsRequest,
        out: &mut Out,
    ) -> Result<Exported, Failure> {
        let mut client = self.target.connect().await?;
        let mut stream = client.formats.export_records(request).await?.into_inner();
        let mut exported = Exported::default();
        let mut held = 0_usize;
        let mut ended = false;
        while let Some(answer) = stream.message().await? {
            match answer.part {
                Some(Part::Record(record)) => {
                    for of in &record.withheld {
                        out.note(&format!(
                            "compartment `{}` of {} is left out: {}",
                            label_name(of.compartment()),
                            record.reference,
                            printable(&of.reason)
                        ));
                    }
                }
                Some(Part::Refused(of)) => {
                    exported.refused.push((of.reference, of.reason, of.message));
                }
                Some(Part::Piece(piece)) => {
                    held = held.saturating_add(piece.content.len());
                    if held > MOST_BYTES {
                        return Err(Failure::new(
                            DATAERR,
                            "the export is larger than 512 MiB; ask for less at once",
                        ));
                    }
                    exported.take(piece);
                }
                Some(Part::End(end)) => {
                    exported.end = end;
                    ended = true;
                }
                None => {}
            }
        }
        if !ended {
            return Err(Failure::new(
                DATAERR,
                "the export ended before it was whole; nothing is written",
            ));
        }
        for (reference, word, sentence) in &exported.refused {
            out.note(&printable(&format!(
                "{reference} stays: {word}: {sentence}"
            )));
        }
        if exported.end.records == 0 {
            let message = match exported.end.refused {
                0 => "no record held here is asked for; nothing is written".to_owned(),
                refused => format!("none of {refused} records may leave; nothing is written"),
            };
            return Err(Failure::new(NOPERM, message));
        }
        Ok(exported)
    }

    /// What is said at the end. A record that was named and stays is a failure; of those that were only
    /// asked for it is said.
    fn done(&self, exported: &Exported, to: Option<&Path>, out: &mut Out) -> Result<(), Failure> {
        let (records, refused) = (exported.end.records, exported.end.refused);
        if out.json() && to.is_some() {
            let stays = exported.refused.iter().map(|(reference, word, sentence)| {
                json!({"reference": reference, "reason": word, "message": sentence})
            });
            out.value(&json!({
                "records": records,
                "out": to,
                "refused": stays.collect::<Vec<_>>(),
            }))?;
        } else if let Some(to) = to {
            out.line(&format!(
                "{records} records are exported to {}; the ledger names each",
                to.display()
            ))?;
        }
        if refused > 0 && !self.references.is_empty() {
            return Err(Failure::new(
                NOPERM,
                format!("{records} records left, {refused} stay"),
            ));
        }
        Ok(())
    }
}

impl Exported {
    fn take(&mut self, piece: ExportPiece) {
        match self.files.last_mut() {
            Some((reference, content)) if *reference == piece.reference => {
                content.extend(piece.content);
            }
            _ => self.files.push((piece.reference, piece.content)),
        }
    }
}

impl One {
    async fn carry_out(self, request: ExportRecordsRequest, out: &mut Out) -> Result<(), Failure> {
        self.out.as_deref().map_or(Ok(()), absent)?;
        let exported = self.which.export(request, out).await?;
        let content = exported
            .files
            .first()
            .map_or(&[][..], |(_, content)| content);
        match &self.out {
            Some(path) => write(path, content)?,
            None => show(content, out)?,
        }
        self.which.done(&exported, self.out.as_deref(), out)
    }
}

impl Cap {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let single = self.which.references.len() == 1;
        if !single && self.output_dir.is_none() {
            return Err(Failure::new(
                USAGE,
                "each message is a file of its own: name one record, or a folder with --output-dir",
            ));
        }
        self.out.as_deref().map_or(Ok(()), absent)?;
        self.output_dir.as_deref().map_or(Ok(()), absent)?;
        let request = self.which.request(ExportFormat::Cap);
        let exported = self.which.export(request, out).await?;
        if let Some(folder) = &self.output_dir {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(folder)
                .map_err(|error| Failure::not_written(folder, &error))?;
            for (reference, content) in &exported.files {
                // Whatever the node says, a reference is all that names a file.
                let name: crate::record::Reference = reference
                    .parse()
                    .map_err(|_| Failure::new(DATAERR, "the node named a file by no reference"))?;
                write(&folder.join(format!("{name}.xml")), content)?;
            }
            return self.which.done(&exported, Some(folder), out);
        }
        let content = exported
            .files
            .first()
            .map_or(&[][..], |(_, content)| content);
        match &self.out {
            Some(path) => write(path, content)?,
            None => show(content, out)?,
        }
        self.which.done(&exported, self.out.as_deref(), out)
    }
}

/// Refuses a path that is taken, before anything is disclosed for it.
fn absent(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() {
        let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Failure::not_written(path, &taken));
    }
    Ok(())
}

/// Writes a file for its owner alone, whole or not at all.
fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    replace(path, content).map_err(|error| Failure::not_written(path, &error))
}

/// Shows an export on standard output, with nothing in it that a terminal would obey.
fn show(content: &[u8], out: &mut Out) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(content);
    if text.contains("\r\n") {
        out.csv(&text)
    } else {
        out.line(text.trim_end_matches('\n'))
    }
}
