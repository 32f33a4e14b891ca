//! Meetings and what is due after them as iCalendar (RFC 5545), for the calendars that officers have.
//!
//! A calendar is seen by others and leaves the node's protection. Unless details are asked for, what stands
//! in it are references, times and places: no title, no agenda, nothing of what is to be done. A UID is made
//! of the reference, so that a meeting that is exported again moves and is not there twice.

use icalendar::{Component, Event, Property, Todo};

use crate::{
    record::Moment,
    wire::{
        node::{JointCaseEvent, MeetingEvent, joint_case_event::Event as What},
        record::FollowUp,
    },
};

/// The calendar of a timeline. The same events at the same `now` give the same text.
pub(super) fn write(events: &[JointCaseEvent], details: bool, now: Moment) -> String {
    let mut calendar = icalendar::Calendar::empty();
    for (key, value) in [
        ("VERSION", "2.0"),
        (
            "PRODID",
            concat!("-//Comity//", env!("CARGO_PKG_VERSION"), "//EN"),
        ),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
    ] {
        calendar.append_property(Property::new(key, value));
    }
    let written = stamp(now.micros());
    let mut due: Vec<(&str, usize)> = Vec::new();
    for of in events {
        match &of.event {
            Some(What::Meeting(event)) => {
                calendar.push(meeting(&of.reference, event, details, &written));
            }
            Some(What::FollowUp(follow_up)) => {
                let before = due
                    .iter_mut()
                    .find(|(of_record, _)| *of_record == of.reference);
                let number = match before {
                    Some((_, count)) => {
                        *count = count.saturating_add(1);
                        *count
                    }
                    None => {
                        due.push((&of.reference, 1));
                        1
                    }
                };
                let name = format!("{}.{number}", of.reference);
                calendar.push(task(&name, follow_up, details, &written));
            }
            Some(What::Record(_) | What::Request(_) | What::Decision(_)) | None => {}
        }
    }
    calendar.to_string()
}

fn meeting(reference: &str, event: &MeetingEvent, details: bool, written: &str) -> Event {
    let of = event.meeting.clone().unwrap_or_default();
    let at = |time: Option<&prost_types::Timestamp>| {
        stamp(time.map_or(0, |time| Moment::from(time).micros()))
    };
    let summary = match details {
        true => format!("{reference} {}", event.title),
        false => format!("{reference} meeting"),
    };
    let mut entry = Event::new();
    entry
        .summary(&summary)
        .uid(&format!("{reference}.meeting@comity"))
        .add_property("DTSTAMP", written)
        .add_property("DTSTART", at(of.start.as_ref()))
        .add_property("DTEND", at(of.end.as_ref()))
        .add_property("SEQUENCE", event.amended.to_string())
        .add_property(
            "STATUS",
            match of.cancelled {
                true => "CANCELLED",
                false => "CONFIRMED",
            },
        );
    if !of.place.is_empty() {
        entry.add_property("LOCATION", &of.place);
    }
    if !of.link.is_empty() {
        entry.add_property("URL", &of.link);
    }
    if details && !of.agenda.is_empty() {
        entry.description(&of.agenda.join("\n"));
    }
    entry
}

fn task(name: &str, of: &FollowUp, details: bool, written: &str) -> Todo {
    let who = format!("{}/{}", of.country, of.authority);
    let summary = match details {
        true => format!("{name} {who}: {}", of.what),
        false => format!("{name} {who}"),
    };
    let mut due = Property::new("DUE", of.due.replace('-', ""));
    due.add_parameter("VALUE", "DATE");
    let mut entry = Todo::new();
    entry
        .summary(&summary)
        .uid(&format!("{name}@comity"))
        .add_property("DTSTAMP", written)
        .add_property(
            "STATUS",
            match of.done {
                true => "COMPLETED",
                false => "NEEDS-ACTION",
            },
        )
        .append_property(due);
    entry
}

/// A moment as DATE-TIME in UTC, without fractions.
fn stamp(micros: i64) -> String {
    let at = Moment::from_micros(micros.div_euclid(1_000_000).saturating_mul(1_000_000));
    let text = at.to_string();
    text.chars().filter(|c| !"-:".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use icalendar::parser::{read_calendar, unfold};

    use super::*;
    use crate::wire::record::Meeting;

    fn at(text: &str) -> Option<prost_types::Timestamp> {
        let format = &time::format_description::well_known::Rfc3339;
        let at = time::OffsetDateTime::parse(text, format).unwrap();
        Some(Moment::from(at).into())
    }

    fn events() -> Vec<JointCaseEvent> {
        let event = |event| JointCaseEvent {
            reference: "UZ-26-000412-H".to_owned(),
            event: Some(event),
            ..JointCaseEvent::default()
        };
        let meeting = Meeting {
            start: at("2026-11-30T04:00:00Z"),
            end: at("2026-11-30T06:30:00Z"),
            time_zone: "Asia/Tashkent".to_owned(),
            place: "Tashkent, room 4; left, upstairs".to_owned(),
            agenda: vec!["SECRET agenda".to_owned()],
            ..Meeting::default()
        };
        let task = FollowUp {
            what: "SECRET task\nEND:VCALENDAR".to_owned(),
            country: "KZ".to_owned(),
            authority: "national-police".to_owned(),
            due: "2026-12-15".to_owned(),
            done: false,
        };
        vec![
            event(What::Meeting(MeetingEvent {
                title: "SECRET title".to_owned(),
                meeting: Some(meeting),
                amended: 2,
            })),
            event(What::Decision("SECRET decision".to_owned())),
            event(What::FollowUp(task.clone())),
            event(What::FollowUp(FollowUp { done: true, ..task })),
        ]
    }

    #[test]
    fn a_calendar_has_times_and_places_and_nothing_that_was_said() {
        let now = Moment::from_micros(1_795_435_200_500_000);
        let text = write(&events(), false, now);
        assert!(!text.contains("SECRET"), "{text}");
        let unfolded = unfold(&text);
        let calendar = read_calendar(&unfolded).unwrap();
        let names: Vec<_> = calendar
            .components
            .iter()
            .map(|of| of.name.as_ref())
            .collect();
        assert_eq!(names, ["VEVENT", "VTODO", "VTODO"]);
        for line in [
            "DTSTAMP:20261123T120000Z",
            "DTSTART:20261130T040000Z",
            "DTEND:20261130T063000Z",
            "UID:UZ-26-000412-H.meeting@comity",
            "SEQUENCE:2",
            "DUE;VALUE=DATE:20261215",
            "UID:UZ-26-000412-H.1@comity",
            "UID:UZ-26-000412-H.2@comity",
            "STATUS:COMPLETED",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
        }
    }

    #[test]
    fn details_are_escaped_and_cannot_end_the_calendar() {
        let text = write(&events(), true, Moment::from_micros(0));
        assert_eq!(text.matches("\r\nEND:VCALENDAR").count(), 1, "{text}");
        let unfolded = unfold(&text);
        assert_eq!(read_calendar(&unfolded).unwrap().components.len(), 3);
        assert!(unfolded.contains("SECRET agenda"));
        assert!(!unfolded.contains("SECRET decision"), "it has no date");
    }
}
