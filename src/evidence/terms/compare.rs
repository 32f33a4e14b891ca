//! What differs between the terms of a request and those that the other side holds itself.

use super::{
    profile::Profile,
    show::{goal_name, limit_words, start_name, urgency_name},
};
use crate::wire::record::{AgreementProfile, WorkingCalendar};

/// Most differences told; more are counted.
const MAX_TOLD: usize = 16;

/// In words what differs: `theirs` came with a request, `ours` is what this node would have put into
/// it. Empty when clocks count alike. Titles and sources are not compared: they count nothing.
pub fn differences(ours: &AgreementProfile, theirs: &AgreementProfile) -> Vec<String> {
    let mut found = Vec::new();
    match (Profile::try_from(ours), Profile::try_from(theirs)) {
        (Ok(ours), Ok(theirs)) => profiles(&ours, &theirs, &mut found),
        // Both were checked when they came; if not, that is all there is to say.
        _ => found.push("one of the profiles cannot be read".to_owned()),
    }
    let none = WorkingCalendar::default();
    calendars(
        ours.calendar.as_ref().unwrap_or(&none),
        theirs.calendar.as_ref().unwrap_or(&none),
        &mut found,
    );
    let more = found.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        found.truncate(MAX_TOLD);
        found.push(format!("and {more} more"));
    }
    found
}

fn profiles(ours: &Profile, theirs: &Profile, found: &mut Vec<String>) {
    for own in &ours.clocks {
        let Some(their) = theirs.clocks.iter().find(|clock| clock.id == own.id) else {
            found.push(format!("clock `{}` is missing there", own.id));
            continue;
        };
        let urgencies = |of: &super::Rule| {
            let names: Vec<&str> = of.urgencies.iter().map(|of| urgency_name(*of)).collect();
            if names.is_empty() {
                "all".to_owned()
            } else {
                names.join(", ")
            }
        };
        for (field, here, there) in [
            (
                "goal",
                goal_name(own.goal).to_owned(),
                goal_name(their.goal).to_owned(),
            ),
            (
                "start",
                start_name(own.starts).to_owned(),
                start_name(their.starts).to_owned(),
            ),
            ("urgencies", urgencies(own), urgencies(their)),
            ("limit", limit_words(own.limit), limit_words(their.limit)),
            ("pauses", own.pauses.to_string(), their.pauses.to_string()),
            (
                "extension_days",
                own.extension_days.to_string(),
                their.extension_days.to_string(),
            ),
            (
                "warn_hours",
                own.warn_hours.to_string(),
                their.warn_hours.to_string(),
            ),
            (
                "escalate_hours",
                own.escalate_hours.to_string(),
                their.escalate_hours.to_string(),
            ),
        ] {
            if here != there {
                found.push(format!(
                    "clock `{}`: {field} is {there} there and {here} here",
                    own.id
                ));
            }
        }
    }
    for their in &theirs.clocks {
        if !ours.clocks.iter().any(|clock| clock.id == their.id) {
            found.push(format!("clock `{}` is missing here", their.id));
        }
    }
    let mut grounds = [ours.refusal_grounds.clone(), theirs.refusal_grounds.clone()];
    grounds
        .iter_mut()
        .for_each(|grounds| grounds.sort_unstable());
    if grounds.first() != grounds.last() {
        found.push("the refusal grounds differ".to_owned());
    }
}

fn calendars(ours: &WorkingCalendar, theirs: &WorkingCalendar, found: &mut Vec<String>) {
    if ours.time_zone != theirs.time_zone {
        found.push(format!(
            "the time zone is {} there and {} here",
            theirs.time_zone, ours.time_zone
        ));
    }
    let mut rest = [ours.rest_days.clone(), theirs.rest_days.clone()];
    rest.iter_mut().for_each(|days| days.sort_unstable());
    if rest.first() != rest.last() {
        found.push("the rest days differ".to_owned());
    }
    for (what, ours, theirs) in [
        ("a holiday", &ours.holidays, &theirs.holidays),
        ("worked", &ours.worked, &theirs.worked),
    ] {
        for day in theirs.iter().filter(|day| !ours.contains(day)) {
            found.push(format!("{day} is {what} there and not here"));
        }
        for day in ours.iter().filter(|day| !theirs.contains(day)) {
            found.push(format!("{day} is {what} here and not there"));
        }
    }
}
