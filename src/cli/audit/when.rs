//! Times as the command line takes them: a day of the country's own time, or a moment with its offset.

use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::record::Moment;

/// A time as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct When {
    /// The moment; of a day its midnight in UTC.
    pub(in crate::cli) at: Moment,
    /// Whether the midnight of the country's own time is meant, which the node knows.
    pub(super) is_local_day: bool,
}

/// The beginning of a time: the day's first moment, or the moment itself.
pub(in crate::cli) fn begins(text: &str) -> Result<When, String> {
    read(text, Duration::ZERO)
}

/// The end of a time, exclusive: of a day its whole length is meant.
pub(super) fn ends(text: &str) -> Result<When, String> {
    read(text, Duration::DAY)
}

fn read(text: &str, day: Duration) -> Result<When, String> {
    let fault = || {
        "a day such as 2026-11-25, or a moment such as 2026-11-25T08:00:00+05:00, is needed"
            .to_owned()
    };
    if let Some(date) = date(text) {
        let at = date
            .midnight()
            .assume_utc()
            .checked_add(day)
            .ok_or_else(fault)?;
        return Ok(When {
            at: Moment::from(at),
            is_local_day: true,
        });
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|at| When {
            at: Moment::from(at),
            is_local_day: false,
        })
        .map_err(|_| fault())
}

/// `YYYY-MM-DD`.
fn date(text: &str) -> Option<Date> {
    let sound = text.len() == 10
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    let mut parts = text.split('-').filter(|_| sound);
    let year = parts.next()?.parse().ok()?;
    let month: u8 = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    Date::from_calendar_date(year, month.try_into().ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_meant_whole_and_a_moment_is_itself() {
        let shown = |at: Result<When, String>| at.unwrap().at.to_string();
        assert_eq!(shown(begins("2026-11-25")), "2026-11-25T00:00:00Z");
        assert_eq!(shown(ends("2026-11-25")), "2026-11-26T00:00:00Z");
        assert_eq!(shown(ends("2026-12-31")), "2027-01-01T00:00:00Z");
        let moment = "2026-11-25T08:00:00+05:00";
        assert!(begins("2026-11-25").unwrap().is_local_day);
        assert!(!begins(moment).unwrap().is_local_day);
        assert_eq!(shown(begins(moment)), "2026-11-25T03:00:00Z");
        assert_eq!(shown(ends(moment)), "2026-11-25T03:00:00Z");
        for text in [
            "",
            "2026-11-31",
            "26-11-25",
            "2026-11-25T08:00",
            "yesterday",
            "2026--1-25",
        ] {
            assert!(begins(text).unwrap_err().contains("2026-11-25"), "{text}");
        }
    }
}
