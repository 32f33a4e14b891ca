//! Whether a clock may be extended: as far as the profile allows, while it runs.

use super::{
    clock::obliged,
    count::{Counter, days_between},
    history::{Case, History},
    profile::{Limit, Rule, Terms},
    work::{Run, run},
};
use crate::{evidence::lifecycle::Party, record::Moment};

/// Hours of a day of a clock that counts hours.
const DAY_US: i64 = 86_400_000_000;
/// How often a clock is extended at most.
pub(super) const MAX_TIMES: usize = 16;

/// Why an extension is not taken. The step is void then, at both sides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionFault {
    /// The profile has no such clock, or the request's urgency gives none.
    #[error("no clock `{0}` counts for this request")]
    NoClock(String),
    /// It obliges the other side.
    #[error("clock `{0}` obliges the issuing side, so the executing side cannot extend it")]
    NotOurs(String),
    /// The profile allows none.
    #[error("the profile does not let clock `{0}` be extended")]
    NotAllowed(String),
    /// It did not start.
    #[error("clock `{0}` has not started")]
    NotStarted(String),
    /// It is met, or nothing is sought any more.
    #[error("clock `{0}` does not run any more")]
    Over(String),
    /// It ended.
    #[error("clock `{clock}` ended on {due}; it is extended before it ends")]
    Ended {
        /// The clock.
        clock: String,
        /// When it ended.
        due: Moment,
    },
    /// It stands still.
    #[error("clock `{0}` stands still, so there is nothing to extend yet")]
    Still(String),
    /// Not further away.
    #[error("clock `{clock}` runs until {due} anyway; an extension goes beyond it")]
    NotLater {
        /// The clock.
        clock: String,
        /// Until when it runs.
        due: Moment,
    },
    /// Too far.
    #[error("clock `{clock}` may be extended until {at_most} at most, by {days} days in all")]
    TooFar {
        /// The clock.
        clock: String,
        /// The last moment.
        at_most: Moment,
        /// The days of the profile.
        days: u32,
    },
    /// Too often.
    #[error("clock `{0}` was extended {MAX_TIMES} times, which is as often as it may be")]
    TooOften(String),
    /// Used up.
    #[error("clock `{clock}` was extended by the {days} days that the profile allows")]
    UsedUp {
        /// The clock.
        clock: String,
        /// The days of the profile.
        days: u32,
    },
}

/// An extension that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// When it was given.
    pub at: Moment,
    /// Until when.
    pub until: Moment,
    /// How many days of the profile's it took.
    pub days: u32,
}

/// Whether a clock may be extended now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// It may.
    Allowed {
        /// Until when at most.
        at_most: Moment,
        /// Days that are left.
        days: u32,
    },
    /// It may not.
    Refused(ExtensionFault),
}

/// Judges an extension step that was taken at `at`, after what `history` tells: the steps before it
/// in the order of both sides. Both sides come to the same answer.
///
/// # Errors
/// [`ExtensionFault`], the reason by which the step is void.
pub fn judge(
    terms: &Terms,
    case: &Case,
    history: &History,
    clock: &str,
    until: Moment,
    at: Moment,
) -> Result<Granted, ExtensionFault> {
    let none = || ExtensionFault::NoClock(clock.chars().take(64).collect());
    let rules = &terms.profile.clocks;
    let rule = rules
        .iter()
        .find(|rule| rule.id == clock && rule.counts(case))
        .ok_or_else(none)?;
    let run = run(terms, rule, case, history.view(), at);
    granted(terms, rule, case, &run, until, at)
}

/// What an extension until a moment takes, given at another.
pub(super) fn granted(
    terms: &Terms,
    rule: &Rule,
    case: &Case,
    run: &Run,
    until: Moment,
    at: Moment,
) -> Result<Granted, ExtensionFault> {
    let at_most = allowed(terms, rule, case, run, at)?.0;
    let due = run.due.unwrap_or(at);
    let clock = rule.id.clone();
    if until <= due {
        return Err(ExtensionFault::NotLater { clock, due });
    }
    if until > at_most {
        let days = rule.extension_days;
        return Err(ExtensionFault::TooFar {
            clock,
            at_most,
            days,
        });
    }
    Ok(Granted {
        at,
        until,
        days: taken(terms, rule, due, until),
    })
}

/// Until when a clock may be extended at `at`, and how many days are left.
pub(super) fn allowed(
    terms: &Terms,
    rule: &Rule,
    case: &Case,
    run: &Run,
    at: Moment,
) -> Result<(Moment, u32), ExtensionFault> {
    let clock = || rule.id.clone();
    if obliged(rule.goal) == Party::Issuing {
        return Err(ExtensionFault::NotOurs(clock()));
    }
    if rule.extension_days == 0 {
        return Err(ExtensionFault::NotAllowed(clock()));
    }
    if run.met.is_some() || run.ended.is_some() {
        return Err(ExtensionFault::Over(clock()));
    }
    let Some(due) = run.due else {
        return Err(ExtensionFault::NotStarted(clock()));
    };
    if at > due {
        return Err(ExtensionFault::Ended {
            clock: clock(),
            due,
        });
    }
    if run.still_since.is_some() {
        return Err(ExtensionFault::Still(clock()));
    }
    if run.granted.len() >= MAX_TIMES {
        return Err(ExtensionFault::TooOften(clock()));
    }
    let used = run.granted.iter().map(|granted| granted.days);
    let used = used.fold(0_u32, u32::saturating_add);
    let days = rule.extension_days.saturating_sub(used);
    if days == 0 {
        return Err(ExtensionFault::UsedUp {
            clock: clock(),
            days: rule.extension_days,
        });
    }
    let at_most = match rule.limit {
        Limit::Hours(_) => {
            let more = i64::from(days).saturating_mul(DAY_US);
            Moment::from_micros(due.micros().saturating_add(more))
        }
        Limit::CalendarDays(_) | Limit::WorkingDays(_) | Limit::AgreedDate => {
            let counter = Counter {
                calendar: &terms.calendar,
                limit: rule.limit,
                agreed: case.execute_by,
            };
            let last = terms.calendar.day(due);
            let last = last.saturating_add(jiff::Span::new().days(days));
            terms.calendar.end_of(counter.next_worked(last))
        }
    };
    Ok((at_most, days))
}

/// How many days an extension takes: of a clock by days those of the calendar, of one by hours each 24
/// hours that are begun.
fn taken(terms: &Terms, rule: &Rule, due: Moment, until: Moment) -> u32 {
    let days = match rule.limit {
        Limit::Hours(_) => {
            let more = until.micros().saturating_sub(due.micros());
            more.saturating_add(DAY_US.saturating_sub(1)) / DAY_US
        }
        Limit::CalendarDays(_) | Limit::WorkingDays(_) | Limit::AgreedDate => {
            days_between(terms.calendar.day(due), terms.calendar.day(until))
        }
    };
    u32::try_from(days).unwrap_or(u32::MAX).max(1)
}
