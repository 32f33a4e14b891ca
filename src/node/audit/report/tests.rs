//! Reports from leaves made by hand.

use super::*;
use crate::wire::node::{ReportFinding, ReportRule};

const HOUR: i64 = 3_600_000_000;
/// 2026-11-25 00:00 UTC, a Wednesday.
const DAY: i64 = 1_795_564_800_000_000;

fn measures() -> ReportMeasures {
    ReportMeasures {
        utc_offset_minutes: 300,
        day_begins_h: 6,
        day_ends_h: 22,
        many_in_an_hour: 3,
        refused_in_an_hour: 5,
    }
}

fn read(actor: &str, time_us: i64, labels: &[u32]) -> LeafBody {
    LeafBody {
        actor: actor.to_owned(),
        authority: "police".to_owned(),
        roles: vec!["analyst".to_owned()],
        action: Action::Consultation.into(),
        detail: "read".to_owned(),
        compartments: labels.to_vec(),
        reading_purpose: ReadingPurpose::Analysis.into(),
        case_reference: "26/1".to_owned(),
        purpose: "a name that was typed".to_owned(),
        time_us,
        ..LeafBody::default()
    }
}

fn reported(leaves: &[LeafBody]) -> AuditReport {
    let mut tally = Tally::new(measures(), Register::new());
    for (leaf, body) in (0..).zip(leaves) {
        tally.take(leaf, body);
    }
    tally.into_report(AuditReport::default())
}

fn total(report: &AuditReport, dimension: ReportDimension, key: &str) -> u64 {
    let mut totals = report.totals.iter();
    let of = totals.find(|of| of.dimension() == dimension && of.key == key);
    of.map_or(0, |of| of.count)
}

fn found(report: &AuditReport, rule: ReportRule) -> Vec<&ReportFinding> {
    let findings = report.findings.iter();
    findings.filter(|of| of.rule() == rule).collect()
}

const A: &str = "UZ/officer/a";
const VICTIMS: u32 = CompartmentLabel::Victims as u32;
const SITUATION: u32 = CompartmentLabel::Situation as u32;

#[test]
fn persons_are_counted_and_the_node_is_not() {
    let node = LeafBody {
        actor: "UZ/node".to_owned(),
        ..read("", DAY, &[SITUATION])
    };
    let refusal = LeafBody {
        action: Action::Refusal.into(),
        detail: "refused-read".to_owned(),
        purpose: "the record is another authority's".to_owned(),
        count: 7,
        compartments: Vec::new(),
        ..read(A, DAY + HOUR, &[])
    };
    let report = reported(&[
        read(A, DAY + 5 * HOUR, &[SITUATION, VICTIMS]),
        read("UZ/officer/b", DAY + 5 * HOUR, &[SITUATION]),
        node,
        refusal,
    ]);
    assert_eq!(total(&report, ReportDimension::Authority, "police"), 9);
    assert_eq!(total(&report, ReportDimension::Person, A), 8);
    assert_eq!(total(&report, ReportDimension::Person, "UZ/node"), 0);
    assert_eq!(total(&report, ReportDimension::Action, "read"), 2);
    assert_eq!(total(&report, ReportDimension::Action, "refused-read"), 7);
    assert_eq!(total(&report, ReportDimension::Purpose, "analysis"), 2);
    assert_eq!(total(&report, ReportDimension::Compartment, "victims"), 1);
    let readings = report.readings.unwrap();
    assert_eq!((readings.opened, readings.refused), (2, 7));
    assert_eq!(report.victims.as_ref().unwrap().count, 1);
    assert_eq!(report.refusals[0].count, 7);
    assert!(!report.cut);
    assert!(!format!("{report:?}").contains("typed"), "{report:?}");
}

