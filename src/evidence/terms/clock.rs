//! The clocks of a request: what each shows at a moment.

use std::time::Duration;

use super::{
    extension::{self, Extension, ExtensionFault, Granted},
    history::{Case, Happened, History},
    profile::{Limit, Rule, Terms},
    work::{Run, run},
};
use crate::{evidence::lifecycle::Party, record::Moment, wire::record::ClockGoal};

const HOUR_US: i64 = 3_600_000_000;

/// Whom a clock with that goal obliges.
pub const fn obliged(goal: ClockGoal) -> Party {
    match goal {
        ClockGoal::InformationAnswered | ClockGoal::Returned => Party::Issuing,
        ClockGoal::Unspecified
        | ClockGoal::Acknowledged
        | ClockGoal::Decided
        | ClockGoal::Executed
        | ClockGoal::Transferred => Party::Executing,
    }
}

/// What a clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// What starts it did not happen yet.
    NotStarted,
    /// It runs.
    Running,
    /// It stands still.
    Paused {
        /// Since when.
        since: Moment,
    },
    /// It ended, and what was to happen did not.
    Late {
        /// When it ended.
        since: Moment,
    },
    /// What was to happen did.
    Met {
        /// When.
        at: Moment,
        /// After the clock's end.
        late: bool,
    },
    /// It is not asked for any more: refused, withdrawn, closed, or gone on without an answer.
    Stopped {
        /// Since when.
        at: Moment,
        /// After the clock's end.
        late: bool,
    },
}

/// What is told once of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alert {
    /// Little time is left.
    Warning,
    /// It is late.
    Late,
    /// It is late for long.
    StillLate,
}

/// A clock at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Its id in the profile.
    pub id: String,
    /// What must happen.
    pub goal: ClockGoal,
    /// How long it runs.
    pub limit: Limit,
    /// Whom it obliges.
    pub obliged: Party,
    /// What it shows.
    pub state: State,
    /// When it started.
    pub started: Option<Moment>,
    /// When it would have ended without pauses and extensions.
    pub first_due: Option<Moment>,
    /// When it ends; while it stands still, when it would if it went on now.
    pub due: Option<Moment>,
    /// How long it stood still.
    pub stood_still: Duration,
    /// When it goes on by itself, where it stands still until a day that was named.
    pub resumes_at: Option<Moment>,
    /// The extensions that count.
    pub granted: Vec<Granted>,
    /// Whether it may be extended.
    pub extension: Extension,
    /// When it is expected, by the last delay notice.
    pub expected: Option<Moment>,
    /// When is warned; `None`: not.
    pub warn_at: Option<Moment>,
    /// When it is escalated a second time; `None`: not.
    pub again_at: Option<Moment>,
    /// How often it began to run to a new end: extensions that count, or questions asked. What is told
    /// of it is told once in each round.
    pub round: u32,
    /// Article.
    pub source: String,
}

impl Clock {
    /// Whether something is awaited still.
    pub const fn is_open(&self) -> bool {
        matches!(
            self.state,
            State::Running | State::Paused { .. } | State::Late { .. }
        )
    }

    /// What is told of it and from which moment on, in order. Nothing while it does not run: a clock
    /// that stands still is told of once it goes on.
    pub fn alerts(&self) -> Vec<(Alert, Moment)> {
        let Some(due) = self.due else {
            return Vec::new();
        };
        if !matches!(self.state, State::Running | State::Late { .. }) {
            return Vec::new();
        }
        let warning = self.warn_at.map(|at| (Alert::Warning, at));
        let late = (
            Alert::Late,
            // What is done at the very moment is in time.
            Moment::from_micros(due.micros().saturating_add(1)),
        );
        let again = self.again_at.map(|at| (Alert::StillLate, at));
        warning.into_iter().chain([late]).chain(again).collect()
    }
}

/// The clocks of a request at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Those that apply, in the order of the profile.
    pub clocks: Vec<Clock>,
    /// Extension steps that do not count: their place among the events, and why.
    pub void: Vec<(usize, ExtensionFault)>,
}

/// Every clock of a request at `now`.
pub fn clocks(terms: &Terms, case: &Case, history: &History, now: Moment) -> Clocks {
    let mut void = Vec::new();
    let rules = terms.profile.clocks.iter().filter(|rule| rule.counts(case));
    let clocks = rules
        .map(|rule| {
            let run = run(terms, rule, case, history.view(), now);
            void.extend(run.void.iter().cloned());
            shown(terms, rule, case, history, run, now)
        })
        .collect();
    for (index, event) in history.events.iter().enumerate() {
        if let Happened::Extended { clock, .. } = &event.what
            && !terms.counts(case, clock)
        {
            void.push((index, ExtensionFault::NoClock(clock.clone())));
        }
    }
    void.sort_by_key(|(index, _)| *index);
    Clocks { clocks, void }
}

fn shown(
    terms: &Terms,
    rule: &Rule,
    case: &Case,
    history: &History,
    run: Run,
    now: Moment,
) -> Clock {
    let late = |at: Moment| run.due.is_some_and(|due| at > due);
    let state = match (run.met, run.ended, run.due) {
        (Some(at), _, _) => State::Met { at, late: late(at) },
        (None, Some(at), _) => State::Stopped { at, late: late(at) },
        (None, None, None) => State::NotStarted,
        (None, None, Some(due)) if now > due => State::Late { since: due },
        (None, None, Some(_)) => match run.still_since {
            Some(since) => State::Paused { since },
            None => State::Running,
        },
    };
    let extension = match extension::allowed(terms, rule, case, &run, now) {
        Ok((at_most, days)) => Extension::Allowed { at_most, days },
        Err(fault) => Extension::Refused(fault),
    };
    let expected = history
        .events
        .iter()
        .rev()
        .find_map(|event| match &event.what {
            Happened::Delayed { clock, estimate } if *clock == rule.id => Some(*estimate),
            _ => None,
        });
    let hours = |due: Moment, hours: u32, sign: i64| {
        let by = i64::from(hours)
            .saturating_mul(HOUR_US)
            .saturating_mul(sign);
        Moment::from_micros(due.micros().saturating_add(by))
    };
    let warned = run.due.filter(|_| rule.warn_hours > 0);
    let again = run.due.filter(|_| rule.escalate_hours > 0);
    Clock {
        id: rule.id.clone(),
        goal: rule.goal,
        limit: rule.limit,
        obliged: obliged(rule.goal),
        state,
        started: run.started,
        first_due: run.first_due,
        due: run.due,
        stood_still: run.stood_still,
        resumes_at: run.resumes_at,
        granted: run.granted,
        extension,
        expected,
        warn_at: warned.map(|due| {
            let at = hours(due, rule.warn_hours, -1);
            run.started.map_or(at, |started| at.max(started))
        }),
        again_at: again.map(|due| hours(due, rule.escalate_hours, 1)),
        round: run.round,
        source: rule.source.clone(),
    }
}
