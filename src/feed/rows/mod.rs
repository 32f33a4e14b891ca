//! Files as rows: CSV and NDJSON in constant memory, one sheet of a workbook at a time.
//!
//! A row that cannot be used as it stands carries its faults and the reading goes on; only what
//! makes the rest unreadable ends a file. Nothing is left out without a word: lines without any text
//! alone are no rows.

mod delimited;
mod delimiter;
mod flat;
mod ndjson;
#[cfg(test)]
mod tests;
mod whole;
mod workbook;

use std::{io::Read, sync::Arc};

pub use crate::statistics::glotip::{AsUtf8, Detector, Encoding, UnknownEncoding};
pub use delimited::Delimited;
pub use delimiter::Delimiter;
pub use ndjson::NdJson;
pub use whole::Whole;
pub use workbook::{Workbook, WorkbookError};

use super::fault::Fault;

/// Most bytes of a cell.
pub const MAX_CELL_BYTES: usize = 64 * 1024;
/// Most columns of a file, and fields of an object.
pub const MAX_COLUMNS: usize = 1000;
/// Most bytes of a row.
pub const MAX_ROW_BYTES: usize = 1 << 20;

/// What is said of a row's cells by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// The columns, in order.
    pub columns: Vec<String>,
    /// Whether all rows have these columns; objects have each their own.
    pub fixed: bool,
}

/// What stands in a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The text; elements of a list are separated by [`LIST`].
    pub text: String,
    /// Whether the format itself says that this is a number, a date or a truth value, so that it is
    /// written as everywhere, whatever the habit of the column.
    pub typed: bool,
}

/// Between the elements of a list within one cell: the unit separator of ASCII.
pub const LIST: char = '\u{1f}';

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Line of the file where it begins, or row of the sheet, from 1.
    pub line: u64,
    /// The names of its cells.
    pub heading: Arc<Heading>,
    /// Its cells; as many as the heading has where there is no fault.
    pub cells: Vec<Cell>,
    /// The line as it was written, of a format in which a row is one.
    pub written: Option<String>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// The rest of the file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// Where.
    pub line: u64,
    /// What failed and what to do.
    pub why: String,
}

impl Broken {
    fn at(line: u64, why: impl Into<String>) -> Self {
        Self {
            line,
            why: why.into(),
        }
    }
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Cells between commas, semicolons or tabulators.
    Csv,
    /// An object of JSON on each line.
    NdJson,
    /// A workbook of Excel.
    Xlsx,
    /// XML, of which the whole file is one row.
    Xml,
}

impl Format {
    /// By the ending of a file's name, whatever its case.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending.to_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Self::Csv,
            "ndjson" | "jsonl" => Self::NdJson,
            "xlsx" => Self::Xlsx,
            "xml" | "cap" => Self::Xml,
            _ => return None,
        })
    }
}

/// The rows of a file.
pub type Rows = Box<dyn Iterator<Item = Result<Row, Broken>> + Send>;

/// The rows of a text file.
///
/// # Errors
/// [`Broken`] when the heading cannot be read.
pub fn of_text(
    text: impl Read + Send + 'static,
    format: Format,
    encoding: Encoding,
    delimiter: Option<Delimiter>,
) -> Result<Rows, Broken> {
    let text = AsUtf8::new(text, encoding);
    Ok(match format {
        Format::NdJson => Box::new(NdJson::new(text)),
        Format::Xml => Box::new(Whole::new(text)),
        _ => Box::new(Delimited::new(text, delimiter)?),
    })
}
