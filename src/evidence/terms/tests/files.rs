//! Data files: those built in are sound, and every defect of another is named with its line.

use super::*;
use crate::record::Country;

#[test]
fn every_file_built_in_is_sound_and_named_after_what_it_holds() {
    let profiles = builtin_profiles().unwrap();
    let calendars = builtin_calendars().unwrap();
    assert!(profiles.len() >= 4 && calendars.len() >= 7);
    for profile in &profiles {
        for calendar in &calendars {
            let wire = AgreementProfile {
                calendar: Some(calendar.calendar.clone()),
                ..profile.clone()
            };
            let terms = Terms::try_from(&wire).unwrap();
            assert_eq!(terms.profile.id, profile.id);
        }
        for clock in &profile.clocks {
            let told = clock.source.contains("checked") || clock.source.contains("from memory");
            assert!(told, "{}: {}", profile.id, clock.source);
        }
    }
    for calendar in &calendars {
        assert!(
            calendar.source.contains("to be added"),
            "{}",
            calendar.source
        );
    }
}

#[test]
fn the_numbers_built_in_are_those_of_the_instruments() {
    let limits = |id: &str| {
        let set = TermsSet::built_in().unwrap();
        let profile = Profile::try_from(&set.profile(id).unwrap().is).unwrap();
        let clocks = profile.clocks.into_iter();
        clocks
            .map(|clock| (clock.id, clock.limit, clock.extension_days))
            .collect::<Vec<_>>()
    };
    let of = |id: &str, limit, extension: u32| (id.to_owned(), limit, extension);
    assert_eq!(
        limits("eu-2023-977"),
        [
            of("urgent-direct", Limit::Hours(8), 0),
            of("urgent", Limit::CalendarDays(3), 0),
            of("other", Limit::CalendarDays(7), 0),
        ]
    );
    assert_eq!(
        limits("eio-2014-41"),
        [
            of("acknowledge", Limit::CalendarDays(7), 0),
            of("provisional-measure", Limit::Hours(24), 0),
            of("decide", Limit::CalendarDays(30), 30),
            of("execute", Limit::CalendarDays(90), 0),
            of("agreed", Limit::AgreedDate, 0),
        ]
    );
    assert_eq!(
        limits("e-evidence-2023-1543"),
        [
            of("produce", Limit::CalendarDays(10), 0),
            of("produce-emergency", Limit::Hours(8), 0),
            of("clarify", Limit::CalendarDays(5), 0),
        ]
    );
    assert_eq!(
        limits("e-evidence-2023-1543-preservation"),
        [of("preserved-for", Limit::CalendarDays(60), 30)]
    );
    assert_eq!(limits("untoc-art18"), [of("execute", Limit::AgreedDate, 0)]);
}

const HEAD: &str = "id = \"a-b\"\ntitle = \"T\"\nsource = \"S\"\n";
const CLOCK: &str =
    "[[clock]]\nid = \"c\"\ngoal = \"DECIDED\"\nstarts = \"RECEIVED\"\nsource = \"S\"\n";

