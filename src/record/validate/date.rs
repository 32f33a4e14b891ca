//! Days as records write them: YYYY-MM-DD, and for births also YYYY-MM and YYYY.

use time::{Date, Month};

/// Years that a record can speak of.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

/// A day written YYYY-MM-DD, in the years 1900 to 2200.
pub(super) fn day(text: &str) -> Option<Date> {
    let (year, month, day) = parts(text)?;
    date(year, month?, day?)
}

/// Whether `text` is a year, a month or a day: YYYY, YYYY-MM or YYYY-MM-DD.
pub(super) fn is_year_month_or_day(text: &str) -> bool {
    match parts(text) {
        Some((year, month, day)) => date(year, month.unwrap_or(1), day.unwrap_or(1)).is_some(),
        None => false,
    }
}

/// Whether `text` is a year or a quarter: YYYY or YYYY-Q1 to YYYY-Q4.
pub(super) fn is_year_or_quarter(text: &str) -> bool {
    let (year, quarter) = match text.split_once('-') {
        Some((year, quarter)) => (year, Some(quarter)),
        None => (text, None),
    };
    number(year, 4).is_some_and(|year| YEARS.contains(&year))
        && quarter.is_none_or(|quarter| matches!(quarter, "Q1" | "Q2" | "Q3" | "Q4"))
}

fn parts(text: &str) -> Option<(i32, Option<u8>, Option<u8>)> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let mut two = || parts.next().map(|part| number(part, 2));
    let (month, day) = (two(), two());
    if parts.next().is_some() {
        return None;
    }
    let small = |part: Option<Option<i32>>| match part {
        Some(value) => Some(Some(u8::try_from(value?).ok()?)),
        None => Some(None),
    };
    Some((year, small(month)?, small(day)?))
}

fn number(text: &str, digits: usize) -> Option<i32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn date(year: i32, month: u8, day: u8) -> Option<Date> {
    if !YEARS.contains(&year) {
        return None;
    }
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for right in ["2024-02-29", "1900-01-01", "2200-12-31"] {
            assert_eq!(day(right).unwrap().to_string(), right);
        }
        for wrong in [
            "",
            "2026",
            "2026-02",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "26-01-01",
            "2026-01-01-",
            "2026-01-01T00",
            "+026-01-01",
            "1899-12-31",
            "２026-01-01",
        ] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn periods_are_years_or_quarters() {
        for right in ["2003", "2026-Q1", "2026-Q4"] {
            assert!(is_year_or_quarter(right), "{right}");
        }
        for wrong in [
            "", "03", "2026-Q0", "2026-Q5", "2026-q1", "2026-", "2026-01",
        ] {
            assert!(!is_year_or_quarter(wrong), "{wrong}");
        }
    }

    #[test]
    fn births_may_be_less_exact() {
        for right in ["1990", "1990-05", "1990-05-31"] {
            assert!(is_year_month_or_day(right), "{right}");
        }
        for wrong in ["", "90", "1990-", "1990-13", "1990-02-30", "1990-05-"] {
            assert!(!is_year_month_or_day(wrong), "{wrong}");
        }
    }
}
