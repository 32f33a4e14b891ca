use super::*;
use crate::{
    access::{PrincipalKind, Scope, Shape, act, compartments::ALL, table::Row},
    record::Country,
    wire::record::{
        CompartmentReaders, Destination, Evidence, Identifiers, Record, Situation, Source,
        Suspects, Victims,
    },
};

const OWN: &str = "national-police";
const OTHER: &str = "victim-support";

/// What the built-in table gives each role, written down a second time by hand: for each action the
/// compartments of a record of the own authority, and of another's of the same country. `s` the
/// situation, `u` suspects, `i` identifiers, `v` victims (`V` with a second person's leave), `q` source, `e` evidence; `+` an action about the node.
const EXPECTED: &[(Role, &str)] = &[
    (
        Role::LiaisonOfficer,
        "list suiqe/suie, watch suiqe/suie, read suiqe/suie, search suiqe/suie, correlate suiqe/suie,
         track suiqe/suie, preview suivqe/suivqe, submit suivqe/suivqe, amend suivqe/suivqe, reply suiqe/sui,
         recall suiqe/sui, shred sui/sui, hold sui/sui, acknowledge suiqe/sui, assign suiqe/sui,
         request-consent suiqe/sui, answer-consent suiqe/sui, share-onward suiqe/sui,
         export-table sui/sui, ingest suivqe/suivqe, subscribe sui/sui, export sui/sui,
         see-approvals +, approve +, status +, see-cards +,
         see-agreements +, see-permissions +, request-approval +, answer-data-subject +",
    ),
    (
        Role::Analyst,
        "list sui/sui, watch sui/sui, read sui/sui, search sui/sui, correlate sui/sui,
         track sui/sui, export-table sui/sui, subscribe sui/sui, export sui/sui, see-approvals +, approve +, status +, see-cards +,
         see-agreements +, see-permissions +, request-approval +",
    ),
    (
        Role::JudicialAuthority,
        "list suiqe/, watch suiqe/, read suiqe/, search suiqe/, correlate suiqe/, track suiqe/,
         preview suiqe/, submit suiqe/, amend suiqe/, reply suiqe/, recall suiqe/, shred suiqe/,
         hold suiqe/, acknowledge suiqe/, assign suiqe/, request-consent suiqe/, answer-consent suiqe/,
         request-evidence suivqe/, execute-evidence suiqe/, upload-evidence se/,
         download-evidence se/, state-custody se/, export-court suiqe/, see-approvals +, approve +, status +,
         see-cards +, see-agreements +, see-permissions +, request-approval +",
    ),
    (
        Role::VictimProtectionOfficer,
        "list sV/, watch sV/, read sV/, search sV/, correlate sV/, track sv/, preview sv/,
         submit sv/, amend sv/, reply sv/, recall sv/, acknowledge sv/, assign sv/,
         request-consent sv/, answer-consent sv/, share-onward sv/, export-court sV/,
         see-approvals +, approve +, status +, see-cards +, see-agreements +, see-permissions +,
         request-approval +, answer-data-subject +",
    ),
    (
        Role::CaseSystem,
        "list sui/, watch sui/, read sui/, search sui/, correlate sui/, track sui/,
         preview suivqe/, submit suivqe/, amend suivqe/, reply sui/, recall suivqe/,
         acknowledge sui/, ingest suivqe/, subscribe sui/, export sui/, status +,
         see-cards +, see-agreements +, see-permissions +",
    ),
    (
        Role::Auditor,
        "see-approvals +, approve +, status +, see-cards +, see-agreements +,
         see-ledger +, see-permissions +, explain-permissions +",
    ),
    (
        Role::Operator,
        "see-approvals +, approve +, status +, see-cards +, see-agreements +,
         import-card +, reload-agreements +, see-ledger +, operate-webhooks +, offboard +, see-permissions +,
         explain-permissions +, change-permissions +",
    ),
];

fn uz() -> Country {
    "UZ".parse().unwrap()
}

fn principal(role: Role) -> Principal {
    Principal::new(uz(), role.kind(), "test")
        .unwrap()
        .with_authority(Some(OWN))
        .unwrap()
        .with_roles([role].into())
        .unwrap()
}

/// A record with every compartment, from abroad, addressed to an authority here.
fn addressed(authorities: &[&str]) -> Record {
    Record {
        destinations: vec![Destination {
            country: "UZ".to_owned(),
            authorities: authorities.iter().map(|name| (*name).to_owned()).collect(),
            ..Destination::default()
        }],
        situation: Some(Situation::default()),
        suspects: Some(Suspects::default()),
        identifiers: Some(Identifiers::default()),
        victims: Some(Victims::default()),
        source: Some(Source::default()),
        evidence: Some(Evidence::default()),
        ..Record::default()
    }
}

