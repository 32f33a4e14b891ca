//! The rules of an agreement profile as it travels with a request.

use super::super::{At, Checker, MAX_LINE, MAX_LIST, MAX_NOTE, Text};
use super::request::MAX_PROFILE_ID;
use crate::record::Rule;
use crate::wire::record::{
    AgreementProfile, ClockGoal, ClockRule, ClockStart, RefusalGround, Urgency, WorkingCalendar,
    clock_rule::Limit,
};

/// Most clocks of a profile.
const MAX_CLOCKS: usize = 32;
/// Most holidays, and most days worked, of a calendar.
const MAX_DAYS: usize = 1000;
/// Longest limit: ten years, in hours and in days.
const MAX_HOURS: u32 = 87_600;
const MAX_LIMIT_DAYS: u32 = 3_650;

pub(super) fn check(checker: &mut Checker, at: At<'_>, of: &AgreementProfile) {
    let line = Text::line(MAX_LINE);
    let id = Text::line(MAX_PROFILE_ID).required();
    checker.text(at.field("id"), &of.id, id);
    checker.text(at.field("title"), &of.title, line.required());
    checker.text(at.field("source"), &of.source, Text::lines(MAX_NOTE));
    let list = at.field("clocks");
    if of.clocks.is_empty() {
        checker.required(list, "at least one clock");
    }
    checker.at_most(list, of.clocks.len(), MAX_CLOCKS);
    let mut seen = std::collections::HashSet::new();
    for (index, rule) in of.clocks.iter().take(MAX_CLOCKS).enumerate() {
        let item = list.item(index);
        if !seen.insert(rule.id.as_str()) {
            checker.found(item.field("id"), Rule::Duplicate, "this id is given twice");
        }
        clock(checker, item, rule);
    }
    match &of.calendar {
        Some(of) => calendar(checker, at.field("calendar"), of),
        None => checker.required(
            at.field("calendar"),
            "the calendar of the executing country",
        ),
    }
    checker.codes::<RefusalGround>(at.field("refusalGrounds"), &of.refusal_grounds, false);
}

fn clock(checker: &mut Checker, at: At<'_>, of: &ClockRule) {
    let id = Text::line(MAX_PROFILE_ID).required();
    checker.text(at.field("id"), &of.id, id);
    checker.code::<ClockGoal>(at.field("goal"), of.goal, true);
    checker.code::<ClockStart>(at.field("starts"), of.starts, true);
    checker.codes::<Urgency>(at.field("urgencies"), &of.urgencies, false);
    checker.text(at.field("source"), &of.source, Text::line(MAX_LINE));
    let mut range = |name, value: u32, least: u32, most: u32| {
        if !(least..=most).contains(&value) {
            checker.out_of_range(at.field(name), value, format!("from {least} to {most}"));
        }
    };
    match of.limit {
        Some(Limit::Hours(hours)) => range("hours", hours, 1, MAX_HOURS),
        Some(Limit::CalendarDays(days)) => range("calendarDays", days, 1, MAX_LIMIT_DAYS),
        Some(Limit::WorkingDays(days)) => range("workingDays", days, 1, MAX_LIMIT_DAYS),
        Some(Limit::AgreedDate(true)) => {}
        Some(Limit::AgreedDate(false)) | None => checker.required(
            at,
            "a limit, exactly one of hours, calendarDays, workingDays, agreedDate,",
        ),
    }
    let mut range = |name, value: u32, most: u32| {
        if value > most {
            checker.out_of_range(at.field(name), value, format!("from 0 to {most}"));
        }
    };
    range("extensionDays", of.extension_days, MAX_LIMIT_DAYS);
    range("warnHours", of.warn_hours, MAX_HOURS);
    range("escalateHours", of.escalate_hours, MAX_HOURS);
}

fn calendar(checker: &mut Checker, at: At<'_>, of: &WorkingCalendar) {
    checker.country(at.field("country"), &of.country, true);
    let zone = Text::line(64).required();
    checker.text(at.field("timeZone"), &of.time_zone, zone);
    let rest_at = at.field("restDays");
    checker.at_most(rest_at, of.rest_days.len(), 6);
    for (index, day) in of.rest_days.iter().take(6).enumerate() {
        if !(1..=7).contains(day) {
            checker.out_of_range(rest_at.item(index), day, "from 1 (Monday) to 7 (Sunday)");
        }
    }
    let list_at = at.field("holidays");
    checker.at_most(list_at, of.holidays.len(), MAX_DAYS);
    for (index, day) in of.holidays.iter().take(MAX_DAYS).enumerate() {
        // A day of every year is a day of a leap year.
        let whole = match day.len() {
            5 => format!("2024-{day}"),
            _ => day.clone(),
        };
        if checker.date(list_at.item(index), &whole).is_none() && day.is_empty() {
            checker.required(list_at.item(index), "a day, YYYY-MM-DD or MM-DD,");
        }
    }
    let list_at = at.field("worked");
    checker.at_most(list_at, of.worked.len(), MAX_LIST);
    for (index, day) in of.worked.iter().take(MAX_LIST).enumerate() {
        if checker.date(list_at.item(index), day).is_none() && day.is_empty() {
            checker.required(list_at.item(index), "a day, YYYY-MM-DD,");
        }
    }
}
