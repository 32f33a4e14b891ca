//! When a clock ends: days, working days and hours from a moment on, without the times at which it
//! stood still.

use jiff::{ToSpan, civil::Date};

use super::{
    calendar::{Calendar, FARTHEST},
    profile::Limit,
};
use crate::record::Moment;

/// A time at which a clock stood still; the end is not before the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Still {
    pub(super) from: Moment,
    pub(super) until: Moment,
}

/// From where is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The clock's start.
    Start(Moment),
    /// An extension that was given at a moment until another.
    Extended { at: Moment, until: Moment },
}

impl Anchor {
    /// Times before it count no more: they are in what it begins with.
    const fn from(self) -> Moment {
        match self {
            Self::Start(from) | Self::Extended { at: from, .. } => from,
        }
    }
}

/// By what is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) limit: Limit,
    /// The day agreed on.
    pub(super) agreed: Option<Date>,
}

impl Counter<'_> {
    /// When the clock ends; `None` for one on an agreed date where there is none. `still` is in order
    /// of beginning.
    pub(super) fn due(&self, anchor: Anchor, still: &[Still]) -> Option<Moment> {
        let begun = anchor.from();
        let still: Vec<Still> = still
            .iter()
            .filter(|still| still.until >= begun)
            .map(|still| Still {
                from: still.from.max(begun),
                until: still.until,
            })
            .collect();
        Some(match (anchor, self.limit) {
            (Anchor::Start(start), Limit::Hours(hours)) => {
                let micros = i64::from(hours).saturating_mul(3_600_000_000);
                let end = start.micros().saturating_add(micros);
                moved(Moment::from_micros(end), &still)
            }
            (Anchor::Extended { until, .. }, Limit::Hours(_)) => moved(until, &still),
            (Anchor::Start(start), Limit::CalendarDays(days)) => {
                let first = self.calendar.day(start);
                let day = self.walk(first, days, false, &still);
                self.calendar.end_of(self.rolled(day, &still))
            }
            (Anchor::Start(start), Limit::WorkingDays(days)) => {
                let first = self.calendar.day(start);
                self.calendar.end_of(self.walk(first, days, true, &still))
            }
            (Anchor::Start(start), Limit::AgreedDate) => {
                let end = self.calendar.end_of(self.agreed?);
                self.until(start, end, &still)
            }
            (
                Anchor::Extended { at, until },
                Limit::CalendarDays(_) | Limit::WorkingDays(_) | Limit::AgreedDate,
            ) => self.until(at, until, &still),
        })
    }

    /// An end that was named, further away by the days on which the clock stood still before it.
    fn until(&self, from: Moment, end: Moment, still: &[Still]) -> Moment {
        let first = self.calendar.day(from);
        let named = self.calendar.day(end);
        let days = u32::try_from(days_between(first, named)).unwrap_or(0);
        if days == 0 {
            return end;
        }
        let day = self.walk(first, days, false, still);
        if day == named {
            return end;
        }
        self.calendar.end_of(self.rolled(day, still))
    }

    /// The day on which so many days after `first` have been counted.
    fn walk(&self, first: Date, days: u32, working: bool, still: &[Still]) -> Date {
        let still = self.days(still);
        let mut day = first;
        let mut counted = 0;
        for _ in 0..FARTHEST {
            if counted >= days {
                break;
            }
            day = day.saturating_add(1.day());
            if !stands(&still, day) && (!working || self.calendar.is_worked(day)) {
                counted = counted.saturating_add(1);
            }
        }
        day
    }

    /// The day itself, or the next one that is worked and on which the clock did not stand still.
    fn rolled(&self, day: Date, still: &[Still]) -> Date {
        let still = self.days(still);
        let mut rolled = day;
        for _ in 0..FARTHEST {
            if self.calendar.is_worked(rolled) && !stands(&still, rolled) {
                break;
            }
            rolled = rolled.saturating_add(1.day());
        }
        rolled
    }

    /// The next working day from a day on.
    pub(super) fn next_worked(&self, day: Date) -> Date {
        self.rolled(day, &[])
    }

    /// First and last day of each time; those that follow each other are one.
    fn days(&self, still: &[Still]) -> Vec<(Date, Date)> {
        let mut days: Vec<(Date, Date)> = Vec::new();
        for still in still {
            let from = self.calendar.day(still.from);
            // Midnight is the end of the day before.
            let last = still.until.micros().saturating_sub(1);
            let until = self.calendar.day(Moment::from_micros(last)).max(from);
            match days.last_mut() {
                Some((_, end)) if from <= *end => *end = until.max(*end),
                _ => days.push((from, until)),
            }
        }
        days
    }
}

/// Whether a clock stood still on a day, by times in order that do not meet.
fn stands(still: &[(Date, Date)], day: Date) -> bool {
    let before = still.partition_point(|(from, _)| *from <= day);
    let last = before.checked_sub(1).and_then(|at| still.get(at));
    last.is_some_and(|(_, until)| day <= *until)
}

/// An end by hours, further away by the times that began before it.
fn moved(end: Moment, still: &[Still]) -> Moment {
    let mut end = end;
    let mut covered = Moment::from_micros(i64::MIN);
    for still in still {
        let from = still.from.max(covered);
        if from > end {
            break;
        }
        end = end + still.until.since(from);
        covered = covered.max(still.until);
    }
    end
}

/// Days from one to another; negative when the other comes first.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_secs() / 86_400
}
