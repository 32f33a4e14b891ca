//! Profiles in words: the names that data files and people use.

use super::profile::Limit;
use crate::wire::record::{ClockGoal, ClockStart, RefusalGround, Urgency};

fn stripped(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// A goal as profiles write it, such as `DECIDED`.
pub fn goal_name(goal: ClockGoal) -> &'static str {
    stripped(goal.as_str_name(), "CLOCK_GOAL_")
}

/// A start as profiles write it, such as `RECEIVED`.
pub fn start_name(start: ClockStart) -> &'static str {
    stripped(start.as_str_name(), "CLOCK_START_")
}

/// An urgency as profiles write it, such as `URGENT_DIRECT`.
pub fn urgency_name(urgency: Urgency) -> &'static str {
    stripped(urgency.as_str_name(), "URGENCY_")
}

/// A refusal ground as profiles write it, such as `E_D_NE_BIS_IN_IDEM`.
pub fn ground_name(ground: RefusalGround) -> &'static str {
    stripped(ground.as_str_name(), "REFUSAL_GROUND_")
}

/// How long a clock runs, in words.
pub fn limit_words(limit: Limit) -> String {
    let many = |count: u32, unit: &str| {
        let s = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{s}")
    };
    match limit {
        Limit::Hours(hours) => many(hours, "hour"),
        Limit::CalendarDays(days) => many(days, "calendar day"),
        Limit::WorkingDays(days) => many(days, "working day"),
        Limit::AgreedDate => "agreed date".to_owned(),
    }
}
