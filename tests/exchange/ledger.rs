//! What a ledger proves, to whoever holds the country's card and nothing else.

use std::fs;

use comity::{
    crypto::Digest,
    entry::{Entry, Event},
    ledger::{tree, verify_record_proof},
    wire::{
        ledger::Action,
        node::{ProveConsistencyRequest, ProveConsistencyResponse, ProveRecordRequest},
    },
};

use crate::support::{Country, alert, comity, eventually, neighbours};

async fn consistency(at: &Country, old_size: u64) -> ProveConsistencyResponse {
    let mut client = at.operating().await;
    let request = ProveConsistencyRequest { old_size };
    let answer = client.audit.prove_consistency(request).await;
    answer.unwrap().into_inner()
}

/// What the proven leaves of a record say, each leaf's path verified with the country's card.
async fn proven(at: &Country, reference: &str) -> Vec<(Action, String)> {
    let mut client = at.operating().await;
    let request = ProveRecordRequest {
        reference: reference.to_owned(),
    };
    let answer = client.audit.prove_record(request).await.unwrap();
    let proof = answer.into_inner().proof.unwrap();
    let home = at.home();
    let card = home.own_card();
    let bodies = verify_record_proof(&proof, &card.ledger_origin, &card.ledger_keys()).unwrap();
    let said = bodies
        .iter()
        .map(|(_, body)| (body.action(), body.detail.clone()));
    said.collect()
}

/// Sizes of the checkpoints of others that this node found consistent.
fn checkpoints_seen(at: &Country) -> Vec<u64> {
    let entries = at.node().store().entries(1);
    let events = entries.map(|entry| Entry::decode(&entry.unwrap().body).unwrap().event);
    events
        .filter_map(|event| match event {
            Event::CheckpointSeen(seen) => Some(seen.size),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_and_the_card_are_enough_and_a_changed_byte_is_named() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    for number in 0..5 {
        a.submit(alert(&format!("exported {number}"))).await;
    }
    a.drained().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (export, card) = (path("ledger.ndjson"), path("tj.card"));
    comity(&["audit", "export", "--home", a.at(), "--to", &export])
        .await
        .fine();
    let text = comity(&["card", "export", "--home", a.at()]).await.fine();
    fs::write(&card, text).unwrap();
    // From here on the node is not asked any more.
    a.stop().await;
    let verify = ["audit", "verify", "--export", &export, "--card", &card];
    let said = comity(&verify).await.fine();
    assert!(said.contains("every leaf recomputed"), "{said}");

    let whole = fs::read_to_string(&export).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 6, "{whole}");
    let changed = |line: usize, to: String| {
        let mut lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        lines[line] = to;
        fs::write(&export, lines.join("\n") + "\n").unwrap();
    };
    let flipped = |line: usize, field: &str| {
        let at = lines[line].find(field).unwrap() + field.len() + 3 + 8;
        let mut bytes = lines[line].as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(bytes).unwrap()
    };
    // Line 0 is the checkpoint: line 4 is leaf 3.
    changed(4, flipped(4, "body"));
    comity(&verify).await.fails(65, &["leaf 3"]);
    changed(4, flipped(4, "salt"));
    comity(&verify).await.fails(65, &["leaf 3"]);
    changed(4, flipped(4, "digest"));
    comity(&verify).await.fails(65, &["leaf 3"]);
    changed(4, lines[5].to_owned());
    comity(&verify)
        .await
        .fails(65, &["leaf 3 should stand where leaf 4 stands"]);
    changed(0, lines[1].to_owned());
    comity(&verify)
        .await
        .fails(65, &["begin with a checkpoint"]);
    fs::write(&export, lines[..lines.len() - 1].join("\n")).unwrap();
    comity(&verify)
        .await
        .fails(65, &["the export ends before leaf"]);

    // Another country's card does not verify it.
    fs::write(&export, &whole).unwrap();
    let text = comity(&["card", "export", "--home", b.at()]).await.fine();
    fs::write(&card, text).unwrap();
    comity(&verify).await.fails(65, &["does not verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_checkpoints_of_a_running_node_are_consistent() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let first = a.open_checkpoint(&consistency(&a, 0).await.checkpoint);
    for number in 0..9 {
        a.submit(alert(&format!("grows {number}"))).await;
    }
    let answer = consistency(&a, first.size).await;
    let second = a.open_checkpoint(&answer.checkpoint);
    assert_eq!(second.size, first.size + 9);
    let path: Vec<_> = answer
        .path
        .iter()
        .map(|hash| Digest::try_from(hash.as_slice()).unwrap())
        .collect();
    let holds = |old_root: &Digest| {
        tree::verify_consistency(first.size, old_root, second.size, &second.root, &path)
    };
    holds(&first.root).unwrap();
    assert!(holds(&second.root).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leaves_of_a_records_receipts_are_proven_with_it() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("to be proven")).await;
    a.drained().await;
    let said = |action, detail: &str| (action, detail.to_owned());
    let expected = [
        said(Action::Collection, "submitted"),
        said(Action::Disclosure, "receipts-arrived"),
    ];
    assert_eq!(proven(&a, &reference).await, expected);
    let at_destination = proven(&b, &reference).await;
    let details: Vec<_> = at_destination.iter().map(|leaf| &*leaf.1).collect();
    assert_eq!(details, ["received", "receipts-issued"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_keep_each_others_checkpoints_and_later_sessions_extend_them() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    a.submit(alert("one")).await;
    a.drained().await;
    let first = eventually("B keeps a checkpoint of A", async || {
        checkpoints_seen(&b).last().copied()
    })
    .await;
    eventually("A keeps a checkpoint of B", async || {
        checkpoints_seen(&a).last().copied()
    })
    .await;
    // A later session begins from the checkpoint known: it must extend it, or the link ends.
    b.restart().await;
    a.submit(alert("two")).await;
    a.drained().await;
    eventually("B keeps a later checkpoint of A", async || {
        checkpoints_seen(&b).into_iter().find(|size| *size > first)
    })
    .await;
    assert!(checkpoints_seen(&b).is_sorted());
    a.linked("UZ").await;
}
