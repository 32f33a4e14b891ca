//! Working days and the time zone of a country.

use std::{collections::BTreeSet, sync::OnceLock};

use jiff::{
    Timestamp, ToSpan,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::calendar_file::WEEK;
use crate::{
    record::{Country, Moment},
    wire::record::WorkingCalendar,
};

/// Most holidays in a calendar.
pub(super) const MAX_DAYS: usize = 1000;
/// Most days worked although they would be free.
pub(super) const MAX_WORKED: usize = 256;
/// Most holidays that come every year, so that there are working days.
pub(super) const MAX_YEARLY: usize = 60;
/// Longest name of a time zone.
const MAX_ZONE: usize = 64;
/// Days that a search for a day goes at most: more than 50 years.
pub(super) const FARTHEST: u32 = 20_000;

/// Why a calendar is not taken: the field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {what}")]
pub struct CalendarFault {
    /// Field of [`WorkingCalendar`].
    pub field: &'static str,
    /// Position in a list, from 0.
    pub index: Option<usize>,
    /// What is wrong and what is allowed.
    pub what: String,
}

/// The calendar of a country, ready to count by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    country: Country,
    zone: TimeZone,
    zone_name: String,
    /// Monday first.
    rest: [bool; 7],
    /// Month and day.
    yearly: BTreeSet<(i8, i8)>,
    holidays: BTreeSet<Date>,
    worked: BTreeSet<Date>,
}

/// The tz database that the binary carries; the machine's is never asked.
fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

impl Calendar {
    /// Whose it is.
    pub const fn country(&self) -> Country {
        self.country
    }

    /// IANA name of its time zone.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The day in its zone. A moment that no calendar knows is on the nearest day that it does.
    pub fn day(&self, at: Moment) -> Date {
        let stamp = Timestamp::from_microsecond(at.micros());
        let stamp = stamp.unwrap_or(if at.micros() < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        });
        self.zone.to_datetime(stamp).date()
    }

    /// The last moment of a day: the microsecond before the next one begins, by the zone's rules of
    /// that night.
    pub fn end_of(&self, day: Date) -> Moment {
        let next = day.saturating_add(1.day());
        let begins = self
            .zone
            .to_ambiguous_timestamp(next.at(0, 0, 0, 0))
            .compatible()
            .unwrap_or(Timestamp::MAX);
        Moment::from_micros(begins.as_microsecond().saturating_sub(1))
    }

    /// Whether a day is worked.
    pub fn is_worked(&self, day: Date) -> bool {
        let holiday =
            self.holidays.contains(&day) || self.yearly.contains(&(day.month(), day.day()));
        self.worked.contains(&day) || !(self.rests(day) || holiday)
    }

    /// Whether a day's weekday is one of rest.
    pub fn rests(&self, day: Date) -> bool {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        self.rest.get(weekday).copied().unwrap_or(false)
    }

    /// The weekdays of rest, as files name them.
    pub fn rest_days(&self) -> Vec<&'static str> {
        let days = WEEK.into_iter().zip(self.rest);
        days.filter(|(_, rests)| *rests)
            .map(|(day, _)| day)
            .collect()
    }

    /// Local date and time, to the minute, with the zone's offset: `2026-03-29 23:59 +02:00`.
    pub fn local(&self, at: Moment) -> String {
        let Ok(stamp) = Timestamp::from_microsecond(at.micros()) else {
            return at.to_string();
        };
        let zoned = stamp.to_zoned_datetime(self.zone.clone());
        zoned.strftime("%Y-%m-%d %H:%M %:z").to_string()
    }
}

/// A day as text, YYYY-MM-DD.
pub(super) fn day(text: &str) -> Option<Date> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    plain.then(|| text.parse().ok()).flatten()
}

/// A day of every year as text, MM-DD.
fn yearly(text: &str) -> Option<(i8, i8)> {
    let plain = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    // A leap year has every day.
    let date: Date = plain
        .then(|| format!("2000-{text}").parse().ok())
        .flatten()?;
    Some((date.month(), date.day()))
}

fn fault(field: &'static str, index: Option<usize>, what: impl Into<String>) -> CalendarFault {
    CalendarFault {
        field,
        index,
        what: what.into(),
    }
}

/// Text of others, short and without control characters, for an error.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

impl TryFrom<&WorkingCalendar> for Calendar {
    type Error = CalendarFault;

    fn try_from(wire: &WorkingCalendar) -> Result<Self, CalendarFault> {
        let country = wire
            .country
            .parse()
            .map_err(|error| fault("country", None, format!("{error}")))?;
        let zone = (wire.time_zone.len() <= MAX_ZONE)
            .then(|| database().get(&wire.time_zone).ok())
            .flatten()
            .filter(|zone| zone.iana_name() == Some(&wire.time_zone));
        let zone = zone.ok_or_else(|| {
            let name = shown(&wire.time_zone);
            fault(
                "time_zone",
                None,
                format!("`{name}` is no IANA time zone, such as Asia/Almaty"),
            )
        })?;
        let mut rest = [false; 7];
        for (index, day) in wire.rest_days.iter().enumerate() {
            let place = usize::try_from(*day)
                .ok()
                .and_then(|day| day.checked_sub(1));
            let Some(free) = place.and_then(|place| rest.get_mut(place)) else {
                let what = format!("{day} is no day of the week, 1 (Monday) to 7 (Sunday)");
                return Err(fault("rest_days", Some(index), what));
            };
            if std::mem::replace(free, true) {
                return Err(fault("rest_days", Some(index), "is given twice"));
            }
        }
        if rest.iter().all(|free| *free) {
            return Err(fault("rest_days", None, "leave no day of the week"));
        }
        for (field, list, most) in [
            ("holidays", &wire.holidays, MAX_DAYS),
            ("worked", &wire.worked, MAX_WORKED),
        ] {
            if list.len() > most {
                return Err(fault(field, None, format!("at most {most} are allowed")));
            }
        }
        let mut every = BTreeSet::new();
        let mut holidays = BTreeSet::new();
        for (index, text) in wire.holidays.iter().enumerate() {
            let new = match (day(text), yearly(text)) {
                (Some(day), _) => holidays.insert(day),
                (None, Some(day)) => every.insert(day),
                (None, None) => {
                    let what = format!(
                        "`{}` is no day, such as 2026-03-21, or 03-21 for every year",
                        shown(text)
                    );
                    return Err(fault("holidays", Some(index), what));
                }
            };
            if !new {
                return Err(fault(
                    "holidays",
                    Some(index),
                    format!("{text} is given twice"),
                ));
            }
        }
        if every.len() > MAX_YEARLY {
            let what = format!("at most {MAX_YEARLY} come every year");
            return Err(fault("holidays", None, what));
        }
        let mut worked = BTreeSet::new();
        for (index, text) in wire.worked.iter().enumerate() {
            let day = day(text).ok_or_else(|| {
                let what = format!("`{}` is no day, such as 2026-03-21", shown(text));
                fault("worked", Some(index), what)
            })?;
            if !worked.insert(day) {
                return Err(fault(
                    "worked",
                    Some(index),
                    format!("{text} is given twice"),
                ));
            }
        }
        Ok(Self {
            country,
            zone,
            zone_name: wire.time_zone.clone(),
            rest,
            yearly: every,
            holidays,
            worked,
        })
    }
}
