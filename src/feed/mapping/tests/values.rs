//! Numbers, dates and times as files write them.

use super::{fault, items, mapping, record};
use crate::feed::{
    fault::Reason,
    mapping::{date, number},
};

#[test]
fn numbers_are_read_by_the_habit_of_the_column_and_never_guessed() {
    let number = |habit: &str, text: &str| {
        let habit = (!habit.is_empty()).then(|| number::NumberHabit::named(habit).unwrap());
        number::plain(text, habit).map_err(|(reason, _)| reason)
    };
    for (habit, text, is) in [
        ("", "1234", Ok("1234")),
        ("", "-5", Ok("-5")),
        ("", "١٢٣٤", Ok("1234")),
        ("", "۱۲۳۴٫۵", Ok("1234.5")),
        ("", "1.234", Err(Reason::NumberAmbiguous)),
        ("", "1 234,5", Err(Reason::NumberAmbiguous)),
        ("", "twelve", Err(Reason::Number)),
        ("", "", Err(Reason::Number)),
        ("1 234,5", "1 234,5", Ok("1234.5")),
        ("1 234,5", "1\u{a0}234\u{202f}567", Ok("1234567")),
        ("1 234,5", "1.234,5", Err(Reason::Number)),
        ("1.234,5", "1.234,5", Ok("1234.5")),
        ("1.234,5", "1.2345", Err(Reason::Number)),
        ("1.234,5", "1,234.5", Err(Reason::Number)),
        ("1,234.5", "1,234.5", Ok("1234.5")),
        ("1,234.5", "۱٬۲۳۴٫۵", Ok("1234.5")),
        ("1234.5", "1234.5", Ok("1234.5")),
        ("1234.5", "1e5", Err(Reason::Number)),
    ] {
        assert_eq!(
            number(habit, text),
            is.map(str::to_owned),
            "{habit:?} {text:?}"
        );
    }
}

#[test]
fn dates_are_read_by_habit_and_calendar_and_never_guessed() {
    let day = |habit: &str, calendar: &str, text: &str| {
        let some = |of: &'static str| (!of.is_empty()).then_some(of);
        let (habit, calendar) = (habit.to_owned(), calendar.to_owned());
        let habit = date::DateHabit::named(
            (!habit.is_empty()).then_some(habit.as_str()),
            (!calendar.is_empty()).then_some(calendar.as_str()),
            some(""),
        );
        let read = habit.unwrap().day(text);
        read.map(|day| day.to_string())
            .map_err(|(reason, _)| reason)
    };
    for (habit, calendar, text, is) in [
        ("", "", "2024-03-01", Ok("2024-03-01")),
        ("", "", "2024-03-01 00:00:00", Ok("2024-03-01")),
        ("", "", "01.03.2024", Err(Reason::DateAmbiguous)),
        ("", "", "2024-02-30", Err(Reason::Date)),
        ("", "", "yesterday", Err(Reason::Date)),
        ("", "", "2024-03-01 or later", Err(Reason::Date)),
        ("", "", "2024-03-01-x", Err(Reason::Date)),
        ("day.month.year", "", "1.3.2024", Ok("2024-03-01")),
        ("day.month.year", "", "2024-03-01", Ok("2024-03-01")),
        (
            "day.month.year",
            "",
            "01/03/2024",
            Err(Reason::DateAmbiguous),
        ),
        ("day.month.year", "", "01.03.24", Err(Reason::DateAmbiguous)),
        ("month/day/year", "", "03/01/2024", Ok("2024-03-01")),
        ("month/day/year", "", "13/01/2024", Err(Reason::Date)),
        ("day.month.year", "", "۰۱.۰۳.۲۰۲۴", Ok("2024-03-01")),
        // 1 Farvardin 1403 was 20 March 2024; 12 Bahman 1357 was 1 February 1979.
        (
            "year/month/day",
            "solar-hijri",
            "1403/01/01",
            Ok("2024-03-20"),
        ),
        (
            "year/month/day",
            "solar-hijri",
            "۱۳۵۷/۱۱/۱۲",
            Ok("1979-02-01"),
        ),
        (
            "year/month/day",
            "solar-hijri",
            "1403/12/31",
            Err(Reason::Date),
        ),
        ("", "solar-hijri", "1403-01-01", Ok("2024-03-20")),
        ("year/month/day", "", "1403/01/01", Err(Reason::Date)),
        // 1 Muharram 1445 of the civil calendar was 19 July 2023.
        (
            "day.month.year",
            "islamic-civil",
            "01.01.1445",
            Ok("2023-07-19"),
        ),
    ] {
        assert_eq!(
            day(habit, calendar, text),
            is.map(str::to_owned),
            "{habit:?} {calendar:?} {text:?}"
        );
    }
    let hint = fault(
        "[[field]]\nto = \"yearOfRegistration\"\ncolumn = \"d\"\nas = \"year\"\ndate = \"year/month/day\"\n",
        "id,d\n1,1403/01/01\n",
    );
    assert!(
        hint.message.contains("calendar = solar-hijri"),
        "{}",
        hint.message
    );
    let alone = fault(
        "[[field]]\nto = \"yearOfRegistration\"\ncolumn = \"d\"\nas = \"year\"\n",
        "id,d\n1,1403\n",
    );
    assert_eq!(alone.reason, Reason::DateAmbiguous);
}

#[test]
fn a_fraction_and_an_offset_behind_a_time_count() {
    let habit = date::DateHabit::named(None, None, Some("+05:00")).unwrap();
    let micros = |text: &str| habit.moment(text).map(|at| at.micros()).ok();
    let utc = Some(1_709_632_800_123_000);
    for text in [
        "2024-03-05 10:00:00.123+00",
        "2024-03-05 10:00:00.123Z",
        "2024-03-05 15:00:00.123 +0500",
        "2024-03-05 15:00:00.123",
    ] {
        assert_eq!(micros(text), utc, "{text}");
    }
    for text in [
        "2024-03-05 10:00:00.123 PM",
        "2024-03-05 10",
        "2024-03-05 10:00:00+5 h",
    ] {
        assert_eq!(micros(text), None, "{text}");
    }
}

#[test]
fn times_need_an_offset() {
    let field = "[[field]]\nto = \"expiresAt\"\ncolumn = \"t\"\ndate = \"day.month.year\"\n";
    let text = "id,t\n1,01.03.2030 12:30\n";
    assert_eq!(fault(field, text).reason, Reason::DateAmbiguous);
    let read = items(&mapping(&format!("{field}offset = \"+05:00\"\n")), text);
    let at = record(read[0].as_ref().unwrap()).expires_at.unwrap();
    assert_eq!(at.seconds, 1_898_580_600);
}
