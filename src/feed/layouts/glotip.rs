//! Counts in the layout of the GLOTIP: a file is read as a whole, and its records are protected
//! tables.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use super::{Entry, Unfit};
use crate::{
    feed::{
        fault::{Fault, Reason},
        mapping::{Mapping, mark},
        rows::{Broken, LIST, Row, Rows},
    },
    record::trend::trends,
    statistics::glotip::{self, DIMENSIONS, Finding, INDICATORS},
    wire::{
        node::{FeedItem, feed_item::Content},
        record::{Trend, situation::Kind},
    },
};

/// How the records say that they came about.
pub const METHOD: &str = "Imported from a file in the layout of the GLOTIP. Counts below k are bands; counts from \
    which others could be computed are withheld.";

/// The publication that they name.
pub const PUBLICATION: &str = "UNODC GLOTIP";

/// Most rows: three times the whole GLOTIP.
const MAX_ROWS: usize = 200_000;

/// Rows that are not used, in order; then the records.
pub(super) fn entries(mapping: &Mapping, rows: Rows) -> Result<Vec<Entry>, Unfit> {
    let mut entries = Vec::new();
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        let row = row?;
        if row.heading.columns.iter().any(|name| name == "comity_row") {
            let why = "these are dead letters, and records would be made of them alone; correct these rows in the file \
                that they come from, and push that file as a whole";
            return Err(Broken {
                line: 1,
                why: why.to_owned(),
            }
            .into());
        }
        if !row.faults.is_empty() {
            let outcome = Err(row.faults.clone());
            entries.push(Entry { row, outcome });
            continue;
        }
        if kept.len() >= MAX_ROWS {
            let line = row.line;
            let why = format!("more than {MAX_ROWS} rows; split the file by country");
            return Err(Broken { line, why }.into());
        }
        kept.push(row);
    }
    let broken = |error: &dyn ToString| Unfit::Statistics(error.to_string());
    let text = as_csv(&kept).map_err(|error| broken(&error))?;
    let mut unused: BTreeMap<u64, Vec<Fault>> = BTreeMap::new();
    let mut found = |finding: Finding| {
        if !finding.why.used() {
            let reason = Reason::Statistics(finding.why);
            let fault = Fault::new(finding.column, &finding.value, reason, finding.message);
            unused.entry(finding.line).or_default().push(fault);
        }
    };
    let import = glotip::read(text.as_slice(), &BTreeSet::new(), &mut found)
        .map_err(|error| broken(&error))?;
    let series = glotip::series(&import.observations, &mut found)
        .map_err(|leak| Unfit::Statistics(format!("a table cannot be protected: {leak}")))?;
    // Line 1 is the heading.
    for (at, row) in (2..).zip(&kept) {
        if let Some(faults) = unused.remove(&at) {
            entries.push(Entry {
                row: row.clone(),
                outcome: Err(faults),
            });
        }
    }
    entries.sort_by_key(|entry| entry.row.line);
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for trend in trends(&series, METHOD, PUBLICATION) {
        entries.push(entry(mapping, trend, &mut parts).map_err(|error| broken(&error))?);
    }
    Ok(entries)
}

fn entry(
    mapping: &Mapping,
    trend: Trend,
    parts: &mut BTreeMap<String, u64>,
) -> Result<Entry, prost::DecodeError> {
    let mut record = mapping.base()?;
    let (indicator, dimension) = words(&trend);
    let table = format!("{}/{indicator}/{dimension}", trend.country);
    let part = parts.entry(table.clone()).or_default();
    *part += 1;
    let own_id = format!("{table}/{part}").replace(' ', "-").to_lowercase();
    let situation = record.situation.get_or_insert_default();
    situation.title = title(&trend);
    situation.kind = Some(Kind::Trend(trend));
    if record.exercise {
        mark(&mut record);
    }
    Ok(Entry {
        row: Row {
            line: 0,
            heading: Arc::default(),
            cells: Vec::new(),
            written: None,
            faults: Vec::new(),
        },
        outcome: Ok(FeedItem {
            own_id,
            version: 0,
            content: Some(Content::Record(record)),
        }),
    })
}

fn words(trend: &Trend) -> (&'static str, &'static str) {
    let word = |list: &[&'static str], code: i32| {
        let at = usize::try_from(code)
            .ok()
            .and_then(|code| code.checked_sub(1));
        at.and_then(|at| list.get(at)).copied().unwrap_or_default()
    };
    let indicator = word(&INDICATORS, trend.indicator);
    (indicator, word(&DIMENSIONS, trend.dimension))
}

/// What a table shows: indicator, dimension, country, years.
pub fn title(trend: &Trend) -> String {
    let periods = || trend.values.iter().map(|value| value.period.as_str());
    let first = periods().min().unwrap_or_default();
    let last = periods().max().unwrap_or_default();
    let (indicator, dimension) = words(trend);
    let country = &trend.country;
    format!("{indicator}, {dimension}, {country}, {first} to {last}")
}

/// The rows as CSV, one per line.
fn as_csv(rows: &[Row]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    if let Some(first) = rows.first() {
        writer.write_record(&first.heading.columns)?;
    }
    let plain = |text: &str| text.replace(['\r', '\n', LIST], " ");
    for row in rows {
        // A line with nothing on it would be none.
        let empty = row.cells.len() == 1 && row.cells.iter().all(|cell| cell.text.is_empty());
        if empty {
            writer.write_record(["—"])?;
        } else {
            writer.write_record(row.cells.iter().map(|cell| plain(&cell.text)))?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}
