//! No text without its leaf: the power fails exactly before and exactly after the sync that makes the
//! leaf durable, for every way in which something is shown.

use std::{fs, sync::Arc};

use comity::{
    catalogue,
    client::UploadOrder,
    node::system_clock,
    record::Moment,
    wire::{
        json,
        ledger::LeafBody,
        node::{
            CreateSubscriptionRequest, ListActsOfPersonRequest, RequestEvidenceRequest,
            SetHoldRequest, SubscriptionFilter, SubscriptionStart, TakeEvidenceStepRequest,
            UploadBegin, subscription_start::At,
        },
        record::{EvidenceStep, ProgressNote, Record, evidence_step::Act},
    },
};
use prost::Message as _;
use serde_json::json;

use super::ways::{
    Callers, WAYS,
    Way::{self, AuditRecord, List, Show},
};
use crate::support::{
    Country, Failing, PATIENCE, Power, alert, amendment, eventually, json_of, neighbours,
};

/// TJ with an amended record, a record that shares a suspect with it, statistics, a request with a file, a
/// joint case and a hold; and the reference of the record.
async fn held() -> (Country, String) {
    let (mut at, _uz) = neighbours().await;
    let agreements = at.layout().agreements();
    fs::create_dir_all(&agreements).unwrap();
    let agreed = "country = \"UZ\"\nevidence = [\"untoc-art18\"]\n";
    fs::write(agreements.join("UZ.toml"), agreed).unwrap();
    at.start().await;
    let first = at.submit(with_suspect("first version")).await;
    let second = amendment(&at, &first, with_suspect("second version")).await;
    let reference = at.submit(second).await;
    at.submit(with_suspect("another")).await;
    at.submit(statistics()).await;
    let mut client = at.client().await;
    let asked = RequestEvidenceRequest {
        record: Some(evidence_request()),
        idempotency_key: String::new(),
    };
    let request = client.request_evidence(asked).await.unwrap().reference;
    let act = Act::Note(ProgressNote {
        text: "EXERCISE".to_owned(),
    });
    let note = TakeEvidenceStepRequest {
        reference: request.clone(),
        step: Some(EvidenceStep {
            act: Some(act),
            ..EvidenceStep::default()
        }),
        ..TakeEvidenceStepRequest::default()
    };
    client.take_evidence_step(note).await.unwrap();
    at.submit(joint_case()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exercise.bin");
    std::fs::write(&file, [7; 100]).unwrap();
    let begin = UploadBegin {
        reference: request,
        ..UploadBegin::default()
    };
    let order = UploadOrder { file, begin };
    client.upload(order, &mut |_, _| {}).await.unwrap();
    let hold = SetHoldRequest {
        reference: reference.clone(),
        ground: "EXERCISE".to_owned(),
    };
    client.life.set_hold(hold).await.unwrap();
    let asked = CreateSubscriptionRequest {
        name: "cases".to_owned(),
        // One record, and so one leaf.
        filter: Some(SubscriptionFilter {
            kinds: vec!["trend".to_owned()],
            ..SubscriptionFilter::default()
        }),
        start: Some(SubscriptionStart {
            at: Some(At::Beginning(true)),
        }),
        ..CreateSubscriptionRequest::default()
    };
    client.subscribe(asked).await.unwrap();
    drop(client);
    at.stop().await;
    (at, reference)
}

fn with_suspect(title: &str) -> Record {
    let suspects = json!({ "suspects": [{
        "names": [{ "text": "EXERCISE Namuna", "language": "en" }],
    }]});
    let mut value = json_of(title, &["UZ"]);
    value["suspects"] = suspects;
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

/// A request of TJ to UZ.
fn evidence_request() -> Record {
    let mut record = catalogue::example("EvidenceRequest", system_clock()()).unwrap();
    for destination in &mut record.destinations {
        destination.country = "UZ".to_owned();
    }
    record
}

/// A joint case of TJ and UZ.
fn joint_case() -> Record {
    let mut value = json_of("joint case", &[]);
    let situation = value["situation"].as_object_mut().unwrap();
    situation.remove("alert");
    let member = |country: &str, role: &str| json!({ "country": country, "authority": "national-police", "role": role });
    let joint = json!({
        "legalBasis": { "instrument": "LEGAL_INSTRUMENT_UNTOC", "provision": "Art. 19" },
        "purpose": "EXERCISE: who organises the route",
        "members": [
            member("TJ", "JOINT_CASE_ROLE_LEAD"),
            member("UZ", "JOINT_CASE_ROLE_PARTICIPANT"),
        ],
    });
    situation.insert("jointCase".to_owned(), joint);
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

fn statistics() -> Record {
    let mut value = json_of("statistics", &["UZ"]);
    let situation = value["situation"].as_object_mut().unwrap();
    situation.remove("alert");
    let trend = json!({
        "indicator": "TREND_INDICATOR_DETECTED_TRAFFICKING_VICTIMS",
        "dimension": "TREND_DIMENSION_TOTAL",
        "country": "TJ",
        "unit": "TREND_UNIT_COUNTS",
        "k": 11,
        "values": [{
            "sex": "TREND_SEX_TOTAL",
            "age": "TREND_AGE_TOTAL",
            "period": "2025",
            "value": 30,
        }],
    });
    situation.insert("trend".to_owned(), trend);
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

/// Leaves with a word in the durable ledger.
fn leaves(at: &Country, detail: &str) -> usize {
    let node = at.node();
    let size = node.ledger_size().unwrap();
    let bodies = (0..size).map(|index| node.leaf(index).unwrap().unwrap().body);
    bodies
        .filter(|body| LeafBody::decode(body.as_slice()).unwrap().detail == detail)
        .count()
}

/// One life on a disk that loses what was not synced: asks while the power fails, and answers what
/// was shown.
async fn asks(
    at: &mut Country,
    way: Way,
    reference: &str,
    failing: Option<Failing>,
) -> Option<String> {
    let power = Power::default();
    at.start_on(system_clock(), Arc::new(power.clone())).await;
    let mut by = Callers {
        officer: at.client().await,
        operator: at.operating().await,
    };
    eventually("the index is complete", async || {
        let coverage = at.node().search_coverage().unwrap();
        coverage.complete.then_some(())
    })
    .await;
    if let Some(failing) = failing {
        power.fail_at(way.before(), failing);
    }
    let answer = tokio::time::timeout(PATIENCE, way.ask(&mut by, reference)).await;
    let failed = power.is_off();
    // Whatever was not synced before the answer came is lost.
    power.cut();
    assert_eq!(
        failed,
        failing.is_some(),
        "{way:?} {failing:?}: the power did not fail at its leaf"
    );
    drop(by);
    at.fails().await;
    answer.expect("an answer or a refusal").ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_whose_leaf_is_not_durable() {
    let (mut at, reference) = held().await;
    at.start().await;
    let counted = WAYS.map(|way| (way.detail(), leaves(&at, way.detail())));
    let mut known = std::collections::HashMap::from(counted);
    at.stop().await;
    for way in WAYS {
        for failing in [Some(Failing::Before), Some(Failing::After), None] {
            let shown = asks(&mut at, way, &reference, failing).await;
            at.start().await;
            let now = leaves(&at, way.detail());
            at.stop().await;
            let before = known.insert(way.detail(), now).unwrap_or(0);
            let more = now - before;
            // Text that reached the client has its leaf, on a disk that lost everything else.
            assert!(
                shown.is_none() || more > 0,
                "{way:?} {failing:?}: {shown:?}"
            );
            match failing {
                Some(Failing::Before) => {
                    assert_eq!((shown, more), (None, 0), "{way:?} before its leaf");
                }
                // The ledger may say too much, never too little.
                Some(Failing::After) => assert_eq!((shown, more), (None, 1), "{way:?} after"),
                None => {
                    let shown = shown.unwrap_or_else(|| panic!("{way:?} shows nothing"));
                    assert!(!shown.is_empty(), "{way:?}");
                    assert_eq!(more, 1, "{way:?}");
                }
            }
        }
    }
}

/// The same for a process that is killed the moment its answer is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_after_its_answer_has_the_leaf() {
    let (mut at, _uz) = neighbours().await;
    at.start_process().await;
    let reference = at.submit(alert("to be read")).await;
    let began = Moment::from(time::OffsetDateTime::now_utc());
    let mut by = Callers {
        officer: at.client().await,
        operator: at.operating().await,
    };
    for way in [Show, List, AuditRecord] {
        way.ask(&mut by, &reference).await.unwrap();
        at.kill().await;
        at.start_process().await;
        by = Callers {
            officer: at.client().await,
            operator: at.operating().await,
        };
        let request = ListActsOfPersonRequest {
            person: match way {
                AuditRecord => "operator/local".to_owned(),
                _ => "local".to_owned(),
            },
            from_us: began.micros(),
            ..ListActsOfPersonRequest::default()
        };
        let acts = by
            .operator
            .audit
            .list_acts_of_person(request)
            .await
            .unwrap();
        let acts = acts.into_inner().acts;
        let found = acts.iter().filter(|act| act.detail == way.detail());
        assert_eq!(found.count(), 1, "{way:?}: {acts:?}");
    }
}
