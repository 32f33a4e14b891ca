//! The rules for free text.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{At, Checker};
use crate::record::Rule;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// What a text may be.
#[derive(Clone, Copy)]
pub(in crate::record) struct Text {
    /// Most characters.
    max: usize,
    required: bool,
    /// Whether line breaks and tabs may stand in it.
    lines: bool,
}

impl Text {
    /// One line.
    pub(in crate::record) const fn line(max: usize) -> Self {
        Self {
            max,
            required: false,
            lines: false,
        }
    }

    /// Several lines.
    pub(in crate::record) const fn lines(max: usize) -> Self {
        Self {
            max,
            required: false,
            lines: true,
        }
    }

    pub(in crate::record) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Checker {
    pub(in crate::record) fn text(&mut self, at: At<'_>, value: &str, text: Text) {
        if value.trim().is_empty() && text.required {
            return self.required(at, "a text");
        }
        // Bytes first: counting characters is only needed beyond.
        if value.len() > text.max {
            let len = value.chars().count();
            if len > text.max {
                return self.found(
                    at,
                    Rule::TooLong,
                    format!("{len} characters; at most {} are allowed", text.max),
                );
            }
        }
        if let Some(bad) = value.chars().find(|c| is_refused(*c, text.lines)) {
            let code = u32::from(bad);
            return self.found(
                at,
                Rule::ControlCharacter,
                format!(
                    "holds U+{code:04X}; control characters, line breaks in one-line texts and direction overrides are refused"
                ),
            );
        }
        if !value.is_ascii() && !NFC.is_normalized(value) {
            self.found(
                at,
                Rule::NotNormalized,
                "not in Unicode normalization form C; normalize the text before it is submitted",
            );
        }
    }
}

/// Control characters, and those that change the direction in which the rest is read.
fn is_refused(c: char, lines: bool) -> bool {
    match c {
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => !lines,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}
