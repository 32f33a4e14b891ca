//! Memberships over time, and what a version may change.

use proptest::prelude::*;

use super::*;
use crate::wire::record::{CompartmentReaders, Identifiers, Situation, Suspects};

fn at(second: i64) -> Moment {
    Moment::from_micros(second * 1_000_000)
}

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn member(of: &str, authority: &str, from: i64, until: Option<i64>) -> JointCaseMember {
    JointCaseMember {
        country: of.to_owned(),
        authority: authority.to_owned(),
        role: 2,
        from: Some(at(from).into()),
        until: until.map(|until| at(until).into()),
    }
}

fn version(edition: u32, members: Vec<JointCaseMember>) -> Record {
    Record {
        authority: "police".to_owned(),
        submitted_at: Some(at(0).into()),
        situation: Some(Situation {
            kind: Some(Kind::JointCase(JointCase {
                members,
                edition,
                ..JointCase::default()
            })),
            ..Situation::default()
        }),
        ..Record::default()
    }
}

fn members(list: Vec<JointCaseMember>) -> Members {
    Members::read(&version(1, list)).unwrap()
}

fn to(destinations: &[Destination]) -> Vec<String> {
    let each = destinations.iter();
    each.map(|of| format!("{}/{}", of.country, of.authorities.join("+")))
        .collect()
}

#[test]
fn a_membership_holds_from_its_beginning_up_to_its_end() {
    let members = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 10, Some(20)),
        member("KZ", "prosecutor", 15, Some(30)),
        member("KZ", "police", 40, Some(50)),
    ]);
    let police = |second| members.of_authority(country("KZ"), "police", at(second));
    assert_eq!(police(9), Standing::ToCome(at(10)));
    assert_eq!(police(10), Standing::Member);
    assert_eq!(police(19), Standing::Member);
    assert_eq!(police(20), Standing::Ended(at(20)), "though it comes again");
    assert_eq!(police(40), Standing::Member);
    assert_eq!(police(50), Standing::Ended(at(50)));
    let whole = |second| members.of_country(country("KZ"), at(second));
    assert_eq!(whole(25), Standing::Member, "by the prosecutor");
    assert_eq!(whole(35), Standing::Ended(at(30)));
    assert_eq!(whole(60), Standing::Ended(at(50)));
    assert_eq!(
        members.of_authority(country("AE"), "police", at(25)),
        Standing::Stranger
    );
    assert_eq!(
        to(&members.destinations(country("UZ"), at(16))),
        ["KZ/police+prosecutor"]
    );
    assert!(members.destinations(country("UZ"), at(35)).is_empty());
}

#[test]
fn whoever_leaves_is_told_and_nobody_who_left_before() {
    let first = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 0, None),
        member("AE", "police", 0, Some(5)),
        member("TJ", "police", 50, None),
    ]);
    let second = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 0, Some(20)),
        member("AE", "police", 0, Some(5)),
        member("TJ", "police", 50, None),
    ]);
    // At 20 KZ is over by the second version and counted by the first.
    let told = second.told(Some(&first), country("UZ"), at(20));
    assert_eq!(to(&told), ["TJ/police", "KZ/police"]);
    let third = second.told(Some(&second), country("UZ"), at(30));
    assert_eq!(to(&third), ["TJ/police"]);
    assert_eq!(second.unlike(&first, at(20)), None);
}

#[test]
fn history_stays() {
    let before = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 0, Some(10)),
    ]);
    let kz = (country("KZ"), "police".to_owned());
    let without = members(vec![member("UZ", "police", 0, None)]);
    assert_eq!(
        without.unlike(&before, at(20)),
        Some(Change::Gone(kz.clone()))
    );
    let prolonged = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 0, Some(4000)),
    ]);
    assert_eq!(
        prolonged.unlike(&before, at(20)),
        Some(Change::Past(kz)),
        "an end that has come"
    );
    assert_eq!(prolonged.unlike(&before, at(5)), None, "one that has not");
    let backdated = members(vec![
        member("UZ", "police", 0, Some(15)),
        member("KZ", "police", 0, Some(10)),
    ]);
    let uz = (country("UZ"), "police".to_owned());
    assert_eq!(
        backdated.unlike(&before, at(400)),
        Some(Change::Past(uz)),
        "nobody is put out before the word was given"
    );
}

