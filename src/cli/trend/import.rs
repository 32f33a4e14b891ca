//! `comity trend import FILE --mapping glotip`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use crate::{
    feed::layouts,
    record::{Country, trend::trends},
    statistics::glotip::{self, AsUtf8, Detector, Encoding, Finding, Series},
    wire::record::{Destination, Record, Tlp},
};

use super::super::{
    Target,
    exit::{DATAERR, Failure, NOINPUT, USAGE},
    out::Out,
};
use super::deliver::{Made, destination, submit, write};

/// Make Trend records of a file of statistics.
#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    #[command(flatten)]
    target: Target,
    /// The file.
    file: PathBuf,
    /// Its layout.
    #[arg(long, value_enum)]
    mapping: Mapping,
    /// Only what these countries counted (ISO 3166-1 alpha-2); all otherwise.
    #[arg(long, value_delimiter = ',')]
    country: Vec<Country>,
    /// Who receives the records: COUNTRY or COUNTRY/AUTHORITY.
    #[arg(long, value_delimiter = ',', value_name = "DESTINATION")]
    to: Vec<String>,
    /// The submitting authority.
    #[arg(long, default_value = "", hide_default_value = true)]
    authority: String,
    /// Only report; nothing is submitted or written.
    #[arg(long, conflicts_with = "records")]
    dry_run: bool,
    /// Write the records here, one JSON object per line, instead of submitting them.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Encoding of the file; told from its bytes otherwise.
    #[arg(long, value_enum)]
    encoding: Option<Code>,
    /// Traffic Light Protocol.
    #[arg(long, value_enum, default_value_t = Light::Green)]
    tlp: Light,
    /// Mark the records as an exercise.
    #[arg(long)]
    exercise: bool,
    /// Also list rows that are used, but not as they stand.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mapping {
    /// UNODC, Global Report on Trafficking in Persons.
    Glotip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Code {
    #[value(name = "utf-8")]
    Utf8,
    #[value(name = "utf-16le")]
    Utf16Le,
    #[value(name = "utf-16be")]
    Utf16Be,
    #[value(name = "windows-1251")]
    Windows1251,
}

impl From<Code> for Encoding {
    fn from(code: Code) -> Self {
        match code {
            Code::Utf8 => Self::Utf8,
            Code::Utf16Le => Self::Utf16Le,
            Code::Utf16Be => Self::Utf16Be,
            Code::Windows1251 => Self::Windows1251,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Light {
    Clear,
    Green,
    Amber,
    AmberStrict,
    Red,
}

impl From<Light> for Tlp {
    fn from(light: Light) -> Self {
        match light {
            Light::Clear => Self::Clear,
            Light::Green => Self::Green,
            Light::Amber => Self::Amber,
            Light::AmberStrict => Self::AmberStrict,
            Light::Red => Self::Red,
        }
    }
}

/// What happened to the rows.
#[derive(Default)]
struct Report {
    counts: BTreeMap<&'static str, u64>,
    unused: u64,
}

impl Import {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let Mapping::Glotip = self.mapping;
        let destinations = self
            .to
            .iter()
            .map(|to| destination(to))
            .collect::<Result<Vec<Destination>, Failure>>()?;
        if destinations.is_empty() && !self.dry_run && self.records.is_none() {
            return Err(Failure::new(
                USAGE,
                "say who receives the records with --to COUNTRY, or --dry-run to see the report only",
            ));
        }
        let encoding = match self.encoding {
            Some(code) => code.into(),
            None => detect(&self.file)?,
        };
        let mut report = Report::default();
        let (import, series) = self.read(encoding, &mut report, out)?;
        let used = import.observations.len() as u64 - (report.unused - import.unused);
        let made = Made {
            authority: &self.authority,
            destinations: &destinations,
            tlp: Tlp::from(self.tlp),
            exercise: self.exercise,
        };
        let records: Vec<Record> = trends(&series, layouts::METHOD, layouts::PUBLICATION)
            .into_iter()
            .map(|trend| made.record(trend))
            .collect();
        let summary = serde_json::json!({
            "file": self.file,
            "encoding": encoding.name(),
            "rows": import.rows,
            "used": used,
            "unused": report.unused,
            "notSelected": import.not_selected,
            "reasons": report.counts,
            "records": records.len(),
            "submitted": !self.dry_run && self.records.is_none(),
        });
        if out.json() {
            out.value(&summary)?;
        } else {
            out.note(&format!(
                "{} rows ({}): {used} used, {} not used, {} of other countries; {} records",
                import.rows,
                encoding.name(),
                report.unused,
                import.not_selected,
                records.len(),
            ));
            for (why, count) in &report.counts {
                out.note(&format!("  {why}: {count}"));
            }
        }
        if records.is_empty() {
            return Err(Failure::new(
                DATAERR,
                "no row could be used; the report says why, row by row",
            ));
        }
        if self.dry_run {
            return Ok(());
        }
        match &self.records {
            Some(path) => write(path, &records),
            None => submit(&self.target, records, out).await,
        }
    }

    /// Reads the file and protects what it says, reporting row by row.
    fn read(
        &self,
        encoding: Encoding,
        report: &mut Report,
        out: &mut Out,
    ) -> Result<(glotip::Import, Vec<Series>), Failure> {
        let only: BTreeSet<String> = self
            .country
            .iter()
            .map(|country| country.code().to_owned())
            .collect();
        let mut broken = Ok(());
        let mut tell = |finding: Finding| {
            *report.counts.entry(finding.why.as_str()).or_default() += 1;
            report.unused += u64::from(!finding.why.used());
            if broken.is_ok() && (out.json() || self.all || !finding.why.used()) {
                broken = tell(&finding, out);
            }
        };
        let file = open(&self.file)?;
        let import = glotip::read(AsUtf8::new(file, encoding), &only, &mut tell)
            .map_err(|error| Failure::new(DATAERR, format!("{}: {error}", self.file.display())))?;
        let series = glotip::series(&import.observations, &mut tell).map_err(|leak| {
            Failure::new(DATAERR, format!("a table cannot be protected: {leak}"))
        })?;
        broken?;
        Ok((import, series))
    }
}

fn tell(finding: &Finding, out: &mut Out) -> Result<(), Failure> {
    let Finding {
        line,
        column,
        value,
        why,
        message,
    } = finding;
    if out.json() {
        return out.value(&serde_json::json!({
            "row": line,
            "column": column,
            "value": value,
            "reason": why.as_str(),
            "used": why.used(),
            "message": message,
        }));
    }
    let text = format!("row {line}  {why}  {column} {value:?}: {message}");
    out.line(&super::super::out::printable(&text))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| {
        Failure::new(
            NOINPUT,
            format!("{} cannot be read: {error}", path.display()),
        )
    })
}

/// Reads the file once to tell its encoding.
fn detect(path: &Path) -> Result<Encoding, Failure> {
    let mut file = open(path)?;
    let mut detector = Detector::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        detector.feed(piece.get(..read).unwrap_or_default());
    }
    detector
        .finish()
        .map_err(|error| Failure::new(DATAERR, format!("{}: {error}", path.display())))
}
