//! What the matrix gives, and what nothing makes it give.

mod properties;

use time::macros::date;

use super::*;
use crate::wire::record::{Identifiers, Source, Suspects, Victims};

fn destination(country: &str, role: CountryRole, named: &[CompartmentLabel]) -> Destination {
    Destination {
        country: country.to_owned(),
        role: role as i32,
        authorities: vec!["victim-support".to_owned()],
        compartments: named.iter().map(|label| *label as i32).collect(),
        readers: Vec::new(),
    }
}

fn record(destinations: Vec<Destination>) -> Record {
    Record {
        destinations,
        suspects: Some(Suspects::default()),
        identifiers: Some(Identifiers::default()),
        victims: Some(Victims::default()),
        source: Some(Source::default()),
        ..Default::default()
    }
}

#[test]
fn roles_read_their_defaults_and_never_victims_or_source() {
    use CompartmentLabel::{Identifiers, Situation, Suspects};
    for role in [
        CountryRole::Origin,
        CountryRole::Transit,
        CountryRole::Destination,
    ] {
        let matrix = matrix(&record(vec![destination("UZ", role, &[])])).unwrap();
        let default = Reason::DefaultOfRole(role);
        assert_eq!(
            matrix.rows[0].cells,
            [
                (Situation, Reason::SituationAlways),
                (Suspects, default),
                (Identifiers, default)
            ]
        );
    }
}

#[test]
fn naming_narrows_and_opens() {
    use CompartmentLabel::{Identifiers, Situation, Source, Suspects, Victims};
    let (uz, ae): (Country, Country) = ("UZ".parse().unwrap(), "AE".parse().unwrap());
    let matrix = matrix(&record(vec![
        destination("UZ", CountryRole::Transit, &[Suspects]),
        destination("AE", CountryRole::Destination, &[Victims, Source]),
    ]))
    .unwrap();
    assert_eq!(
        matrix.rows[0].cells,
        [
            (Situation, Reason::SituationAlways),
            (Suspects, Reason::Named)
        ]
    );
    assert!(matrix.reads(ae, Situation) && matrix.reads(ae, Victims) && matrix.reads(ae, Source));
    assert!(!matrix.reads(ae, Suspects) && !matrix.reads(ae, Identifiers));
    assert!(!matrix.reads(uz, Victims) && !matrix.reads(uz, Identifiers));
    assert!(!matrix.reads("KZ".parse().unwrap(), Situation));
}

#[test]
fn what_a_record_lacks_is_in_no_row() {
    let mut record = record(vec![destination(
        "UZ",
        CountryRole::Transit,
        &[CompartmentLabel::Victims],
    )]);
    record.victims = None;
    let matrix = matrix(&record).unwrap();
    assert!(!matrix.reads("UZ".parse().unwrap(), CompartmentLabel::Victims));
}

#[test]
fn a_matrix_is_refused_rather_than_guessed() {
    let find = |record: &Record| -> Vec<(String, Rule)> {
        let violations = matrix(record).unwrap_err();
        violations.into_iter().map(|v| (v.field, v.rule)).collect()
    };
    let mut nameless = destination("AE", CountryRole::Transit, &[CompartmentLabel::Victims]);
    nameless.authorities.clear();
    assert_eq!(
        find(&record(vec![nameless])),
        [("destinations[0].authorities".to_owned(), Rule::Required)]
    );
    let roleless = destination("UZ", CountryRole::Unspecified, &[]);
    assert_eq!(
        find(&record(vec![roleless])),
        [("destinations[0].role".to_owned(), Rule::Required)]
    );
    let twice = destination("UZ", CountryRole::Transit, &[]);
    assert_eq!(
        find(&record(vec![twice.clone(), twice])),
        [("destinations[1].country".to_owned(), Rule::Duplicate)]
    );
}

const TODAY: Date = date!(2026 - 06 - 01);

