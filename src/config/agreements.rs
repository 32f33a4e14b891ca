//! `agreements/*.toml` of a node's home: what this country sends to another and accepts from it.
//!
//! ```toml
//! country = "AE"
//! title = "Memorandum of 2024 on trafficking in persons"
//! valid_from = 2024-01-01
//! valid_until = 2029-12-31
//! evidence = ["untoc-art18"]  # profiles under which evidence is requested; left out: none is
//!
//! [send]                      # what goes to AE; what is left out is not limited
//! kinds = ["Route", "Alert"]
//! compartments = ["suspects", "victims"]
//! purposes = ["INVESTIGATION", "VICTIM_PROTECTION"]
//!
//! [accept]                    # what AE may send here
//! kinds = ["Route", "Alert", "CaseRecord"]
//!
//! [they_accept]               # what AE told that it accepts
//! compartments = ["suspects"]
//! ```
//!
//! `AE.toml` is for AE; `default.toml` with `country = "*"` is for every country without a file.

use std::{
    fs,
    io::ErrorKind,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use time::{Date, Month};
use toml::Spanned;

use crate::{
    evidence::terms::is_profile_id,
    record::{
        Country,
        compartments::label_name,
        kind_names,
        sharing::{Agreement, Agreements, Clause, EVERY_OTHER, Terms},
    },
    wire::record::{CompartmentLabel, TransferPurpose},
};

/// Largest file in bytes.
const MAX_BYTES: u64 = 64 * 1024;
/// Most files: one per country and one for all others.
const MAX_FILES: usize = 251;
/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest list in a file.
const MAX_CODES: usize = 64;
/// Name of the file for every other country.
const OTHERS: &str = "default.toml";

/// Why agreements are not taken. The fault is the file's.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// A file or the folder cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is too large.
    #[error("{0} is larger than {MAX_BYTES} bytes")]
    TooLarge(PathBuf),
    /// Too many files.
    #[error(
        "{0} holds more than {MAX_FILES} files; one per country and one for all others suffice"
    )]
    TooMany(PathBuf),
    /// A file that is no agreement's.
    #[error("{0} is not named after a country, such as AE.toml, nor {OTHERS}; move it elsewhere")]
    Name(PathBuf),
    /// Something in a file.
    #[error("{file}:{line}: {what}")]
    Content {
        /// The file, as `agreements/AE.toml`.
        file: String,
        /// Line, from 1.
        line: u32,
        /// What is wrong and what is allowed.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    country: Spanned<String>,
    title: Option<Spanned<String>>,
    valid_from: Option<Spanned<toml::value::Datetime>>,
    valid_until: Option<Spanned<toml::value::Datetime>>,
    evidence: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    send: Section,
    #[serde(default)]
    accept: Section,
    #[serde(default)]
    they_accept: Section,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Section {
    kinds: Option<Spanned<Vec<Spanned<String>>>>,
    compartments: Option<Spanned<Vec<Spanned<String>>>>,
    purposes: Option<Spanned<Vec<Spanned<String>>>>,
}

/// Name and content of each file.
pub type Files = Vec<(String, Vec<u8>)>;

/// Reads every agreement in a folder; none when there is no such folder. Also answers the files'
/// names and contents, for a digest.
///
/// # Errors
/// [`AgreementError`] naming file and line.
pub fn load(dir: &Path) -> Result<(Agreements, Files), AgreementError> {
    let mut agreements = Agreements::default();
    let mut contents = Vec::new();
    for (name, path) in files(dir)? {
        let text = read(&path)?;
        let shown = format!("agreements/{name}");
        let agreement = parse(&shown, &text)?;
        let stem = name.strip_suffix(".toml").unwrap_or(&name);
        let expected = agreement.country.map_or("default", |_| stem);
        let named = agreement
            .country
            .map_or_else(|| EVERY_OTHER.to_owned(), |of| of.code().to_owned());
        if stem != expected || agreement.country.is_some_and(|of| of.code() != stem) {
            return Err(AgreementError::Content {
                file: shown,
                line: 1,
                what: format!("`country` is {named}, which belongs in another file"),
            });
        }
        agreements.add(agreement);
        contents.push((name, text.into_bytes()));
    }
    Ok((agreements, contents))
}

/// Name and path of each agreement, by name. Hidden files are an editor's and passed over.
fn files(dir: &Path) -> Result<Vec<(String, PathBuf)>, AgreementError> {
    let broken = |source| AgreementError::Read {
        path: dir.to_owned(),
        source,
    };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(broken)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(broken)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        let name = name.map(|name| name.into_owned()).unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let stem = name.strip_suffix(".toml");
        if name != OTHERS && stem.is_none_or(|stem| stem.parse::<Country>().is_err()) {
            return Err(AgreementError::Name(path));
        }
        if files.len() >= MAX_FILES {
            return Err(AgreementError::TooMany(dir.to_owned()));
        }
        files.push((name, path));
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, AgreementError> {
    let broken = |source| AgreementError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(broken)?.len() > MAX_BYTES {
        return Err(AgreementError::TooLarge(path.to_owned()));
    }
    fs::read_to_string(path).map_err(broken)
}

/// Reads one agreement; `file` is how people are told of it.
///
/// # Errors
/// [`AgreementError::Content`] naming the line.
pub fn parse(file: &str, text: &str) -> Result<Agreement, AgreementError> {
    let reader = Reader { file, text };
    let raw: File = toml::from_str(text)
        .map_err(|error| reader.fault(error.span().unwrap_or(0..0), error.message()))?;
    let country = match raw.country.get_ref().as_str() {
        EVERY_OTHER => None,
        code => Some(
            code.parse()
                .map_err(|fault: crate::record::UnknownCountry| {
                    reader.fault(raw.country.span(), format!("{fault}, nor `{EVERY_OTHER}`"))
                })?,
        ),
    };
    let title = raw.title.map_or(Ok(String::new()), |title| {
        let chars = title.get_ref().chars();
        if chars.clone().count() > MAX_TITLE || chars.clone().any(char::is_control) {
            let what = format!("a title is one line of at most {MAX_TITLE} characters");
            return Err(reader.fault(title.span(), what));
        }
        Ok(title.into_inner())
    })?;
    let valid_from = reader.day(raw.valid_from)?;
    let valid_until = reader.day(raw.valid_until)?;
    if let (Some((first, _)), Some((last, line))) = (valid_from, valid_until)
        && last < first
    {
        return Err(AgreementError::Content {
            file: file.to_owned(),
            line,
            what: format!("`valid_until` lies before `valid_from`, {first}"),
        });
    }
    Ok(Agreement {
        country,
        title,
        valid_from,
        valid_until,
        send: reader.terms(raw.send)?,
        accept: reader.terms(raw.accept)?,
        they_accept: reader.terms(raw.they_accept)?,
        evidence: reader.profiles(raw.evidence)?,
        file: file.to_owned(),
    })
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> u32 {
        let before = self.text.bytes().take(span.start);
        let lines = before.filter(|byte| *byte == b'\n').count();
        u32::try_from(lines).map_or(u32::MAX, |lines| lines.saturating_add(1))
    }

    fn fault(&self, span: Range<usize>, what: impl Into<String>) -> AgreementError {
        AgreementError::Content {
            file: self.file.to_owned(),
            line: self.line(&span),
            what: what.into(),
        }
    }

    fn day(
        &self,
        value: Option<Spanned<toml::value::Datetime>>,
    ) -> Result<Option<(Date, u32)>, AgreementError> {
        let Some(value) = value else { return Ok(None) };
        let span = value.span();
        let plain = value
            .get_ref()
            .date
            .filter(|_| value.get_ref().time.is_none());
        plain
            .and_then(|date| {
                let month = Month::try_from(date.month).ok()?;
                Date::from_calendar_date(date.year.into(), month, date.day).ok()
            })
            .map(|date| Some((date, self.line(&span))))
            .ok_or_else(|| self.fault(span, "a day is written 2029-12-31, without quotes or time"))
    }

    fn terms(&self, section: Section) -> Result<Terms, AgreementError> {
        let kinds = kind_names();
        Ok(Terms {
            kinds: self.clause(section.kinds, "kind", &kinds, Some)?,
            compartments: self.clause(
                section.compartments,
                "compartment",
                &COMPARTMENTS.map(|label| label_name(label).to_owned()),
                |name| {
                    COMPARTMENTS
                        .into_iter()
                        .find(|label| label_name(*label) == name)
                },
            )?,
            purposes: self.clause(
                section.purposes,
                "purpose",
                &PURPOSES.map(|purpose| purpose_name(purpose).to_owned()),
                |name| {
                    PURPOSES
                        .into_iter()
                        .find(|purpose| purpose_name(*purpose) == name)
                },
            )?,
        })
    }

    /// Ids of agreement profiles; whether there are such, whoever holds them knows.
    fn profiles(
        &self,
        list: Option<Spanned<Vec<Spanned<String>>>>,
    ) -> Result<Clause<String>, AgreementError> {
        let Some(list) = list else {
            return Ok(Clause::default());
        };
        let line = self.line(&list.span());
        if list.get_ref().len() > MAX_CODES {
            return Err(self.fault(list.span(), format!("at most {MAX_CODES} are allowed")));
        }
        let mut named: Vec<String> = Vec::new();
        for id in list.into_inner() {
            let span = id.span();
            let id = id.into_inner();
            if !is_profile_id(&id) {
                let what = "`evidence` lists ids of agreement profiles, such as eio-2014-41";
                return Err(self.fault(span, what));
            }
            if named.contains(&id) {
                return Err(self.fault(span, format!("`{id}` is given twice")));
            }
            named.push(id);
        }
        Ok(Clause::only(named, line))
    }

    fn clause<T: PartialEq>(
        &self,
        list: Option<Spanned<Vec<Spanned<String>>>>,
        what: &str,
        known: &[String],
        read: impl Fn(String) -> Option<T>,
    ) -> Result<Clause<T>, AgreementError> {
        let Some(list) = list else {
            return Ok(Clause::default());
        };
        let line = self.line(&list.span());
        if list.get_ref().len() > MAX_CODES {
            return Err(self.fault(list.span(), format!("at most {MAX_CODES} are allowed")));
        }
        let mut allowed = Vec::new();
        for code in list.into_inner() {
            let span = code.span();
            let name = code.into_inner();
            let unknown = || {
                let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
                let what = format!("`{shown}` is no {what}; allowed are {}", known.join(", "));
                self.fault(span.clone(), what)
            };
            if !known.contains(&name) {
                return Err(unknown());
            }
            let value = read(name.clone()).ok_or_else(unknown)?;
            if allowed.contains(&value) {
                return Err(self.fault(span, format!("`{name}` is given twice")));
            }
            allowed.push(value);
        }
        Ok(Clause::only(allowed, line))
    }
}

/// Compartments that an agreement can allow or leave out; everyone reads the situation.
const COMPARTMENTS: [CompartmentLabel; 5] = [
    CompartmentLabel::Suspects,
    CompartmentLabel::Identifiers,
    CompartmentLabel::Victims,
    CompartmentLabel::Source,
    CompartmentLabel::Evidence,
];

const PURPOSES: [TransferPurpose; 6] = [
    TransferPurpose::Prevention,
    TransferPurpose::Investigation,
    TransferPurpose::Prosecution,
    TransferPurpose::PublicSecurity,
    TransferPurpose::VictimProtection,
    TransferPurpose::Analysis,
];

/// A purpose as agreements write it, such as `VICTIM_PROTECTION`.
pub fn purpose_name(purpose: TransferPurpose) -> &'static str {
    let name = purpose.as_str_name();
    name.strip_prefix("TRANSFER_PURPOSE_").unwrap_or(name)
}

#[cfg(test)]
mod tests;