#[test]
fn members_join_and_leave() {
    let mut joint = JointCase {
        members: vec![
            member("UZ", "police", 0, None),
            member("KZ", "police", 0, Some(5)),
        ],
        ..JointCase::default()
    };
    let stranger = member("KZ", "police", 0, None);
    let refused = change(&mut joint, Vec::new(), vec![stranger.clone()], at(9));
    assert_eq!(refused, Err(stranger), "it left before");
    let leaving = JointCaseMember {
        until: None,
        ..member("UZ", "police", 0, None)
    };
    change(
        &mut joint,
        vec![member("AE", "police", 9, None)],
        vec![leaving],
        at(9),
    )
    .unwrap();
    assert_eq!(joint.members.len(), 3);
    assert_eq!(joint.members[0].until, Some(at(9).into()));
}

#[test]
fn a_day_ends_where_the_meeting_is() {
    let end = |day, zone| end_of_day(day, zone).map(|at| at.to_string());
    let tashkent = end("2026-11-30", "Asia/Tashkent");
    assert_eq!(tashkent.as_deref(), Some("2026-11-30T19:00:00Z"));
    // The clocks of Vienna go back in that night.
    let vienna = end("2026-10-25", "Europe/Vienna");
    assert_eq!(vienna.as_deref(), Some("2026-10-25T23:00:00Z"));
    let leap = end("2028-02-29", "Nowhere/At_All");
    assert_eq!(leap.as_deref(), Some("2028-03-01T00:00:00Z"));
    assert_eq!(end("2026-02-29", "UTC"), None);
}

prop_compose! {
    fn memberships()(
        list in prop::collection::vec((0..3_usize, 0..2_usize, 0..50_i64, prop::option::of(1..20_i64)), 0..12)
    ) -> Vec<JointCaseMember> {
        let (countries, authorities) = (["UZ", "KZ", "AE"], ["police", "prosecutor"]);
        list.into_iter()
            .map(|(of, by, from, long)| {
                member(countries[of], authorities[by], from, long.map(|long| from + long))
            })
            .collect()
    }
}

proptest! {
    #[test]
    fn destinations_are_the_members_and_nobody_else(list in memberships(), second in 0..70_i64) {
        let members = members(list);
        let (own, now) = (country("UZ"), at(second));
        let destinations = members.destinations(own, now);
        for of in &destinations {
            prop_assert!(of.country != "UZ" && !of.authorities.is_empty());
            for authority in &of.authorities {
                let standing = members.of_authority(country(&of.country), authority, now);
                prop_assert_eq!(standing, Standing::Member);
            }
        }
        for one in members.list() {
            let named = destinations.iter().any(|of| {
                of.country == one.country.code() && of.authorities.contains(&one.authority)
            });
            let is = members.of_authority(one.country, &one.authority, now) == Standing::Member;
            prop_assert_eq!(named, is && one.country != own);
        }
    }

    #[test]
    fn what_is_over_stays_over_until_another_membership_begins(list in memberships(), second in 0..70_i64) {
        let members = members(list);
        for one in members.list() {
            let standing = |second| members.of_authority(one.country, &one.authority, at(second));
            if let Standing::Ended(until) = standing(second) {
                prop_assert!(until <= at(second));
                for later in second..75 {
                    let then = standing(later);
                    let again = then == Standing::Member;
                    prop_assert!(again || matches!(then, Standing::Ended(end) if end >= until));
                    if again { break; }
                }
            }
        }
    }

    #[test]
    fn the_order_in_the_list_changes_nothing(list in memberships(), second in 0..70_i64) {
        let forward = members(list.clone());
        let backward = members(list.into_iter().rev().collect());
        for of in ["UZ", "KZ", "AE"] {
            for by in ["police", "prosecutor"] {
                prop_assert_eq!(
                    forward.of_authority(country(of), by, at(second)),
                    backward.of_authority(country(of), by, at(second))
                );
            }
        }
    }
}

