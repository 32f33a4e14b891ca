//! One sheet of an Excel workbook. A workbook is a zip: what it unpacks to is counted before anything
//! is read of it.

use std::{
    io::{Cursor, Read as _},
    sync::Arc,
};

use calamine::{Data, DataRef, Reader as _, Xlsx};

use super::{Cell, Heading, MAX_CELL_BYTES, MAX_COLUMNS, MAX_ROW_BYTES, Row};
use crate::feed::fault::{Fault, Reason};

/// Largest workbook.
const MAX_FILE_BYTES: usize = 128 << 20;
/// Most bytes that a workbook unpacks to.
const MAX_UNPACKED: u64 = 512 << 20;
/// What a fault of a cell takes, about.
const FAULT_BYTES: usize = 256;
/// Most files in a workbook.
const MAX_PARTS: usize = 4096;

/// The workbook cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// No workbook.
    #[error("the file is no Excel workbook (.xlsx): {0}")]
    Unreadable(String),
    /// More than is read.
    #[error("the workbook has more than {0}; save the sheet as CSV")]
    TooLarge(&'static str),
    /// No such sheet.
    #[error("the workbook has no sheet `{wanted}`; it has {}", .there.join(", "))]
    NoSheet {
        /// What was asked for.
        wanted: String,
        /// Those there are.
        there: Vec<String>,
    },
    /// The first row is missing or names a column too many.
    #[error("the sheet `{0}` has no heading in its first row with text")]
    NoHeading(String),
}

/// The rows of a sheet.
#[derive(Debug)]
pub struct Workbook {
    rows: std::vec::IntoIter<Row>,
    heading: Arc<Heading>,
    sheet: String,
}

impl Workbook {
    /// Reads a sheet: the named one, or the first.
    ///
    /// # Errors
    /// [`WorkbookError`].
    pub fn read(bytes: Vec<u8>, sheet: Option<&str>) -> Result<Self, WorkbookError> {
        bounded(&bytes)?;
        let unreadable = |error: calamine::XlsxError| WorkbookError::Unreadable(error.to_string());
        let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
        let there = workbook.sheet_names();
        let found = match sheet {
            Some(wanted) => there.iter().find(|name| *name == wanted).cloned(),
            None => there.first().cloned(),
        };
        let Some(sheet) = found else {
            return Err(WorkbookError::NoSheet {
                wanted: sheet.unwrap_or_default().to_owned(),
                there,
            });
        };
        let mut cells = workbook
            .worksheet_cells_reader(&sheet)
            .map_err(unreadable)?;
        let mut taking = Taking::default();
        while let Some(cell) = cells.next_cell().map_err(unreadable)? {
            let (row, column) = cell.get_position();
            taking.take(row, column, cell.get_value());
            if taking.kept > MAX_UNPACKED {
                return Err(WorkbookError::TooLarge("512 MiB of cells"));
            }
        }
        taking.end_row();
        let Some(heading) = taking.heading.filter(|_| !taking.too_wide) else {
            return Err(WorkbookError::NoHeading(sheet));
        };
        Ok(Self {
            rows: taking.rows.into_iter(),
            heading,
            sheet,
        })
    }

    /// The columns.
    pub fn heading(&self) -> &Arc<Heading> {
        &self.heading
    }

    /// The name of the sheet.
    pub fn sheet(&self) -> &str {
        &self.sheet
    }
}

impl Iterator for Workbook {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.rows.next()
    }
}

/// Unpacks everything once, keeping nothing.
fn bounded(bytes: &[u8]) -> Result<(), WorkbookError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(WorkbookError::TooLarge("128 MiB"));
    }
    let unreadable = |error: &dyn ToString| WorkbookError::Unreadable(error.to_string());
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    if archive.len() > MAX_PARTS {
        return Err(WorkbookError::TooLarge("4,096 parts"));
    }
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let part = archive
            .by_index(index)
            .map_err(|error| unreadable(&error))?;
        let mut part = part.take(left);
        let read = std::io::copy(&mut part, &mut std::io::sink());
        left = left.saturating_sub(read.map_err(|error| unreadable(&error))?);
        if left == 0 {
            return Err(WorkbookError::TooLarge("512 MiB of unpacked text"));
        }
    }
    Ok(())
}

/// Rows in the making.
#[derive(Default)]
struct Taking {
    heading: Option<Arc<Heading>>,
    too_wide: bool,
    rows: Vec<Row>,
    /// The row in hand, from 0.
    row: u32,
    cells: Vec<Cell>,
    faults: Vec<Fault>,
    bytes: usize,
    /// Bytes of everything that is kept.
    kept: u64,
}

