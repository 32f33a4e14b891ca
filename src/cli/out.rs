//! Standard output for answers, standard error for messages.

use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

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
        self.line(&value.to_string())
    }

    /// Writes one line of an answer.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
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
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Says why the command failed.
    pub(super) fn failure(&mut self, failure: &Failure) {
        if self.json() {
            let object = serde_json::json!({
                "error": failure.message(),
                "details": failure.details(),
            });
            self.note(&object.to_string());
            return;
        }
        self.note(&format!("comity: {}", printable(failure.message())));
        for detail in failure.details() {
            self.note(&format!("  {}", printable(detail)));
        }
    }
}

/// Text from elsewhere, with control characters made visible: no escape codes reach a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let hidden =
                c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let escaped: Box<dyn Iterator<Item = char>> = if hidden {
                Box::new(c.escape_default())
            } else {
                Box::new(std::iter::once(c))
            };
            escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_and_bidi_controls_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(printable("Ходжамурат"), "Ходжамурат");
    }
}