#[test]
fn what_is_shared_goes_to_those_of_before_who_are_members_still_and_to_the_new_ones() {
    let members = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 0, None),
        member("KZ", "prosecutor", 0, Some(20)),
        member("TJ", "police", 0, Some(20)),
        member("KG", "police", 10, None),
        member("KG", "prosecutor", 30, None),
    ]);
    let before = vec![
        Destination {
            compartments: vec![1],
            ..destination(country("KZ"), vec!["police".into(), "prosecutor".into()])
        },
        destination(country("TJ"), vec!["police".into()]),
    ];
    let shared = members.and(&sent(before), country("KG"), at(25));
    assert_eq!(to(&shared), ["KZ/police", "KG/police"]);
    assert_eq!(shared[0].compartments, [1]);
    // A second authority of a country that has it reads no more than the first.
    let narrow = vec![Destination {
        compartments: vec![1],
        ..destination(country("KG"), vec!["police".into()])
    }];
    let shared = members.and(&sent(narrow), country("KG"), at(35));
    assert_eq!(to(&shared), ["KG/police+prosecutor"]);
    assert_eq!(shared[0].compartments, [1]);
}

/// A record with suspects and identifiers that went somewhere.
fn sent(destinations: Vec<Destination>) -> Record {
    Record {
        destinations,
        suspects: Some(Suspects::default()),
        identifiers: Some(Identifiers::default()),
        ..Record::default()
    }
}

#[test]
fn a_compartment_goes_with_its_last_reader_and_not_to_everybody() {
    let members = members(vec![
        member("UZ", "police", 0, None),
        member("KZ", "police", 0, None),
        member("KZ", "customs", 0, None),
        member("KZ", "prosecutor", 0, Some(20)),
        member("KG", "police", 10, None),
    ]);
    let [situation, suspects, identifiers] = [
        CompartmentLabel::Situation as i32,
        CompartmentLabel::Suspects as i32,
        CompartmentLabel::Identifiers as i32,
    ];
    let readers = |compartment, names: &[&str]| CompartmentReaders {
        compartment,
        authorities: names.iter().map(|&name| name.to_owned()).collect(),
    };
    let kz = |compartments: &[i32], readers: Vec<CompartmentReaders>| {
        let names = ["police", "customs", "prosecutor"].map(str::to_owned);
        let before = Destination {
            compartments: compartments.to_vec(),
            readers,
            ..destination(country("KZ"), names.to_vec())
        };
        let mut shared = members.and(&sent(vec![before]), country("KG"), at(25));
        assert_eq!(to(&shared), ["KZ/police+customs", "KG/police"]);
        shared.remove(0)
    };
    // Who reads on reads alone.
    let stays = kz(&[], vec![readers(suspects, &["police", "prosecutor"])]);
    assert_eq!(stays.readers, [readers(suspects, &["police"])]);
    assert!(stays.compartments.is_empty());
    // By the defaults of the role, and by name.
    for named in [&[][..], &[situation, suspects, identifiers]] {
        let left = kz(named, vec![readers(suspects, &["prosecutor"])]);
        assert!(left.readers.is_empty());
        assert_eq!(left.compartments, [situation, identifiers]);
    }
    // No list at all would be the defaults again.
    let left = kz(&[suspects], vec![readers(suspects, &["prosecutor"])]);
    assert_eq!(left.compartments, [situation]);
}