fn subject(record: &Record) -> Subject {
    Subject::of(record, record, uz(), false)
}

fn letters(decision: &Decision) -> String {
    ALL.into_iter()
        .zip(['s', 'u', 'i', 'v', 'q', 'e'])
        .filter_map(|(label, letter)| match label {
            _ if decision.allowed.has(label) => Some(letter),
            CompartmentLabel::Victims if decision.victims_need_second() => Some('V'),
            _ => None,
        })
        .collect()
}

#[test]
fn every_role_action_and_compartment_is_as_the_table_says() {
    let table = Table::default();
    let (mine, others) = (subject(&addressed(&[OWN])), subject(&addressed(&[OTHER])));
    let mut seen = 0;
    for (role, expected) in EXPECTED {
        let who = principal(*role);
        let expected: Vec<(&str, &str)> = expected
            .split(',')
            .map(|cell| cell.trim().split_once(' ').unwrap())
            .collect();
        for action in Action::ALL {
            let cell = expected.iter().find(|(word, _)| *word == action.as_str());
            let decided = |subject| decide(&who, *action, Some(subject), &table);
            let is = match action.about() {
                About::Node if decided(&mine).is_allowed() => "+".to_owned(),
                About::Node => String::new(),
                About::Contents => {
                    format!(
                        "{}/{}",
                        letters(&decided(&mine)),
                        letters(&decided(&others))
                    )
                }
            };
            let is = if is == "/" { String::new() } else { is };
            assert_eq!(is, cell.map_or("", |(_, cell)| cell), "{role} {action}");
            for label in ALL {
                seen += 1;
                let decision = decided(&mine);
                let told = decision.withheld.iter().any(|(of, _)| *of == label);
                let shown = decision.allowed.has(label);
                // Whatever is not shown is told to be withheld, and nothing is both.
                if action.about() == About::Contents && decision.is_allowed() {
                    assert!(shown != told, "{role} {action} {label:?}");
                } else {
                    assert!(!shown && !told, "{role} {action} {label:?}");
                }
            }
        }
    }
    assert_eq!(seen, Role::ALL.len() * Action::ALL.len() * ALL.len());
}

#[test]
fn victims_are_nobodys_but_of_authorities_named() {
    let table = Table::default();
    let who = principal(Role::VictimProtectionOfficer);
    let reads = |record: &Record| decide(&who, Action::Read, Some(&subject(record)), &table);
    assert_eq!(letters(&reads(&addressed(&[OWN]))), "sV");
    // The desk's, and so everybody's, but for the victims.
    let desk = reads(&addressed(&[]));
    assert_eq!(letters(&desk), "s");
    assert!(
        desk.withheld
            .contains(&(CompartmentLabel::Victims, Missing::NotNamed))
    );
    // Named for the record, while the victims' compartment names another.
    let mut apart = addressed(&[OWN]);
    apart.destinations[0].readers = vec![CompartmentReaders {
        compartment: CompartmentLabel::Victims.into(),
        authorities: vec![OTHER.to_owned()],
    }];
    assert_eq!(letters(&reads(&apart)), "s");
    // A row for the whole country does not reach further than the origin's word.
    let mut wide = Table::default();
    wide.rows.push(Row {
        role: Role::VictimProtectionOfficer,
        actions: [Action::Read].into(),
        kinds: None,
        compartments: Compartments::all(),
        scope: Scope::Country,
    });
    let read = decide(&who, Action::Read, Some(&subject(&apart)), &wide);
    assert_eq!(letters(&read), "suiqe");
    // Whoever belongs to no authority is at the desk.
    let nobody = Principal::new(uz(), PrincipalKind::Officer, "desk").unwrap();
    let nobody = nobody
        .with_roles([Role::VictimProtectionOfficer].into())
        .unwrap();
    for record in [addressed(&[]), addressed(&[OWN])] {
        let read = decide(&nobody, Action::Read, Some(&subject(&record)), &wide);
        assert!(!read.allowed.has(CompartmentLabel::Victims));
    }
}

#[test]
fn own_records_are_of_who_submitted_them() {
    let table = Table::default();
    let who = principal(Role::JudicialAuthority);
    let of = |authority: &str| {
        let record = Record {
            authority: authority.to_owned(),
            ..addressed(&[])
        };
        decide(
            &who,
            Action::Recall,
            Some(&Subject::of(&record, &record, uz(), true)),
            &table,
        )
    };
    assert_eq!(letters(&of(OWN)), "suiqe");
    assert_eq!(of(OTHER).refused, Some(Missing::Authority));
}

