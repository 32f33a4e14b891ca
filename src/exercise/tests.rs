use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::record::{self, ValidationContext, compartments, sharing, vocab};

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn corridor() -> Vec<(Country, CountryRole)> {
    vec![
        (country("TJ"), CountryRole::Origin),
        (country("UZ"), CountryRole::Transit),
        (country("KZ"), CountryRole::Transit),
        (country("AE"), CountryRole::Destination),
    ]
}

fn now() -> Moment {
    Moment::from_micros(1_795_000_000_000_000)
}

fn assert_valid(of: &ExerciseRecord) {
    let authorities = |_: Country| Some(AUTHORITIES.map(str::to_owned).to_vec());
    let context = ValidationContext {
        now: now(),
        origin: of.origin,
        authorities: &authorities,
        received: false,
    };
    if let Err(violations) = record::validate(&of.record, &context) {
        panic!("{violations}: {:?}", of.record);
    }
}

#[test]
fn every_record_is_valid_and_marked() {
    for starting in [None, Some(now())] {
        let mut exercise = Exercise::new(7, &corridor());
        exercise.now = starting;
        for of in exercise.records().take(1500) {
            assert_valid(&of);
            assert!(of.record.exercise);
            let situation = of.record.situation.as_ref().unwrap();
            assert!(
                situation.title.starts_with("EXERCISE"),
                "{}",
                situation.title
            );
        }
    }
}

#[test]
fn a_seed_repeats_its_records() {
    let records = |seed| -> Vec<_> {
        let exercise = Exercise::new(seed, &corridor());
        exercise.records().take(50).collect()
    };
    assert_eq!(records(1), records(1));
    assert_ne!(records(1), records(2));
}

#[test]
fn shares_are_as_documented() {
    const COUNT: usize = 4000;
    let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
    let mut titles = BTreeSet::new();
    for ExerciseRecord { record, .. } in Exercise::new(3, &corridor()).records().take(COUNT) {
        let mut count =
            |name, counts: bool| *shares.entry(name).or_default() += usize::from(counts);
        count("urgent", record::is_urgent(&record));
        count(
            "suspects",
            record.suspects.is_some() && record.identifiers.is_some(),
        );
        count("victims", record.victims.is_some());
        count("source", record.source.is_some());
        count(record::kind_name(&record).unwrap(), true);
        titles.insert(record.situation.unwrap().title);
    }
    assert_eq!(titles.len(), COUNT, "titles repeat");
    for (name, percent) in [
        ("urgent", 10),
        ("suspects", 30),
        ("victims", 10),
        ("source", 5),
        ("Route", 40),
        ("Network", 15),
        ("ModusOperandi", 20),
        ("Alert", 25),
    ] {
        let expected = COUNT * percent / 100;
        let share = shares[name];
        assert!(
            share.abs_diff(expected) < COUNT / 40,
            "{name}: {share} of {COUNT}"
        );
    }
}

#[test]
fn victims_go_to_one_country_and_a_named_authority() {
    let exercise = Exercise::new(5, &corridor());
    let with_victims = exercise.records().filter(|of| of.record.victims.is_some());
    for ExerciseRecord { record, .. } in with_victims.take(100) {
        let matrix = sharing::matrix(&record).unwrap();
        let readers: Vec<_> = record
            .destinations
            .iter()
            .filter(|d| matrix.reads(country(&d.country), CompartmentLabel::Victims))
            .collect();
        assert_eq!(readers.len(), 1);
        assert!(readers[0].authorities.contains(&VICTIM_SUPPORT.to_owned()));
    }
}

#[test]
fn the_story_is_valid_and_every_reader_reads_another_part() {
    use CompartmentLabel::{Identifiers, Situation, Source, Suspects, Victims};
    let route = story::corridor_route();
    for record in [route.clone(), story::corrected(&route)] {
        let matrix = sharing::matrix(&record).unwrap();
        for (code, reads) in [
            ("UZ", &[Situation, Suspects, Identifiers, Source][..]),
            ("KZ", &[Situation, Identifiers]),
            ("AE", &[Situation, Suspects, Identifiers, Victims]),
        ] {
            for (label, _) in compartments::split(&record) {
                let expected = reads.contains(&label);
                assert_eq!(
                    matrix.reads(country(code), label),
                    expected,
                    "{code} {label:?}"
                );
            }
        }
        assert_valid(&ExerciseRecord {
            origin: country("TJ"),
            record,
        });
    }
}

