//! CSV, after RFC 4180: a heading, then rows.
//!
//! The crate `csv` reads such text too, but takes the end of the file for the end of a quote that
//! somebody left open, and so swallows rows without a word; and it keeps a row whatever its size.

use std::{
    io::{BufReader, Read},
    mem,
    sync::Arc,
};

use super::{
    Broken, Cell, Heading, MAX_CELL_BYTES, MAX_COLUMNS, MAX_ROW_BYTES, Row,
    delimiter::{Delimiter, told},
};
use crate::feed::fault::{Fault, Reason};

/// What is wrong with a carriage return that ends no line with a line feed.
const ALONE: &str = "a carriage return stands alone; end lines with a line feed";

/// Reads CSV that is UTF-8.
pub struct Delimited<R> {
    lexer: Lexer<R>,
    heading: Arc<Heading>,
    ended: bool,
}

impl<R: Read> Delimited<R> {
    /// Reads the heading. The delimiter is the one that makes most columns of it, unless it is given
    /// or the first line says it as Excel does, `sep=;`.
    ///
    /// # Errors
    /// [`Broken`] when there is no heading, or the delimiter cannot be told.
    pub fn new(text: R, delimiter: Option<Delimiter>) -> Result<Self, Broken> {
        let mut lexer = Lexer::new(text);
        let first = lexer.first_line()?;
        let first = first.trim_end_matches(['\r', '\n']);
        let said = Delimiter::ALL.into_iter().find(|of| {
            first.to_lowercase().strip_prefix("sep=") == Some(&char::from(of.byte()).to_string())
        });
        if said.is_some() {
            lexer.skip_first();
        }
        lexer.delimiter = match delimiter.or(said) {
            Some(of) => of.byte(),
            None => match told(first) {
                Ok(of) => of.byte(),
                Err(_) if first.contains('\r') => return Err(Broken::at(1, ALONE)),
                Err(broken) => return Err(broken),
            },
        };
        let Some(heading) = lexer.row()? else {
            return Err(Broken::at(
                1,
                "the file is empty; its first line names the columns",
            ));
        };
        let line = heading.line;
        if let Some(fault) = heading.faults.first() {
            return Err(Broken::at(
                line,
                format!("in the heading: {}", fault.message),
            ));
        }
        let columns: Vec<String> = heading
            .cells
            .iter()
            .map(|of| of.trim().to_owned())
            .collect();
        if columns.iter().all(String::is_empty) {
            return Err(Broken::at(line, "the heading names no column"));
        }
        Ok(Self {
            lexer,
            heading: Arc::new(Heading {
                columns,
                fixed: true,
            }),
            ended: false,
        })
    }

    /// The columns.
    pub fn heading(&self) -> &Arc<Heading> {
        &self.heading
    }
}

impl<R: Read> Iterator for Delimited<R> {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let raw = match self.lexer.row() {
            Ok(Some(raw)) => raw,
            Ok(None) => return None,
            Err(broken) => {
                self.ended = true;
                return Some(Err(broken));
            }
        };
        let (has, wants) = (raw.cells.len(), self.heading.columns.len());
        let mut faults = raw.faults;
        if has != wants && faults.is_empty() {
            let message = format!("{has} cells where the heading has {wants}");
            faults.push(Fault::of_row(Reason::FieldCount, message));
        }
        let cells = raw
            .cells
            .into_iter()
            .map(|text| Cell { text, typed: false });
        Some(Ok(Row {
            line: raw.line,
            heading: Arc::clone(&self.heading),
            cells: cells.collect(),
            written: None,
            faults,
        }))
    }
}

/// A row as it is cut.
struct Raw {
    line: u64,
    cells: Vec<String>,
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the first byte of a cell.
    Start,
    /// In a cell without quotes.
    Bare,
    /// Within quotes.
    Quoted,
    /// Behind a quote that closes, or is the first of two.
    Closed,
}

/// Cuts text into rows, a byte at a time.
struct Lexer<R> {
    text: BufReader<R>,
    /// What was read ahead, and how much of it was taken.
    ahead: Vec<u8>,
    taken: usize,
    line: u64,
    delimiter: u8,
}

impl<R: Read> Lexer<R> {
    fn new(text: R) -> Self {
        Self {
            text: BufReader::with_capacity(64 * 1024, text),
            ahead: Vec::new(),
            taken: 0,
            line: 1,
            delimiter: b',',
        }
    }

    /// The first line, which is read again by whoever comes next.
    fn first_line(&mut self) -> Result<String, Broken> {
        use std::io::BufRead as _;
        let most = u64::try_from(MAX_ROW_BYTES).unwrap_or(u64::MAX);
        let mut line = Vec::new();
        (&mut self.text)
            .take(most)
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(1, &error))?;
        self.ahead.clone_from(&line);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn skip_first(&mut self) {
        self.taken = self.ahead.len();
        self.line = 2;
    }