impl Taking {
    fn take(&mut self, row: u32, column: u32, value: &DataRef<'_>) {
        if row != self.row {
            self.end_row();
            self.row = row;
        }
        let mut cell = match value {
            DataRef::Empty => return,
            DataRef::Error(error) => {
                let column = self.name(column);
                let message = "the sheet has an error here instead of a value".to_owned();
                let fault = Fault::new(&column, &error.to_string(), Reason::CellError, message);
                self.faults.push(fault);
                self.keeps(FAULT_BYTES);
                return;
            }
            DataRef::String(text) => text_cell(text.clone()),
            DataRef::SharedString(text) => text_cell((*text).to_owned()),
            other => typed_cell(&Data::from(other.clone())),
        };
        let at = usize::try_from(column).unwrap_or(usize::MAX);
        if at >= MAX_COLUMNS {
            if cell.text.is_empty() {
                return;
            }
            self.too_wide |= self.heading.is_none();
            let message = format!("the row has more than {MAX_COLUMNS} cells");
            self.fault_once(Reason::FieldCount, message);
            return;
        }
        self.bytes = self.bytes.saturating_add(cell.text.len());
        if cell.text.len() > MAX_CELL_BYTES {
            let message = format!("a cell has more than {MAX_CELL_BYTES} bytes");
            self.fault_once(Reason::CellTooLarge, message);
            cell.text = cell.text.chars().take(MAX_CELL_BYTES / 4).collect();
        }
        if self.bytes > MAX_ROW_BYTES {
            let message = format!("the row has more than {MAX_ROW_BYTES} bytes");
            self.fault_once(Reason::RowTooLarge, message);
            return;
        }
        if self.cells.len() <= at {
            self.cells.resize(at + 1, Cell::default());
        }
        if let Some(place) = self.cells.get_mut(at) {
            *place = cell;
        }
    }

    fn keeps(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.kept = self.kept.saturating_add(bytes);
    }

    fn fault_once(&mut self, reason: Reason, message: String) {
        if !self.faults.iter().any(|of| of.reason == reason) {
            self.faults.push(Fault::of_row(reason, message));
        }
    }

    fn name(&self, column: u32) -> String {
        let at = usize::try_from(column).unwrap_or(usize::MAX);
        let named = self.heading.as_ref().and_then(|of| of.columns.get(at));
        named.cloned().unwrap_or_default()
    }

    fn end_row(&mut self) {
        self.bytes = 0;
        let mut cells = std::mem::take(&mut self.cells);
        let mut faults = std::mem::take(&mut self.faults);
        if cells.iter().all(|cell| cell.text.trim().is_empty()) && faults.is_empty() {
            return;
        }
        let Some(heading) = &self.heading else {
            let columns = cells.into_iter().map(|cell| cell.text.trim().to_owned());
            self.heading = Some(Arc::new(Heading {
                columns: columns.collect(),
                fixed: true,
            }));
            return;
        };
        let wants = heading.columns.len();
        while cells.len() > wants && cells.last().is_some_and(|of| of.text.is_empty()) {
            cells.pop();
        }
        if cells.len() > wants {
            let has = cells.len();
            let message = format!("{has} cells where the heading has {wants}");
            faults.push(Fault::of_row(Reason::FieldCount, message));
        } else {
            // Empty cells at the end of a row are not written.
            cells.resize(wants, Cell::default());
        }
        cells.shrink_to_fit();
        let heading = Arc::clone(heading);
        let of_cell = |cell: &Cell| cell.text.len() + size_of::<Cell>();
        let bytes = cells.iter().map(of_cell).sum::<usize>() + size_of::<Row>();
        self.keeps(bytes);
        self.rows.push(Row {
            line: u64::from(self.row) + 1,
            heading,
            cells,
            written: None,
            faults,
        });
    }
}

const fn text_cell(text: String) -> Cell {
    Cell { text, typed: false }
}

/// Numbers, dates and truth values, written as everywhere.
fn typed_cell(value: &Data) -> Cell {
    let text = match value {
        Data::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) {
                date
            } else {
                format!("{date} {hour:02}:{minute:02}:{second:02}")
            }
        }
        Data::DateTime(at) => at.as_f64().to_string(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(truth) => truth.to_string(),
        Data::DateTimeIso(text) | Data::DurationIso(text) | Data::String(text) => text.clone(),
        _ => String::new(),
    };
    Cell { text, typed: true }
}
