//! What is written for calendars, read back.

use icalendar::{Calendar as Read, CalendarComponent, Component};

use super::*;

#[test]
fn due_dates_are_read_back_as_they_were_written() {
    let clock = "goal = \"EXECUTED\"\nstarts = \"RECEIVED\"\ncalendar_days = 10\nwarn_hours = 48\npauses = true";
    let terms = terms(clock, "KZ");
    let plain = history("2026-11-10T06:00:00Z", Vec::new());
    let now = at("2026-11-12T06:00:00Z");
    let open = super::clock(&terms, &routine(), &plain, "2026-11-12T06:00:00Z");
    let done = vec![event("2026-11-11T06:00:00Z", Happened::Withdrawn)];
    let over = history("2026-11-10T06:00:00Z", done);
    let over = super::clock(&terms, &routine(), &over, "2026-11-12T06:00:00Z");
    let entries: Vec<ics::Entry> = [("UZ-26-000412-K", &open), ("UZ-26-000413-L", &over)]
        .into_iter()
        .filter_map(|(reference, clock)| ics::Entry::of(reference, clock))
        .collect();
    let text = ics::write(&entries, now).unwrap();
    assert_eq!(
        text,
        ics::write(&entries, now).unwrap(),
        "nothing in it is random"
    );
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    assert!(text.lines().all(|line| line.len() <= 75));

    let read: Read = text.parse().unwrap();
    let [CalendarComponent::Event(event)] = read.components.as_slice() else {
        panic!("{text}");
    };
    let value = |key: &str| event.property_value(key).unwrap_or_default().to_owned();
    assert_eq!(value("SUMMARY"), "UZ-26-000412-K c");
    assert_eq!(value("UID"), "UZ-26-000412-K.c@comity");
    // Ten days end on 20 November, a Friday, in Almaty.
    assert_eq!(value("DTSTART"), "20261120T185959Z");
    assert_eq!(value("DTSTAMP"), "20261112T060000Z");
    assert_eq!(value("STATUS"), "CONFIRMED");
    let [alarm] = event.components() else {
        panic!("{text}");
    };
    assert_eq!(alarm.component_kind(), "VALARM");
    assert_eq!(alarm.property_value("TRIGGER"), Some("-PT2880M"));
    assert_eq!(alarm.property_value("ACTION"), Some("DISPLAY"));
}

#[test]
fn an_event_keeps_its_uid_when_its_date_moves() {
    let clock =
        "goal = \"DECIDED\"\nstarts = \"RECEIVED\"\nhours = 10\npauses = true\nextension_days = 5";
    let terms = terms(clock, "KZ");
    let written = |events: Vec<Event>| {
        let history = history("2026-11-10T06:00:00Z", events);
        let clock = super::clock(&terms, &routine(), &history, "2026-11-10T12:00:00Z");
        let entry = ics::Entry::of("UZ-26-000412-K", &clock).unwrap();
        ics::write(&[entry], at("2026-11-10T12:00:00Z")).unwrap()
    };
    let asked = event("2026-11-10T07:00:00Z", Happened::InformationRequested);
    let extended = Happened::Extended {
        clock: "c".to_owned(),
        until: at("2026-11-12T06:00:00Z"),
    };
    let plain = written(Vec::new());
    let paused = written(vec![asked]);
    let moved = written(vec![event("2026-11-10T08:00:00Z", extended)]);
    for text in [&plain, &paused, &moved] {
        assert!(text.contains("UID:UZ-26-000412-K.c@comity\r\n"), "{text}");
    }
    assert!(plain.contains("DTSTART:20261110T160000Z") && plain.contains("SEQUENCE:0"));
    assert!(paused.contains("STATUS:TENTATIVE"));
    assert!(moved.contains("DTSTART:20261112T060000Z") && moved.contains("SEQUENCE:1"));
}
