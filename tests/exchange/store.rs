//! How a node finds its store after whatever happened to it, and when it refuses to go on.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use comity::{
    node::NodeError,
    store::{OpenedHow, StoreError},
};

use crate::support::{Country, alert, comity, neighbours, receipts_of};

/// A country that holds five records of its own and was closed cleanly.
async fn with_five_records() -> (Country, Vec<String>) {
    let (mut a, _) = neighbours().await;
    a.start().await;
    let mut sent = Vec::new();
    for number in 0..5 {
        sent.push(a.submit(alert(&format!("kept {number}"))).await);
    }
    a.stop().await;
    (a, sent)
}

fn how(country: &Country) -> OpenedHow {
    country.node().opened().how
}

fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn shorten(path: &Path, by: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - by).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clean_stop_the_store_is_trusted() {
    let (mut a, sent) = with_five_records().await;
    a.start().await;
    assert_eq!(how(&a), OpenedHow::Clean);
    assert_eq!(a.status().await.store_start, "clean");
    assert_eq!(a.references().await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_sudden_death_everything_acknowledged_is_there() {
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    a.start_process().await;
    let mut sent = Vec::new();
    for number in 0..10 {
        sent.push(a.submit(alert(&format!("before the kill {number}"))).await);
    }
    a.kill().await;
    a.start().await;
    assert_eq!(how(&a), OpenedHow::Replayed);
    assert_eq!(a.references().await, sent);
    sent.push(a.submit(alert("after the kill")).await);
    a.drained().await;
    assert_eq!(b.references().await, sent);
    for reference in &sent {
        assert_eq!(receipts_of(&a, reference).await.len(), 2, "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_is_made_anew_and_answers_the_same() {
    let (mut a, _) = with_five_records().await;
    a.start().await;
    let before = a.records().await;
    a.stop().await;
    fs::remove_dir_all(a.layout().index()).unwrap();
    a.start().await;
    assert_eq!(how(&a), OpenedHow::Rebuilt);
    assert_eq!(a.records().await, before);
    let verified = comity(&["audit", "verify", "--home", a.at()]).await.fine();
    assert!(verified.contains("every leaf recomputed"), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_garbage_is_set_aside() {
    let (mut a, sent) = with_five_records().await;
    fs::write(a.layout().index().join("db"), [0x5a; 4096]).unwrap();
    a.start().await;
    assert_eq!(how(&a), OpenedHow::Rebuilt);
    assert_eq!(a.references().await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_journal_byte_is_named_and_stops_the_start() {
    let (a, _) = with_five_records().await;
    let segment = a.last_segment();
    // In the first entry's head: behind the headers of segment (88) and group (40).
    let middle = 88 + 40 + 2;
    flip(&segment, middle);
    let refused = a.refuses_to_open().await;
    let NodeError::Store(StoreError::Damaged { offset, .. }) = refused else {
        panic!("{refused}");
    };
    assert!(offset <= middle);
    let words = format!("at offset {offset} is damaged");
    comity(&["store", "check", "--home", a.at()])
        .await
        .fails(65, &["in segment", &words]);
    comity(&["run", "--home", a.at()])
        .await
        .fails(74, &["in segment", &words]);
    // A rebuild cannot cure the journal, nor give up what lies behind the damage.
    comity(&["store", "rebuild", "--home", a.at()])
        .await
        .fails(74, &["in segment", &words]);
    // What was flipped back is whole again: nobody wrote to it in between.
    flip(&segment, middle);
    comity(&["store", "check", "--home", a.at()]).await.fine();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_after_a_sudden_death_is_cut() {
    let (mut a, _b) = neighbours().await;
    a.start_process().await;
    let reference = a.submit(alert("before the tear")).await;
    a.kill().await;
    let segment = a.last_segment();
    let mut file = OpenOptions::new().append(true).open(&segment).unwrap();
    file.write_all(&[0xa5; 700]).unwrap();
    drop(file);
    a.start().await;
    let cut = a.node().opened().torn_bytes_cut;
    assert_eq!(a.references().await, [reference]);
    let torn = fs::read(a.layout().journal().join("torn.last")).unwrap();
    assert_eq!(u64::try_from(torn.len()).unwrap(), cut);
    // Before it lies the room that was made for the next groups.
    let (room, torn) = torn.split_at(torn.len() - 700);
    assert_eq!(torn, [0xa5; 700]);
    assert!(room.iter().all(|byte| *byte == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_shorter_than_what_was_vouched_for_stops_the_start() {
    let (a, _) = with_five_records().await;
    shorten(&a.last_segment(), 50);
    let refused = a.refuses_to_open().await;
    assert!(
        matches!(
            refused,
            NodeError::Store(StoreError::AcknowledgedDataMissing { .. })
        ),
        "{refused}"
    );
    comity(&["run", "--home", a.at()])
        .await
        .fails(74, &["acknowledged entries are missing"]);
    let check = comity(&["store", "check", "--home", a.at()]).await;
    check.fails(65, &["not sound"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_on_demand_changes_no_answer() {
    let (mut a, sent) = with_five_records().await;
    let said = comity(&["store", "rebuild", "--home", a.at()]).await.fine();
    assert!(said.contains("entries replayed"), "{said}");
    let data = fs::read_dir(a.layout().data()).unwrap();
    let names: Vec<_> = data.map(|found| found.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().contains("set-aside")),
        "{names:?}"
    );
    a.start().await;
    assert_eq!(a.references().await, sent);
}