#[test]
fn every_defect_of_a_profile_is_named_with_its_line() {
    let clock = |rest: &str| format!("{HEAD}{CLOCK}{rest}");
    for (text, line, words) in [
        (format!("id = \"A B\"\n{}", &HEAD[11..]), 1, "is no id"),
        (HEAD.replace("\"T\"", "\" \""), 2, "`title`: is missing"),
        (
            HEAD.replace("\"S\"", "\"a\\u202eb\""),
            3,
            "`source`: is not one line",
        ),
        (HEAD.to_owned(), 1, "there are 0 clocks"),
        (format!("{HEAD}colour = 1\n"), 4, "unknown field `colour`"),
        (
            format!("{HEAD}refusal_grounds = [\"E_Z_MOOD\"]\n{CLOCK}hours = 1"),
            4,
            "`E_Z_MOOD` is no refusal ground; allowed are P_A_UNAVAILABLE",
        ),
        (clock(""), 5, "one of `hours`"),
        (
            clock("hours = 1\ncalendar_days = 1"),
            5,
            "a clock has one of",
        ),
        (clock("hours = 0"), 9, "is 0, but must be at least 1"),
        (clock("hours = 90000"), 9, "may be at most 87600"),
        (clock("calendar_days = 5000"), 9, "may be at most 3650"),
        (clock("working_days = 1.5"), 9, "invalid type"),
        (clock("hours = -1"), 9, "invalid value"),
        (clock("agreed_date = false"), 9, "either true or left out"),
        (
            clock("hours = 1\nextension_days = 9999"),
            10,
            "may be at most 3650",
        ),
        (
            clock("hours = 1\nwarn_hours = 1"),
            10,
            "before a clock of 1 hours starts",
        ),
        (
            clock("hours = 1\nurgencies = [\"HASTY\"]"),
            10,
            "`HASTY` is no urgency; allowed are ROUTINE",
        ),
        (
            clock("hours = 1\nurgencies = [\"URGENT\", \"URGENT\"]"),
            10,
            "given twice",
        ),
        (
            clock("hours = 1").replace("RECEIVED", "TRANSFERRED"),
            7,
            "that starts with TRANSFERRED cannot end with DECIDED",
        ),
        (
            clock("hours = 1").replace("RECEIVED", "INFORMATION_REQUESTED"),
            7,
            "cannot end with DECIDED",
        ),
        (
            clock("hours = 1").replace("DECIDED", "DONE"),
            6,
            "`DONE` is no goal",
        ),
        (
            format!("{}{CLOCK}hours = 2", clock("hours = 1\n")),
            11,
            "is the id of a clock before it",
        ),
        (format!("{HEAD}[[clock"), 4, ""),
    ] {
        let error = parse_profile("profiles/x.toml", &text).unwrap_err();
        assert_eq!(error.line, line, "{text}\n{error}");
        assert!(error.what.contains(words), "{text}\n{error}");
        assert!(error.to_string().starts_with("profiles/x.toml:"));
    }
    let many = CLOCK.repeat(33);
    let many = parse_profile("profiles/x.toml", &format!("{HEAD}{many}"));
    assert!(many.unwrap_err().what.contains("33 clocks"));
}

#[test]
fn every_defect_of_a_calendar_is_named_with_its_line() {
    let head = "country = \"KZ\"\ntime_zone = \"Asia/Almaty\"\n";
    let every_day = (1..=12)
        .flat_map(|month| (1..=6).map(move |day| format!("\"{month:02}-{day:02}\"")))
        .collect::<Vec<_>>()
        .join(", ");
    for (text, line, words) in [
        (head.replace("KZ", "XX"), 1, "`XX` is not an ISO 3166-1"),
        (
            head.replace("Almaty", "Atlantis"),
            2,
            "`Asia/Atlantis` is no IANA time zone",
        ),
        (
            head.replace("Asia/Almaty", "asia/almaty"),
            2,
            "no IANA time zone",
        ),
        (
            head.replace("Asia/Almaty", "../../etc/passwd"),
            2,
            "no IANA time zone",
        ),
        (
            head.replace("Asia/Almaty", "+05:00"),
            2,
            "no IANA time zone",
        ),
        (
            format!("{head}rest_days = [\"CATURDAY\"]"),
            3,
            "no day of the week",
        ),
        (
            format!("{head}rest_days = [\n\"SUNDAY\",\n\"SUNDAY\"]"),
            5,
            "given twice",
        ),
        (
            format!(
                "{head}rest_days = [\"MONDAY\",\"TUESDAY\",\"WEDNESDAY\",\"THURSDAY\",\"FRIDAY\",\"SATURDAY\",\"SUNDAY\"]"
            ),
            3,
            "leave no day",
        ),
        (
            format!("{head}holidays = [\"02-30\"]"),
            3,
            "`02-30` is no day",
        ),
        (format!("{head}holidays = [\"2026-02-29\"]"), 3, "is no day"),
        (format!("{head}holidays = [\"1 May\"]"), 3, "is no day"),
        (
            format!("{head}holidays = [\n\"05-01\",\n\"05-01\"]"),
            5,
            "05-01 is given twice",
        ),
        (
            format!("{head}holidays = [{every_day}]"),
            3,
            "at most 60 come every year",
        ),
        (
            format!("{head}worked = [\"05-01\"]"),
            3,
            "`05-01` is no day",
        ),
        (format!("{head}worked = 7"), 3, "invalid type"),
        (
            format!("{head}source = \"a\\nb\""),
            3,
            "`source` is one line",
        ),
        (format!("{head}colour = 7"), 3, "unknown field"),
    ] {
        let error = parse_calendar("calendars/KZ.toml", &text).unwrap_err();
        assert_eq!(error.line, line, "{text}\n{error}");
        assert!(error.what.contains(words), "{text}\n{error}");
    }
    assert!(
        parse_calendar(
            "calendars/KZ.toml",
            &format!("{head}holidays = [\"02-29\"]")
        )
        .is_ok()
    );
}

