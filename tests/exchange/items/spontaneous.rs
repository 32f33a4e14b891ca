//! Items of spontaneous information: every hand that they pass through is stated.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use comity::wire::{
    json,
    node::ItemState,
    record::{Evidence, EvidenceItem, SignedCustody},
};
use serde_json::json;

use super::{bytes, download, file, information, items, stands, upload};
use crate::{
    evidence::{acts, custody},
    support::{CASE, amendment, eventually, ledger_bodies, neighbours, refusal_of},
};

/// A thing, as an officer describes it.
fn thing(id: u8) -> EvidenceItem {
    EvidenceItem {
        id: vec![id; 16],
        name: "telephone".to_owned(),
        description: "EXERCISE. A telephone without a card.".to_owned(),
        ..EvidenceItem::default()
    }
}

fn with(items: Vec<EvidenceItem>) -> Option<Evidence> {
    Some(Evidence {
        items,
        ..Evidence::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn things_and_files_of_spontaneous_information_are_handed_over_in_custody() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    // What the client says of custody is not sent: the node's own statement is.
    let made_up = SignedCustody {
        entry: vec![1; 40],
        key_id: vec![2; 8],
        signature: vec![3; 64],
    };
    let item = EvidenceItem {
        custody: vec![made_up],
        ..thing(7)
    };
    let first = tj
        .submit(information("a telephone", &["UZ"], with(vec![item])))
        .await;
    uz.receives(&first).await;
    for country in [&tj, &uz] {
        let chain = custody(country, &first).await;
        assert_eq!(acts(&chain[0]), ["TJ transferred"], "{}", country.code);
        assert_eq!(chain[0]["refused"], json!([]), "{chain:?}");
    }

    // A file that is uploaded to it goes along with its next version, which names it by its id alone.
    let dir = tempfile::tempdir().unwrap();
    let uploaded = upload(&tj, &first, &file(dir.path(), 300_000, 71)).await;
    let record = information("a telephone, and what was on it", &["UZ"], None);
    let mut record = json::to_json("comity.record.v1.Record", &record).unwrap();
    let id = |id: &[u8]| json!({ "id": BASE64_STANDARD.encode(id) });
    record["evidence"] = json!({ "items": [id(&[7; 16]), id(&uploaded.id)] });
    let path = dir.path().join("amended.json");
    std::fs::write(&path, record.to_string()).unwrap();
    let amend = ["amend", &first, path.to_str().unwrap(), "--output", "json"];
    let said: serde_json::Value = serde_json::from_str(&tj.comity(&amend).await.fine()).unwrap();
    let second = said["reference"].as_str().unwrap().to_owned();
    uz.receives(&second).await;
    stands(&uz, &second, &uploaded.id, ItemState::Arrived as i32, "").await;
    let chains = eventually("UZ states that it came", async || {
        let chains = custody(&uz, &second).await;
        let of = |at: usize| acts(&chains[at]);
        of(1)
            .contains(&"UZ delivered".to_owned())
            .then_some([of(0), of(1)])
    })
    .await;
    assert_eq!(chains[0], ["TJ transferred", "TJ transferred"]);
    assert_eq!(
        chains[1],
        ["TJ hashed", "TJ uploaded", "TJ transferred", "UZ delivered"]
    );
    let chains = custody(&uz, &second).await;
    for chain in &chains {
        let findings = chain["findings"].as_array().unwrap();
        let reasons: Vec<_> = findings.iter().map(|of| &of["reason"]).collect();
        // Nobody said how they came into TJ's hands; a thing has no delivery that a node sees.
        let gaps = ["custody-no-beginning", "custody-never-delivered"];
        assert!(
            reasons
                .iter()
                .all(|of| gaps.contains(&of.as_str().unwrap())),
            "{chain}"
        );
    }
    // Each is a leaf of the record that hands over.
    let leaves = ledger_bodies(&tj).await;
    let handed: Vec<_> = leaves
        .iter()
        .filter(|leaf| leaf.detail == "custody-transferred")
        .map(|leaf| hex::encode(&leaf.header_digest))
        .collect();
    let digest = said["headerDigest"].as_str().unwrap();
    assert_eq!(handed.len(), 3);
    assert_eq!(handed.iter().filter(|of| *of == digest).count(), 2);

    // Another record does not take the chain along by the id of a thing.
    let stolen = information("a telephone", &["UZ"], with(vec![thing(7)]));
    let refused = tj.try_submit(stolen, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "CUSTODY_REFUSED", "{refused}");
    assert!(refused.message().contains("id of its own"), "{refused}");
    let _ = tj
        .submit(information("another", &["UZ"], with(vec![thing(8)])))
        .await;

    // Every version leads to the file, where it was uploaded and where it came.
    let next = information("a telephone, looked through", &["UZ"], None);
    let third = tj.submit(amendment(&tj, &second, next).await).await;
    uz.receives(&third).await;
    let output = dir.path().join("back.bin");
    for country in [&tj, &uz] {
        for reference in [&second, &third] {
            let listed = items(country, reference).await;
            let is_listed = listed.iter().any(|of| of.id == uploaded.id);
            assert!(is_listed, "{} by {reference}", country.code);
            let back = download(country, reference, &uploaded.id, &output).await;
            assert_eq!(back.unwrap().root, uploaded.root);
            assert!(std::fs::read(&output).unwrap() == bytes(300_000, 71));
            std::fs::remove_file(&output).unwrap();
        }
    }

    // To court goes the newest version alone.
    let bundle = dir.path().join("bundle");
    let of = [
        "--for-court",
        "EXERCISE City Court",
        "--purpose",
        "prosecution",
        "--case",
        CASE,
        "--output-dir",
        bundle.to_str().unwrap(),
    ];
    let export = ["evidence", "export", &second];
    let refused = tj.comity(&[&export[..], &of].concat()).await;
    refused.fails(77, &["RECORD_SUPERSEDED", &third]);
    assert!(!bundle.exists());
}
