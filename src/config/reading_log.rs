//! By what measures a report on the reading log counts facts.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{ConfigError, bounds::in_range};

/// By what measures a report on the reading log counts facts for a supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadingLogConfig {
    /// Minutes that the country's local time is ahead of UTC; in the file `utc_offset`, such as
    /// `+05:00`.
    #[serde(rename = "utc_offset", deserialize_with = "offset")]
    pub utc_offset_minutes: i32,
    /// Hour of the local day at which the usual hours begin.
    pub day_begins_h: u64,
    /// Hour of the local day at which they end.
    pub day_ends_h: u64,
    /// Records opened by one person within a clock hour from which it is said.
    pub many_in_an_hour: u64,
    /// Attempts of one person refused within a clock hour from which it is said.
    pub refused_in_an_hour: u64,
}

impl Default for ReadingLogConfig {
    fn default() -> Self {
        Self {
            utc_offset_minutes: 0,
            day_begins_h: 6,
            day_ends_h: 22,
            many_in_an_hour: 50,
            refused_in_an_hour: 10,
        }
    }
}

impl ReadingLogConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range("reading_log.day_begins_h", self.day_begins_h, 0..=23)?;
        in_range(
            "reading_log.day_ends_h",
            self.day_ends_h,
            self.day_begins_h.saturating_add(1)..=24,
        )?;
        let many = 1..=1_000_000;
        in_range(
            "reading_log.many_in_an_hour",
            self.many_in_an_hour,
            many.clone(),
        )?;
        in_range(
            "reading_log.refused_in_an_hour",
            self.refused_in_an_hour,
            many,
        )
    }

    pub(super) fn write_commented(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "[reading_log]\n\
             # How far the country's local time is ahead of UTC, for `comity audit report`.\n\
             utc_offset = {}\n\
             # What a report says beside its totals: records opened outside of these hours of the day, this\n\
             # many opened by one person within an hour, this many attempts refused within an hour.\n\
             day_begins_h = {}\n\
             day_ends_h = {}\n\
             many_in_an_hour = {}\n\
             refused_in_an_hour = {}\n",
            super::commented::text(&written(self.utc_offset_minutes)),
            self.day_begins_h,
            self.day_ends_h,
            self.many_in_an_hour,
            self.refused_in_an_hour,
        )
    }
}

/// An offset as `+05:00`.
fn written(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| {
        D::Error::custom(
            "`reading_log.utc_offset` is hours and minutes ahead of UTC, from -12:00 to +14:00, such as \
             \"+05:00\"",
        )
    })
}

fn read(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| {
        let sound = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        sound.then(|| digits.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let whole = sign * (hours * 60 + minutes);
    (minutes < 60 && (-720..=840).contains(&whole)).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_as_it_is_written() {
        for minutes in [-720, -210, 0, 300, 345, 840] {
            assert_eq!(read(&written(minutes)), Some(minutes));
        }
        for text in [
            "", "5", "+5:00", "+05:60", "+14:01", "-12:01", "05:00", "+0a:00", "+05:00 ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_checked() {
        let of = |day_begins_h, day_ends_h, many_in_an_hour| ReadingLogConfig {
            day_begins_h,
            day_ends_h,
            many_in_an_hour,
            ..ReadingLogConfig::default()
        };
        assert!(of(0, 24, 1).check().is_ok());
        for (log, field) in [
            (of(24, 24, 1), "day_begins_h"),
            (of(9, 9, 1), "day_ends_h"),
            (of(9, 25, 1), "day_ends_h"),
            (of(9, 10, 0), "many_in_an_hour"),
        ] {
            let fault = log.check().unwrap_err().to_string();
            assert!(fault.contains(field), "{fault}");
        }
    }
}
