//! Standard output for answers, standard error for messages.

use std::io::{self, Write as _};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};
use serde_json::Value;

use crate::record::{Moment, unseen::is_unseen};

use super::{Format, exit::Failure};

/// Where a command writes.
#[derive(Debug)]
pub(super) struct Out {
    format: Format,
}

impl Out {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether a program reads the answers.
    pub(super) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes one JSON value on a line.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(&plain_json(value))
    }

    /// Writes one line of an answer, or several. Whatever it is made of, no escape code and nothing
    /// that turns the direction of the rest reaches the terminal.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", printable_lines(text))?;
        stdout.flush()?;
        Ok(())
    }

    /// Writes CSV, whose lines end as RFC 4180 has it; as [`Self::line`] otherwise.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn csv(&mut self, text: &str) -> Result<(), Failure> {
        let lines: Vec<String> = text.split("\r\n").map(printable_lines).collect();
        let mut stdout = io::stdout().lock();
        stdout.write_all(lines.join("\r\n").as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// Writes rows under headings, or without any when none are given.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn table(
        &mut self,
        headings: &[&str],
        rows: Vec<Vec<String>>,
    ) -> Result<(), Failure> {
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| row.iter().map(|cell| printable(cell)).collect())
            .collect();
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        let needs = needed(headings, &rows);
        let least = needs.iter().map(|need| need + GAP).sum::<usize>();
        if let Some(width) = table.width().map(usize::from)
            && least.saturating_sub(GAP) > width
        {
            return self.line(&flowing(headings, &rows, width));
        }
        if !headings.is_empty() {
            table.set_header(headings);
        }
        table.add_rows(rows);
        let last = needs.len().saturating_sub(1);
        let columns = table.column_iter_mut().zip(needs).enumerate();
        for (index, (column, need)) in columns {
            // No space before the first column: lines begin where other output does.
            let gap = if index < last { GAP } else { 0 };
            column.set_padding((0, u16::try_from(gap).unwrap_or_default()));
            let need = u16::try_from(need + gap).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(need)));
        }
        self.line(&table.trim_fmt())
    }

    /// Writes a message for the person at the terminal.
    pub(super) fn note(&mut self, text: &str) {
        // A closed standard error must not fail a command whose answer is complete.
        let _ = writeln!(io::stderr().lock(), "{}", printable_lines(text));
    }

    /// Says why the command failed, where there is anything to say.
    pub(super) fn failure(&mut self, failure: &Failure) {
        if failure.message().is_empty() {
            return;
        }
        if self.json() {
            self.note(&plain_json(&failure.to_json()));
            return;
        }
        self.note(&format!("comity: {}", printable(failure.message())));
        for detail in failure.details() {
            self.note(&format!("  {}", printable(detail)));
        }
    }
}

/// Spaces between two columns.
const GAP: usize = 2;
/// Longest word that is not broken, in columns: references, times, names of fields.
const UNBROKEN: usize = 36;

/// The least width of each column in which no word up to [`UNBROKEN`] is broken.
fn needed(headings: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..columns.max(headings.len()))
        .map(|column| {
            let heading = headings.get(column).map_or(0, |text| longest_word(text));
            let cells = rows.iter().filter_map(|row| row.get(column));
            let cells = cells.map(|text| longest_word(text)).max().unwrap_or(0);
            heading.max(cells.min(UNBROKEN))
        })
        .collect()
}

fn longest_word(text: &str) -> usize {
    let words = text.split_whitespace().map(|word| word.chars().count());
    words.max().unwrap_or(0)
}