fn agreement(country: &str) -> Agreement {
    Agreement {
        country: country.parse().ok(),
        title: String::new(),
        valid_from: None,
        valid_until: None,
        send: Terms::default(),
        accept: Terms::default(),
        they_accept: Terms::default(),
        evidence: Clause::default(),
        file: format!("agreements/{country}.toml"),
    }
}

fn within(record: &Record, agreement: Agreement) -> Result<Matrix, Violations> {
    let mut agreements = Agreements::default();
    agreements.add(agreement);
    let limits = Limits {
        agreements: &agreements,
        day: TODAY,
    };
    matrix_within(record, limits)
}

fn found(judged: Result<Matrix, Violations>) -> (String, Rule, String) {
    let violations = judged.unwrap_err();
    let first = violations.into_iter().next().unwrap();
    (first.field, first.rule, first.message)
}

#[test]
fn an_agreement_narrows_a_default_and_forbids_what_is_named() {
    use CompartmentLabel::{Identifiers, Suspects};
    let mut limited = agreement("UZ");
    limited.send.compartments = Clause::only(vec![Suspects], 7);
    let by_default = record(vec![destination("UZ", CountryRole::Transit, &[])]);
    let row = &within(&by_default, limited.clone()).unwrap().rows[0];
    assert!(row.cells.iter().any(|(label, _)| *label == Suspects));
    let withheld = row.withheld.iter().find(|(label, _)| *label == Identifiers);
    let Some((_, Withheld::Agreement(bar))) = withheld else {
        panic!("{row:?}");
    };
    assert_eq!(bar.place, "agreements/UZ.toml:7");
    assert_eq!(row.agreement.as_deref(), Some("agreements/UZ.toml"));

    let named = record(vec![destination(
        "UZ",
        CountryRole::Transit,
        &[Suspects, Identifiers],
    )]);
    let (field, rule, message) = found(within(&named, limited));
    assert_eq!(field, "destinations[0].compartments[1]");
    assert_eq!(rule, Rule::AgreementForbids);
    assert!(message.contains("(agreements/UZ.toml:7)"), "{message}");
}

#[test]
fn kind_purpose_and_validity_bar_the_destination() {
    let mut of_a_kind = record(vec![destination("UZ", CountryRole::Transit, &[])]);
    of_a_kind.situation = Some(wire::Situation {
        kind: Some(wire::situation::Kind::Alert(wire::Alert::default())),
        ..Default::default()
    });
    let mut cases = vec![agreement("UZ"); 5];
    cases[0].send.kinds = Clause::only(vec!["Route".to_owned()], 3);
    cases[1].they_accept.kinds = Clause::only(vec![], 4);
    cases[2].send.purposes = Clause::only(vec![TransferPurpose::Prosecution], 5);
    cases[3].valid_from = Some((date!(2026 - 06 - 02), 2));
    cases[4].valid_until = Some((date!(2026 - 05 - 31), 2));
    let said = [
        "does not send records of kind Alert (agreements/UZ.toml:3)",
        "the other country does not accept records of kind Alert (agreements/UZ.toml:4)",
        "does not send records that state no `purpose` (agreements/UZ.toml:5)",
        "valid from 2026-06-02 only (agreements/UZ.toml:2)",
        "ended on 2026-05-31 (agreements/UZ.toml:2)",
    ];
    for (case, words) in cases.iter().zip(said) {
        let (field, rule, message) = found(within(&of_a_kind, case.clone()));
        assert_eq!(
            (field.as_str(), rule),
            ("destinations[0].country", Rule::AgreementForbids)
        );
        assert!(message.contains(words), "{message}");
    }
    of_a_kind.purpose = TransferPurpose::Prosecution.into();
    assert!(within(&of_a_kind, cases[2].clone()).is_ok());
    // What is no record of a kind, such as a recall, is never held up.
    of_a_kind.situation = None;
    for case in cases {
        assert!(within(&of_a_kind, case).is_ok());
    }
}

