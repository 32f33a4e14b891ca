//! Dates as people write them, in three calendars.

use icu_calendar::{
    Date, Iso,
    cal::Hijri,
    cal::hijri::{TabularAlgorithmEpoch, TabularAlgorithmLeapYears},
};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::digits::western;
use crate::{feed::fault::Reason, record::Moment};

/// What a date says, or why it says nothing.
pub(super) type Read<T> = Result<T, (Reason, String)>;

/// A calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Calendar {
    #[default]
    Gregorian,
    /// Of Iran and Afghanistan.
    SolarHijri,
    /// The tabular one, whose leap years are counted, not seen.
    IslamicCivil,
}

impl Calendar {
    const ALL: [Self; 3] = [Self::Gregorian, Self::SolarHijri, Self::IslamicCivil];

    pub(super) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|of| of.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no calendar `{name}` is known; calendars are {names}")
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gregorian => "gregorian",
            Self::SolarHijri => "solar-hijri",
            Self::IslamicCivil => "islamic-civil",
        }
    }

    /// Years that can be meant: those from 1900 to 2100.
    const fn years(self) -> (i32, i32) {
        match self {
            Self::Gregorian => (1900, 2100),
            Self::SolarHijri => (1278, 1479),
            Self::IslamicCivil => (1317, 1526),
        }
    }

    fn has(self, year: i32) -> bool {
        let (first, last) = self.years();
        (first..=last).contains(&year)
    }

    /// The day in the Gregorian calendar.
    fn day(self, year: i32, month: u8, day: u8) -> Option<Day> {
        let iso = match self {
            Self::Gregorian => Date::try_new_iso(year, month, day).ok()?,
            Self::SolarHijri => Date::try_new_persian(year, month, day)
                .ok()?
                .to_calendar(Iso),
            Self::IslamicCivil => {
                let civil = Hijri::new_tabular(
                    TabularAlgorithmLeapYears::TypeII,
                    TabularAlgorithmEpoch::Friday,
                );
                Date::try_new_hijri_with_calendar(year, month, day, civil)
                    .ok()?
                    .to_calendar(Iso)
            }
        };
        Some(Day {
            year: iso.year().extended_year(),
            month: iso.month().ordinal,
            day: iso.day_of_month().0,
        })
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) year: i32,
    month: u8,
    day: u8,
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// In which order a column writes dates, and what stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

/// How a column writes dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateHabit {
    order: Option<(Order, char)>,
    calendar: Calendar,
    offset: Option<UtcOffset>,
}

impl DateHabit {
    /// ISO 8601 alone.
    pub(super) const ISO: Self = Self {
        order: None,
        calendar: Calendar::Gregorian,
        offset: None,
    };

