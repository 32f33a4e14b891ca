//! What ends with a membership, and what does not.

use proptest::prelude::*;

use super::*;
use crate::{
    access::{
        Action, Compartments, Principal, PrincipalKind, Role, Subject, Table, action::About, decide,
    },
    wire::record::{
        Destination, Evidence, JointCase, JointCaseMember, Record, Situation, Source, Suspects,
        Victims, situation::Kind,
    },
};

const POLICE: &str = "national-police";
const PROSECUTOR: &str = "prosecutor-general";
const STRANGER: &str = "victim-support";

fn at(second: i64) -> Moment {
    Moment::from_micros(second * 1_000_000)
}

fn uz() -> Country {
    "UZ".parse().unwrap()
}

fn members(list: &[(&str, &str, i64, Option<i64>)]) -> Members {
    let each = list
        .iter()
        .map(|(country, authority, from, until)| JointCaseMember {
            country: (*country).to_owned(),
            authority: (*authority).to_owned(),
            role: 2,
            from: Some(at(*from).into()),
            until: until.map(|until| at(until).into()),
        });
    let record = Record {
        situation: Some(Situation {
            kind: Some(Kind::JointCase(JointCase {
                members: each.collect(),
                edition: 1,
                ..JointCase::default()
            })),
            ..Situation::default()
        }),
        ..Record::default()
    };
    Members::read(&record).unwrap()
}

/// A record with every compartment, of KZ for these authorities here, or submitted by the first of them.
fn subject(authorities: &[&str], own: bool) -> Subject {
    let names = authorities.iter().map(|name| (*name).to_owned());
    let record = Record {
        authority: authorities[0].to_owned(),
        destinations: vec![Destination {
            country: "UZ".to_owned(),
            authorities: names.collect(),
            ..Destination::default()
        }],
        situation: Some(Situation::default()),
        suspects: Some(Suspects::default()),
        victims: Some(Victims::default()),
        source: Some(Source::default()),
        evidence: Some(Evidence::default()),
        ..Record::default()
    };
    Subject::of(&record, &record, uz(), own)
}

fn officer(authority: Option<&str>, role: Role) -> Principal {
    Principal::new(uz(), PrincipalKind::Officer, "test")
        .unwrap()
        .with_authority(authority)
        .unwrap()
        .with_roles([role].into())
        .unwrap()
}

fn refusal(who: &Principal, subject: &Subject) -> Option<Missing> {
    decide(who, Action::Read, Some(subject), &Table::default()).refused
}

#[test]
fn whoever_left_reads_nothing_and_is_told_since_when() {
    let members = members(&[
        ("UZ", POLICE, 0, Some(20)),
        ("UZ", PROSECUTOR, 0, None),
        ("KZ", POLICE, 0, None),
    ]);
    let of = |second| {
        let case = SharedCase::of(&members, uz(), at(second));
        subject(&[POLICE, PROSECUTOR], false).in_case(case, at(5))
    };
    for role in [Role::LiaisonOfficer, Role::JudicialAuthority] {
        let police = officer(Some(POLICE), role);
        assert_eq!(refusal(&police, &of(19)), None, "{role}");
        let ended = Missing::MembershipEnded(Some(POLICE.to_owned()), at(20));
        assert_eq!(refusal(&police, &of(20)), Some(ended), "{role}");
        assert_eq!(refusal(&officer(Some(PROSECUTOR), role), &of(20)), None);
    }
    // The whole country's desk goes on while any of its authorities is a member.
    let desk = officer(None, Role::LiaisonOfficer);
    assert_eq!(refusal(&desk, &of(20)), None);
    assert_eq!(
        refusal(&officer(Some(STRANGER), Role::LiaisonOfficer), &of(20)),
        None
    );
    assert!(refusal(&officer(Some(STRANGER), Role::JudicialAuthority), &of(20)).is_some());
}

#[test]
fn a_country_that_left_reads_nothing_by_any_row() {
    let members = members(&[("UZ", POLICE, 0, Some(20)), ("KZ", POLICE, 0, None)]);
    let case = SharedCase::of(&members, uz(), at(30));
    let left = subject(&[POLICE], false).in_case(case, at(5));
    let ended = Missing::MembershipEnded(None, at(20));
    for authority in [None, Some(STRANGER)] {
        let who = officer(authority, Role::LiaisonOfficer);
        assert_eq!(refusal(&who, &left), Some(ended.clone()));
    }
    assert!(
        ended.to_string().contains("ended at 1970-01-01T00:00:20Z"),
        "{ended}"
    );
}

