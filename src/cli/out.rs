//! Standard output for answers, standard error for messages.

use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

use crate::record::unseen::is_unseen;

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

    /// Writes rows under headings.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn table(
        &mut self,
        headings: &[&str],
        rows: Vec<Vec<String>>,
    ) -> Result<(), Failure> {
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(headings);
        for row in rows {
            table.add_row(row.into_iter().map(|cell| printable(&cell)));
        }
        self.line(&table.trim_fmt())
    }

    /// Writes a message for the person at the terminal.
    pub(super) fn note(&mut self, text: &str) {
        // A closed standard error must not fail a command whose answer is complete.
        let _ = writeln!(io::stderr().lock(), "{}", printable_lines(text));
    }

    /// Says why the command failed.
    pub(super) fn failure(&mut self, failure: &Failure) {
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
fn plain_json(value: &Value) -> String {
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