    /// The habit that a mapping names, or what is wrong with it.
    pub(super) fn named(
        date: Option<&str>,
        calendar: Option<&str>,
        offset: Option<&str>,
    ) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut keep = |fault: String| faults.push(fault);
        let order = date.map(order_named).transpose();
        let order = order.unwrap_or_else(|fault| {
            keep(fault);
            None
        });
        let calendar = calendar.map(Calendar::named).transpose();
        let calendar = calendar.unwrap_or_else(|fault| {
            keep(fault);
            None
        });
        let offset = offset.map(offset_named).transpose();
        let offset = offset.unwrap_or_else(|fault| {
            keep(fault);
            None
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            order,
            calendar: calendar.unwrap_or_default(),
            offset,
        })
    }

    /// The day that `text` names; a time behind it is left out.
    pub(super) fn day(&self, text: &str) -> Read<Day> {
        let text = western(text);
        let Some((date, behind)) = text.split_once([' ', 'T']) else {
            return self.day_of(&text);
        };
        let day = self.day_of(date)?;
        clock(behind).map(|_| day)
    }

    /// As [`Self::day`], `YYYY` and `YYYY-MM` too.
    pub(super) fn day_or_part(&self, text: &str) -> Read<String> {
        let date = western(text);
        let digits =
            |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        let (year, month) = date.split_once('-').unwrap_or((&date, "01"));
        let gregorian = year.parse().is_ok_and(|year| Calendar::Gregorian.has(year));
        let whole = self.calendar == Calendar::Gregorian && gregorian;
        if whole && digits(year, 4) && digits(month, 2) {
            return Ok(date);
        }
        self.day(text).map(|day| day.to_string())
    }

    /// A year that stands alone: of another calendar it is parts of two.
    pub(super) fn whole_year(&self, year: i32) -> Read<i32> {
        if Calendar::Gregorian.has(year) {
            return Ok(year);
        }
        Err((
            Reason::DateAmbiguous,
            format!(
                "{year} is no year of the Gregorian calendar; of another it is parts of two years: give the date"
            ),
        ))
    }

    fn day_of(&self, date: &str) -> Read<Day> {
        let invalid = |why: String| (Reason::Date, why);
        let separator = date.chars().find(|c| !c.is_ascii_digit());
        let parts: Vec<&str> = separator.map_or(vec![date], |of| date.split(of).collect());
        let number = |of: &&str| {
            let digits = of.bytes().all(|b| b.is_ascii_digit());
            of.parse::<i32>().ok().filter(|_| digits)
        };
        let numbers: Vec<i32> = parts.iter().map_while(number).collect();
        let (&[first, second, third], Some(separator), 3) =
            (numbers.as_slice(), separator, parts.len())
        else {
            return Err(invalid("not a date of year, month and day".to_owned()));
        };
        let long = |at: usize| parts.get(at).is_some_and(|part| part.len() == 4);
        // ISO 8601 with a Gregorian year means one day, whatever the habit of the column.
        if separator == '-' && long(0) && Calendar::Gregorian.has(first) {
            return judged(Calendar::Gregorian, first, second, third);
        }
        let Some((order, between)) = self.order else {
            if long(0) && separator == '-' {
                return judged(self.calendar, first, second, third);
            }
            return Err((
                Reason::DateAmbiguous,
                "the mapping does not say how this column writes dates, and this one can be read in more than one way; \
                 say date = \"day.month.year\", \"month/day/year\" or the like for the field"
                    .to_owned(),
            ));
        };
        let (year_at, year, month, day) = match order {
            Order::YearMonthDay => (0, first, second, third),
            Order::DayMonthYear => (2, third, second, first),
            Order::MonthDayYear => (2, third, first, second),
        };
        if separator != between {
            return Err((
                Reason::DateAmbiguous,
                format!(
                    "written with `{separator}` in a column that writes dates with `{between}`: it may have another order"
                ),
            ));
        }
        if !long(year_at) {
            return Err((
                Reason::DateAmbiguous,
                "the year must have four digits, where the mapping says that it stands".to_owned(),
            ));
        }
        judged(self.calendar, year, month, day)
    }

    /// The moment that `text` names: RFC 3339, or a date of the habit and a time.
    pub(super) fn moment(&self, text: &str) -> Read<Moment> {
        let text = western(text);
        if let Ok(at) = OffsetDateTime::parse(&text, &Rfc3339) {
            return Ok(at.into());
        }
        let (date, behind) = text.split_once([' ', 'T']).unwrap_or((&text, "00:00"));
        let day = self.day_of(date)?;
        let (clock, own) = clock(behind)?;
        let Some(offset) = own.or(self.offset) else {
            return Err((
                Reason::DateAmbiguous,
                "the time does not say how far it is from UTC; say offset = \"+05:00\" for the field".to_owned(),
            ));
        };
        let at = time::Month::try_from(day.month)
            .ok()
            .and_then(|month| time::Date::from_calendar_date(day.year, month, day.day).ok())
            .map(|date| date.with_time(clock));
        at.map(|at| at.assume_offset(offset).into())
            .ok_or_else(|| (Reason::Date, "there is no such time".to_owned()))
    }
}

