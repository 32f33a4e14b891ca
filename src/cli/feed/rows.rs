//! What is delivered, as lines of NDJSON or rows of CSV.

use std::io;

use serde_json::Value;

use crate::{
    feed::{
        delivered::to_json,
        flat::{Column, columns},
    },
    record::unseen::is_unseen,
    statistics::export::neutral,
    wire::node::{Delivered, NoticeKind, delivered::What},
};

use super::super::exit::Failure;

/// Columns before those of the record.
const HEADINGS: [&str; 10] = [
    "position",
    "what",
    "reference",
    "kind",
    "origin",
    "number",
    "exercise",
    "urgency",
    "state",
    "headerDigest",
];

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with columns that follow from the kinds; no cell is a formula.
    Csv,
}

/// Writes what is delivered.
#[derive(Debug)]
pub(super) struct Rows {
    format: Format,
    columns: Vec<Column>,
}

impl Rows {
    /// Of a subscription that delivers these kinds; of every kind where it names none.
    pub(super) fn new(format: Format, kinds: &[String]) -> Self {
        let columns = match format {
            Format::Ndjson => Vec::new(),
            Format::Csv => columns(kinds),
        };
        Self { format, columns }
    }

    /// What stands before the rows.
    pub(super) fn heading(&self) -> Result<Vec<u8>, Failure> {
        match self.format {
            Format::Ndjson => Ok(Vec::new()),
            Format::Csv => {
                let fixed = HEADINGS.iter().map(|heading| (*heading).to_owned());
                let headings = fixed.chain(self.columns.iter().map(Column::heading));
                csv_row(&headings.collect::<Vec<_>>())
            }
        }
    }

    /// A line, or a row.
    pub(super) fn row(&self, delivered: &Delivered) -> Result<Vec<u8>, Failure> {
        let value = to_json(delivered)?;
        match self.format {
            Format::Ndjson => Ok(format!("{}\n", plain(&value)).into_bytes()),
            Format::Csv => csv_row(&self.cells(delivered, &value)),
        }
    }

    fn cells(&self, delivered: &Delivered, value: &Value) -> Vec<String> {
        let position = delivered.position.unwrap_or_default();
        let position = format!("{}.{}", position.number, position.gone);
        let (what, told) = match &delivered.what {
            Some(What::Notice(notice)) => (word(notice.kind()), at(value, "/notice")),
            _ => ("record".to_owned(), at(value, "/record/summary")),
        };
        let text = |field: &str| match at(told, &format!("/{field}")) {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let kind = match text("kind") {
            // Of a notice it is what is told; the step says what the record is.
            kind if kind.starts_with("NOTICE_KIND_") => text("step"),
            kind => kind,
        };
        let exercise = at(told, "/exercise").as_bool().unwrap_or(false).to_string();
        let mut cells = vec![
            position,
            what,
            text("reference"),
            kind,
            text("origin"),
            text("number"),
            exercise,
            text("urgency"),
            text("state"),
            text("headerDigest"),
        ];
        // Where it passes another record on, that one's content counts.
        let content = match at(value, "/record/original") {
            Value::Null => at(value, "/record/record"),
            original => original,
        };
        cells.extend(self.columns.iter().map(|column| column.cell(content)));
        cells
    }
}

/// What stands at a place; null where there is nothing.
fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

/// What a notice tells, in a word.
fn word(kind: NoticeKind) -> String {
    let name = kind.as_str_name();
    let word = name.strip_prefix("NOTICE_KIND_").unwrap_or(name);
    word.to_lowercase().replace('_', "-")
}

fn csv_row(cells: &[String]) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let cells = cells.iter().map(|cell| neutral(&visible(cell)));
    writer
        .write_record(cells)
        .map_err(|error| Failure::from(io::Error::other(error)))?;
    let bytes = writer.into_inner();
    bytes.map_err(|error| Failure::from(io::Error::other(error.to_string())))
}

/// Text whose characters that nobody sees are made visible, but for line breaks.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            '\t' | '\r' => shown.push(' '),
            c if is_unseen(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// JSON in which characters that nobody sees are escaped, as everywhere on this command line.
fn plain(value: &Value) -> String {
    super::super::out::plain_json(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        node::{DeliveredRecord, Notice, RecordSummary, SubscriptionPosition},
        record::{Record, Situation, Tip, situation::Kind},
    };

    fn record(title: &str) -> Delivered {
        let situation = Situation {
            title: title.to_owned(),
            kind: Some(Kind::Tip(Tip::default())),
            ..Situation::default()
        };
        Delivered {
            position: Some(SubscriptionPosition { number: 4, gone: 1 }),
            what: Some(What::Record(DeliveredRecord {
                record: Some(Record {
                    reference: "UZ-26-000412-H".to_owned(),
                    situation: Some(situation),
                    ..Record::default()
                }),
                summary: Some(RecordSummary {
                    reference: "UZ-26-000412-H".to_owned(),
                    kind: "Tip".to_owned(),
                    number: 4,
                    header_digest: vec![1; 32],
                    exercise: true,
                    ..RecordSummary::default()
                }),
                ..DeliveredRecord::default()
            })),
        }
    }

    fn title_of(rows: &Rows, of: &Delivered) -> String {
        let mut text = rows.heading().unwrap();
        text.extend(rows.row(of).unwrap());
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let headings = reader.headers().unwrap().clone();
        let at = headings.iter().position(|of| of == "situation.title");
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(&row[0], "4.1");
        assert_eq!(
            (&row[1], &row[2], &row[3]),
            ("record", "UZ-26-000412-H", "Tip")
        );
        row[at.unwrap()].to_owned()
    }

    #[test]
    fn no_cell_is_a_formula_or_turns_the_text_around() {
        let rows = Rows::new(Format::Csv, &["Tip".to_owned()]);
        for (title, cell) in [
            ("EXERCISE plain", "EXERCISE plain"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1+1", "'+1+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1+1", "' =1+1"),
            ("\r=1+1", "' =1+1"),
            ("a \"b\", c", "a \"b\", c"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(title_of(&rows, &record(title)), cell, "{title:?}");
        }
    }

    #[test]
    fn a_notice_is_a_row_without_content_and_a_line_is_json() {
        let notice = Delivered {
            position: Some(SubscriptionPosition { number: 9, gone: 2 }),
            what: Some(What::Notice(Notice {
                kind: NoticeKind::PurposeNeeded.into(),
                reference: "KZ-26-000001-F".to_owned(),
                number: 9,
                ..Notice::default()
            })),
        };
        let row = Rows::new(Format::Csv, &[]).row(&notice).unwrap();
        let row = String::from_utf8(row).unwrap();
        assert!(
            row.starts_with("9.2,purpose-needed,KZ-26-000001-F,,,9,false,"),
            "{row}"
        );
        let line = Rows::new(Format::Ndjson, &[])
            .row(&record("a\u{202e}b"))
            .unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(
            line.ends_with("}\n") && line.contains("a\\u202eb"),
            "{line}"
        );
        assert!(serde_json::from_str::<Value>(&line).is_ok());
    }
}
