//! What a clock shows: started, paused, met, late, stopped.

use super::*;

const PAUSING: &str = "goal = \"EXECUTED\"\nstarts = \"RECEIVED\"\nhours = 10\npauses = true\nwarn_hours = 2\nescalate_hours = 3";

fn asked(text: &str) -> Event {
    event(text, Happened::InformationRequested)
}

fn answered(text: &str) -> Event {
    event(text, Happened::InformationAnswered)
}

#[test]
fn a_clock_runs_stands_still_and_goes_on() {
    let terms = terms(PAUSING, "UZ");
    let case = routine();
    let state = |events: &[Event], now: &str| {
        let history = history("2026-11-10T00:00:00Z", events.to_vec());
        clock(&terms, &case, &history, now).state
    };
    let due_at = |events: &[Event], now: &str| {
        let history = history("2026-11-10T00:00:00Z", events.to_vec());
        clock(&terms, &case, &history, now).due.unwrap()
    };
    assert_eq!(state(&[], "2026-11-10T10:00:00Z"), State::Running);
    let late = State::Late {
        since: at("2026-11-10T10:00:00Z"),
    };
    assert_eq!(state(&[], "2026-11-10T10:00:00.000001Z"), late);
    let question = [asked("2026-11-10T04:00:00Z")];
    let paused = State::Paused {
        since: at("2026-11-10T04:00:00Z"),
    };
    assert_eq!(state(&question, "2026-11-12T00:00:00Z"), paused);
    let thread = [
        asked("2026-11-10T04:00:00Z"),
        answered("2026-11-11T04:00:00Z"),
    ];
    assert_eq!(state(&thread, "2026-11-11T05:00:00Z"), State::Running);
    assert_eq!(
        due_at(&thread, "2026-11-11T05:00:00Z"),
        at("2026-11-11T10:00:00Z")
    );
    // A question asked when it was late already changes nothing.
    let late_question = [asked("2026-11-10T11:00:00Z")];
    assert_eq!(state(&late_question, "2026-11-13T00:00:00Z"), late);
}

#[test]
fn no_day_counts_on_which_it_stood_still() {
    let clock = "goal = \"EXECUTED\"\nstarts = \"RECEIVED\"\nworking_days = 5\npauses = true";
    let terms = terms(clock, "UZ");
    // Monday 9 November; asked on Tuesday evening, answered on Thursday at noon.
    let events = vec![
        asked("2026-11-10T15:00:00Z"),
        answered("2026-11-12T07:00:00Z"),
    ];
    let received = history("2026-11-09T06:00:00Z", events);
    // Friday 13, Monday 16 to Thursday 19 are the five.
    assert_eq!(
        due(&terms, &routine(), &received, "2026-11-12T08:00:00Z"),
        "2026-11-19 23:59 +05:00"
    );
    let shown = super::clock(&terms, &routine(), &received, "2026-11-12T08:00:00Z");
    assert_eq!(shown.stood_still.as_secs(), 40 * 3600);
    assert_eq!(
        terms.calendar.local(shown.first_due.unwrap()),
        "2026-11-16 23:59 +05:00"
    );
}

#[test]
fn going_on_without_an_answer_ends_the_pause() {
    let terms = terms(PAUSING, "UZ");
    let events = vec![
        asked("2026-11-10T04:00:00Z"),
        event("2026-11-10T06:00:00Z", Happened::Recognised),
    ];
    let received = history("2026-11-10T00:00:00Z", events);
    let shown = clock(&terms, &routine(), &received, "2026-11-10T07:00:00Z");
    assert_eq!(shown.state, State::Running);
    assert_eq!(shown.due, Some(at("2026-11-10T12:00:00Z")));
}

#[test]
fn a_postponement_holds_execution_until_it_goes_on_or_the_day_it_named() {
    let clock = "goal = \"EXECUTED\"\nstarts = \"RECEIVED\"\nhours = 10";
    let terms = terms(clock, "UZ");
    let postponed = |until: Option<&str>| {
        let until = until.map(at);
        event("2026-11-10T02:00:00Z", Happened::Postponed { until })
    };
    let show = |events: Vec<Event>, now: &str| {
        let received = history("2026-11-10T00:00:00Z", events);
        super::clock(&terms, &routine(), &received, now)
    };
    let open = show(vec![postponed(None)], "2026-11-20T00:00:00Z");
    assert!(
        matches!(open.state, State::Paused { .. }),
        "{:?}",
        open.state
    );
    let until = Some("2026-11-11T02:00:00Z");
    let ended = show(vec![postponed(until)], "2026-11-11T03:00:00Z");
    assert_eq!(ended.state, State::Running);
    assert_eq!(ended.due, Some(at("2026-11-11T10:00:00Z")));
    // Known beforehand: the end does not move while it is waited for.
    let before = show(vec![postponed(until)], "2026-11-10T03:00:00Z");
    assert_eq!(before.due, ended.due);
    let resumed = vec![
        postponed(until),
        event("2026-11-10T05:00:00Z", Happened::Recognised),
    ];
    let resumed = show(resumed, "2026-11-10T06:00:00Z");
    assert_eq!(resumed.due, Some(at("2026-11-10T13:00:00Z")));
}

