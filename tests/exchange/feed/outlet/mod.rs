//! Subscriptions and webhooks against real nodes.

mod command_line;
mod follow;
mod narrowed;
mod receiver;
mod webhooks;

use std::time::Duration;

use comity::{
    client::{Client, ClientError, Following, Received},
    wire::node::{
        CreateSubscriptionRequest, Delivered, ListSubscriptionsRequest, Notice, Subscription,
        SubscriptionFilter, SubscriptionStart, delivered::What, subscription_start::At,
    },
};
use tokio::time::timeout;

use crate::support::PATIENCE;

/// A moment in which nothing comes; it only ever ends a wait for what must not come.
const MOMENT: Duration = Duration::from_millis(100);

/// Asks for a subscription.
fn asked(name: &str, at: At, filter: SubscriptionFilter) -> CreateSubscriptionRequest {
    CreateSubscriptionRequest {
        name: name.to_owned(),
        filter: Some(filter),
        start: Some(SubscriptionStart { at: Some(at) }),
        ..CreateSubscriptionRequest::default()
    }
}

/// Makes a subscription to everything, from the beginning.
async fn subscribed(by: &mut Client, name: &str) -> Subscription {
    let all = SubscriptionFilter::default();
    let made = by.subscribe(asked(name, At::Beginning(true), all)).await;
    made.unwrap()
}

async fn next(of: &mut Following) -> Received {
    let received = timeout(PATIENCE, of.next()).await;
    received.expect("something is delivered").unwrap()
}

/// Waits a moment: nothing comes.
async fn nothing(of: &mut Following) {
    let received = timeout(MOMENT, of.next()).await;
    assert!(received.is_err(), "{received:?}");
}

/// How a stream ends, as the refusal's word.
async fn ends(of: &mut Following) -> String {
    loop {
        match timeout(PATIENCE, of.next()).await.expect("it ends") {
            Ok(_) => {}
            Err(error) => return reason(&error),
        }
    }
}

fn reason(error: &ClientError) -> String {
    error.refused().unwrap().reason().to_owned()
}

/// Reference of a record that was delivered with its content.
fn record(of: &Delivered) -> &str {
    match &of.what {
        Some(What::Record(record)) => &record.record.as_ref().unwrap().reference,
        other => panic!("no record: {other:?}"),
    }
}

fn notice(of: &Delivered) -> &Notice {
    match &of.what {
        Some(What::Notice(notice)) => notice,
        other => panic!("no notice: {other:?}"),
    }
}

async fn listed(by: &mut Client) -> Vec<Subscription> {
    let request = ListSubscriptionsRequest {};
    let answer = by.subscriptions.list_subscriptions(request).await.unwrap();
    answer.into_inner().subscriptions
}
