//! A reader that was away complies before it sends anything of its own.

use futures_util::future::join_all;

use comity::{
    node::submit::Intent,
    wire::{ledger::LeafBody, node::ListLeavesRequest, record::RecallReason},
};
use prost::Message as _;

use crate::support::{Country, alert, alert_to, neighbours, officer};

/// More than the credit of the control lane, so that recalls come in several turns.
const MANY: usize = 1100;

/// What every leaf says, oldest first.
async fn whole_ledger(at: &Country) -> Vec<LeafBody> {
    let mut client = at.operating().await;
    let (mut leaves, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListLeavesRequest {
            page_size: 500,
            page_token,
        };
        let page = client
            .audit
            .list_leaves(request)
            .await
            .unwrap()
            .into_inner();
        leaves.extend(page.leaves);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let bodies = leaves.iter().rev();
    bodies
        .map(|leaf| LeafBody::decode(leaf.body.as_slice()).unwrap())
        .collect()
}

fn intents(titles: usize, to: &'static [&'static str], of: &str) -> Vec<Intent> {
    let intent = |n| Intent {
        record: alert_to(to, &format!("{of} {n}")),
        idempotency_key: String::new(),
        actor: "EX/officer/local".to_owned(),
        by_node: false,
        evidence: false,
        item: None,
    };
    (0..titles).map(intent).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recall_is_carried_out_before_the_backlog_goes_out_and_new_records_come_in() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.recall_alone = 100_000);
    a.start().await;
    b.start().await;
    let node = a.node();
    let sent = join_all(
        intents(MANY, &["UZ"], "wrong")
            .into_iter()
            .map(|of| node.submit_intent(of)),
    )
    .await;
    let sent: Vec<_> = sent.into_iter().map(|of| of.unwrap().reference).collect();
    b.receives(&sent[MANY - 1].to_string()).await;
    a.drained().await;

    // UZ is away while TJ recalls everything, then submits anew; and has a backlog of its own, which
    // it wrote before it knew.
    a.stop().await;
    let backlog = join_all(
        intents(20, &["TJ"], "backlog")
            .into_iter()
            .map(|of| b.node().submit_intent(of)),
    );
    let backlog = backlog.await;
    let last = backlog
        .last()
        .unwrap()
        .as_ref()
        .unwrap()
        .reference
        .to_string();
    b.stop().await;
    a.start().await;
    let reason = RecallReason::EndangersPerson.into();
    a.node()
        .recall(sent, None, reason, String::new(), officer(a.node()))
        .await
        .unwrap();
    let new = a.submit(alert("new")).await;
    b.start().await;
    a.receives(&last).await;
    b.receives(&new).await;
    b.drained().await;

    let leaves = whole_ledger(&b).await;
    let position = |what: &dyn Fn(&LeafBody) -> bool| leaves.iter().position(what).unwrap();
    let last_recall = leaves
        .iter()
        .rposition(|leaf| leaf.detail == "recalled")
        .unwrap();
    let recalls = leaves.iter().filter(|leaf| leaf.detail == "recalled");
    assert_eq!(recalls.count(), MANY);
    let new_at = position(&|leaf| leaf.detail == "received" && leaf.reference == new);
    assert!(
        last_recall < new_at,
        "a new record came between the recalls"
    );
    // The receipts for the backlog: nothing else was sent.
    let proved = position(&|leaf| leaf.detail == "receipts-arrived");
    assert!(
        last_recall < proved,
        "the backlog went out before the recalls were carried out"
    );
    a.drained().await;
}