#[test]
fn a_refusal_says_what_is_missing() {
    let table = Arc::new(Table::default());
    let caller = |principal| Caller {
        principal,
        from: String::new(),
    };
    let none = Principal::new(uz(), PrincipalKind::Officer, "new").unwrap();
    let refused = enter::<act::Read>(caller(none), &table).unwrap_err();
    assert_eq!(refused.missing, Missing::Role);
    let refused = enter::<act::Read>(caller(principal(Role::Operator)), &table).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "UZ/operator/test may not `read`: no role allows `read`; docs/ACCESS.md explains the permissions"
    );
    let analyst = enter::<act::Read>(caller(principal(Role::Analyst)), &table).unwrap();
    assert_eq!(analyst.actor(), "UZ/officer/test");
    // What nobody can read has no kind and no authority: only the whole country's rows reach it.
    assert!(analyst.reach(&Subject::closed()).is_allowed());
    let judge = enter::<act::Read>(caller(principal(Role::JudicialAuthority)), &table).unwrap();
    assert_eq!(
        judge.reach(&Subject::closed()).refused,
        Some(Missing::Authority)
    );
    assert!(analyst.and::<act::Recall>().is_err());
    // A row of one kind is about that kind.
    let mut narrow = Table::default();
    narrow.rows.truncate(0);
    narrow.rows.push(Row {
        role: Role::Analyst,
        actions: [Action::Read].into(),
        kinds: Some(["Route".to_owned()].into()),
        compartments: Compartments::situation(),
        scope: Scope::Country,
    });
    let message = addressed(&[OWN]);
    let decision = decide(
        &principal(Role::Analyst),
        Action::Read,
        Some(&subject(&message)),
        &narrow,
    );
    assert_eq!(decision.refused, Some(Missing::Kind(None)));
}

/// Who approves each guarded act, as docs/ACCESS.md has it; `o` an order, `l` a leave.
const GUARDED: &[(Guarded, char, &str)] = &[
    (
        Guarded::MassRecall,
        'o',
        "liaison-officer, judicial-authority",
    ),
    (Guarded::Shred, 'o', "liaison-officer, judicial-authority"),
    (
        Guarded::OpenVictims,
        'l',
        "liaison-officer, judicial-authority, victim-protection-officer",
    ),
    (
        Guarded::ExportCourt,
        'l',
        "liaison-officer, judicial-authority, victim-protection-officer",
    ),
    (
        Guarded::ExportBulk,
        'l',
        "liaison-officer, judicial-authority",
    ),
    (Guarded::ChangePermissions, 'o', "auditor, operator"),
    (Guarded::ImportCard, 'o', "liaison-officer, operator"),
    (
        Guarded::DataSubject,
        'l',
        "liaison-officer, judicial-authority, auditor",
    ),
];

#[test]
fn every_guarded_act_needs_a_second_person_of_some_role() {
    let table = Table::default();
    assert_eq!(GUARDED.len(), Guarded::ALL.len());
    for (guarded, shape, approvers) in GUARDED {
        assert!(table.requires(*guarded), "{guarded:?}");
        assert_eq!(guarded.shape() == Shape::Order, *shape == 'o');
        assert_eq!(Guarded::named(guarded.as_str()), Some(*guarded));
        let rule = table.second(*guarded);
        for role in Role::ALL {
            let approves = approvers.split(", ").any(|name| name == role.as_str());
            assert_eq!(
                rule.approvers.contains(&role),
                approves,
                "{guarded:?} {role}"
            );
            // Whoever approves gets in to do so.
            let who = principal(role);
            let enters = decide(&who, Action::Approve, None, &table).is_allowed();
            assert!(enters || !approves, "{guarded:?} {role}");
        }
        let alone = Table::default().by_one(&[*guarded]);
        assert!(!alone.requires(*guarded));
    }
}

#[test]
fn victims_open_under_a_leave_to_open_them_and_no_other() {
    let table = Table::default();
    let record = addressed(&[OWN]);
    let victims = CompartmentLabel::Victims;
    for role in Role::ALL {
        for action in Action::ALL {
            let decided = || decide(&principal(role), *action, Some(&subject(&record)), &table);
            let needs = decided().victims_need_second();
            for guarded in Guarded::ALL {
                let mut decision = decided();
                decision.open_victims(Warrant::found(*guarded, [7; 16]));
                let opens = needs && *guarded == Guarded::OpenVictims;
                let before = decided().allowed.has(victims);
                assert_eq!(decision.allowed.has(victims), before || opens);
                assert_eq!(decision.under.is_some(), opens);
            }
            // Nothing that shows text shows victims' data without one.
            assert!(!action.shows() || !decided().allowed.has(victims));
            // Where one person may, nothing else changed.
            let alone = Table::default().by_one(&[Guarded::OpenVictims]);
            let alone = decide(&principal(role), *action, Some(&subject(&record)), &alone);
            assert_eq!(
                alone.allowed.has(victims),
                needs || decided().allowed.has(victims)
            );
        }
    }
}