#[test]
fn a_file_of_the_home_takes_the_place_of_one_built_in_and_that_is_said() {
    let mut set = TermsSet::built_in().unwrap();
    let own = |id: &str| {
        let text = format!("{HEAD}{CLOCK}hours = 9").replace("a-b", id);
        parse_profile("profiles/x.toml", &text).unwrap()
    };
    set.add_profile("profiles/eio.toml", own("eio-2014-41"))
        .unwrap();
    set.add_profile("profiles/own.toml", own("uz-kz-2024"))
        .unwrap();
    let origin = |set: &TermsSet, id: &str| set.profile(id).unwrap().origin.clone();
    let file = |name: &str, replaces| Origin::File {
        file: name.to_owned(),
        replaces,
    };
    assert_eq!(origin(&set, "eio-2014-41"), file("profiles/eio.toml", true));
    assert_eq!(origin(&set, "uz-kz-2024"), file("profiles/own.toml", false));
    assert_eq!(origin(&set, "eu-2023-977"), Origin::BuiltIn);
    let twice = set.add_profile("profiles/again.toml", own("eio-2014-41"));
    assert_eq!(twice, Err("profiles/eio.toml".to_owned()));

    let de: Country = "DE".parse().unwrap();
    let terms = set.terms("eio-2014-41", de).unwrap();
    assert_eq!(terms.calendar.unwrap().time_zone, "Europe/Berlin");
    let missing = set.terms("eio-2041-14", de).unwrap_err();
    assert!(missing.to_string().contains("profiles list"), "{missing}");
    let missing = set.terms("eio-2014-41", "NZ".parse().unwrap()).unwrap_err();
    assert!(
        missing.to_string().contains("calendars/NZ.toml"),
        "{missing}"
    );
}

#[test]
fn terms_of_another_country_are_checked_and_compared() {
    let set = TermsSet::built_in().unwrap();
    let ours = set.terms("eio-2014-41", "DE".parse().unwrap()).unwrap();
    assert_eq!(differences(&ours, &ours), Vec::<String>::new());
    let mut theirs = ours.clone();
    theirs.clocks[0].warn_hours = 12;
    theirs.clocks.remove(3);
    theirs
        .calendar
        .as_mut()
        .unwrap()
        .holidays
        .push("10-31".to_owned());
    theirs.calendar.as_mut().unwrap().time_zone = "Europe/Vienna".to_owned();
    assert_eq!(
        differences(&ours, &theirs),
        [
            "clock `acknowledge`: warn_hours is 12 there and 48 here",
            "clock `execute` is missing there",
            "the time zone is Europe/Vienna there and Europe/Berlin here",
            "10-31 is a holiday there and not here",
        ]
    );
    let holidays = (1..=28).map(|day| format!("2027-02-{day:02}"));
    theirs.calendar.as_mut().unwrap().holidays.extend(holidays);
    assert_eq!(differences(&ours, &theirs).last().unwrap(), "and 16 more");

    let mut broken = ours.clone();
    broken.calendar = None;
    assert_eq!(
        Terms::try_from(&broken).unwrap_err(),
        TermsFault::NoCalendar
    );
    let mut broken = ours.clone();
    broken.clocks[1].limit = None;
    let fault = Terms::try_from(&broken).unwrap_err().to_string();
    assert!(fault.contains("clock 2, `limit`"), "{fault}");
    let mut broken = ours;
    broken.calendar.as_mut().unwrap().rest_days = vec![9];
    let fault = Terms::try_from(&broken).unwrap_err().to_string();
    assert!(fault.contains("`rest_days`: 9 is no day"), "{fault}");
}
