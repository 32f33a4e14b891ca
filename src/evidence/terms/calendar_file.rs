//! `calendars/XX.toml`: working days and the time zone of a country.
//!
//! ```toml
//! country = "KZ"
//! time_zone = "Asia/Almaty"
//! rest_days = ["SATURDAY", "SUNDAY"]
//! holidays = ["01-01", "01-02", "2026-05-27"]   # of every year, or of one
//! worked = ["2026-03-07"]                       # although it would be free
//! source = "Labour Code, Art. 84; decree of 12 December 2025"
//! ```

use serde::Deserialize;
use toml::Spanned;

use super::{
    calendar::Calendar,
    reader::{Reader, TermsError},
};
use crate::{record::unseen::is_unseen, wire::record::WorkingCalendar};

/// Days of the week as files name them, Monday first.
pub(super) const WEEK: [&str; 7] = [
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
];

/// Longest source, in characters.
const MAX_SOURCE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    country: Spanned<String>,
    time_zone: Spanned<String>,
    #[serde(default)]
    rest_days: Vec<Spanned<String>>,
    #[serde(default)]
    holidays: Vec<Spanned<String>>,
    #[serde(default)]
    worked: Vec<Spanned<String>>,
    source: Option<Spanned<String>>,
}

/// A calendar's file.
#[derive(Clone, Debug, PartialEq)]
pub struct CalendarFile {
    /// The calendar, as it goes along with a request.
    pub calendar: WorkingCalendar,
    /// Where its days come from, in words; stays here.
    pub source: String,
}

/// Reads one calendar; `file` is how people are told of it.
///
/// # Errors
/// [`TermsError`] naming the line.
pub fn parse(file: &str, text: &str) -> Result<CalendarFile, TermsError> {
    let reader = Reader { file, text };
    let raw: File = toml::from_str(text).map_err(|error| reader.toml(&error))?;
    let mut rest_days = Vec::new();
    for name in &raw.rest_days {
        let day = reader.code(name, "day of the week", &WEEK, |day| day)?;
        let number = WEEK.iter().position(|of| *of == day).unwrap_or(0);
        rest_days.push(u32::try_from(number).unwrap_or(0).saturating_add(1));
    }
    let source = raw.source.map_or(Ok(String::new()), |source| {
        let chars = source.get_ref().chars();
        if chars.clone().count() > MAX_SOURCE || chars.clone().any(is_unseen) {
            let what = format!("`source` is one line of at most {MAX_SOURCE} characters");
            return Err(reader.fault(source.span(), what));
        }
        Ok(source.into_inner())
    })?;
    let plain = |list: &[Spanned<String>]| {
        let texts = list.iter().map(|text| text.get_ref().clone());
        texts.collect::<Vec<_>>()
    };
    let calendar = WorkingCalendar {
        country: raw.country.get_ref().clone(),
        time_zone: raw.time_zone.get_ref().clone(),
        rest_days,
        holidays: plain(&raw.holidays),
        worked: plain(&raw.worked),
    };
    if let Err(fault) = Calendar::try_from(&calendar) {
        let list = match fault.field {
            "rest_days" => &raw.rest_days,
            "holidays" => &raw.holidays,
            _ => &raw.worked,
        };
        let span = match fault.field {
            "country" => raw.country.span(),
            "time_zone" => raw.time_zone.span(),
            _ => {
                let at = fault.index.unwrap_or(0);
                list.get(at).map_or(0..0, Spanned::span)
            }
        };
        let what = format!("`{}`: {}", fault.field, fault.what);
        return Err(reader.fault(span, what));
    }
    Ok(CalendarFile { calendar, source })
}
