//! Clocks in words, for lists and screens.

use crate::{
    record::Moment,
    wire::node::{EvidenceCase, EvidenceClock, EvidenceClockState, EvidenceSide},
};

use super::super::out::moment;

fn at(us: i64) -> String {
    moment(Moment::from_micros(us))
}

/// The clock of a request that ends first, in one cell.
pub(super) fn brief(case: &EvidenceCase) -> String {
    let open = |clock: &&EvidenceClock| {
        matches!(
            clock.state(),
            EvidenceClockState::Running | EvidenceClockState::Late
        )
    };
    if let Some(clock) = case
        .clocks
        .iter()
        .filter(open)
        .min_by_key(|clock| clock.due_us)
    {
        let late = match clock.state() {
            EvidenceClockState::Late => "LATE since",
            _ => "by",
        };
        return format!("{} {late} {}", clock.id, at(clock.due_us));
    }
    let paused = |clock: &&EvidenceClock| clock.state() == EvidenceClockState::Paused;
    case.clocks
        .iter()
        .find(paused)
        .map_or_else(String::new, |clock| format!("{} stands still", clock.id))
}

/// The clocks of a request, and what to know of its profile.
pub(super) fn lines(case: &EvidenceCase) -> Vec<String> {
    let mut lines = Vec::new();
    if !case.clocks.is_empty() {
        lines.push(String::new());
    }
    for clock in &case.clocks {
        lines.push(state(clock));
        lines.extend(details(clock).into_iter().map(|line| format!("    {line}")));
    }
    let notices = case.terms_notices.iter();
    lines.extend(notices.map(|notice| format!("NOTICE  {notice}")));
    lines
}

fn state(clock: &EvidenceClock) -> String {
    let due = match clock.due_local.as_str() {
        "" => at(clock.due_us),
        local => format!("{} ({local})", at(clock.due_us)),
    };
    let late = if clock.late { ", late" } else { "" };
    let shows = match clock.state() {
        EvidenceClockState::NotStarted => "not started".to_owned(),
        EvidenceClockState::Running => format!("runs until {due}"),
        EvidenceClockState::Paused => {
            format!(
                "stands still since {}; if it went on now, until {due}",
                at(clock.since_us)
            )
        }
        EvidenceClockState::Late => format!("LATE, ended {due}"),
        EvidenceClockState::Met if clock.due_us == 0 => format!("met {}", at(clock.since_us)),
        EvidenceClockState::Met => format!("met {}{late}; ended {due}", at(clock.since_us)),
        EvidenceClockState::Stopped => format!("stopped {}{late}", at(clock.since_us)),
        EvidenceClockState::Unspecified => "?".to_owned(),
    };
    format!("clock {}  {shows}", clock.id)
}

fn details(clock: &EvidenceClock) -> Vec<String> {
    let who = match clock.obliged() {
        EvidenceSide::Issuing => "the issuing side",
        EvidenceSide::Executing => "the executing side",
        EvidenceSide::Unspecified => "nobody",
    };
    let goal = clock.goal().as_str_name();
    let goal = goal.strip_prefix("CLOCK_GOAL_").unwrap_or(goal);
    let mut lines = vec![format!(
        "{goal} by {who} within {}; {}",
        clock.limit, clock.source
    )];
    if clock.stood_still_s > 0 {
        lines.push(format!("stood still for {}", long(clock.stood_still_s)));
    }
    let open = matches!(
        clock.state(),
        EvidenceClockState::Running | EvidenceClockState::Paused | EvidenceClockState::Late
    );
    if clock.extensions > 0 {
        lines.push(format!("extended {} times", clock.extensions));
    }
    if open && clock.extendable_until_us != 0 {
        lines.push(format!(
            "may be extended until {}, by {} days",
            at(clock.extendable_until_us),
            clock.extension_days_left
        ));
    }
    if open && clock.expected_us != 0 {
        lines.push(format!("expected {}", at(clock.expected_us)));
    }
    for (us, what) in [
        (clock.warned_us, "warned"),
        (clock.escalated_us, "escalated"),
        (clock.escalated_again_us, "escalated again"),
    ] {
        if us != 0 {
            lines.push(format!("{what} {}", at(us)));
        }
    }
    lines
}

/// Seconds as days, hours and minutes.
fn long(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h {minutes} min"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}
