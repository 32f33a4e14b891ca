//! Custody at a node that was restored from an older state: a number that it gives again is told from the
//! one that it gave before.

use serde_json::Value;

use super::incarnate;
use crate::{
    evidence::{acknowledged, acts, begun, custody, neighbours, request_to, submit, take},
    items,
    support::{CASE, Country, comity, eventually},
};

/// UZ examines the item and hands it over.
async fn examined_and_handed_over(uz: &Country, reference: &str, item: &str) {
    let stated = ["evidence", "custody", "state", reference, item, "examined"];
    let why = ["--reason", "EXERCISE: looked at"];
    uz.comity(&[&stated[..], &why[..]].concat()).await.fine();
    let handed = ["evidence", "transfer", reference, "--items", item];
    uz.comity(&handed).await.fine();
}

/// Numbers and renewals of UZ's entries, in order.
fn numbers(chain: &Value) -> Vec<(u64, bool)> {
    let entries = chain["entries"].as_array().unwrap().iter();
    let own = entries.filter(|of| of["country"] == "UZ");
    own.map(|of| {
        (
            of["number"].as_u64().unwrap(),
            of["renewal"].as_u64().unwrap() > 0,
        )
    })
    .collect()
}

fn reasons(chain: &Value) -> Vec<&str> {
    let findings = chain["findings"].as_array().unwrap().iter();
    findings.map(|of| of["reason"].as_str().unwrap()).collect()
}

fn has_breach(chain: &Value) -> bool {
    let mut findings = chain["findings"].as_array().unwrap().iter();
    findings.any(|of| of["breach"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_given_again_after_a_restore_is_a_named_gap_at_both_ends_and_in_a_bundle() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    // No marking that binds its use in court: this is about custody.
    let mut record = request_to("national-police");
    record.marking.as_mut().unwrap().handling.clear();
    let reference = submit(&tj, record).await.unwrap();
    uz.receives(&reference).await;
    take(&uz, &reference, acknowledged()).await;
    take(&uz, &reference, begun()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = items::file(folder.path(), 200_000, 31);
    let item = hex::encode(items::upload(&uz, &reference, &file).await.id);
    uz.drained().await;
    uz.stop().await;
    let backup = uz.back_up();

    // The day that is lost.
    uz.start().await;
    examined_and_handed_over(&uz, &reference, &item).await;
    eventually("TJ states that it came, and UZ hears of it", async || {
        let chain = custody(&uz, &reference).await.into_iter().next()?;
        let delivered = acts(&chain).contains(&"TJ delivered".to_owned());
        delivered.then_some(())
    })
    .await;
    uz.drained().await;
    tj.drained().await;
    uz.stop().await;
    uz.restore(&backup);
    incarnate(&mut uz).await;
    eventually("TJ's steps come again", async || {
        let chain = custody(&uz, &reference).await.into_iter().next()?;
        let delivered = acts(&chain).contains(&"TJ delivered".to_owned());
        delivered.then_some(())
    })
    .await;

    // The same is stated again, and differs all the same.
    examined_and_handed_over(&uz, &reference, &item).await;
    let at_tj = eventually("TJ has both chains", async || {
        let chain = custody(&tj, &reference).await.into_iter().next()?;
        (numbers(&chain).len() == 6).then_some(chain)
    })
    .await;
    let (before, after) = (false, true);
    let expected = [
        (1, before),
        (2, before),
        (3, before),
        (4, before),
        (3, after),
        (4, after),
    ];
    assert_eq!(numbers(&at_tj), expected, "{at_tj:#}");
    let at_uz = custody(&uz, &reference).await.remove(0);
    assert_eq!(
        numbers(&at_uz),
        [expected[0], expected[1], expected[4], expected[5]]
    );
    for chain in [&at_tj, &at_uz] {
        assert!(
            reasons(chain).contains(&"custody-after-restore"),
            "{chain:#}"
        );
        assert!(!has_breach(chain), "{chain:#}");
    }
    // What TJ took over is what UZ lost the word of.
    assert!(reasons(&at_uz).contains(&"custody-builds-on-lost"));

    let bundle = folder.path().join("bundle");
    let export = [
        "evidence",
        "export",
        &reference,
        "--for-court",
        "EXERCISE City Court",
        "--purpose",
        "prosecution",
        "--case",
        CASE,
        "--output-dir",
        bundle.to_str().unwrap(),
    ];
    tj.comity(&export).await.fine();
    let roots = [&tj, &uz].map(|of| format!("{}={}", of.code, of.home().own_card().fingerprint()));
    let verify = [
        "verify",
        bundle.to_str().unwrap(),
        "--root",
        &roots[0],
        "--root",
        &roots[1],
        "--output",
        "json",
    ];
    let said: Value = serde_json::from_str(&comity(&verify).await.stdout).unwrap();
    let claims = said["claims"].as_array().unwrap().iter();
    let custody: Vec<_> = claims.filter(|of| of["kind"] == "custody").collect();
    let named = |reason: &str| custody.iter().find(|of| of["reason"] == reason);
    assert_eq!(
        named("custody-after-restore").unwrap()["verdict"],
        "not proved"
    );
    assert!(
        custody.iter().all(|of| of["verdict"] != "contradicted"),
        "{custody:#?}"
    );
}
