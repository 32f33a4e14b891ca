//! Due dates as iCalendar (RFC 5545), for the calendars that officers have.
//!
//! An event for each clock that is open, at the moment at which it ends. What stands in it is the
//! reference, the clock and the times, for a calendar is seen by others and leaves the node's protection:
//! no title, no facts, no person. Its UID is made of reference and clock, so that an event that is exported
//! again moves and is not there twice.

use std::{fmt, str::FromStr};

use icalendar::{Alarm, CalendarDateTime, Component, Event, EventLike, Property};
use jiff::Timestamp;

use super::{
    clock::{Clock, State},
    show::goal_name,
};
use crate::{record::Moment, wire::record::ClockGoal};

/// Media type of what [`write()`] makes.
pub const MEDIA_TYPE: &str = "text/calendar; charset=utf-8";

/// A clock of a request that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The request's reference, such as UZ-26-000412-K.
    pub reference: String,
    /// The clock's id in the profile.
    pub clock: String,
    /// What must happen.
    pub goal: ClockGoal,
    /// When it ends.
    pub due: Moment,
    /// When is warned; `None`: not.
    pub warn_at: Option<Moment>,
    /// How often it began to run to a new end.
    pub round: u32,
    /// Whether it stands still, so that its end moves.
    pub stands_still: bool,
}

impl Entry {
    /// Of a clock; `None` for one that is not open.
    pub fn of(reference: &str, clock: &Clock) -> Option<Self> {
        let due = clock.due.filter(|_| clock.is_open())?;
        Some(Self {
            reference: reference.to_owned(),
            clock: clock.id.clone(),
            goal: clock.goal,
            due,
            warn_at: clock.warn_at,
            round: clock.round,
            stands_still: matches!(clock.state, State::Paused { .. }),
        })
    }
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IcsError {
    /// A moment that no calendar knows.
    #[error("clock `{clock}` of {reference} ends at {due}, which a calendar cannot show")]
    Moment {
        /// The request.
        reference: String,
        /// The clock.
        clock: String,
        /// The moment.
        due: Moment,
    },
    /// The text could not be made.
    #[error("the calendar could not be written: {0}")]
    Write(#[from] fmt::Error),
}

/// Writes a calendar of clocks. The same clocks at the same `now` give the same text.
///
/// # Errors
/// [`IcsError`].
pub fn write(entries: &[Entry], now: Moment) -> Result<String, IcsError> {
    let mut calendar = icalendar::Calendar::empty();
    for (key, value) in [
        ("VERSION", "2.0"),
        (
            "PRODID",
            concat!("-//Comity//", env!("CARGO_PKG_VERSION"), "//EN"),
        ),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
    ] {
        calendar.append_property(Property::new(key, value));
    }
    for entry in entries {
        calendar.push(event(entry, now)?);
    }
    let mut text = String::new();
    fmt::write(&mut text, format_args!("{calendar}"))?;
    Ok(text)
}

fn event(entry: &Entry, now: Moment) -> Result<Event, IcsError> {
    let Entry {
        reference,
        clock,
        due,
        ..
    } = entry;
    let unknown = || IcsError::Moment {
        reference: reference.clone(),
        clock: clock.clone(),
        due: *due,
    };
    let start = stamp(*due).ok_or_else(unknown)?;
    let written = stamp(now).ok_or_else(unknown)?;
    let words = format!("{reference} {clock}");
    let uid = format!("{reference}.{clock}@comity");
    let status = match entry.stands_still {
        true => "TENTATIVE",
        false => "CONFIRMED",
    };
    let mut event = Event::new();
    event
        .summary(&words)
        .uid(&uid)
        .add_property("DTSTAMP", &written)
        .add_property("DTSTART", &start)
        .add_property("SEQUENCE", entry.round.to_string())
        .add_property("STATUS", status)
        .add_property("TRANSP", "TRANSPARENT")
        .add_property("CATEGORIES", goal_name(entry.goal));
    if let Some(warn) = entry.warn_at {
        let at = CalendarDateTime::from_str(&start).map_err(|_| unknown())?;
        let minutes = due.since(warn).as_secs() / 60;
        let mut alarm = Alarm::display(&words, at);
        alarm
            .uid(&format!("{reference}.{clock}.warning@comity"))
            .add_property("DTSTAMP", &written)
            // Before the start, so that it moves with the event.
            .append_property(Property::new("TRIGGER", format!("-PT{minutes}M")));
        event.alarm(alarm);
    }
    Ok(event)
}

/// A moment as DATE-TIME in UTC, without fractions.
fn stamp(at: Moment) -> Option<String> {
    let at = Timestamp::from_second(at.micros().div_euclid(1_000_000)).ok()?;
    Some(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}
