//! NDJSON: an object of JSON on each line. Objects within it become columns with dotted names, such
//! as `victim.age`; elements of lists `victims[0].age`; a list of plain values is one cell.

use std::{
    io::{BufRead as _, BufReader, Read},
    sync::Arc,
};

use super::{Broken, Heading, MAX_ROW_BYTES, Row, flat};
use crate::feed::fault::{Fault, Reason};

/// Reads NDJSON that is UTF-8.
pub struct NdJson<R> {
    text: BufReader<R>,
    line: u64,
    /// The names of the last row: most objects of a file have the same.
    heading: Arc<Heading>,
    ended: bool,
}

impl<R: Read> NdJson<R> {
    /// Reads `text`.
    pub fn new(text: R) -> Self {
        Self {
            text: BufReader::with_capacity(64 * 1024, text),
            line: 0,
            heading: Arc::default(),
            ended: false,
        }
    }

    /// The next line, at most one byte longer than a row may be; `None` at the end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let most = u64::try_from(MAX_ROW_BYTES).unwrap_or(u64::MAX);
        let at = self.line + 1;
        let broken =
            |error: std::io::Error| Broken::at(at, format!("the file cannot be read: {error}"));
        let mut line = Vec::new();
        let mut within = (&mut self.text).take(most.saturating_add(1));
        if within.read_until(b'\n', &mut line).map_err(broken)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > MAX_ROW_BYTES {
            // The rest of the line, without keeping it.
            self.text.skip_until(b'\n').map_err(broken)?;
        }
        Ok(Some(line))
    }

    fn row(&mut self, line: Vec<u8>) -> Row {
        let number = self.line;
        let row = |heading, cells, written, faults| Row {
            line: number,
            heading,
            cells,
            written,
            faults,
        };
        if line.len() > MAX_ROW_BYTES {
            let message = format!("the line has more than {MAX_ROW_BYTES} bytes");
            let fault = Fault::of_row(Reason::RowTooLarge, message);
            return row(Arc::clone(&self.heading), Vec::new(), None, vec![fault]);
        }
        // What was decoded is UTF-8.
        let text = String::from_utf8(line).unwrap_or_default();
        match flat::object(&text) {
            Ok((columns, cells)) => {
                if self.heading.columns != columns {
                    self.heading = Arc::new(Heading {
                        columns,
                        fixed: false,
                    });
                }
                row(Arc::clone(&self.heading), cells, Some(text), Vec::new())
            }
            Err(fault) => row(
                Arc::clone(&self.heading),
                Vec::new(),
                Some(text),
                vec![fault],
            ),
        }
    }
}

impl<R: Read> Iterator for NdJson<R> {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.line() {
                Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(line)) => return Some(Ok(self.row(line))),
                Ok(None) => self.ended = true,
                Err(broken) => {
                    self.ended = true;
                    return Some(Err(broken));
                }
            }
        }
        None
    }
}
