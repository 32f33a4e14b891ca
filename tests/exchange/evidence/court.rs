//! A request goes to court: custody, consent, a second person, and a bundle that anybody verifies.

use std::{fs, path::Path};

use comity::wire::{
    ledger::ReadingPurpose,
    node::{
        ApproveRequest, EvidenceState, EvidenceStepView, RequestApprovalRequest,
        TakeEvidenceStepRequest,
    },
    record::EvidenceStep,
};
use serde_json::Value;

use super::{
    acknowledged, acts, begun, closed, custody, executed, recognised, requested, shown, stands,
    take, transferred,
};
use crate::{
    items,
    support::{CASE, Country, Ended, Settings, befriend, colleague, comity, eventually},
};

pub(super) const COURT: &str = "EXERCISE City Court";

pub(super) async fn export(at: &Country, reference: &str, to: &[&str]) -> Ended {
    let fixed = [
        "evidence",
        "export",
        reference,
        "--for-court",
        COURT,
        "--purpose",
        "prosecution",
        "--case",
        CASE,
        "--home",
        at.at(),
    ];
    comity(&[&fixed[..], to].concat()).await
}

fn root(of: &Country) -> String {
    format!("{}={}", of.code, of.home().own_card().fingerprint())
}

async fn verify(bundle: &Path, roots: &[&str]) -> (Ended, Value) {
    let mut arguments = vec!["verify", bundle.to_str().unwrap(), "--output", "json"];
    for root in roots {
        arguments.extend(["--root", root]);
    }
    let ended = comity(&arguments).await;
    let said = serde_json::from_str(&ended.stdout).unwrap_or_default();
    (ended, said)
}

/// Stable words of what speaks against a bundle.
fn contradictions(said: &Value) -> Vec<&str> {
    let claims = said["claims"].as_array().unwrap().iter();
    claims
        .filter(|of| of["verdict"] == "contradicted")
        .map(|of| of["reason"].as_str().unwrap())
        .collect()
}

