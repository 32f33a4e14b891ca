//! A country that was not heard for a day may have taken back a consent, a marking or a record: what
//! it sent is read, and neither exported nor passed on.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::marked;
use crate::support::{CASE, Country, DAY_US, befriend, comity, eventually, off, recall, show};

const HOUR_US: i64 = DAY_US / 24;

async fn export(at: &Country, reference: &str, dir: &str) -> crate::support::Ended {
    let court = ["--for-court", "EXERCISE court", "--output-dir", dir];
    let why = ["--purpose", "prosecution", "--case", CASE];
    let of = ["export", reference, "--home", at.at()];
    comity(&[&of[..], &court, &why].concat()).await
}

async fn onward(at: &Country, reference: &str, to: &str) -> crate::support::Ended {
    let ground = ["--ground", "EXERCISE: the same group"];
    let of = ["onward", reference, "--to", to, "--home", at.at()];
    comity(&[&of[..], &ground].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_country_sent_that_was_not_heard_for_a_day_is_read_and_not_used() {
    let by = Arc::new(AtomicI64::new(0));
    let [mut tj, mut uz, mut kg] = ["TJ", "UZ", "KG"].map(Country::set_up);
    befriend(&[&tj, &uz, &kg]).await;
    tj.start_with(off(&by)).await;
    uz.start_with(off(&by)).await;
    kg.start_with(off(&by)).await;
    let free = tj
        .submit(marked("free to go", &["UZ"], "TLP_GREEN", &[]))
        .await;
    let wrong = tj.submit(marked("wrong", &["UZ"], "TLP_GREEN", &[])).await;
    uz.receives(&free).await;
    uz.receives(&wrong).await;
    let own = uz.submit(marked("own", &["KG"], "TLP_GREEN", &[])).await;
    tj.stop().await;
    uz.stop().await;
    // Within a day the stored time counts, across a restart.
    by.store(20 * HOUR_US, Ordering::SeqCst);
    uz.start_with(off(&by)).await;
    let folder = tempfile::tempdir().unwrap();
    let dir = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    export(&uz, &free, &dir("within")).await.fine();
    uz.stop().await;
    by.store(25 * HOUR_US, Ordering::SeqCst);
    uz.start_with(off(&by)).await;
    let words = ["ORIGIN_UNHEARD", "TJ was last heard whole at", "24 h"];
    export(&uz, &free, &dir("after")).await.fails(69, &words);
    onward(&uz, &free, "KG").await.fails(69, &words);
    assert!(!folder.path().join("after").exists());
    show(&uz, &free).await;
    // An own record needs nobody to be heard.
    export(&uz, &own, &dir("own")).await.fine();

    // What was taken back meanwhile is carried out before anything is used again.
    tj.start_with(off(&by)).await;
    recall(&tj, &wrong, &["UZ"]).await.unwrap();
    uz.linked("TJ").await;
    eventually("UZ may use what TJ sent", async || {
        let said = onward(&uz, &free, "KG").await;
        (said.code == 0).then_some(())
    })
    .await;
    eventually("and not what TJ took back", async || {
        let said = export(&uz, &wrong, &dir("wrong")).await;
        said.stderr.contains("RECORD_LOCKED").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_does_not_make_a_country_heard() {
    let [mut tj, mut uz] = ["TJ", "UZ"].map(Country::set_up);
    befriend(&[&tj, &uz]).await;
    tj.start().await;
    uz.start().await;
    let free = tj
        .submit(marked("free to go", &["UZ"], "TLP_GREEN", &[]))
        .await;
    uz.receives(&free).await;
    // A clock set back says nothing of how long ago that was.
    tj.stop().await;
    uz.stop().await;
    let by = Arc::new(AtomicI64::new(-HOUR_US));
    uz.start_with(off(&by)).await;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("x");
    let refused = export(&uz, &free, dir.to_str().unwrap()).await;
    refused.fails(69, &["ORIGIN_UNHEARD"]);
}