    fn byte(&mut self) -> Result<Option<u8>, Broken> {
        use std::io::BufRead as _;
        if let Some(byte) = self.ahead.get(self.taken) {
            self.taken += 1;
            return Ok(Some(*byte));
        }
        let line = self.line;
        let ready = loop {
            match self.text.fill_buf() {
                Ok(ready) => break ready,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(line, &error)),
            }
        };
        let byte = ready.first().copied();
        if byte.is_some() {
            self.text.consume(1);
        }
        Ok(byte)
    }

    /// The next row that has any text; `None` at the end.
    fn row(&mut self) -> Result<Option<Raw>, Broken> {
        let mut row = Cutting::at(self.line);
        loop {
            let byte = self.byte()?;
            let Some(byte) = byte else {
                if row.at == At::Quoted {
                    row.open_quote(self.line);
                }
                return Ok(row.any.then(|| row.finish()));
            };
            if byte == b'\n' {
                self.line += 1;
            }
            if row.takes(byte, self.delimiter) {
                continue;
            }
            // The row ended.
            if row.any {
                return Ok(Some(row.finish()));
            }
            row = Cutting::at(self.line);
        }
    }
}

fn unreadable(line: u64, error: &std::io::Error) -> Broken {
    Broken::at(line, format!("the file cannot be read: {error}"))
}

/// A row in the making.
struct Cutting {
    line: u64,
    cells: Vec<String>,
    cell: Vec<u8>,
    at: At,
    bytes: usize,
    /// Whether the cell in hand is being left out because it is too large.
    cut: bool,
    /// Whether anything but an end of line was there.
    any: bool,
    /// Whether a carriage return outside quotes was the last byte.
    returned: bool,
    faults: Vec<Fault>,
}

impl Cutting {
    const fn at(line: u64) -> Self {
        Self {
            line,
            cells: Vec::new(),
            cell: Vec::new(),
            at: At::Start,
            bytes: 0,
            cut: false,
            any: false,
            returned: false,
            faults: Vec::new(),
        }
    }

    /// Takes the next byte; `false` when the row ended with it.
    fn takes(&mut self, byte: u8, delimiter: u8) -> bool {
        if mem::take(&mut self.returned) && byte != b'\n' {
            self.any = true;
            self.fault(Reason::Quotes, ALONE);
        }
        match (self.at, byte) {
            (At::Quoted, b'"') => self.at = At::Closed,
            (At::Quoted, _) => self.push(byte),
            (At::Closed, b'"') => {
                self.push(b'"');
                self.at = At::Quoted;
            }
            (At::Start, b'"') => {
                self.any = true;
                self.at = At::Quoted;
            }
            (_, b'\n') => return false,
            // Part of the end of the line; text that holds one has it within quotes.
            (_, b'\r') => self.returned = true,
            (_, of) if of == delimiter => {
                self.any = true;
                self.end_cell();
            }
            (At::Closed, b' ') => {}
            (At::Closed, _) => {
                self.fault(
                    Reason::Quotes,
                    "text stands behind a quote that closes a cell; a quote within a cell is written twice",
                );
                self.at = At::Bare;
                self.push(byte);
            }
            (At::Start | At::Bare, _) => {
                self.at = At::Bare;
                self.push(byte);
            }
        }
        true
    }

    fn push(&mut self, byte: u8) {
        self.any = true;
        self.bytes = self.bytes.saturating_add(1);
        if self.bytes > MAX_ROW_BYTES {
            self.cut = true;
            let message = format!(
                "the row has more than {MAX_ROW_BYTES} bytes; a quote may be left open in it"
            );
            self.fault(Reason::RowTooLarge, &message);
        } else if self.cell.len() >= MAX_CELL_BYTES {
            self.cut = true;
            let message = format!(
                "a cell has more than {MAX_CELL_BYTES} bytes; a quote may be left open in it"
            );
            self.fault(Reason::CellTooLarge, &message);
        } else {
            self.cell.push(byte);
        }
    }

    fn end_cell(&mut self) {
        if self.cells.len() >= MAX_COLUMNS {
            let message = format!("the row has more than {MAX_COLUMNS} cells");
            self.fault(Reason::FieldCount, &message);
            self.cell.clear();
        } else {
            // A cell that was cut may end within a character.
            let text = mem::take(&mut self.cell);
            self.cells.push(match String::from_utf8(text) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            });
        }
        self.cut = false;
        self.at = At::Start;
    }

    fn open_quote(&mut self, last: u64) {
        let message = format!(
            "a quote is left open: the lines from {} to {last}, the end of the file, are one row",
            self.line
        );
        self.fault(Reason::Quotes, &message);
    }

    /// Says each thing once.
    fn fault(&mut self, reason: Reason, message: &str) {
        if !self.faults.iter().any(|of| of.reason == reason) {
            let column = format!("cell {}", self.cells.len() + 1);
            self.faults.push(Fault::new(&column, "", reason, message));
        }
    }

    fn finish(mut self) -> Raw {
        self.end_cell();
        Raw {
            line: self.line,
            cells: self.cells,
            faults: self.faults,
        }
    }
}
