mod answers;

use super::{
    ask::{AUTHORITIES, ORIGIN, Validator},
    *,
};
use crate::record::{Country, Moment, ValidationContext, kind_name, validate};
use crate::wire::record::{Record, situation::Kind};
use prost_reflect::ReflectMessage as _;

/// 2031-02-03T04:05:06Z: examples do not age.
const LATER: Moment = Moment::from_micros(1_927_857_906_000_000);

fn party(code: &str, authorities: &[&str]) -> Party {
    Party {
        country: code.parse().unwrap(),
        authorities: authorities.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn judged(record: &Record, now: Moment, names: &[&str]) -> Result<(), String> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let authorities = |_: Country| Some(names.clone());
    let context = ValidationContext {
        now,
        origin: ORIGIN.parse().unwrap(),
        authorities: &authorities,
        received: false,
    };
    validate(record, &context).map_err(|violations| violations.to_string())
}

#[test]
fn every_kind_has_an_example_that_breaks_no_rule() {
    for kind in kinds() {
        for now in [examples::WRITTEN_AT, LATER] {
            let record = example(&kind.name, now).unwrap();
            assert_eq!(kind_name(&record), Some(kind.name.as_str()));
            assert!(
                record.exercise
                    && record
                        .situation
                        .as_ref()
                        .unwrap()
                        .title
                        .starts_with("EXERCISE")
            );
            assert_eq!(judged(&record, now, &AUTHORITIES), Ok(()), "{}", kind.name);
        }
    }
    let common = examples::written(examples::EVERY_FIELD).unwrap();
    assert_eq!(Validator::new(common, examples::WRITTEN_AT).broken(), []);
}

#[test]
fn the_day_of_a_request_moves_with_the_present() {
    let day = |now| {
        let record = example("EvidenceRequest", now).unwrap();
        match record.situation.and_then(|of| of.kind) {
            Some(Kind::EvidenceRequest(request)) => request.execute_by,
            other => panic!("no request: {other:?}"),
        }
    };
    assert_eq!(day(examples::WRITTEN_AT), "2026-02-27");
    // As many days after the third of February 2031.
    assert_eq!(day(LATER), "2031-04-01");
}

#[test]
fn examples_are_addressed_to_the_cards_held() {
    let own = party("TJ", &["drug-control"]);
    for kind in kinds() {
        for others in [
            vec![party("KZ", &["drug-control"])],
            vec![
                party("KZ", &["drug-control"]),
                party("KG", &["drug-control"]),
                party("TM", &["drug-control"]),
            ],
        ] {
            let mut record = example(&kind.name, LATER).unwrap();
            address(&mut record, &own, &others).unwrap();
            assert_eq!(record.destinations[0].country, "KZ");
            assert_eq!(
                judged(&record, LATER, &["drug-control"]),
                Ok(()),
                "{}",
                kind.name
            );
        }
        let mut record = example(&kind.name, LATER).unwrap();
        assert_eq!(address(&mut record, &own, &[]), Err(Unaddressable::Nobody));
        let personal =
            ["VictimReferral", "CaseRecord", "JointCase", "Meeting"].contains(&kind.name.as_str());
        let to = party("KZ", &[]);
        let expected = if personal {
            Err(Unaddressable::NoAuthority(to.country))
        } else {
            Ok(())
        };
        assert_eq!(
            address(&mut record, &party("TJ", &[]), &[to]),
            expected,
            "{}",
            kind.name
        );
        if !personal {
            assert_eq!(judged(&record, LATER, &[]), Ok(()), "{}", kind.name);
        }
    }
}

#[test]
fn the_validator_can_be_asked_about_every_field() {
    let mut asked = 0;
    let mut check = |example: &str, kind: Option<&str>| {
        let example = examples::written(example).unwrap();
        let ways = fields::ways(&example.descriptor(), kind);
        let validator = Validator::new(example, examples::WRITTEN_AT);
        for way in ways {
            let name = way.last().unwrap().full_name().to_owned();
            assert!(
                validator.reaches(&way),
                "the example lacks what {name} lies in"
            );
            asked += 1;
        }
    };
    check(examples::EVERY_FIELD, None);
    for kind in kinds() {
        check(&kind.name, Some(&kind.field));
    }
    assert!(asked > 250, "{asked}");
}

fn field(kind: &str, path: &str) -> Field {
    let fields = fields_of(kind).unwrap();
    let common = common_fields();
    let mut all = fields.into_iter().chain(common);
    all.find(|field| field.path == path)
        .unwrap_or_else(|| panic!("{kind} lacks {path}"))
}

#[test]
fn fields_say_what_the_rules_say() {
    let legs = field("Route", "situation.route.legs[]");
    assert_eq!(
        (legs.type_name.as_str(), &legs.need),
        ("list of Leg", &Need::Required)
    );
    assert_eq!(legs.bounds, ["at most 64 elements"]);
    let crossing = field("Route", "situation.route.legs[].crossingId");
    assert_eq!(crossing.need, Need::Optional);
    assert_eq!(crossing.bounds, ["a border crossing of the list"]);
    assert_eq!(crossing.compartment, "situation");
    let transport = field("Route", "situation.route.legs[].transport");
    assert_eq!(transport.codes.as_deref(), Some("Transport"));
    let name = field("Route", "situation.route.legs[].from.name");
    assert_eq!(
        name.bounds,
        ["at most 256 characters", "one line", "one script in a word"]
    );

    let acts = field("ModusOperandi", "situation.modusOperandi.acts[]");
    assert_eq!(acts.need, Need::Required);
    let needs = field("VictimReferral", "situation.victimReferral.needs[]");
    assert_eq!(needs.need, Need::Unless("support".to_owned()));
    let by = field("Alert", "situation.alert.acknowledgeBy");
    assert_eq!(by.bounds, ["in the future"]);
    let year = field("CaseRecord", "situation.caseRecord.yearOfRegistration");
    assert_eq!(
        (year.need, year.bounds),
        (Need::Required, vec!["from 2000 to 2026".to_owned()])
    );

    let period = field("Trend", "situation.trend.values[].period");
    assert_eq!(period.need, Need::Required);
    let value = field("Trend", "situation.trend.values[].value");
    assert_eq!(value.need, Need::Unless("suppression".to_owned()));
    let digest = field("Route", "follows.headerDigest");
    assert_eq!(digest.need, Need::Required);

    assert_eq!(field("Route", "reference").need, Need::ByTheNode);
    assert_eq!(field("Route", "submittedAt").need, Need::ByTheNode);
    assert_eq!(
        field("Route", "marking.handlingNote").need,
        Need::With("handling".to_owned())
    );
    let days = field("Route", "victims.retentionDays");
    assert_eq!((days.compartment, days.need), ("victims", Need::Required));
    assert_eq!(days.bounds, ["from 1 to 3650"]);
    let title = field("Route", "situation.translations{}.title");
    assert_eq!(
        (title.need, title.bounds),
        (
            Need::Required,
            vec!["at most 200 characters".to_owned(), "one line".to_owned()]
        )
    );
    assert_eq!(
        field("Route", "situation.translations{}").bounds,
        ["at most 16 elements"]
    );
}

#[test]
fn every_field_and_code_is_explained() {
    let mut fields = common_fields();
    for kind in kinds() {
        assert!(!kind.about.is_empty());
        fields.extend(fields_of(&kind.name).unwrap());
    }
    for field in fields {
        assert!(!field.about.is_empty(), "{}", field.path);
    }
    let lists = code_lists();
    assert!(lists.len() > 50);
    for list in lists {
        assert!(
            !list.about.is_empty() && !list.codes.is_empty(),
            "{}",
            list.name
        );
        for code in list.codes {
            assert!(!code.about.is_empty(), "{}", code.name);
        }
    }
    let sectors = code_list("Sector").unwrap();
    assert_eq!(
        (sectors.standard.as_str(), sectors.list.as_str()),
        ("HTCDS 2.0", "vic_ForcedLabourIndustry")
    );
    assert_eq!(sectors.codes[0].source, "A_AgricultureForestryAndFishing");
    assert_eq!(code_list("Nothing"), None);
}

#[test]
fn kinds_are_named_in_any_case() {
    assert_eq!(kind("victim-referral").unwrap().name, "VictimReferral");
    assert_eq!(kind("ROUTE").unwrap().field, "route");
    let unknown = kind("Rumour").unwrap_err().to_string();
    assert!(unknown.contains("Route, Network"), "{unknown}");
}
