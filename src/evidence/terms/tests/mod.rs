mod counting;
mod exported;
mod extensions;
mod files;
mod properties;
mod run;
mod vectors;

use super::*;
use crate::{
    evidence::lifecycle::Party,
    record::Moment,
    wire::record::{AgreementProfile, Urgency},
};

/// A profile with one clock, from the fields of its file.
fn profile(clock: &str) -> AgreementProfile {
    let text = format!(
        "id = \"test\"\ntitle = \"Test\"\nsource = \"none\"\n[[clock]]\nid = \"c\"\nsource = \"none\"\n{clock}\n"
    );
    parse_profile("profiles/test.toml", &text).unwrap()
}

/// Terms with one clock and the built-in calendar of a country.
fn terms(clock: &str, country: &str) -> Terms {
    let set = TermsSet::built_in().unwrap();
    let calendar = set.calendar(country.parse().unwrap()).unwrap();
    let wire = AgreementProfile {
        calendar: Some(calendar.is.calendar.clone()),
        ..profile(clock)
    };
    Terms::try_from(&wire).unwrap()
}

/// A moment from RFC 3339.
fn at(text: &str) -> Moment {
    let stamp: jiff::Timestamp = text.parse().unwrap();
    Moment::from_micros(stamp.as_microsecond())
}

fn event(text: &str, what: Happened) -> Event {
    Event { at: at(text), what }
}

fn history(received: &str, events: Vec<Event>) -> History {
    History {
        received: Some(at(received)),
        events,
    }
}

fn routine() -> Case {
    Case::new(Urgency::Routine, "")
}

/// The one clock.
fn clock(terms: &Terms, case: &Case, history: &History, now: &str) -> Clock {
    let found = clocks(terms, case, history, at(now));
    assert_eq!(found.clocks.len(), 1);
    found.clocks.into_iter().next().unwrap()
}

/// When it ends, by the calendar's own zone.
fn due(terms: &Terms, case: &Case, history: &History, now: &str) -> String {
    let clock = clock(terms, case, history, now);
    terms.calendar.local(clock.due.unwrap())
}
