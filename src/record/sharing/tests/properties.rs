//! Whatever the record and the agreements: a restriction takes away, victims have named readers.

use proptest::prelude::*;

use super::*;

const CODES: [&str; 4] = ["UZ", "KZ", "AE", "KG"];
const LABELS: [CompartmentLabel; 5] = [
    CompartmentLabel::Situation,
    CompartmentLabel::Suspects,
    CompartmentLabel::Identifiers,
    CompartmentLabel::Victims,
    CompartmentLabel::Source,
];

prop_compose! {
    fn clauses()(allowed in prop::option::of(prop::sample::subsequence(LABELS[1..].to_vec(), 0..=4))) -> Clause<CompartmentLabel> {
        Clause { allowed, line: 1 }
    }
}

prop_compose! {
    /// Two directions for each country.
    fn limits()(clauses in prop::collection::vec((clauses(), clauses()), 4)) -> Vec<(Clause<CompartmentLabel>, Clause<CompartmentLabel>)> {
        clauses
    }
}

fn agreed(
    limits: &[(Clause<CompartmentLabel>, Clause<CompartmentLabel>)],
    swapped: bool,
) -> Agreements {
    let mut agreements = Agreements::default();
    for (code, (one, other)) in CODES.iter().zip(limits) {
        let mut agreement = agreement(code);
        let (send, they) = if swapped { (other, one) } else { (one, other) };
        agreement.send.compartments = send.clone();
        agreement.they_accept.compartments = they.clone();
        agreements.add(agreement);
    }
    agreements
}

prop_compose! {
    fn shared_records()(
        destinations in prop::collection::vec(
            (1..=3_i32, prop::sample::subsequence(LABELS.to_vec(), 0..=5), prop::option::of(Just("referral")), any::<bool>()),
            1..=4,
        ),
        parts in prop::array::uniform4(any::<bool>()),
    ) -> Record {
        let destinations = destinations.into_iter().zip(CODES).map(|((role, named, authority, apart), code)| Destination {
            country: code.to_owned(),
            role,
            authorities: authority.map(str::to_owned).into_iter().collect(),
            compartments: named.iter().map(|label| *label as i32).collect(),
            readers: apart.then(|| wire::CompartmentReaders {
                compartment: CompartmentLabel::Victims as i32,
                authorities: vec!["victim-support".to_owned()],
            }).into_iter().collect(),
        }).collect();
        Record {
            destinations,
            suspects: parts[0].then(Suspects::default),
            identifiers: parts[1].then(Identifiers::default),
            victims: parts[2].then(Victims::default),
            source: parts[3].then(Source::default),
            ..Default::default()
        }
    }
}

/// Every country and compartment that is read.
fn read(matrix: &Matrix) -> Vec<(Country, CompartmentLabel)> {
    let rows = matrix.rows.iter();
    rows.flat_map(|row| row.cells.iter().map(|(label, _)| (row.country, *label)))
        .collect()
}