#[test]
fn the_agreement_for_all_others_yields_to_a_countrys_own() {
    let mut nothing = agreement("*");
    nothing.send.compartments = Clause::only(vec![], 1);
    let mut agreements = Agreements::default();
    agreements.add(nothing);
    agreements.add(agreement("UZ"));
    let limits = Limits {
        agreements: &agreements,
        day: TODAY,
    };
    let both = record(vec![
        destination("UZ", CountryRole::Transit, &[]),
        destination("KZ", CountryRole::Transit, &[]),
    ]);
    let matrix = matrix_within(&both, limits).unwrap();
    assert!(matrix.reads("UZ".parse().unwrap(), CompartmentLabel::Suspects));
    assert!(!matrix.reads("KZ".parse().unwrap(), CompartmentLabel::Suspects));
}

fn share(text: &str) -> Result<Share, ShareError> {
    text.parse()
}

#[test]
fn shares_narrow_and_name() {
    use CompartmentLabel::{Identifiers, Situation, Source, Suspects, Victims};
    let mut narrowed = record(vec![
        destination("UZ", CountryRole::Transit, &[]),
        destination("AE", CountryRole::Destination, &[]),
    ]);
    for of in &mut narrowed.destinations {
        of.authorities.clear();
    }
    let shares: Vec<Share> = ["victims=AE/referral", "suspects=UZ", "source=none"]
        .map(|text| share(text).unwrap())
        .into();
    narrow(&mut narrowed, &shares).unwrap();
    let matrix = matrix(&narrowed).unwrap();
    let labels = |at: usize| {
        matrix.rows[at]
            .cells
            .iter()
            .map(|(label, _)| *label)
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(0), [Situation, Suspects, Identifiers]);
    assert_eq!(labels(1), [Situation, Identifiers, Victims]);
    assert_eq!(matrix.rows[1].authorities[2], ["referral"]);
    assert!(
        matrix.rows[1].authorities[1].is_empty(),
        "the desk reads the rest"
    );
    assert!(
        matrix
            .rows
            .iter()
            .all(|row| row.withheld.iter().any(|(label, _)| *label == Source))
    );
}

#[test]
fn every_bad_share_has_its_error() {
    let ae: Country = "AE".parse().unwrap();
    for (text, error) in [
        ("victims", ShareError::Form),
        (
            "situation=AE",
            ShareError::Compartment("situation".to_owned()),
        ),
        ("victims=AE", ShareError::VictimsUnnamed(ae)),
        ("victims=AE/*", ShareError::Authority("*".to_owned())),
        ("victims=AE/", ShareError::Authority(String::new())),
        ("victims=*/referral", ShareError::Country("*".to_owned())),
        ("victims=", ShareError::Country(String::new())),
        ("suspects=AE,AE", ShareError::Twice("AE".to_owned())),
        (
            "suspects=AE,AE/referral",
            ShareError::Twice("AE/referral".to_owned()),
        ),
        (
            "suspects=AE/referral,AE/referral",
            ShareError::Twice("AE/referral".to_owned()),
        ),
    ] {
        assert_eq!(share(text), Err(error), "{text}");
    }
    let mut record = record(vec![destination("UZ", CountryRole::Transit, &[])]);
    let victims = share("victims=AE/referral").unwrap();
    assert_eq!(
        narrow(&mut record, std::slice::from_ref(&victims)),
        Err(ShareError::NotADestination(ae))
    );
    assert_eq!(
        narrow(
            &mut record,
            &[
                share("suspects=UZ").unwrap(),
                share("suspects=none").unwrap()
            ]
        ),
        Err(ShareError::Twice("suspects".to_owned()))
    );
    record.victims = None;
    assert_eq!(
        narrow(&mut record, &[victims]),
        Err(ShareError::Absent(CompartmentLabel::Victims))
    );
}