/// Asks for consent to each step of the other country and has it granted, as `how` says.
pub(super) async fn consented(
    at: &Country,
    origin: &Country,
    steps: &[EvidenceStepView],
    how: &[&str],
) {
    for step in steps
        .iter()
        .filter(|of| of.reference.starts_with(origin.code))
    {
        let asked = comity(&[
            "consent",
            "request",
            &step.reference,
            "--use",
            "court",
            "--beneficiary",
            COURT,
            "--ground",
            "EXERCISE: a trial",
            "--home",
            at.at(),
        ])
        .await
        .fine();
        let asked = asked.trim();
        origin.receives(asked).await;
        let grant = ["consent", "grant", asked, "--home", origin.at()];
        comity(&[&grant[..], how].concat()).await.fine();
    }
    eventually("every consent is here", async || {
        let list = ["consent", "list", "--home", at.at(), "--output", "json"];
        let said = comity(&list).await.fine();
        let open = said
            .lines()
            .filter(|line| !line.contains("CONSENT_STATE_GRANTED"))
            .count();
        (open == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_to_court_and_anybody_verifies_it() {
    let two_persons = true;
    let settings = Settings {
        two_persons,
        ..Settings::default()
    };
    let (mut tj, mut uz) = (Country::with("TJ", settings), Country::set_up("UZ"));
    befriend(&[&tj, &uz]).await;
    super::agree(&tj, "UZ", &["untoc-art18"]);
    tj.start().await;
    uz.start().await;
    let folder = tempfile::tempdir().unwrap();
    let reference = requested(&tj, &uz).await;
    take(&uz, &reference, acknowledged()).await;
    take(&uz, &reference, recognised()).await;
    take(&uz, &reference, begun()).await;

    // UZ uploads a file, says how it came, and hands it over.
    let file = items::file(folder.path(), 300_000, 11);
    let item = items::upload(&uz, &reference, &file).await;
    let id = hex::encode(&item.id);
    let state = |act: &'static str, reason: &'static str, at: String| {
        let (reference, id) = (reference.clone(), id.clone());
        async move {
            comity(&[
                "evidence",
                "custody",
                "state",
                &reference,
                &id,
                act,
                "--place",
                "Tashkent, room 12",
                "--reason",
                reason,
                "--home",
                &at,
            ])
            .await
        }
    };
    state(
        "seized",
        "EXERCISE: search of the hotel",
        uz.at().to_owned(),
    )
    .await
    .fine();
    let automatic = state("delivered", "EXERCISE", uz.at().to_owned()).await;
    automatic.fails(64, &["the node states itself"]);
    take(&uz, &reference, executed()).await;
    let mut client = uz.client().await;
    let handed = client
        .take_evidence_step(TakeEvidenceStepRequest {
            reference: reference.clone(),
            step: Some(EvidenceStep {
                act: Some(transferred()),
                ..EvidenceStep::default()
            }),
            items: vec![item.id.clone()],
            ..TakeEvidenceStepRequest::default()
        })
        .await
        .unwrap();
    assert_eq!(handed.state(), EvidenceState::Transferred);

    // TJ's node states that it came whole, and tells UZ with the signed entry.
    let arrived = eventually("the item arrives in custody", async || {
        let chain = custody(&tj, &reference).await.into_iter().next()?;
        acts(&chain)
            .contains(&"TJ delivered".to_owned())
            .then_some(chain)
    })
    .await;
    let came = [
        "UZ hashed",
        "UZ uploaded",
        "UZ seized",
        "UZ transferred",
        "TJ delivered",
    ];
    assert_eq!(acts(&arrived), came);
    assert_eq!(arrived["entries"][2]["place"], "Tashkent, room 12");
    eventually("UZ hears of the arrival", async || {
        let chain = custody(&uz, &reference).await.into_iter().next()?;
        acts(&chain)
            .contains(&"TJ delivered".to_owned())
            .then_some(())
    })
    .await;
    let output = folder.path().join("downloaded.bin");
    items::download(&tj, &reference, &item.id, &output)
        .await
        .unwrap();
    assert_eq!(fs::read(&output).unwrap(), fs::read(&file).unwrap());
    take(&tj, &reference, closed()).await;
    stands(&uz, &reference, EvidenceState::Closed, 7).await;

    // H1 binds TJ: no step of UZ goes to court without UZ's consent, and nothing without a second person.
    let (dir, archive) = (
        folder.path().join("bundle"),
        folder.path().join("bundle.zip"),
    );
    let to_dir = ["--output-dir", dir.to_str().unwrap()];
    let blocked = export(&tj, &reference, &to_dir).await;
    blocked.fails(77, &["CONSENT_NEEDED"]);
    assert!(!dir.exists());
    let steps = shown(&tj, &reference).await.steps;
    consented(&tj, &uz, &steps, &["--reusable"]).await;
    let alone = export(&tj, &reference, &to_dir).await;
    alone.fails(77, &["ACCESS_DENIED"]);
    assert!(!dir.exists());
    let (mut first, mut second) = (tj.client().await, colleague(&tj, "second").await);
    let asked = first.life.request_approval(RequestApprovalRequest {
        act: "export-court".to_owned(),
        references: vec![reference.clone()],
        beneficiary: COURT.to_owned(),
        reading_purpose: ReadingPurpose::Prosecution.into(),
        case_reference: CASE.to_owned(),
        note: "EXERCISE".to_owned(),
        ..RequestApprovalRequest::default()
    });
    let asked = asked.await.unwrap().into_inner().id;
    second
        .life
        .approve(ApproveRequest { id: asked })
        .await
        .unwrap();
    export(&tj, &reference, &to_dir).await.fine();
    export(&tj, &reference, &["--zip", archive.to_str().unwrap()])
        .await
        .fine();
    let twice = export(&tj, &reference, &to_dir).await;
    twice.fails(73, &["is there already"]);

    // The nodes are gone; the binary and two fingerprints are enough.
    tj.stop().await;
    uz.stop().await;
    let (tjs, uzs) = (root(&tj), root(&uz));
    for bundle in [&dir, &archive] {
        let (ended, said) = verify(bundle, &[&tjs, &uzs]).await;
        assert_eq!(contradictions(&said), [""; 0], "{said:#}");
        assert_eq!(
            (ended.code, &said["outcome"]),
            (0, &"proved".into()),
            "{said:#}"
        );
        let kinds = [
            "item", "custody", "consent", "steps", "ledger", "report", "case-uco",
        ];
        for kind in kinds {
            let proved = said["claims"]
                .as_array()
                .unwrap()
                .iter()
                .any(|of| of["kind"] == kind && of["verdict"] == "proved");
            assert!(proved, "{kind}: {said:#}");
        }
        let (ended, said) = verify(bundle, &[]).await;
        assert_eq!((ended.code, &said["outcome"]), (0, &"consistent".into()));
        assert_eq!(said["roots"].as_array().unwrap().len(), 2);
    }
    let other = format!("UZ={}", tjs.split_once('=').unwrap().1);
    let (ended, said) = verify(&dir, &[&tjs, &other]).await;
    ended.fails(65, &["root-differs"]);
    assert!(contradictions(&said).contains(&"root-differs"));

    // What common tools say: the manifest is that of sha256sum, and the item is the file.
    let manifest = fs::read_to_string(dir.join("manifest-sha256.txt")).unwrap();
    let digest = comity::crypto::Digest::of(&fs::read(&file).unwrap());
    assert!(
        manifest.contains(&format!("{digest}  data/items/0001-exercise-11.bin\n")),
        "{manifest}"
    );
    let in_bundle = dir.join("data/items/0001-exercise-11.bin");
    let mut bytes = fs::read(&in_bundle).unwrap();
    bytes[1234] ^= 1;
    fs::write(&in_bundle, bytes).unwrap();
    let (ended, said) = verify(&dir, &[&tjs, &uzs]).await;
    ended.fails(65, &["item-root", "file-digest"]);
    assert_eq!(contradictions(&said), ["item-root", "file-digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn custody_is_stated_by_who_may_and_survives_a_rebuild() {
    let (mut tj, mut uz) = super::neighbours().await;
    tj.start().await;
    uz.start().await;
    let folder = tempfile::tempdir().unwrap();
    let reference = requested(&tj, &uz).await;
    let file = items::file(folder.path(), 100_000, 12);
    let item = items::upload(&uz, &reference, &file).await;
    let id = hex::encode(&item.id);
    let fixed = ["evidence", "custody", "state", &reference, &id, "examined"];
    let unknown = "0".repeat(32);
    let of = |more: &[&'static str]| [&fixed[..], more, &["--home", uz.at()]].concat();
    for (arguments, code, word) in [
        (
            of(&["--reason", "EXERCISE", "--at", "2035-01-01T00:00:00Z"]),
            65,
            "future",
        ),
        (of(&["--reason", ""]), 65, "reason"),
        (
            [
                &[
                    "evidence", "custody", "state", &reference, &unknown, "seized", "--reason", "x",
                ][..],
                &["--home", uz.at()],
            ]
            .concat(),
            65,
            "ITEM_UNKNOWN",
        ),
    ] {
        comity(&arguments).await.fails(code, &[word]);
    }
    comity(&of(&["--reason", "EXERCISE: copied for the expert"]))
        .await
        .fine();
    comity(
        &[
            &fixed[..5],
            &["destroyed", "--reason", "EXERCISE", "--home", uz.at()],
        ]
        .concat(),
    )
    .await
    .fine();
    // Nothing more happens to what was destroyed.
    comity(&of(&["--reason", "EXERCISE"]))
        .await
        .fails(65, &["destroyed"]);
    let output = folder.path().join("gone.bin");
    assert!(
        items::download(&uz, &reference, &item.id, &output)
            .await
            .is_err()
    );
    let before = custody(&uz, &reference).await;
    assert_eq!(
        acts(&before[0]),
        ["UZ hashed", "UZ uploaded", "UZ examined", "UZ destroyed"]
    );
    let gaps = &before[0]["findings"];
    assert_eq!(gaps[0]["reason"], "custody-no-beginning", "{gaps}");
    uz.stop().await;
    fs::remove_dir_all(uz.layout().index()).unwrap();
    uz.start().await;
    assert_eq!(custody(&uz, &reference).await, before);
    // TJ has nothing in hand of what was not handed over.
    assert!(custody(&tj, &reference).await.is_empty());
}
