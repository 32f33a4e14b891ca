//! An export for court that breaks off: the same again needs no second consent, and nobody else gets it.

use comity::{
    client::Client,
    wire::{ledger::ReadingPurpose, node::ExportEvidenceRequest},
};

use super::{
    acknowledged,
    court::{COURT, consented, export},
    neighbours, recognised, requested, shown, take,
};
use crate::support::{CASE, Country, colleague, comity, eventually, ledger_bodies, refusal_of};

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

    // Somebody else, for another case, and for another purpose: the consent served.
    let other_case = ExportEvidenceRequest {
        case_reference: "EXERCISE-9".to_owned(),
        ..wanted(&reference)
    };
    let other_purpose = ExportEvidenceRequest {
        reading_purpose: ReadingPurpose::Investigation.into(),
        ..wanted(&reference)
    };
    for (by, wanted) in [
        (colleague(&tj, "second").await, wanted(&reference)),
        (tj.client().await, other_case),
        (tj.client().await, other_purpose),
    ] {
        let refused = broken_off(by, wanted).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "CONSENT_USED", "{refused}");
    }
    assert_eq!(disclosures(&tj).await, 3);

    // The same again, after a restart too; each time is in the ledger.
    tj.restart().await;
    broken_off(tj.client().await, wanted(&reference))
        .await
        .unwrap();
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
    let steps = eventually("TJ has the step", async || {
        let steps = shown(&tj, &reference).await.steps;
        (!steps.is_empty()).then_some(steps)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("bundle.zip");
    let zip = ["--zip", archive.to_str().unwrap()];
    export(&tj, &reference, &zip)
        .await
        .fails(77, &["CONSENT_NEEDED"]);
    assert!(!archive.exists());
    consented(&tj, &uz, &steps, &[]).await;
    export(&tj, &reference, &zip).await.fine();
    comity(&["verify", archive.to_str().unwrap()]).await.fine();
}
