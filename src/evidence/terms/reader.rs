//! Reading data files: faults with file and line.

use std::ops::Range;

use toml::Spanned;

/// Largest profile or calendar file in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why a profile's or calendar's text is not taken. The fault is the file's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct TermsError {
    /// The file, as `profiles/uz-kz-2024.toml`.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// What is wrong and what is allowed.
    pub what: String,
}

pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Reader<'_> {
    pub(super) fn fault(&self, span: Range<usize>, what: impl Into<String>) -> TermsError {
        let before = self.text.bytes().take(span.start);
        let lines = before.filter(|byte| *byte == b'\n').count();
        TermsError {
            file: self.file.to_owned(),
            line: u32::try_from(lines).map_or(u32::MAX, |lines| lines.saturating_add(1)),
            what: what.into(),
        }
    }

    pub(super) fn toml(&self, error: &toml::de::Error) -> TermsError {
        self.fault(error.span().unwrap_or(0..0), error.message())
    }

    /// A name as a code of a list.
    pub(super) fn code<T>(
        &self,
        name: &Spanned<String>,
        what: &str,
        known: &[T],
        shown: impl Fn(T) -> &'static str,
    ) -> Result<T, TermsError>
    where
        T: Copy,
    {
        let found = known.iter().find(|code| shown(**code) == name.get_ref());
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|code| shown(*code)).collect();
            let what = format!(
                "`{}` is no {what}; allowed are {}",
                super::calendar::shown(name.get_ref()),
                names.join(", ")
            );
            self.fault(name.span(), what)
        })
    }
}
