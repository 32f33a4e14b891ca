//! The steps of the request: each side's in a row without a gap, and each after the steps of the other side
//! that it names.

use std::collections::BTreeMap;

use super::{Given, Ground, called};
use crate::{
    evidence::bundle::{Report, Shown},
    wire::record::EvidenceStep,
};

/// One side's steps by number, with their place in the bundle.
type Side<'a> = BTreeMap<u32, (usize, &'a Shown, &'a EvidenceStep)>;

pub(super) fn check(given: &Given<'_>, ground: &Ground, report: &mut Report) {
    let Some(request) = ground.record(0) else {
        report.open(
            "steps",
            "all",
            "request-missing",
            "Without the request, nothing says what the steps belong to.",
            &[],
        );
        return;
    };
    let mut sides: [Side<'_>; 2] = Default::default();
    let before = report.claims.len();
    for (number, shown) in ground.records.iter().filter(|(number, _)| **number > 0) {
        let about = called(given, *number);
        if shown.header.follows != request.digest.as_bytes()[..] {
            report.against(
                "steps",
                &about,
                "step-foreign",
                "The record does not follow this request.",
            );
            continue;
        }
        let Some(step) = shown.step() else { continue };
        let [issuing, executing] = &mut sides;
        let side = if shown.origin == given.issuing {
            issuing
        } else {
            executing
        };
        if side.insert(step.number, (*number, shown, step)).is_some() {
            report.against(
                "steps",
                &about,
                "step-twice",
                format!(
                    "{} signed two steps with number {}.",
                    shown.origin, step.number
                ),
            );
        }
    }
    let [issuing, executing] = &sides;
    for (own, other, country) in [
        (issuing, executing, given.issuing),
        (executing, issuing, given.executing),
    ] {
        check_side(given, own, other, country.code(), report);
    }
    if report.claims.len() == before {
        let says = format!(
            "{} steps of {} and {} of {} follow the request without a gap, each after those that it names.",
            issuing.len(),
            given.issuing,
            executing.len(),
            given.executing
        );
        report.proved("steps", "all", says, &[given.issuing, given.executing]);
    }
}

fn check_side(
    given: &Given<'_>,
    own: &Side<'_>,
    other: &Side<'_>,
    country: &str,
    report: &mut Report,
) {
    let mut expected = 1_u32;
    let mut before: Option<&Shown> = None;
    for (number, (at, shown, step)) in own {
        let about = called(given, *at);
        if *number != expected {
            report.against(
                "steps",
                country,
                "step-missing",
                format!(
                    "Steps {expected} to {} of {country} are missing.",
                    number.saturating_sub(1)
                ),
            );
        } else if step.previous != before.map_or(Vec::new(), |before| before.digest.to_vec()) {
            report.against(
                "steps",
                &about,
                "step-previous",
                "The step names another step before it.",
            );
        }
        let seen = step.seen.checked_sub(1).map(|_| other.get(&step.seen));
        match seen {
            None if step.seen_digest.is_empty() => {}
            Some(Some((_, seen, _))) if step.seen_digest == seen.digest.as_bytes()[..] => {}
            Some(None) => report.against(
                "steps",
                &about,
                "step-missing",
                format!("The step was taken after {} steps of the other side, and number {} is missing.", step.seen, step.seen),
            ),
            _ => report.against("steps", &about, "step-seen", "The step names another step of the other side."),
        }
        expected = number.saturating_add(1);
        before = Some(shown);
    }
}