/// A time of day, with how far it is from UTC where it says so.
fn clock(text: &str) -> Read<(time::Time, Option<UtcOffset>)> {
    clock_of(text.trim()).ok_or_else(|| {
        let why = "what stands behind the date is not HH:MM or HH:MM:SS, with an offset such as +05:00 at most";
        (Reason::Date, why.to_owned())
    })
}

fn clock_of(text: &str) -> Option<(time::Time, Option<UtcOffset>)> {
    let at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, behind) = text.split_at_checked(at)?;
    let offset = match behind {
        "" => None,
        of => Some(offset_of(of)?),
    };
    let clock = clock.trim_end();
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let digits = |of: &str| of.bytes().all(|b| b.is_ascii_digit());
    let two = |of: &str| {
        of.parse::<u8>()
            .ok()
            .filter(|_| digits(of) && of.len() <= 2)
    };
    let parts = clock.split(':').map(two).collect::<Option<Vec<u8>>>()?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] if fraction.is_empty() => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    if fraction.len() > 9 || !digits(fraction) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let time = time::Time::from_hms_nano(hour, minute, second, nanos).ok()?;
    Some((time, offset))
}

/// `Z`, `+05`, `+0500` or `+05:00`.
fn offset_of(text: &str) -> Option<UtcOffset> {
    let full = match text.len() {
        1 if text.eq_ignore_ascii_case("z") => "UTC".to_owned(),
        3 => format!("{text}:00"),
        5 => {
            let (hours, minutes) = text.split_at_checked(3)?;
            format!("{hours}:{minutes}")
        }
        _ => text.to_owned(),
    };
    offset_named(&full).ok()
}

fn judged(calendar: Calendar, year: i32, month: i32, day: i32) -> Read<Day> {
    if !calendar.has(year) {
        let (first, last) = calendar.years();
        let others = Calendar::ALL.into_iter().filter(|of| of.has(year));
        let names: Vec<&str> = others.map(Calendar::name).collect();
        let hint = if names.is_empty() {
            String::new()
        } else {
            format!(
                "; if it is one of another calendar, say calendar = {} for the field",
                names.join(" or ")
            )
        };
        return Err((
            Reason::Date,
            format!(
                "{year} is no year from {first} to {last} of the calendar {}{hint}",
                calendar.name()
            ),
        ));
    }
    let small = |of: i32| u8::try_from(of).ok();
    small(month)
        .zip(small(day))
        .and_then(|(month, day)| calendar.day(year, month, day))
        .ok_or_else(|| (Reason::Date, "there is no such day".to_owned()))
}

fn order_named(name: &str) -> Result<(Order, char), String> {
    let name = if name == "iso" {
        "year-month-day"
    } else {
        name
    };
    let between = name.chars().find(|c| !c.is_ascii_alphabetic());
    let between = between.filter(|of| ['-', '.', '/'].contains(of));
    let order = between.and_then(|of| {
        Some(match name.split(of).collect::<Vec<_>>().as_slice() {
            ["year", "month", "day"] => Order::YearMonthDay,
            ["day", "month", "year"] => Order::DayMonthYear,
            ["month", "day", "year"] => Order::MonthDayYear,
            _ => return None,
        })
    });
    order.zip(between).ok_or_else(|| {
        format!(
            "`{name}` is no habit of dates; write iso, day.month.year, day/month/year, month/day/year, year/month/day, with `-`, `.` or `/` between"
        )
    })
}

fn offset_named(text: &str) -> Result<UtcOffset, String> {
    if text == "UTC" {
        return Ok(UtcOffset::UTC);
    }
    let wrong = || format!("`{text}` is no offset from UTC, such as +05:00 or UTC");
    let at = format!("2000-01-01T00:00:00{text}");
    let at = OffsetDateTime::parse(&at, &Rfc3339).map_err(|_| wrong())?;
    Ok(at.offset())
}