proptest! {
    #[test]
    fn a_restriction_never_adds_a_reader(record in shared_records(), limits in limits()) {
        let agreements = agreed(&limits, false);
        let limited = matrix_within(&record, Limits { agreements: &agreements, day: TODAY });
        if let Ok(limited) = limited {
            let free = read(&matrix(&record).unwrap());
            prop_assert!(read(&limited).iter().all(|cell| free.contains(cell)));
            // Nothing is lost from sight: each compartment is read or withheld with a reason.
            for row in &limited.rows {
                prop_assert_eq!(row.cells.len() + row.withheld.len(), labels(&record).len());
                prop_assert_eq!(row.cells.len(), row.authorities.len());
            }
        }
    }

    #[test]
    fn victims_never_go_without_a_named_authority(record in shared_records(), limits in limits()) {
        let agreements = agreed(&limits, false);
        for judged in [matrix(&record), matrix_within(&record, Limits { agreements: &agreements, day: TODAY })].into_iter().flatten() {
            for row in &judged.rows {
                for ((label, reason), authorities) in row.cells.iter().zip(&row.authorities) {
                    if *label == CompartmentLabel::Victims {
                        prop_assert_eq!(*reason, Reason::Named);
                        prop_assert!(!authorities.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn the_most_restrictive_wins_in_any_order(record in shared_records(), limits in limits()) {
        let (one, other) = (agreed(&limits, false), agreed(&limits, true));
        let judge = |agreements: &Agreements| {
            matrix_within(&record, Limits { agreements, day: TODAY }).map(|matrix| read(&matrix))
        };
        match (judge(&one), judge(&other)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (one, other) => prop_assert_eq!(one.is_err(), other.is_err()),
        }
    }

    #[test]
    fn what_the_matrix_gives_the_reader_finds_right(record in shared_records(), limits in limits()) {
        let agreements = agreed(&limits, false);
        if let Ok(matrix) = matrix_within(&record, Limits { agreements: &agreements, day: TODAY }) {
            for row in &matrix.rows {
                let reads = |label| row.cells.iter().any(|(cell, _)| *cell == label);
                let mut opened = record.clone();
                if !reads(CompartmentLabel::Suspects) { opened.suspects = None; }
                if !reads(CompartmentLabel::Identifiers) { opened.identifiers = None; }
                if !reads(CompartmentLabel::Victims) { opened.victims = None; }
                if !reads(CompartmentLabel::Source) { opened.source = None; }
                prop_assert!(entitled(&opened, row.country));
                // Whatever is added to it is more than it may have.
                if record.source.is_some() && !reads(CompartmentLabel::Source) {
                    opened.source = Some(Source::default());
                    let named = row.withheld.iter().any(|(label, why)| *label == CompartmentLabel::Source && matches!(why, Withheld::Agreement(_)));
                    prop_assert_eq!(entitled(&opened, row.country), named);
                }
            }
        }
    }

    #[test]
    fn a_share_keeps_readers_to_those_named(record in shared_records(), pick in 0..4_usize) {
        let label = LABELS[pick + 1];
        let text = format!("{}=UZ/referral", crate::record::compartments::label_name(label));
        let mut narrowed = record.clone();
        if narrow(&mut narrowed, &[text.parse().unwrap()]).is_ok()
            && let Ok(matrix) = matrix(&narrowed)
        {
            for row in &matrix.rows {
                for ((cell, _), authorities) in row.cells.iter().zip(&row.authorities) {
                    if *cell == label {
                        prop_assert_eq!(row.country.code(), "UZ");
                        prop_assert_eq!(authorities, &["referral"]);
                    }
                }
            }
        }
    }

    #[test]
    fn a_share_changes_nothing_else_and_adds_only_whom_it_names(
        record in shared_records(),
        pick in 0..4_usize,
        named in prop::sample::subsequence(CODES.to_vec(), 0..=4),
    ) {
        let label = LABELS[pick + 1];
        let readers: Vec<String> = named.iter().map(|code| format!("{code}/referral")).collect();
        let readers = if readers.is_empty() { "none".to_owned() } else { readers.join(",") };
        let text = format!("{}={readers}", crate::record::compartments::label_name(label));
        let mut narrowed = record.clone();
        // Nobody becomes a reader by being named who was no destination.
        if let (Ok(()), Ok(before)) = (narrow(&mut narrowed, &[text.parse().unwrap()]), matrix(&record)) {
            let before = read(&before);
            let after = read(&matrix(&narrowed).unwrap());
            for row in &record.destinations {
                let country: Country = row.country.parse().unwrap();
                for other in LABELS {
                    let expected = if other == label {
                        named.contains(&country.code())
                    } else {
                        before.contains(&(country, other))
                    };
                    prop_assert_eq!(after.contains(&(country, other)), expected, "{} {:?}", country, other);
                }
            }
        }
    }
}
