//! What was approved before a crash is carried out after it.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{
    access::{Guarded, Table},
    home::{self, Home, InitOptions},
    node::{access::Proposed, cards::Imported, system_clock},
};

fn home(above: &TempDir, code: &str) -> Home {
    let dir = above.path().join(code);
    home::init(InitOptions {
        country: code.parse().unwrap(),
        dir: dir.clone(),
        authorities: Vec::new(),
        listen: "127.0.0.1:0".parse().unwrap(),
        client_listen: None,
        address: None,
        passphrase: "for tests only".to_owned().into(),
        work_factor: Some(2),
        now: system_clock()(),
    })
    .unwrap();
    Home::open(&dir).unwrap()
}

async fn opened(above: &TempDir) -> Arc<Node> {
    let home = Home::open(&above.path().join("TJ")).unwrap();
    Node::open(home, system_clock(), &mut |_| {}).await.unwrap()
}

/// As a crash right after the approval leaves it: durable, and nothing done.
async fn approved_only(node: &Node, id: &str) {
    let by = node.human("TJ/operator/second");
    node.settle(
        id_of(id).unwrap(),
        Move::Approve { by },
        "TJ/operator/second",
        "",
        String::new(),
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_survive_a_crash_between_approval_and_execution() {
    let above = tempfile::tempdir().unwrap();
    home(&above, "TJ");
    let other = home(&above, "UZ");
    let node = opened(&above).await;
    // The rounds in the background leave alone what this test does.
    node.approvals_seen.store(true, Ordering::Release);
    let card = other.own_card();
    let import = node.enter(node.local_operator()).unwrap();
    let imported = node
        .import_card(card.signed.clone(), card.fingerprint(), &import)
        .await
        .unwrap();
    let Imported::Asked(_, import) = imported else {
        panic!("imported by one: {imported:?}");
    };
    let table = Table::default().by_one(&[Guarded::Shred]);
    let change = node.enter(node.local_operator()).unwrap();
    let (proposed, _) = node
        .propose_permissions(&change, table.to_toml(), String::new())
        .await
        .unwrap();
    let Proposed::Asked(change) = proposed else {
        panic!("changed by one");
    };
    for asked in [&import, &change] {
        approved_only(&node, &asked.id).await;
    }
    assert!(node.book().get(card.country).is_none());
    assert_eq!(*node.access.table(), Table::default());
    node.close().await.unwrap();
    let left = Arc::downgrade(&node);
    drop(node);
    while left.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let node = opened(&above).await;
    while node.book().get(card.country).is_none() || *node.access.table() != table {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for asked in [import, change] {
        let id = id_of(&asked.id).unwrap();
        while approvals::of(&node.store, &id)
            .unwrap()
            .unwrap()
            .state
            .stage
            != Stage::Done
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    node.close().await.unwrap();
}
