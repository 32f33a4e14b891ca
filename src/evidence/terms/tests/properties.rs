//! What holds of every clock and every history.

use proptest::prelude::*;

use super::super::count;
use super::*;

const MINUTE: i64 = 60_000_000;
/// 2026-01-01T00:00:00Z.
const YEAR: i64 = 1_767_225_600_000_000;
const ZONES: [&str; 6] = [
    "Asia/Tashkent",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Kiritimati",
    "America/Havana",
    "Australia/Lord_Howe",
];

fn moment() -> impl Strategy<Value = Moment> {
    // Two years, to the minute.
    (0..2 * 365 * 24 * 60_i64).prop_map(|minutes| Moment::from_micros(YEAR + minutes * MINUTE))
}

fn what() -> impl Strategy<Value = Happened> {
    prop_oneof![
        1 => Just(Happened::Acknowledged),
        4 => Just(Happened::InformationRequested),
        4 => Just(Happened::InformationAnswered),
        1 => Just(Happened::Recognised),
        1 => proptest::option::of(moment()).prop_map(|until| Happened::Postponed { until }),
        1 => Just(Happened::ExecutionBegun),
        4 => moment().prop_map(|until| Happened::Extended { clock: "c".to_owned(), until }),
        1 => any::<bool>().prop_map(|partial| Happened::Executed { partial }),
        1 => any::<bool>().prop_map(|complete| Happened::Transferred { complete }),
        1 => Just(Happened::Refused),
        1 => Just(Happened::Withdrawn),
        1 => Just(Happened::Closed),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (moment(), what()).prop_map(|(at, what)| Event { at, what });
    proptest::collection::vec(event, 0..12).prop_map(|mut events| {
        events.sort_by_key(|event| event.at);
        events
    })
}

fn any_terms() -> impl Strategy<Value = AgreementProfile> {
    let limit = prop_oneof![
        (1..2000_u32).prop_map(|hours| format!("hours = {hours}")),
        (1..120_u32).prop_map(|days| format!("calendar_days = {days}")),
        (1..90_u32).prop_map(|days| format!("working_days = {days}")),
        Just("agreed_date = true".to_owned()),
    ];
    let goal = prop_oneof![Just("DECIDED"), Just("EXECUTED"), Just("TRANSFERRED")];
    let days = proptest::collection::btree_set((1..=12_u32, 1..=28_u32), 0..20);
    (limit, goal, any::<bool>(), 0..40_u32, 0..ZONES.len(), days).prop_map(
        |(limit, goal, pauses, extension, zone, days)| {
            let days: Vec<String> = days
                .into_iter()
                .map(|(month, day)| format!("\"{month:02}-{day:02}\""))
                .collect();
            let calendar = format!(
                "country = \"KZ\"\ntime_zone = \"{}\"\nrest_days = [\"SUNDAY\"]\nholidays = [{}]",
                ZONES[zone],
                days.join(", ")
            );
            let clock = format!(
                "goal = \"{goal}\"\nstarts = \"RECEIVED\"\n{limit}\npauses = {pauses}\nextension_days = {extension}"
            );
            AgreementProfile {
                calendar: Some(parse_calendar("calendars/KZ.toml", &calendar).unwrap().calendar),
                ..profile(&clock)
            }
        },
    )
}

fn case() -> Case {
    Case::new(Urgency::Routine, "2026-09-13")
}

fn one(terms: &AgreementProfile, history: &History, now: Moment) -> Clock {
    let terms = Terms::try_from(terms).unwrap();
    clocks(&terms, &case(), history, now).clocks.remove(0)
}

/// Never back: running, then late; open, then neither.
fn rank(state: State) -> u8 {
    match state {
        State::NotStarted => 0,
        State::Running | State::Paused { .. } => 1,
        State::Late { .. } => 2,
        State::Met { .. } | State::Stopped { .. } => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn time_alone_brings_no_end_nearer_and_nothing_late_back(
        terms in any_terms(), events in events(), received in moment(),
        mut nows in proptest::collection::vec(moment(), 2..10),
    ) {
        nows.sort();
        let history = History { received: Some(received), events };
        let shown: Vec<Clock> = nows.iter().map(|now| one(&terms, &history, *now)).collect();
        for pair in shown.windows(2) {
            prop_assert!(pair[0].due <= pair[1].due, "{:?} {:?}", pair[0], pair[1]);
            prop_assert!(rank(pair[0].state) <= rank(pair[1].state), "{pair:?}");
            prop_assert!(pair[0].stood_still <= pair[1].stood_still);
        }
    }

    #[test]
    fn neither_a_pause_nor_an_extension_brings_an_end_nearer(
        terms in any_terms(), events in events(), received in moment(), now in moment(),
    ) {
        let history = History { received: Some(received), events };
        let shown = one(&terms, &history, now);
        prop_assert!(shown.due >= shown.first_due, "{shown:?}");
        // Without the questions it would end no later.
        let asks = |event: &Event| matches!(event.what, Happened::InformationRequested | Happened::Extended { .. });
        let unasked = History {
            received: history.received,
            events: history.events.iter().filter(|event| !asks(event)).cloned().collect(),
        };
        let plain = one(&terms, &unasked, now);
        if shown.granted.is_empty() {
            prop_assert!(plain.due <= shown.due, "{plain:?} {shown:?}");
        }
    }

    #[test]
    fn a_longer_pause_ends_no_earlier(
        terms in any_terms(), received in moment(), asked in moment(),
        shorter in 0..50_000_i64, longer in 0..50_000_i64,
    ) {
        let (shorter, longer) = (shorter.min(longer), shorter.max(longer));
        let ends = |minutes: i64| {
            let answered = Moment::from_micros(asked.micros() + minutes * MINUTE);
            let events = vec![
                Event { at: asked, what: Happened::InformationRequested },
                Event { at: answered, what: Happened::InformationAnswered },
            ];
            let history = History { received: Some(received), events };
            one(&terms, &history, Moment::from_micros(YEAR * 2)).due
        };
        prop_assert!(ends(shorter) <= ends(longer));
    }

    #[test]
    fn both_sides_count_alike_by_what_came_over_the_wire(
        terms in any_terms(), events in events(), received in moment(), now in moment(),
    ) {
        use prost::Message as _;
        let history = History { received: Some(received), events };
        let theirs = AgreementProfile::decode(terms.encode_to_vec().as_slice()).unwrap();
        let ours = clocks(&Terms::try_from(&terms).unwrap(), &case(), &history, now);
        prop_assert_eq!(&ours, &clocks(&Terms::try_from(&theirs).unwrap(), &case(), &history, now));
        // What one side refuses to take, the other finds void.
        let terms = Terms::try_from(&terms).unwrap();
        for (index, event) in history.events.iter().enumerate() {
            let Happened::Extended { clock, until } = &event.what else { continue };
            let before = History { received: Some(received), events: history.events[..index].to_vec() };
            let judged = judge_extension(&terms, &case(), &before, clock, *until, event.at);
            let void = ours.void.iter().find(|(at, _)| *at == index).map(|(_, fault)| fault.clone());
            prop_assert_eq!(judged.err(), void);
        }
    }

    #[test]
    fn an_end_by_days_is_the_last_moment_of_a_day_that_is_worked(
        terms in any_terms(), received in moment(),
    ) {
        let shown = one(&terms, &History { received: Some(received), events: Vec::new() }, received);
        let due = shown.due.unwrap();
        let counted = Terms::try_from(&terms).unwrap();
        match shown.limit {
            Limit::Hours(hours) => prop_assert_eq!(due.since(received).as_secs(), u64::from(hours) * 3600),
            Limit::AgreedDate => prop_assert!(counted.calendar.local(due).starts_with("2026-09-13 23:59")),
            Limit::CalendarDays(days) | Limit::WorkingDays(days) => {
                let last = counted.calendar.day(due);
                prop_assert!(counted.calendar.is_worked(last));
                prop_assert_eq!(counted.calendar.end_of(last), due);
                prop_assert!(count::days_between(counted.calendar.day(received), last) >= i64::from(days));
            }
        }
    }
}
