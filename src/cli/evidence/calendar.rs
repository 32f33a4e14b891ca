//! `comity evidence calendar COUNTRY`: which days are worked. It reads files and needs no node.

use clap::Args;
use jiff::{ToSpan as _, civil::Date};
use serde_json::json;

use crate::{evidence::terms::Calendar, node::system_clock, record::Country};

use super::{
    super::{
        exit::{CONFIG, Failure, NOINPUT, USAGE},
        out::Out,
    },
    profiles::{OfHome, origin},
};

/// Show the working days of a country: its time zone, rest days, and what is free in a year.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowCalendar {
    #[command(flatten)]
    of: OfHome,
    /// The country, such as KZ.
    country: Country,
    /// The year; without one the present.
    #[arg(long, value_parser = clap::value_parser!(i16).range(1970..=2200))]
    year: Option<i16>,
}

impl ShowCalendar {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let set = self.of.load()?;
        let Some(held) = set.calendar(self.country) else {
            let known: Vec<&str> = set
                .calendars()
                .map(|held| held.is.calendar.country.as_str())
                .collect();
            let what = format!(
                "there is no calendar of {0}; there are {1}. Write calendars/{0}.toml in the home",
                self.country,
                known.join(", ")
            );
            return Err(Failure::new(NOINPUT, what));
        };
        let calendar = Calendar::try_from(&held.is.calendar)
            .map_err(|fault| Failure::new(CONFIG, fault.to_string()))?;
        let year = self
            .year
            .unwrap_or_else(|| calendar.day(system_clock()()).year());
        let first =
            Date::new(year, 1, 1).map_err(|error| Failure::new(USAGE, error.to_string()))?;
        let days = std::iter::successors(Some(first), |day| day.checked_add(1.day()).ok())
            .take_while(|day| day.year() == year);
        let worked = days.clone().filter(|day| calendar.is_worked(*day)).count();
        // Rest days of the week are not listed one by one, but those among them that are worked are.
        let free: Vec<Date> = days
            .clone()
            .filter(|day| !calendar.is_worked(*day) && !calendar.rests(*day))
            .collect();
        let after_all: Vec<Date> = days
            .filter(|day| calendar.is_worked(*day) && calendar.rests(*day))
            .collect();
        let text = |days: &[Date]| days.iter().map(Date::to_string).collect::<Vec<_>>();
        if out.json() {
            return out.value(&json!({
                "country": self.country.code(),
                "from": origin(&held.origin),
                "time_zone": calendar.zone_name(),
                "rest_days": calendar.rest_days(),
                "year": year,
                "working_days": worked,
                "free": text(&free),
                "worked_after_all": text(&after_all),
                "source": held.is.source,
            }));
        }
        out.line(&format!(
            "{}  {}  {worked} working days in {year}",
            self.country,
            calendar.zone_name()
        ))?;
        out.line(&format!("from: {}", origin(&held.origin)))?;
        if !held.is.source.is_empty() {
            out.line(&format!("source: {}", held.is.source))?;
        }
        out.line(&format!("rest days: {}", list(&calendar.rest_days())))?;
        out.line(&format!("free besides: {}", list(&text(&free))))?;
        if !after_all.is_empty() {
            out.line(&format!("worked all the same: {}", list(&text(&after_all))))?;
        }
        Ok(())
    }
}

fn list<T: AsRef<str>>(of: &[T]) -> String {
    match of {
        [] => "none".to_owned(),
        some => some
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
