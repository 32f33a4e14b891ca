//! A version that was corrected is used only by who says so, and who passed it on is told.

use serde_json::Value;

use super::marked;
use crate::support::{Country, amendment, befriend, comity, eventually};

async fn listed(at: &Country) -> Vec<Value> {
    let list = ["onward", "--list", "--home", at.at(), "--output", "json"];
    let said = comity(&list).await.fine();
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_version_is_neither_exported_nor_passed_on_by_mistake() {
    let mut all = ["TJ", "UZ", "KG"].map(Country::set_up);
    befriend(&[&all[0], &all[1], &all[2]]).await;
    for country in &mut all {
        country.start().await;
    }
    let [tj, uz, kg] = &all;
    let first = tj
        .submit(marked("first words", &["UZ"], "TLP_GREEN", &[]))
        .await;
    uz.receives(&first).await;
    let onward = async |reference: &str, more: &[&str]| {
        let fixed = [
            "onward",
            reference,
            "--to",
            "KG",
            "--ground",
            "EXERCISE",
            "--home",
            uz.at(),
        ];
        comity(&[&fixed[..], more].concat()).await
    };
    let passed = onward(&first, &[]).await.fine();
    let passed = passed.trim().to_owned();
    kg.receives(&passed).await;
    // What was passed on is searched where it went, and once where it came from.
    for (at, reference) in [(kg, &passed), (uz, &first)] {
        eventually("it is found", async || {
            let search = ["search", "words", "--home", at.at(), "--output", "json"];
            let said = comity(&search).await.fine();
            let hits: Vec<Value> = said
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .filter(|hit: &Value| hit["record"].is_object())
                .collect();
            match hits.as_slice() {
                [hit] => (hit["record"]["reference"] == **reference).then_some(()),
                [] => None,
                several => panic!("{several:?}"),
            }
        })
        .await;
    }
    let shown = listed(uz).await;
    assert_eq!(shown[0]["state"], "RECORD_STATE_CURRENT");
    assert_eq!(shown[0]["readers"][0], "KG");

    let corrected = marked("second words", &["UZ"], "TLP_GREEN", &[]);
    let second = tj.submit(amendment(tj, &first, corrected).await).await;
    uz.receives(&second).await;
    let shown = listed(uz).await;
    assert_eq!(shown[0]["state"], "RECORD_STATE_AMENDED");
    assert_eq!(
        (&shown[0]["original"], &shown[0]["newest"]),
        (&first.clone().into(), &second.clone().into())
    );

    onward(&first, &[])
        .await
        .fails(77, &["RECORD_SUPERSEDED", &second, "--exact"]);
    let folder = tempfile::tempdir().unwrap();
    let export = async |reference: &str, name: &str, more: &[&str]| {
        let dir = folder.path().join(name);
        let fixed = [
            "export",
            reference,
            "--purpose",
            "prosecution",
            "--case",
            "EXERCISE-1",
            "--for-court",
            "EXERCISE court",
            "--output-dir",
            dir.to_str().unwrap(),
            "--home",
            uz.at(),
        ];
        comity(&[&fixed[..], more].concat()).await
    };
    export(&first, "a", &[])
        .await
        .fails(77, &["RECORD_SUPERSEDED", &second]);
    export(&first, "b", &["--exact"]).await.fine();
    export(&second, "c", &[]).await.fine();
    onward(&second, &[]).await.fine();
    let shown = listed(uz).await;
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|of| of["newest"].is_null()), "{shown:?}");
    let text = comity(&["onward", "--list", "--home", uz.at()])
        .await
        .fine();
    assert!(
        text.contains("amended") && text.contains("current"),
        "{text}"
    );
}