#[test]
fn whoever_was_there_is_told_why_it_is_gone_and_nobody_of_what_came_later() {
    let members = members(&[("UZ", POLICE, 0, Some(20)), ("KZ", POLICE, 0, None)]);
    let case = SharedCase::of(&members, uz(), at(30));
    let ended = Missing::MembershipEnded(Some(POLICE.to_owned()), at(20));
    let earlier = subject(&[POLICE], false).in_case(case.clone(), at(5));
    let police = officer(Some(POLICE), Role::JudicialAuthority);
    assert_eq!(refusal(&police, &earlier.before(&ended).unwrap()), None);
    let later = subject(&[POLICE], false).in_case(case, at(25));
    assert_eq!(later.before(&ended), None);
    assert_eq!(earlier.before(&Missing::NotAMember), None);
}

#[test]
fn own_submissions_stay_with_their_authority_and_reach_the_countrys_members() {
    let members = members(&[
        ("UZ", POLICE, 0, Some(20)),
        ("UZ", PROSECUTOR, 0, Some(40)),
        ("KZ", POLICE, 0, None),
    ]);
    let of = |second| {
        let case = SharedCase::of(&members, uz(), at(second));
        subject(&[POLICE], true).in_case(case, at(5))
    };
    let police = officer(Some(POLICE), Role::JudicialAuthority);
    let desk = officer(None, Role::LiaisonOfficer);
    let prosecutor = officer(Some(PROSECUTOR), Role::JudicialAuthority);
    for second in [10, 30, 50] {
        assert_eq!(refusal(&police, &of(second)), None, "at {second}");
        assert_eq!(refusal(&desk, &of(second)), None, "at {second}");
    }
    let read = decide(&prosecutor, Action::Read, Some(&of(10)), &Table::default());
    assert_eq!(read.allowed.names(), "situation, suspects, evidence");
    let ended = Missing::MembershipEnded(Some(PROSECUTOR.to_owned()), at(40));
    assert_eq!(refusal(&prosecutor, &of(50)), Some(ended));
}

#[test]
fn nothing_is_read_of_a_case_that_is_not_here_or_of_a_strangers_record() {
    for (case, missing) in [
        (SharedCase::Unknown, Missing::CaseUnknown),
        (SharedCase::Foreign, Missing::CaseForeign),
    ] {
        let subject = subject(&[POLICE], false).in_case(case, at(5));
        for role in [Role::LiaisonOfficer, Role::JudicialAuthority] {
            let who = officer(Some(POLICE), role);
            assert_eq!(refusal(&who, &subject), Some(missing.clone()));
        }
    }
}

prop_compose! {
    fn memberships()(
        list in prop::collection::vec((0..2_usize, 0..3_usize, 0..40_i64, prop::option::of(1..20_i64)), 0..8)
    ) -> Members {
        let (countries, names) = (["UZ", "KZ"], [POLICE, PROSECUTOR, STRANGER]);
        let list: Vec<_> = list
            .into_iter()
            .map(|(of, by, from, long)| (countries[of], names[by], from, long.map(|long| from + long)))
            .collect();
        members(&list)
    }
}

proptest! {
    /// Whatever the list, the role and the action: a joint case never opens what would be closed
    /// without it, but an own submission's to the country's members; and nobody reaches a foreign record
    /// whose authority, or with none whose country, is no member, save the desk's rows.
    #[test]
    fn a_case_only_narrows(
        members in memberships(),
        second in 0..60_i64,
        named in 0..3_usize,
        asking in prop::option::of(0..3_usize),
        role in 0..4_usize,
    ) {
        let names = [POLICE, PROSECUTOR, STRANGER];
        let roles = [
            Role::LiaisonOfficer, Role::Analyst, Role::JudicialAuthority, Role::VictimProtectionOfficer,
        ];
        let authority = asking.map(|index| names[index]);
        let who = officer(authority, roles[role]);
        let plain = subject(&[names[named]], false);
        let now = at(second);
        let inside = plain.clone().in_case(SharedCase::of(&members, uz(), now), at(0));
        let table = Table::default();
        for action in Action::ALL.iter().filter(|action| action.about() == About::Contents) {
            let without = decide(&who, *action, Some(&plain), &table).allowed;
            let within = decide(&who, *action, Some(&inside), &table).allowed;
            prop_assert_eq!(within.and(without), within);
            if members.authorities(uz(), now).is_empty() {
                prop_assert_eq!(within, Compartments::NONE);
            }
            if let Some(own) = authority
                && matches!(members.of_authority(uz(), own, now), Standing::Ended(_))
            {
                prop_assert_eq!(within, Compartments::NONE);
            }
        }
    }
}
