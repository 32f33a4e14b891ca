//! Days, working days and hours: daylight saving, leap days, year's ends, zones east and west.

use super::*;

const EXECUTE: &str = "goal = \"EXECUTED\"\nstarts = \"RECEIVED\"";

fn ends(limit: &str, country: &str, received: &str) -> String {
    let terms = terms(&format!("{EXECUTE}\n{limit}"), country);
    due(&terms, &routine(), &history(received, Vec::new()), received)
}

#[test]
fn daylight_saving_moves_hours_on_the_wall_and_no_day() {
    for (limit, received, expected) in [
        // In Germany 29 March 2026 has 23 hours and 25 October has 25.
        (
            "hours = 24",
            "2026-03-28T11:00:00Z",
            "2026-03-29 13:00 +02:00",
        ),
        (
            "hours = 24",
            "2026-10-24T10:00:00Z",
            "2026-10-25 11:00 +01:00",
        ),
        (
            "hours = 8",
            "2026-03-29T00:30:00Z",
            "2026-03-29 10:30 +02:00",
        ),
        (
            "calendar_days = 1",
            "2026-03-29T10:00:00Z",
            "2026-03-30 23:59 +02:00",
        ),
        // The last day is the short one, a Sunday: it rolls on to Monday.
        (
            "calendar_days = 1",
            "2026-03-28T10:00:00Z",
            "2026-03-30 23:59 +02:00",
        ),
        (
            "working_days = 1",
            "2026-10-23T10:00:00Z",
            "2026-10-26 23:59 +01:00",
        ),
        // Received in the hour that comes twice, first and second time.
        (
            "hours = 1",
            "2026-10-25T00:30:00Z",
            "2026-10-25 02:30 +01:00",
        ),
        (
            "hours = 1",
            "2026-10-25T01:30:00Z",
            "2026-10-25 03:30 +01:00",
        ),
    ] {
        assert_eq!(
            ends(limit, "DE", received),
            expected,
            "{limit} from {received}"
        );
    }
}

#[test]
fn leap_days_and_years_ends_are_days_like_others() {
    for (limit, received, expected) in [
        (
            "calendar_days = 1",
            "2028-02-28T08:00:00Z",
            "2028-02-29 23:59 +01:00",
        ),
        (
            "calendar_days = 1",
            "2027-02-28T08:00:00Z",
            "2027-03-01 23:59 +01:00",
        ),
        (
            "calendar_days = 365",
            "2027-03-01T08:00:00Z",
            "2028-02-29 23:59 +01:00",
        ),
        (
            "working_days = 2",
            "2028-02-28T08:00:00Z",
            "2028-03-01 23:59 +01:00",
        ),
        // 25 and 26 December and 1 January are holidays, 27 and 28 a weekend.
        (
            "working_days = 1",
            "2026-12-24T08:00:00Z",
            "2026-12-28 23:59 +01:00",
        ),
        (
            "working_days = 5",
            "2026-12-24T08:00:00Z",
            "2027-01-04 23:59 +01:00",
        ),
        (
            "calendar_days = 8",
            "2026-12-24T08:00:00Z",
            "2027-01-04 23:59 +01:00",
        ),
        (
            "hours = 48",
            "2026-12-31T08:00:00Z",
            "2027-01-02 09:00 +01:00",
        ),
    ] {
        assert_eq!(
            ends(limit, "DE", received),
            expected,
            "{limit} from {received}"
        );
    }
}

#[test]
fn the_day_is_that_of_the_executing_countrys_zone() {
    // 20:00 in Greenwich is the next day in Almaty already.
    assert_eq!(
        ends("calendar_days = 1", "KZ", "2026-11-10T20:00:00Z"),
        "2026-11-12 23:59 +05:00"
    );
    assert_eq!(
        ends("calendar_days = 1", "DE", "2026-11-10T20:00:00Z"),
        "2026-11-11 23:59 +01:00"
    );
    let west = |zone: &str, received: &str| {
        let text = format!("country = \"US\"\ntime_zone = \"{zone}\"\n");
        let calendar = parse_calendar("calendars/US.toml", &text).unwrap().calendar;
        let wire = AgreementProfile {
            calendar: Some(calendar),
            ..profile(&format!("{EXECUTE}\ncalendar_days = 1"))
        };
        let terms = Terms::try_from(&wire).unwrap();
        due(&terms, &routine(), &history(received, Vec::new()), received)
    };
    assert_eq!(
        west("Pacific/Honolulu", "2026-11-10T05:00:00Z"),
        "2026-11-10 23:59 -10:00"
    );
    assert_eq!(
        west("Pacific/Kiritimati", "2026-11-10T11:00:00Z"),
        "2026-11-12 23:59 +14:00"
    );
    // In Havana 8 March begins at one: there is no midnight.
    assert_eq!(
        west("America/Havana", "2026-03-06T12:00:00Z"),
        "2026-03-07 23:59 -05:00"
    );
}

#[test]
fn the_last_day_rolls_on_to_a_working_day_and_an_agreed_one_does_not() {
    // The seventh day is 9 May 2027, a Sunday and a holiday in Kazakhstan.
    assert_eq!(
        ends("calendar_days = 7", "KZ", "2027-05-02T06:00:00Z"),
        "2027-05-10 23:59 +05:00"
    );
    let terms = terms(&format!("{EXECUTE}\nagreed_date = true"), "KZ");
    let agreed = Case::new(Urgency::Routine, "2027-05-09");
    let received = history("2027-05-02T06:00:00Z", Vec::new());
    assert_eq!(
        due(&terms, &agreed, &received, "2027-05-02T06:00:00Z"),
        "2027-05-09 23:59 +05:00"
    );
    let none = clocks(&terms, &routine(), &received, at("2027-05-02T06:00:00Z"));
    assert!(none.clocks.is_empty(), "without a day no clock runs");
}

#[test]
fn a_day_that_is_worked_after_all_counts() {
    let text = "country = \"KZ\"\ntime_zone = \"Asia/Almaty\"\nrest_days = [\"SATURDAY\", \"SUNDAY\"]\nholidays = [\"2026-11-16\"]\nworked = [\"2026-11-14\"]\n";
    let calendar = parse_calendar("calendars/KZ.toml", text).unwrap().calendar;
    let wire = AgreementProfile {
        calendar: Some(calendar),
        ..profile(&format!("{EXECUTE}\nworking_days = 2"))
    };
    let terms = Terms::try_from(&wire).unwrap();
    // Friday; Saturday is worked, Sunday and Monday are free.
    let received = "2026-11-13T06:00:00Z";
    assert_eq!(
        due(&terms, &routine(), &history(received, Vec::new()), received),
        "2026-11-17 23:59 +05:00"
    );
}

#[test]
fn what_is_done_at_the_very_end_is_in_time() {
    let terms = terms(&format!("{EXECUTE}\ncalendar_days = 1"), "KZ");
    let done = |when: &str| {
        let events = vec![event(when, Happened::Executed { partial: false })];
        let received = history("2026-11-10T06:00:00Z", events);
        clock(&terms, &routine(), &received, "2026-12-01T00:00:00Z").state
    };
    let met = |when: &str, late| State::Met { at: at(when), late };
    let last = "2026-11-11T18:59:59.999999Z";
    assert_eq!(done(last), met(last, false));
    let next = "2026-11-11T19:00:00Z";
    assert_eq!(done(next), met(next, true));
}
