//! Whole requests by the profiles built in, worked out by hand.

use super::*;

/// A clock's end in the executing country, and what it shows.
fn shown(profile: &str, country: &str, case: &Case, history: &History, now: &str) -> Vec<String> {
    let set = TermsSet::built_in().unwrap();
    let wire = set.terms(profile, country.parse().unwrap()).unwrap();
    let terms = Terms::try_from(&wire).unwrap();
    let found = clocks(&terms, case, history, at(now)).clocks;
    let line = |clock: Clock| {
        let due = clock.due.map(|due| terms.calendar.local(due));
        let state = format!("{:?}", clock.state);
        let state = state
            .split([' ', '{'])
            .next()
            .unwrap_or_default()
            .to_owned();
        format!(
            "{} {} {state}",
            clock.id,
            due.unwrap_or_else(|| "-".to_owned())
        )
    };
    found.into_iter().map(line).collect()
}

#[test]
fn police_information_that_is_urgent_and_directly_accessible_is_due_in_eight_hours() {
    let case = Case::new(Urgency::UrgentDirect, "");
    let history = history("2026-12-31T20:00:00Z", Vec::new());
    assert_eq!(
        shown("eu-2023-977", "DE", &case, &history, "2027-01-01T00:00:00Z"),
        ["urgent-direct 2027-01-01 05:00 +01:00 Running"]
    );
    let case = Case::new(Urgency::Urgent, "");
    // Three days end on Sunday, 3 January.
    assert_eq!(
        shown("eu-2023-977", "DE", &case, &history, "2027-01-01T00:00:00Z"),
        ["urgent 2027-01-04 23:59 +01:00 Running"]
    );
}

#[test]
fn an_investigation_order_with_an_extended_decision() {
    let extended = Happened::Extended {
        clock: "decide".to_owned(),
        until: at("2026-05-08T21:59:59Z"),
    };
    let history = history(
        "2026-03-13T09:00:00Z",
        vec![
            event("2026-03-18T09:00:00Z", Happened::Acknowledged),
            event("2026-04-10T09:00:00Z", extended),
            event("2026-05-04T09:00:00Z", Happened::Recognised),
        ],
    );
    // 90 days from 4 May end on Sunday, 2 August.
    assert_eq!(
        shown(
            "eio-2014-41",
            "DE",
            &routine(),
            &history,
            "2026-05-05T09:00:00Z"
        ),
        [
            "acknowledge 2026-03-20 23:59 +01:00 Met",
            "decide 2026-05-08 23:59 +02:00 Met",
            "execute 2026-08-03 23:59 +02:00 Running",
        ]
    );
}

#[test]
fn a_production_order_that_needed_clarification() {
    let mut events = vec![event(
        "2026-10-21T09:00:00Z",
        Happened::InformationRequested,
    )];
    let before = history("2026-10-19T09:00:00Z", events.clone());
    // Asked on Wednesday; five days end on Monday, in winter time.
    assert_eq!(
        shown(
            "e-evidence-2023-1543",
            "DE",
            &routine(),
            &before,
            "2026-10-22T09:00:00Z"
        ),
        [
            "produce 2026-11-02 23:59 +01:00 Paused",
            "clarify 2026-10-26 23:59 +01:00 Running",
        ]
    );
    events.push(event("2026-10-23T09:00:00Z", Happened::InformationAnswered));
    let after = history("2026-10-19T09:00:00Z", events);
    assert_eq!(
        shown(
            "e-evidence-2023-1543",
            "DE",
            &routine(),
            &after,
            "2026-10-24T09:00:00Z"
        ),
        [
            "produce 2026-11-02 23:59 +01:00 Running",
            "clarify 2026-10-26 23:59 +01:00 Met",
        ]
    );
}

#[test]
fn a_request_under_the_convention_runs_to_the_day_that_was_agreed_on() {
    let history = history("2026-11-28T09:00:00Z", Vec::new());
    assert_eq!(
        shown(
            "untoc-art18",
            "UZ",
            &routine(),
            &history,
            "2026-11-28T09:00:00Z"
        ),
        Vec::<String>::new()
    );
    let case = Case::new(Urgency::Routine, "2027-02-28");
    assert_eq!(
        shown("untoc-art18", "UZ", &case, &history, "2027-03-01T00:00:00Z"),
        ["execute 2027-02-28 23:59 +05:00 Late"]
    );
}