#[test]
fn clocks_are_met_by_what_happened_and_stopped_when_nothing_is_sought() {
    let set = TermsSet::built_in().unwrap();
    let wire = set.terms("eio-2014-41", "DE".parse().unwrap()).unwrap();
    let terms = Terms::try_from(&wire).unwrap();
    let states = |events: Vec<Event>| {
        let received = history("2026-11-02T09:00:00Z", events);
        let found = clocks(&terms, &routine(), &received, at("2026-11-30T09:00:00Z"));
        let states = found
            .clocks
            .into_iter()
            .map(|clock| (clock.id, clock.state));
        states.collect::<Vec<_>>()
    };
    let late = |when: &str| State::Late { since: at(when) };
    let met = |when: &str, late| State::Met { at: at(when), late };
    let named = |list: [(&str, State); 3]| list.map(|(id, state)| (id.to_owned(), state)).to_vec();
    let week = "2026-11-09T22:59:59.999999Z";
    assert_eq!(
        states(Vec::new()),
        named([
            ("acknowledge", late(week)),
            ("decide", State::Running),
            ("execute", State::NotStarted),
        ])
    );
    // A decision shows that it is in hand.
    assert_eq!(
        states(vec![event("2026-11-05T09:00:00Z", Happened::Recognised)]),
        named([
            ("acknowledge", met("2026-11-05T09:00:00Z", false)),
            ("decide", met("2026-11-05T09:00:00Z", false)),
            ("execute", State::Running),
        ])
    );
    let refused = "2026-11-12T09:00:00Z";
    assert_eq!(
        states(vec![event(refused, Happened::Refused)]),
        named([
            ("acknowledge", met(refused, true)),
            ("decide", met(refused, false)),
            (
                "execute",
                State::Stopped {
                    at: at(refused),
                    late: false
                }
            ),
        ])
    );
    let withdrawn = "2026-11-11T09:00:00Z";
    let stopped = |late| State::Stopped {
        at: at(withdrawn),
        late,
    };
    assert_eq!(
        states(vec![event(withdrawn, Happened::Withdrawn)]),
        named([
            ("acknowledge", stopped(true)),
            ("decide", stopped(false)),
            ("execute", stopped(false)),
        ])
    );
}

#[test]
fn an_answers_clock_obliges_the_issuing_side_anew_with_each_question() {
    let clock = "goal = \"INFORMATION_ANSWERED\"\nstarts = \"INFORMATION_REQUESTED\"\ncalendar_days = 5\nwarn_hours = 24";
    let terms = terms(clock, "DE");
    let show = |events: Vec<Event>| {
        let received = history("2026-11-02T09:00:00Z", events);
        super::clock(&terms, &routine(), &received, "2026-11-30T09:00:00Z")
    };
    assert_eq!(show(Vec::new()).state, State::NotStarted);
    let mut events = vec![asked("2026-11-03T09:00:00Z")];
    let first = show(events.clone());
    assert_eq!(first.obliged, Party::Issuing);
    assert!(matches!(first.state, State::Late { .. }));
    events.push(answered("2026-11-04T09:00:00Z"));
    let met = show(events.clone());
    assert!(matches!(met.state, State::Met { late: false, .. }));
    events.push(asked("2026-11-27T09:00:00Z"));
    let second = show(events.clone());
    assert_eq!((second.state, second.round), (State::Running, 2));
    // Gone on without an answer: nobody is asked any more.
    events.push(event("2026-11-28T09:00:00Z", Happened::Recognised));
    assert!(matches!(
        show(events).state,
        State::Stopped { late: false, .. }
    ));
}

#[test]
fn a_clock_is_told_of_before_and_after_its_end_and_not_while_it_stands_still() {
    let terms = terms(PAUSING, "UZ");
    let alerts = |events: Vec<Event>| {
        let received = history("2026-11-10T00:00:00Z", events);
        clock(&terms, &routine(), &received, "2026-11-10T05:00:00Z").alerts()
    };
    assert_eq!(
        alerts(Vec::new()),
        vec![
            (Alert::Warning, at("2026-11-10T08:00:00Z")),
            (Alert::Late, at("2026-11-10T10:00:00.000001Z")),
            (Alert::StillLate, at("2026-11-10T13:00:00Z")),
        ]
    );
    assert_eq!(alerts(vec![asked("2026-11-10T04:00:00Z")]), Vec::new());
    let done = Happened::Executed { partial: false };
    assert_eq!(
        alerts(vec![event("2026-11-10T04:00:00Z", done)]),
        Vec::new()
    );
    let notice = Happened::Delayed {
        clock: "c".to_owned(),
        estimate: at("2026-11-12T00:00:00Z"),
    };
    let received = history(
        "2026-11-10T00:00:00Z",
        vec![event("2026-11-10T09:00:00Z", notice)],
    );
    let shown = clock(&terms, &routine(), &received, "2026-11-10T09:30:00Z");
    assert_eq!(shown.expected, Some(at("2026-11-12T00:00:00Z")));
    assert_eq!(
        shown.due,
        Some(at("2026-11-10T10:00:00Z")),
        "a notice moves nothing"
    );
}
