//! Works one clock out from what happened: when it started and ends, and what it stood still.

use std::time::Duration;

use super::{
    count::{Anchor, Counter, Still},
    extension::{self, ExtensionFault, Granted},
    history::{Case, Happened, View, Wait},
    profile::{Rule, Terms},
};
use crate::{
    record::Moment,
    wire::record::{ClockGoal, ClockStart},
};

/// What the steps make of a clock.
pub(super) struct Run {
    pub(super) started: Option<Moment>,
    pub(super) met: Option<Moment>,
    pub(super) ended: Option<Moment>,
    pub(super) first_due: Option<Moment>,
    pub(super) due: Option<Moment>,
    pub(super) still_since: Option<Moment>,
    pub(super) stood_still: Duration,
    pub(super) resumes_at: Option<Moment>,
    pub(super) granted: Vec<Granted>,
    pub(super) round: u32,
    pub(super) void: Vec<(usize, ExtensionFault)>,
}

/// Works one clock out from what happened, at `now`.
pub(super) fn run(terms: &Terms, rule: &Rule, case: &Case, history: View<'_>, now: Moment) -> Run {
    let mut granted = Vec::new();
    let mut void = Vec::new();
    for (index, event) in history.events.iter().enumerate() {
        let Happened::Extended { clock, until } = &event.what else {
            continue;
        };
        if *clock != rule.id {
            continue;
        }
        // Only what came before an extension decides on it.
        let before = history.before(index);
        let then = worked_out(terms, rule, case, before, event.at, granted.clone());
        match extension::granted(terms, rule, case, &then, *until, event.at) {
            Ok(new) => granted.push(new),
            Err(fault) => void.push((index, fault)),
        }
    }
    let run = worked_out(terms, rule, case, history, now, granted);
    Run { void, ..run }
}

/// The clock with the extensions that count.
fn worked_out(
    terms: &Terms,
    rule: &Rule,
    case: &Case,
    history: View<'_>,
    now: Moment,
    granted: Vec<Granted>,
) -> Run {
    let questions = history.questions();
    let (started, met, ended) = bounds(rule, history, &questions);
    let waits = waits(rule, history, &questions);
    let horizon = met.or(ended);
    let still: Vec<Still> = waits
        .iter()
        .filter_map(|wait| still(wait, started?, horizon, now))
        .collect();
    let counter = Counter {
        calendar: &terms.calendar,
        limit: rule.limit,
        agreed: case.execute_by,
    };
    let anchor = started.map(|started| match granted.last() {
        Some(last) => Anchor::Extended {
            at: last.at,
            until: last.until,
        },
        None => Anchor::Start(started),
    });
    let stands = |wait: &&Wait| wait.from <= now && wait.until.is_none_or(|until| now < until);
    let here = waits.iter().find(stands).filter(|_| horizon.is_none());
    let round = if rule.starts == ClockStart::InformationRequested {
        questions.len()
    } else {
        granted.len()
    };
    Run {
        started,
        met,
        ended,
        first_due: started.and_then(|at| counter.due(Anchor::Start(at), &[])),
        due: anchor.and_then(|anchor| counter.due(anchor, &still)),
        still_since: started.and_then(|started| here.map(|wait| wait.from.max(started))),
        stood_still: total(&still),
        resumes_at: here.and_then(|wait| wait.until),
        round: u32::try_from(round).unwrap_or(u32::MAX),
        granted,
        void: Vec::new(),
    }
}

/// When a clock started, was met, and stopped.
fn bounds(
    rule: &Rule,
    history: View<'_>,
    questions: &[Wait],
) -> (Option<Moment>, Option<Moment>, Option<Moment>) {
    let ended = history.ended();
    if rule.starts == ClockStart::InformationRequested {
        let Some(wait) = questions.last() else {
            return (None, None, ended);
        };
        let met = wait.until.filter(|_| wait.answered);
        let stopped = wait.until.filter(|_| !wait.answered).or(ended);
        return (Some(wait.from), met, stopped);
    }
    let started = history.started(rule.starts);
    let met = history.reached(rule.goal);
    // What meets a clock that never started leaves it met all the same: it is not asked for.
    (started, met, ended)
}

/// The times at which a clock stands still, in order of beginning.
fn waits(rule: &Rule, history: View<'_>, questions: &[Wait]) -> Vec<Wait> {
    let mut waits = Vec::new();
    if rule.pauses {
        waits.extend_from_slice(questions);
    }
    if matches!(rule.goal, ClockGoal::Executed | ClockGoal::Transferred) {
        waits.extend(history.postponements());
    }
    waits.sort_by_key(|wait| (wait.from, wait.until));
    waits
}

/// The part of a time that counts: from the clock's start, and until it was met or stopped.
fn still(wait: &Wait, started: Moment, horizon: Option<Moment>, now: Moment) -> Option<Still> {
    let from = wait.from.max(started);
    let mut until = wait.until.unwrap_or(now);
    if let Some(horizon) = horizon {
        if from > horizon {
            return None;
        }
        until = until.min(horizon);
    }
    if wait.until.is_some_and(|until| until < started) {
        return None;
    }
    Some(Still {
        from,
        until: until.max(from),
    })
}

/// How long in all, with times that overlap counted once.
fn total(still: &[Still]) -> Duration {
    let mut covered = Moment::from_micros(i64::MIN);
    let mut total = Duration::ZERO;
    for still in still {
        total = total.saturating_add(still.until.since(still.from.max(covered)));
        covered = covered.max(still.until);
    }
    total
}
