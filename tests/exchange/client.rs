//! The client library: what it repeats, and how a watch goes on.

use std::time::Duration;

use comity::{
    client::{ClientError, News, Position, Start, Watch},
    wire::node::GetStatusRequest,
};
use tokio::time::timeout;
use tonic::Code;

use crate::support::{PATIENCE, alert, neighbours};

async fn next(watch: &mut Watch) -> News {
    let news = timeout(PATIENCE, watch.next()).await;
    news.expect("the watch says something").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_where_it_was_without_losing_or_repeating_a_record() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let client = a.client().await.with_patience(PATIENCE);
    let before = a.submit(alert("before")).await;
    let mut all = client.watch(Start::Beginning, false).await.unwrap();
    let mut new = client.watch(Start::Now, false).await.unwrap();
    assert_eq!(next(&mut all).await.record.reference, before);
    // What is new was not told yet, and the position is known all the same.
    let begun = new.position().unwrap();
    assert_eq!(begun.number, 1);

    a.stop().await;
    a.start().await;
    let mut seen = Vec::new();
    for title in ["second", "third"] {
        let reference = a.submit(alert(title)).await;
        let news = next(&mut all).await;
        assert_eq!(news.record.reference, reference);
        assert_eq!(next(&mut new).await.record.reference, reference);
        seen.push((reference, news.position));
    }
    // Written down and read again, a position is where another watch goes on.
    let position: Position = seen[0].1.to_string().parse().unwrap();
    let mut later = client.watch(Start::After(position), false).await.unwrap();
    assert_eq!(next(&mut later).await.record.reference, seen[1].0);
    assert_eq!(later.position(), Some(seen[1].1));
    // Whoever stops waiting loses nothing.
    assert!(
        timeout(Duration::from_millis(50), later.next())
            .await
            .is_err()
    );
    let fourth = a.submit(alert("fourth")).await;
    assert_eq!(next(&mut later).await.record.reference, fourth);

    let beyond = Position {
        number: 5,
        ..position
    };
    let refused = client.watch(Start::After(beyond), false).await.unwrap_err();
    let refused = refused.refused().unwrap();
    assert_eq!(refused.reason(), "POSITION_UNKNOWN");
    assert_eq!(refused.retry_after(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_safe_is_repeated_over_a_new_connection_and_the_rest_is_not() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut client = a.client().await.with_patience(PATIENCE);
    let mut hasty = client.clone().with_patience(Duration::ZERO);
    let first = client.submit(alert("first")).await.unwrap();

    a.restart().await;
    let broken = hasty.list(Default::default()).await.unwrap_err();
    assert_eq!(broken.retry_after(), Some(Duration::ZERO), "{broken}");
    let mut raw = client.clone();
    let raw = raw.status.get_status(GetStatusRequest {});
    assert_eq!(raw.await.unwrap_err().code(), Code::Unavailable);
    let second = client.submit(alert("second")).await.unwrap();
    assert!(!second.repeated);
    let listed = client.list(Default::default()).await.unwrap().records;
    let listed: Vec<_> = listed.iter().map(|of| of.reference.as_str()).collect();
    assert_eq!(listed, [&second.reference, &first.reference]);

    // A key of one's own makes it once, however often it is submitted.
    let kept = client.submit_with_key(alert("third"), "k").await.unwrap();
    let again = client.submit_with_key(alert("third"), "k").await.unwrap();
    assert!(again.repeated && again.reference == kept.reference);

    let mut wrong = alert("x");
    wrong.situation.as_mut().unwrap().title.clear();
    let refused = client.submit(wrong).await.unwrap_err();
    assert_eq!(refused.retry_after(), None);
    let refused = refused.refused().unwrap();
    assert_eq!(refused.reason(), "RECORD_INVALID");
    assert_eq!(refused.violations()[0].field, "situation.title");

    a.stop().await;
    let mut short = client.with_deadline(Duration::from_millis(300));
    let away = short.receipts(&first.reference).await.unwrap_err();
    let late = matches!(away, ClientError::Deadline { .. });
    assert!(late && away.retry_after().is_some(), "{away}");
}
