//! The rules for free text, and for names.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{At, Checker, checker::Fault, language, script};
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
    /// Whether it is a name: nothing unseen, and one script in a word.
    name: bool,
}

impl Text {
    /// One line.
    pub(in crate::record) const fn line(max: usize) -> Self {
        Self {
            max,
            required: false,
            lines: false,
            name: false,
        }
    }

    /// A name in its script, on one line.
    pub(in crate::record) const fn name(max: usize) -> Self {
        Self {
            max,
            required: false,
            lines: false,
            name: true,
        }
    }

    /// Several lines.
    pub(in crate::record) const fn lines(max: usize) -> Self {
        Self {
            max,
            required: false,
            lines: true,
            name: false,
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
                let most = text.max;
                let fault = Fault::new(format!("{len} characters; at most {most} are allowed"))
                    .allowed([format!("at most {most} characters")]);
                return self.refuse(at, Rule::TooLong, fault);
            }
        }
        if let Some(bad) = value.chars().find(|c| is_refused(*c, text.lines)) {
            let code = u32::from(bad);
            let fault = Fault::new(format!(
                "holds U+{code:04X}; control characters, line breaks in one-line texts and direction overrides are refused"
            ));
            let lines = if text.lines {
                "several lines"
            } else {
                "one line"
            };
            return self.refuse(
                at,
                Rule::ControlCharacter,
                fault.allowed([lines.to_owned()]),
            );
        }
        if !value.is_ascii() && !NFC.is_normalized(value) {
            self.found(
                at,
                Rule::NotNormalized,
                "not in Unicode normalization form C; normalize the text before it is submitted",
            );
        }
        if text.name && !value.is_ascii() {
            self.letters(at, value);
        }
    }

    /// What only names obey, so that one name does not pass for another.
    fn letters(&mut self, at: At<'_>, name: &str) {
        if let Some(unseen) = script::unseen_in_name(name) {
            let code = u32::from(unseen);
            return self.found(
                at,
                Rule::ControlCharacter,
                format!("holds U+{code:04X}, which nobody sees; names have none"),
            );
        }
        if let Some((one, other)) = script::mixed(name) {
            let fault = Fault::new(format!(
                "a word mixes letters of {one} and {other}; write each word in one script"
            ));
            self.refuse(
                at,
                Rule::MixedScript,
                fault.allowed(["one script in a word".to_owned()]),
            );
        }
    }

    /// A name and the tag of its language; where the tag names a script, the name is in it.
    pub(in crate::record) fn name(&mut self, at: At<'_>, text: &str, tag: &str, rules: Text) {
        self.text(at.field("text"), text, rules);
        let tag_at = at.field("language");
        self.language(tag_at, tag);
        if language::is_well_formed(tag)
            && let Some(script) = language::script_of(tag)
            && !script::is_in(text, script)
        {
            let shown = self.shown(script);
            self.found(
                tag_at,
                Rule::Mismatch,
                format!(
                    "the tag says that the name is in script {shown}, but it has letters of another"
                ),
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
