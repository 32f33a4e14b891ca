//! Files in the thread of a request: uploaded to it, handed over with a step, and told of as arrived.

use std::fs;

use comity::{
    catalogue,
    crypto::Digest,
    node::system_clock,
    wire::{
        ledger::ReadingPurpose,
        node::{
            GetEvidenceRequest, GetEvidenceResponse, ItemState, RequestEvidenceRequest,
            TakeEvidenceStepRequest,
        },
        record::{
            CountryRole, Destination, EvidenceAcknowledged, EvidenceStep, EvidenceTransferred,
            ExecutionBegun, evidence_step::Act,
        },
    },
};

use super::{bytes, download, file, items, stands, upload};
use crate::support::{CASE, Country, digest_of, eventually, ledger_bodies};

const MIB: usize = 1 << 20;

/// TJ and UZ, whose agreements let evidence be requested from each other.
pub(super) async fn neighbours() -> (Country, Country) {
    let (tj, uz) = crate::support::neighbours().await;
    for (at, with) in [(&tj, "UZ"), (&uz, "TJ")] {
        let dir = at.layout().agreements();
        fs::create_dir_all(&dir).unwrap();
        let text = format!("country = \"{with}\"\nevidence = [\"untoc-art18\"]\n");
        fs::write(dir.join(format!("{with}.toml")), text).unwrap();
    }
    (tj, uz)
}

/// A request of `at` to the police of UZ, which UZ holds.
pub(super) async fn requested(at: &Country, uz: &Country) -> String {
    requested_of(at, uz, &["national-police"]).await
}

/// A request to these authorities of UZ; none: to the country.
pub(super) async fn requested_of(at: &Country, uz: &Country, authorities: &[&str]) -> String {
    let mut record = catalogue::example("EvidenceRequest", system_clock()()).unwrap();
    record.destinations = vec![Destination {
        country: "UZ".to_owned(),
        role: CountryRole::Destination.into(),
        authorities: authorities.iter().map(|&name| name.to_owned()).collect(),
        ..Destination::default()
    }];
    let asked = RequestEvidenceRequest {
        record: Some(record),
        idempotency_key: String::new(),
    };
    let answer = at.client().await.request_evidence(asked).await.unwrap();
    uz.receives(&answer.reference).await;
    answer.reference
}

pub(super) async fn take(at: &Country, reference: &str, act: Act, files: Vec<Vec<u8>>) -> String {
    let asked = TakeEvidenceStepRequest {
        reference: reference.to_owned(),
        step: Some(EvidenceStep {
            act: Some(act),
            ..EvidenceStep::default()
        }),
        items: files,
        ..TakeEvidenceStepRequest::default()
    };
    let mut client = at.client().await;
    client.take_evidence_step(asked).await.unwrap().reference
}

async fn shown(at: &Country, reference: &str) -> GetEvidenceResponse {
    let asked = GetEvidenceRequest {
        reference: reference.to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetEvidenceRequest::default()
    };
    at.client().await.evidence(asked).await.unwrap()
}

/// What the thread says of items that arrived, at a country.
async fn arrivals(at: &Country, reference: &str) -> Vec<String> {
    let steps = shown(at, reference).await.steps;
    let arrived = steps.into_iter().filter(|step| step.act == "arrived");
    arrived
        .map(|step| format!("{:?}", step.outcome()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_with_a_file_and_its_arrival_stands_in_the_thread() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let contact = String::new();
    let acknowledged = Act::Acknowledged(EvidenceAcknowledged { contact });
    take(&uz, &reference, acknowledged, Vec::new()).await;
    let note = String::new();
    take(
        &uz,
        &reference,
        Act::ExecutionBegun(ExecutionBegun { note }),
        Vec::new(),
    )
    .await;

    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), 5 * MIB + 1, 60);
    let item = upload(&uz, &reference, &file).await;
    let id = hex::encode(&item.id);
    let handed = ["evidence", "transfer", &reference, "--items", &id];
    uz.comity(&handed).await.fine();
    stands(&tj, &reference, &item.id, ItemState::Arrived as i32, "").await;
    let output = dir.path().join("back.bin");
    // Any reference of the thread names it.
    download(&tj, &reference, &item.id, &output).await.unwrap();
    assert!(fs::read(&output).unwrap() == bytes(5 * MIB + 1, 60));
    for country in [&tj, &uz] {
        eventually("the thread says that it arrived", async || {
            (arrivals(country, &reference).await.len() == 1).then_some(())
        })
        .await;
    }
    // The leaf of a list names the records that its files belong to, beside the one that was asked about.
    items(&tj, &reference).await;
    let steps = shown(&tj, &reference).await.steps;
    let step = steps.into_iter().find(|of| of.act.starts_with("transfer"));
    let step = step.unwrap().reference;
    let leaves = ledger_bodies(&tj).await;
    let listed = leaves.iter().rfind(|leaf| leaf.detail == "items-listed");
    let listed = listed.unwrap();
    assert_eq!(
        (listed.reference.as_str(), listed.count),
        (reference.as_str(), 1)
    );
    let header = digest_of(&tj, &step).await;
    assert_eq!(listed.shown_digest, Digest::of(header.as_bytes()).to_vec());
    // Once, also across a restart.
    tj.restart().await;
    let after = take(
        &uz,
        &reference,
        Act::Transferred(EvidenceTransferred {
            complete: false,
            note: "EXERCISE: nothing more".to_owned(),
            manner: String::new(),
        }),
        Vec::new(),
    )
    .await;
    tj.receives(&after).await;
    assert_eq!(arrivals(&tj, &reference).await.len(), 1);
    let listed = items(&tj, &reference).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].from.as_str(), &listed[0].name),
        ("UZ", &item.name)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn that_an_item_waits_for_room_stands_in_the_thread_and_then_that_it_came() {
    let (mut tj, mut uz) = neighbours().await;
    tj.configure(|config| config.items.quota_peer_gib = 0);
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let contact = String::new();
    let acknowledged = Act::Acknowledged(EvidenceAcknowledged { contact });
    take(&uz, &reference, acknowledged, Vec::new()).await;
    let note = String::new();
    take(
        &uz,
        &reference,
        Act::ExecutionBegun(ExecutionBegun { note }),
        Vec::new(),
    )
    .await;
    let dir = tempfile::tempdir().unwrap();
    let item = upload(&uz, &reference, &file(dir.path(), MIB, 61)).await;
    let handed = Act::Transferred(EvidenceTransferred {
        complete: false,
        note: String::new(),
        manner: String::new(),
    });
    take(&uz, &reference, handed, vec![item.id.clone()]).await;
    stands(
        &tj,
        &reference,
        &item.id,
        ItemState::Arriving as i32,
        "quota",
    )
    .await;
    eventually("the other side is told", async || {
        (arrivals(&uz, &reference).await.len() == 1).then_some(())
    })
    .await;
    tj.stop().await;
    tj.configure(|config| config.items.quota_peer_gib = 1);
    tj.start().await;
    stands(&tj, &reference, &item.id, ItemState::Arrived as i32, "").await;
    eventually("the other side is told again", async || {
        (arrivals(&uz, &reference).await.len() == 2).then_some(())
    })
    .await;
}
