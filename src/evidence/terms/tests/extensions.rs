//! Extensions: as far as the profile allows, while the clock runs.

use super::*;

fn extended(text: &str, until: &str) -> Event {
    let what = Happened::Extended {
        clock: "c".to_owned(),
        until: at(until),
    };
    event(text, what)
}

const DECIDE: &str = "goal = \"DECIDED\"\nstarts = \"RECEIVED\"\ncalendar_days = 30\nextension_days = 30\npauses = true";

#[test]
fn an_extension_moves_the_end_and_is_used_up() {
    let terms = terms(DECIDE, "DE");
    let received = "2026-06-01T09:00:00Z";
    let plain = history(received, Vec::new());
    let now = "2026-06-20T09:00:00Z";
    assert_eq!(
        due(&terms, &routine(), &plain, now),
        "2026-07-01 23:59 +02:00"
    );
    let shown = clock(&terms, &routine(), &plain, now);
    let Extension::Allowed { at_most, days } = shown.extension else {
        panic!("{:?}", shown.extension);
    };
    assert_eq!(days, 30);
    assert_eq!(terms.calendar.local(at_most), "2026-07-31 23:59 +02:00");

    let once = history(received, vec![extended(now, "2026-07-11T22:00:00Z")]);
    let shown = clock(&terms, &routine(), &once, now);
    assert_eq!(shown.due, Some(at("2026-07-11T22:00:00Z")));
    assert_eq!((shown.granted.len(), shown.round), (1, 1));
    assert!(matches!(
        shown.extension,
        Extension::Allowed { days: 19, .. }
    ));

    let twice = vec![
        extended(now, "2026-07-11T20:00:00Z"),
        extended("2026-07-02T09:00:00Z", "2026-07-31T20:00:00Z"),
        extended("2026-07-03T09:00:00Z", "2026-08-01T20:00:00Z"),
    ];
    let found = clocks(
        &terms,
        &routine(),
        &history(received, twice),
        at("2026-07-03T09:00:00Z"),
    );
    let used = ExtensionFault::UsedUp {
        clock: "c".to_owned(),
        days: 30,
    };
    assert_eq!(found.void, vec![(2, used.clone())]);
    assert_eq!(found.clocks[0].due, Some(at("2026-07-31T20:00:00Z")));
    assert_eq!(found.clocks[0].extension, Extension::Refused(used));
}

#[test]
fn what_the_profile_does_not_allow_is_void_by_name() {
    let received = "2026-06-01T09:00:00Z";
    let judged = |clock: &str, events: Vec<Event>, until: &str, when: &str| {
        let terms = terms(clock, "DE");
        let history = history(received, events);
        judge_extension(&terms, &routine(), &history, "c", at(until), at(when)).unwrap_err()
    };
    let now = "2026-06-20T09:00:00Z";
    let c = || "c".to_owned();
    let due = at("2026-07-01T21:59:59.999999Z");
    assert_eq!(
        judged(DECIDE, vec![], "2026-08-01T22:00:00Z", now),
        ExtensionFault::TooFar {
            clock: c(),
            at_most: at("2026-07-31T21:59:59.999999Z"),
            days: 30
        }
    );
    assert_eq!(
        judged(DECIDE, vec![], "2026-07-01T09:00:00Z", now),
        ExtensionFault::NotLater { clock: c(), due }
    );
    assert_eq!(
        judged(
            DECIDE,
            vec![],
            "2026-07-10T09:00:00Z",
            "2026-07-02T09:00:00Z"
        ),
        ExtensionFault::Ended { clock: c(), due }
    );
    let asked = event("2026-06-10T09:00:00Z", Happened::InformationRequested);
    assert_eq!(
        judged(DECIDE, vec![asked], "2026-07-10T09:00:00Z", now),
        ExtensionFault::Still(c())
    );
    let recognised = event("2026-06-10T09:00:00Z", Happened::Recognised);
    assert_eq!(
        judged(DECIDE, vec![recognised], "2026-07-10T09:00:00Z", now),
        ExtensionFault::Over(c())
    );
    let fixed = "goal = \"DECIDED\"\nstarts = \"RECEIVED\"\ncalendar_days = 30";
    assert_eq!(
        judged(fixed, vec![], "2026-07-10T09:00:00Z", now),
        ExtensionFault::NotAllowed(c())
    );
    let later =
        "goal = \"EXECUTED\"\nstarts = \"RECOGNISED\"\ncalendar_days = 30\nextension_days = 5";
    assert_eq!(
        judged(later, vec![], "2026-07-10T09:00:00Z", now),
        ExtensionFault::NotStarted(c())
    );
    let theirs =
        "goal = \"RETURNED\"\nstarts = \"RECEIVED\"\ncalendar_days = 30\nextension_days = 5";
    assert_eq!(
        judged(theirs, vec![], "2026-07-10T09:00:00Z", now),
        ExtensionFault::NotOurs(c())
    );
    let other = "goal = \"DECIDED\"\nstarts = \"RECEIVED\"\nurgencies = [\"EMERGENCY\"]\ncalendar_days = 30";
    assert_eq!(
        judged(other, vec![], "2026-07-10T09:00:00Z", now),
        ExtensionFault::NoClock(c())
    );
}

#[test]
fn an_extension_ends_on_a_working_day_and_moves_with_later_pauses() {
    let terms = terms(DECIDE, "DE");
    // 30 days from 1 September end on 1 October; 30 more would be 31 October, a Saturday.
    let received = history("2026-09-01T09:00:00Z", Vec::new());
    let now = "2026-09-20T09:00:00Z";
    let shown = clock(&terms, &routine(), &received, now);
    let Extension::Allowed { at_most, .. } = shown.extension else {
        panic!("{:?}", shown.extension);
    };
    assert_eq!(terms.calendar.local(at_most), "2026-11-02 23:59 +01:00");
    let events = vec![
        extended(now, "2026-10-12T10:00:00Z"),
        event("2026-10-05T09:00:00Z", Happened::InformationRequested),
        event("2026-10-07T09:00:00Z", Happened::InformationAnswered),
    ];
    // Three days do not count: 12 October becomes the 15th, to its end.
    assert_eq!(
        due(
            &terms,
            &routine(),
            &history("2026-09-01T09:00:00Z", events),
            "2026-10-08T09:00:00Z"
        ),
        "2026-10-15 23:59 +02:00"
    );
}

#[test]
fn many_extension_steps_are_judged_in_time() {
    let terms = terms(DECIDE, "DE");
    let events = (0..400)
        .map(|_| extended("2026-06-20T09:00:00Z", "2030-01-01T00:00:00Z"))
        .collect();
    let history = history("2026-06-01T09:00:00Z", events);
    let found = clocks(&terms, &routine(), &history, at("2026-06-21T09:00:00Z"));
    assert_eq!(found.void.len(), 400);
}