#[test]
fn the_correction_touches_every_compartment() {
    let before = story::corridor_route();
    let after = compartments::split(&story::corrected(&before));
    let before = compartments::split(&before);
    assert_eq!(before.len(), 5);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.0, after.0);
        assert_ne!(before.1, after.1, "{:?}", before.0);
    }
}

#[test]
fn records_split_and_join() {
    for of in Exercise::new(11, &corridor()).records().take(300) {
        let parts = compartments::split(&of.record);
        let parts: Vec<(u32, &[u8])> = parts
            .iter()
            .map(|(label, bytes)| (*label as u32, bytes.as_slice()))
            .collect();
        assert_eq!(compartments::join(&parts), Ok(of.record));
    }
}

#[test]
fn the_corridor_is_real() {
    for hop in corridor::TRAILS.into_iter().flatten() {
        let (from, to, transport, id) = hop;
        for town in [from, to] {
            assert_eq!(
                vocab::subdivision(town.subdivision),
                vocab::Subdivision::Of(country(town.country))
            );
        }
        let by_air = *transport == crate::wire::record::Transport::Air;
        let crossing = vocab::crossing(id);
        let abroad = from.country != to.country;
        assert_eq!(
            crossing.is_some(),
            abroad && !by_air,
            "{} to {}",
            from.name,
            to.name
        );
        if let Some(crossing) = crossing {
            assert!(crossing.joins(country(from.country), country(to.country)));
        }
    }
    for pair in corridor::TRAILS
        .into_iter()
        .flat_map(|trail| trail.windows(2))
    {
        assert_eq!(pair[0].1.name, pair[1].0.name, "a trail has a gap");
    }
}

#[test]
fn sized_records_have_their_size() {
    let two = &corridor()[..2];
    let sizes = [
        256, 300, 500, 1024, 4096, 16_500, 19_300, 21_000, 65_536, 499_000,
    ];
    for bytes in sizes {
        for of in Exercise::new(1, two).sized(bytes).take(3) {
            assert_valid(&of);
            let len = of.record.encoded_len();
            assert!(len.abs_diff(bytes) <= 4, "{len} for {bytes}");
            assert!(!record::is_urgent(&of.record));
            assert_eq!(of.record.destinations.len(), 1);
        }
    }
    for of in Exercise::new(1, two).sized(0).take(3) {
        assert_valid(&of);
        assert!(of.record.encoded_len() < 200, "{}", of.record.encoded_len());
    }
    let largest = Exercise::new(1, two).sized(usize::MAX).next().unwrap();
    assert_valid(&largest);
}

#[test]
fn without_a_partner_there_are_no_records() {
    for few in [&[][..], &[(country("UZ"), CountryRole::Transit); 3]] {
        let exercise = Exercise::new(1, few);
        assert_eq!(exercise.records().next(), None);
        assert_eq!(exercise.sized(1024).next(), None);
    }
}

#[test]
fn a_file_of_cases_is_the_same_for_the_same_seed_and_says_exercise() {
    for layout in [CaseLayout::Ctdc, CaseLayout::Htcds, CaseLayout::Glotip] {
        let file = |seed, dirty| case_file(layout, seed, 40, dirty).collect::<Vec<_>>();
        let lines = file(1, false);
        assert_eq!(lines.len(), 41);
        assert_eq!(lines, file(1, false));
        assert_ne!(lines, file(2, false));
        assert!(lines.iter().skip(1).all(|line| line.contains("EXERCISE")));
        let dirty = file(1, true);
        let soiled = lines
            .iter()
            .zip(&dirty)
            .filter(|(clean, dirty)| clean != dirty);
        assert_eq!(soiled.count(), 4, "every tenth");
    }
}