/// Rows for a terminal too narrow for their columns: each cell after its heading, empty ones left
/// out, every line after a row's first one indented.
fn flowing(headings: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let heading = headings.get(column).copied().unwrap_or_default();
            let piece = format!("{heading} {cell}");
            let piece = piece.trim_start();
            let (gap, length) = (GAP, piece.chars().count());
            let taken = line.chars().count();
            if line.is_empty() {
                line.push_str(piece);
            } else if taken + gap + length <= width {
                line.push_str("  ");
                line.push_str(piece);
            } else {
                lines.push(std::mem::replace(&mut line, format!("  {piece}")));
            }
            // A piece longer than a line goes on at its words.
            while line.chars().count() > width {
                let most = line
                    .char_indices()
                    .nth(width)
                    .map_or(line.len(), |(at, _)| at);
                let Some(space) = line.get(4..most).and_then(|part| part.rfind(' ')) else {
                    break;
                };
                let rest = line.split_off(4 + space);
                lines.push(std::mem::replace(
                    &mut line,
                    format!("    {}", rest.trim_start()),
                ));
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// A time for people: to the second, in UTC.
pub(super) fn moment(at: Moment) -> String {
    let text = at.to_string();
    match text.get(..19).and_then(|text| text.split_once('T')) {
        Some((day, time)) => format!("{day} {time}"),
        None => text,
    }
}

/// Text from elsewhere, with control characters and others that nobody sees made visible: no escape
/// codes reach a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// [`printable`], but for line breaks.
fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// JSON in which characters that nobody sees are escaped. JSON itself escapes only those of ASCII,
/// and some terminals obey U+009B as they obey ESC.
pub(super) fn plain_json(value: &Value) -> String {
    let mut plain = String::new();
    let mut units = [0; 2];
    for c in value.to_string().chars() {
        if is_unseen(c) {
            for unit in c.encode_utf16(&mut units) {
                plain.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().map(row).collect()
    }

    #[test]
    fn columns_need_their_longest_word_up_to_a_bound() {
        let rows = owned(&[&["UZ-26-000412-H", "a b"], &["", &"x".repeat(99)]]);
        assert_eq!(needed(&["REF", "TITLE"], &rows), [14, UNBROKEN]);
        assert_eq!(needed(&[], &owned(&[&["one two"]])), [3]);
        assert_eq!(needed(&["REFERENCE"], &[]), [9]);
    }

    #[test]
    fn rows_flow_where_columns_do_not_fit() {
        let rows = owned(&[
            &["UZ-26-000412-H", "", "court", "three words here"],
            &["KZ-26-000001-F", "x", "", ""],
        ]);
        let headings = ["RECORD", "NOTE", "USE", "TITLE"];
        assert_eq!(
            flowing(&headings, &rows, 34),
            "RECORD UZ-26-000412-H  USE court\n  TITLE three words here\nRECORD KZ-26-000001-F  NOTE x"
        );
        // Longer than a line: at its words, and never without end.
        assert_eq!(
            flowing(&headings, &rows, 16).lines().collect::<Vec<_>>(),
            [
                "RECORD",
                "    UZ-26-000412-H",
                "  USE court",
                "  TITLE three",
                "    words here",
                "RECORD",
                "    KZ-26-000001-F",
                "  NOTE x"
            ]
        );
        let long = "x".repeat(50);
        assert_eq!(flowing(&[], &owned(&[&[&long]]), 10), long);
        assert_eq!(flowing(&["Б"], &owned(&[&["Ташкент"]]), 3), "Б Ташкент");
    }

    #[test]
    fn times_are_shown_to_the_second() {
        let at = Moment::from_micros(1_795_000_000_123_456);
        assert_eq!(moment(at), at.to_string().replace('T', " ")[..19]);
    }

    #[test]
    fn escape_codes_and_bidi_controls_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(printable("Ходжамурат"), "Ходжамурат");
        assert_eq!(
            printable("a\u{9b}2J\u{200f}b\u{61c}"),
            "a\\u{9b}2J\\u{200f}b\\u{61c}"
        );
        assert_eq!(printable_lines("a\r\nb\u{1b}"), "a\\r\nb\\u{1b}");
    }

    #[test]
    fn json_stays_the_same_value_and_turns_no_terminal() {
        let value = Value::from("a\u{9b}2J\u{202e}\u{e0041}ж\u{200c}");
        let text = plain_json(&value);
        assert!(!text.chars().any(is_unseen), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
