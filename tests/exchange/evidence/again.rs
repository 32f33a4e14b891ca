//! An export for court that breaks off: the same again needs no second consent, and nobody else gets it.

use comity::{
    client::Client,
    wire::{
        ledger::ReadingPurpose,
        node::{ExportEvidenceRequest, TakeEvidenceStepRequest},
        record::{CompartmentLabel, EvidenceStep},
    },
};

use super::{
    acknowledged, acts, begun,
    court::{COURT, consented, export},
    custody, executed, neighbours, recognised, requested, shown, take, transferred,
};
use crate::{
    items,
    support::{CASE, Country, colleague, comity, eventually, ledger_bodies, refusal_of},
};

fn wanted(reference: &str) -> ExportEvidenceRequest {
    ExportEvidenceRequest {
        reference: reference.to_owned(),
        beneficiary: COURT.to_owned(),
        reading_purpose: ReadingPurpose::Prosecution.into(),
        case_reference: CASE.to_owned(),
        ..ExportEvidenceRequest::default()
    }
}

/// Asks for a bundle and gives up after its first part.
async fn broken_off(mut by: Client, wanted: ExportEvidenceRequest) -> Result<(), tonic::Status> {
    let mut parts = by.bundles.export_evidence(wanted).await?.into_inner();
    assert!(parts.message().await?.is_some());
    Ok(())
}

/// Disclosures in the ledger.
async fn disclosures(at: &Country) -> usize {
    let leaves = ledger_bodies(at).await;
    let disclosed = leaves.iter().filter(|leaf| leaf.detail == "court-export");
    disclosed.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_breaks_off_is_done_again_with_consent_that_serves_once() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    take(&uz, &reference, acknowledged()).await;
    take(&uz, &reference, recognised()).await;
    let steps = eventually("TJ has both steps", async || {
        let steps = shown(&tj, &reference).await.steps;
        (steps.len() == 2).then_some(steps)
    })
    .await;
    consented(&tj, &uz, &steps, &[]).await;

    broken_off(tj.client().await, wanted(&reference))
        .await
        .unwrap();
    // The request and two steps.
    assert_eq!(disclosures(&tj).await, 3);

    // Somebody else, for another case, for another purpose, and other compartments: the consent served.
    let other_case = ExportEvidenceRequest {
        case_reference: "EXERCISE-9".to_owned(),
        ..wanted(&reference)
    };
    let other_purpose = ExportEvidenceRequest {
        reading_purpose: ReadingPurpose::Investigation.into(),
        ..wanted(&reference)
    };
    let other_compartments = ExportEvidenceRequest {
        compartments: vec![CompartmentLabel::Situation.into()],
        ..wanted(&reference)
    };
    for (by, wanted) in [
        (colleague(&tj, "second").await, wanted(&reference)),
        (tj.client().await, other_case),
        (tj.client().await, other_purpose),
        (tj.client().await, other_compartments),
    ] {
        let refused = broken_off(by, wanted).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "CONSENT_USED", "{refused}");
    }
    assert_eq!(disclosures(&tj).await, 3);

    // The same again, after a restart too; each time is in the ledger.
    tj.restart().await;
    eventually("the peer's clock is heard again", async || {
        let again = broken_off(tj.client().await, wanted(&reference)).await;
        again.ok()
    })
    .await;
    assert_eq!(disclosures(&tj).await, 6);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    let bundle = bundle.to_str().unwrap();
    export(&tj, &reference, &["--output-dir", bundle])
        .await
        .fine();
    assert_eq!(disclosures(&tj).await, 9);
    let said = comity(&["verify", bundle]).await.fine();
    assert!(said.contains("consent"), "{said}");
    let used = ["consent", "list", "--home", tj.at(), "--output", "json"];
    let listed = comity(&used).await.fine();
    assert_eq!(listed.matches("CONSENT_STATE_USED").count(), 2, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_breaks_off_leaves_nothing_in_the_way_of_the_same_again() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    take(&uz, &reference, acknowledged()).await;
    take(&uz, &reference, begun()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = items::file(folder.path(), 3 << 20, 14);
    let item = items::upload(&uz, &reference, &file).await;
    take(&uz, &reference, executed()).await;
    let handed = TakeEvidenceStepRequest {
        reference: reference.clone(),
        step: Some(EvidenceStep {
            act: Some(transferred()),
            ..EvidenceStep::default()
        }),
        items: vec![item.id.clone()],
        ..TakeEvidenceStepRequest::default()
    };
    let mut client = uz.client().await;
    client.take_evidence_step(handed).await.unwrap();
    eventually("TJ has the file", async || {
        let chain = custody(&tj, &reference).await.into_iter().next()?;
        acts(&chain)
            .contains(&"TJ delivered".to_owned())
            .then_some(())
    })
    .await;
    let steps = shown(&tj, &reference).await.steps;
    let archive = folder.path().join("bundle.zip");
    let zip = ["--zip", archive.to_str().unwrap()];
    export(&tj, &reference, &zip)
        .await
        .fails(77, &["CONSENT_NEEDED"]);
    assert!(!archive.exists());
    assert_eq!(disclosures(&tj).await, 0);
    consented(&tj, &uz, &steps, &[]).await;

    // It breaks off after the disclosure, within the file.
    items::flip(&tj, &item, 1);
    let broken = export(&tj, &reference, &zip).await;
    assert_ne!(broken.code, 0, "{broken:?}");
    for words in ["chunk 1", "needs no second consent"] {
        assert!(broken.stderr.contains(words), "{broken:?}");
    }
    assert!(!archive.exists());
    assert!(disclosures(&tj).await > steps.len());

    // The chunk comes again from UZ, and the same command again is enough.
    eventually("the same again is fine", async || {
        let again = export(&tj, &reference, &zip).await;
        (again.code == 0).then_some(())
    })
    .await;
    comity(&["verify", archive.to_str().unwrap()]).await.fine();
}