#[test]
fn findings_are_counted_by_the_measures_and_no_earlier() {
    // 05:59 and 22:00 in a country five hours ahead of UTC; 06:00 and 21:59 are usual.
    let minute = HOUR / 60;
    let early = DAY + HOUR - minute;
    let late = DAY + 17 * HOUR;
    let leaves = [
        read(A, early, &[SITUATION]),
        read(A, DAY + HOUR, &[SITUATION]),
        read(A, late - minute, &[SITUATION]),
        read(A, late, &[SITUATION]),
    ];
    let report = reported(&leaves);
    let unusual = found(&report, ReportRule::UnusualHours);
    assert_eq!(unusual.len(), 1, "{unusual:?}");
    // Both are of the same local day, which begins at 19:00 UTC of the day before.
    assert_eq!((unusual[0].count, unusual[0].at_us), (2, DAY - 5 * HOUR));
    assert_eq!((unusual[0].first_leaf, unusual[0].last_leaf), (0, 3));
    assert!(found(&report, ReportRule::ManyInAnHour).is_empty());

    let third = [leaves[3].clone(), leaves[3].clone(), leaves[3].clone()];
    let report = reported(&third);
    let many = found(&report, ReportRule::ManyInAnHour);
    assert_eq!((many.len(), many[0].count, many[0].at_us), (1, 3, late));

    // A case named twice is none, though by two persons.
    let other = LeafBody {
        case_reference: "26/2".to_owned(),
        ..read("UZ/officer/b", late, &[SITUATION])
    };
    let report = reported(&[leaves[0].clone(), leaves[1].clone(), other]);
    let once = found(&report, ReportRule::CaseNamedOnce);
    assert_eq!(once.len(), 1);
    assert_eq!(
        (once[0].case_reference.as_str(), once[0].first_leaf),
        ("26/2", 2)
    );
    assert_eq!(once[0].actor, "UZ/officer/b");
}

#[test]
fn refusals_in_an_hour_are_a_cluster_from_the_measure_on() {
    let refused = |count, at| LeafBody {
        action: Action::Refusal.into(),
        detail: "refused-search".to_owned(),
        count,
        ..read(A, at, &[])
    };
    let report = reported(&[refused(3, DAY), refused(1, DAY + 1)]);
    assert!(found(&report, ReportRule::RefusedInACluster).is_empty());
    let report = reported(&[refused(3, DAY), refused(2, DAY + 1), refused(4, DAY + HOUR)]);
    let clusters = found(&report, ReportRule::RefusedInACluster);
    assert_eq!((clusters.len(), clusters[0].count), (1, 5));
}

#[test]
fn lists_keep_the_newest_and_say_that_they_are_cut() {
    let many = vec![read(A, DAY, &[VICTIMS]); MAX_ACTS + 1];
    let report = reported(&many);
    let victims = report.victims.unwrap();
    assert_eq!(victims.count, MAX_ACTS as u64 + 1);
    assert_eq!(victims.acts.len(), MAX_ACTS);
    assert_eq!((victims.acts[0].leaf, report.cut), (MAX_ACTS as u64, true));
}

#[test]
fn what_needs_two_persons_and_certificates_are_named() {
    let of = |actor: &str, action: Action, detail: &str| LeafBody {
        actor: actor.to_owned(),
        action: action.into(),
        detail: detail.to_owned(),
        about: "UZ/officer/new".to_owned(),
        ..LeafBody::default()
    };
    let report = reported(&[
        of("UZ/node", Action::Key, "certificate-issued"),
        of("UZ/node", Action::Key, "node-tls-key-rotated"),
        of(A, Action::Erasure, "recall-asked"),
        of("UZ/officer/b", Action::Erasure, "approved"),
    ]);
    assert_eq!(report.principals.unwrap().acts[0].about, "UZ/officer/new");
    assert_eq!(report.keys.unwrap().count, 1);
    let approvals = report
        .approvals
        .iter()
        .map(|of| (&*of.detail, of.count, of.persons));
    assert_eq!(
        approvals.collect::<Vec<_>>(),
        [("approved", 1, 1), ("recall-asked", 1, 1)]
    );
}
