//! Case systems and a node: what they feed it, and what goes out to other systems.

mod crash;
mod files;
mod formats;
mod intake;
mod persons;
mod together;

use comity::{
    access::PrincipalKind,
    client::{Client, ClientError},
    wire::{
        node::{
            FeedDeletion, FeedItem, FeedOutcome, IngestBegin, IngestResponse, feed_item::Content,
            ingest_response::Outcome,
        },
        record::Record,
    },
};

use crate::support::{Country, alert, client_as};

/// A case system of the police.
async fn case_system(at: &Country) -> Client {
    client_as(
        at,
        PrincipalKind::CaseSystem,
        "cases",
        "national-police",
        &[],
    )
    .await
}

/// An item that says something.
fn says(own_id: &str, version: u64, title: &str) -> FeedItem {
    holds(own_id, version, alert(title))
}

/// An item with a record.
fn holds(own_id: &str, version: u64, record: Record) -> FeedItem {
    FeedItem {
        own_id: own_id.to_owned(),
        version,
        content: Some(Content::Record(record)),
    }
}

/// An item that was deleted.
fn deleted(own_id: &str, version: u64) -> FeedItem {
    FeedItem {
        own_id: own_id.to_owned(),
        version,
        content: Some(Content::Deleted(FeedDeletion::default())),
    }
}

/// What became of an item, in short: what was done and the reference, or the word of the refusal.
type Done = Result<(FeedOutcome, String), String>;

/// Feeds items by one stream; what became of each, in their order.
async fn feed(client: &mut Client, begin: IngestBegin, items: Vec<FeedItem>) -> Vec<Done> {
    let ids: Vec<String> = items.iter().map(|item| item.own_id.clone()).collect();
    let answers = try_feed(client, begin, items).await.unwrap();
    let answered: Vec<&str> = answers.iter().map(|of| of.own_id.as_str()).collect();
    assert_eq!(answered, ids, "in the order of the items");
    answers.into_iter().map(done).collect()
}

/// As [`feed`], of what the stream came to.
async fn try_feed(
    client: &mut Client,
    begin: IngestBegin,
    items: Vec<FeedItem>,
) -> Result<Vec<IngestResponse>, ClientError> {
    let (mut sender, mut answers) = client.feed(begin).await?.split();
    let sending = tokio::spawn(async move {
        for item in items {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await? {
        all.push(answer);
    }
    sending.await.unwrap();
    Ok(all)
}

fn done(answer: IngestResponse) -> Done {
    match answer.outcome.unwrap() {
        Outcome::Taken(taken) => Ok((taken.outcome(), taken.reference)),
        Outcome::Refused(refusal) => Err(refusal.reason),
    }
}

/// Feeds one item under the name of the caller's certificate.
async fn one(client: &mut Client, item: FeedItem) -> Done {
    let done = feed(client, IngestBegin::default(), vec![item]).await;
    done.into_iter().next().unwrap()
}

/// A feed of this name.
fn named(feed: &str) -> IngestBegin {
    IngestBegin {
        feed: feed.to_owned(),
        dry_run: false,
    }
}
