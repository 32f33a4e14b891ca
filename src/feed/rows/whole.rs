//! Files of which the whole is one row, such as a message in XML.

use std::{io::Read, sync::Arc};

use super::{Broken, Cell, Heading, MAX_ROW_BYTES, Row};
use crate::feed::fault::{Fault, Reason};

/// The name of its one cell.
const COLUMN: &str = "message";

/// The one row of a file.
#[derive(Debug)]
pub struct Whole<R>(Option<R>);

impl<R: Read> Whole<R> {
    /// Of a text in UTF-8.
    pub const fn new(text: R) -> Self {
        Self(Some(text))
    }
}

impl<R: Read> Iterator for Whole<R> {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.take()?;
        let most = u64::try_from(MAX_ROW_BYTES).unwrap_or(u64::MAX);
        let mut read = String::new();
        if let Err(error) = text.take(most.saturating_add(1)).read_to_string(&mut read) {
            return Some(Err(Broken::at(
                1,
                format!("the file cannot be read: {error}"),
            )));
        }
        let mut faults = Vec::new();
        if read.len() > MAX_ROW_BYTES {
            let message = format!("the file has more than {MAX_ROW_BYTES} bytes");
            faults.push(Fault::new(COLUMN, "", Reason::RowTooLarge, message));
            read.clear();
        }
        Some(Ok(Row {
            line: 1,
            heading: Arc::new(Heading {
                columns: vec![COLUMN.to_owned()],
                fixed: true,
            }),
            cells: vec![Cell {
                text: read,
                typed: false,
            }],
            written: None,
            faults,
        }))
    }
}
