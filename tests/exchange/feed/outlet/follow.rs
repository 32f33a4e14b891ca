//! Following: in order, at least once, from where it was acknowledged; one consumer at a time; filters,
//! recalls, amendments, and consumers that acknowledge nothing.

use comity::wire::{
    node::{
        NoticeKind, PullRequest, RemoveSubscriptionRequest, SeekSubscriptionRequest,
        SubscriptionFilter, SubscriptionPosition, SubscriptionStart, subscription_start::At,
    },
    record::Urgency,
};

use super::{asked, ends, listed, next, nothing, notice, reason, record, subscribed};
use crate::support::{
    PATIENCE, alert, alert_to, amendment, eventually, ledger_bodies, neighbours, refusal_of,
    take_back, urgent,
};

async fn seek(by: &mut comity::client::Client, name: &str, at: At) {
    let request = SeekSubscriptionRequest {
        name: name.to_owned(),
        start: Some(SubscriptionStart { at: Some(at) }),
    };
    by.subscriptions.seek_subscription(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_after_either_side_starts_again() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut client = a.client().await.with_patience(PATIENCE);
    let made = subscribed(&mut client, "cases").await;
    assert_eq!((made.lag, made.followed), (0, false));
    let mut references = Vec::new();
    for title in ["first", "second", "third"] {
        references.push(a.submit(alert(title)).await);
    }
    let mut following = client.follow("cases").await.unwrap();
    let mut received = Vec::new();
    for reference in &references {
        let one = next(&mut following).await;
        assert_eq!(record(&one.delivered), reference);
        received.push(one);
    }
    assert!(following.acknowledge(&received[1]).await.unwrap());
    let row = &listed(&mut client).await[0];
    assert_eq!((row.unacknowledged, row.lag, row.followed), (1, 1, true));
    // The node starts again under the stream: it comes again, and what was said before does not count.
    a.restart().await;
    let again = next(&mut following).await;
    assert_eq!(record(&again.delivered), references[2]);
    assert!(!following.acknowledge(&received[2]).await.unwrap());
    drop(following);
    // Another one goes on there too.
    let mut client = a.client().await.with_patience(PATIENCE);
    let mut following = client.follow("cases").await.unwrap();
    let again = next(&mut following).await;
    assert_eq!(record(&again.delivered), references[2]);
    assert!(following.acknowledge(&again).await.unwrap());
    assert!(following.acknowledge(&again).await.unwrap());
    nothing(&mut following).await;
    let fourth = a.submit(alert("fourth")).await;
    assert_eq!(record(&next(&mut following).await.delivered), fourth);

    // From the beginning, from a position, from now: whoever follows is told to begin again.
    seek(&mut client, "cases", At::Beginning(true)).await;
    assert_eq!(ends(&mut following).await, "SUBSCRIPTION_TAKEN_OVER");
    let mut following = client.follow("cases").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), references[0]);
    let second = SubscriptionPosition { number: 2, gone: 0 };
    seek(&mut client, "cases", At::After(second)).await;
    let mut following = client.follow("cases").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), references[2]);
    let third = a.records().await.into_iter().find(|of| of.number == 3);
    let time = third.unwrap().stored_us;
    seek(&mut client, "cases", At::TimeUs(time)).await;
    let mut following = client.follow("cases").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), references[2]);
    seek(&mut client, "cases", At::Now(true)).await;
    let mut following = client.follow("cases").await.unwrap();
    nothing(&mut following).await;
    let beyond = SubscriptionPosition { number: 5, gone: 0 };
    let request = SeekSubscriptionRequest {
        name: "cases".to_owned(),
        start: Some(SubscriptionStart {
            at: Some(At::After(beyond)),
        }),
    };
    let refused = client.subscriptions.seek_subscription(request).await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "POSITION_UNKNOWN");

    // Each record has its leaf, with who, which and what was shown.
    let leaves = ledger_bodies(&a).await;
    let delivered: Vec<_> = leaves
        .iter()
        .filter(|of| of.detail == "delivered")
        .collect();
    assert!(references.iter().all(|reference| {
        delivered
            .iter()
            .any(|of| of.reference == *reference && of.actor == "TJ/officer/local")
    }));
    assert!(leaves.iter().any(|of| of.detail == "subscription-moved"));

    let request = RemoveSubscriptionRequest {
        name: "cases".to_owned(),
    };
    client
        .subscriptions
        .remove_subscription(request)
        .await
        .unwrap();
    assert_eq!(ends(&mut following).await, "SUBSCRIPTION_TAKEN_OVER");
    let gone = client.follow("cases").await.unwrap_err();
    assert_eq!(reason(&gone), "SUBSCRIPTION_UNKNOWN");
    assert!(listed(&mut client).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_let_through_what_they_say() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut client = a.client().await;
    let strings = |of: &[&str]| of.iter().map(|of| (*of).to_owned()).collect();
    for (name, filter) in [
        (
            "urgent",
            SubscriptionFilter {
                urgencies: vec![Urgency::Urgent.into()],
                ..SubscriptionFilter::default()
            },
        ),
        (
            "moderate",
            SubscriptionFilter {
                kinds: strings(&["alert"]),
                codes: strings(&["alert-severity=MODERATE"]),
                countries: strings(&["UZ"]),
                exercise: Some(true),
                ..SubscriptionFilter::default()
            },
        ),
        (
            "routes",
            SubscriptionFilter {
                kinds: strings(&["route"]),
                ..SubscriptionFilter::default()
            },
        ),
    ] {
        client
            .subscribe(asked(name, At::Now(true), filter))
            .await
            .unwrap();
    }
    let routine = a.submit(alert("routine")).await;
    let urgent = a.submit(urgent("urgent")).await;
    let mut following = client.follow("urgent").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), urgent);
    let mut following = client.follow("moderate").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), routine);
    assert_eq!(record(&next(&mut following).await.delivered), urgent);
    let mut following = client.follow("routes").await.unwrap();
    nothing(&mut following).await;

    // The same again is no second one; another filter under the name is refused, and what is none too.
    let all = SubscriptionFilter::default();
    let other = asked("urgent", At::Now(true), all.clone());
    let refused = client.subscribe(other).await.unwrap_err();
    assert_eq!(reason(&refused), "SUBSCRIPTION_EXISTS");
    for (request, word) in [
        (asked("Urgent", At::Now(true), all), "NAME_INVALID"),
        (
            asked(
                "x",
                At::Now(true),
                SubscriptionFilter {
                    codes: strings(&["purpose=FUN"]),
                    ..SubscriptionFilter::default()
                },
            ),
            "FILTER_INVALID",
        ),
    ] {
        assert_eq!(reason(&client.subscribe(request).await.unwrap_err()), word);
    }
    assert_eq!(listed(&mut client).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recalled_is_told_of_without_content_and_what_was_amended_comes_again() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut client = a.client().await;
    subscribed(&mut client, "cases").await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(alert_to(&["UZ"], "second")).await;
    let mut following = client.follow("cases").await.unwrap();
    next(&mut following).await;
    next(&mut following).await;
    let newer = amendment(&a, &first, alert("first, amended")).await;
    let amended = a.submit(newer).await;
    let received = next(&mut following).await;
    assert_eq!(record(&received.delivered), amended);
    let Some(comity::wire::node::delivered::What::Record(of)) = &received.delivered.what else {
        panic!("a record")
    };
    let follows = of.record.as_ref().unwrap().follows.as_ref().unwrap();
    assert_eq!(follows.reference, first);

    take_back(&a, &[second.as_str()]).await.unwrap();
    let received = next(&mut following).await;
    let told = notice(&received.delivered);
    assert_eq!(
        (told.kind(), &told.reference),
        (NoticeKind::Recalled, &second)
    );
    assert!(following.acknowledge(&received).await.unwrap());
    nothing(&mut following).await;

    // From the beginning it is a notice in its place.
    seek(&mut client, "cases", At::Beginning(true)).await;
    let mut following = client.follow("cases").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), first);
    let gone = next(&mut following).await;
    assert_eq!(notice(&gone.delivered).reference, second);
    assert_eq!(gone.position().number, 2);
    assert_eq!(record(&next(&mut following).await.delivered), amended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_acknowledges_nothing_waits_alone_and_loses_nothing() {
    let (mut a, _b) = neighbours().await;
    a.configure(|config| config.outlet.stalled_after_s = 1);
    a.start().await;
    let mut client = a.client().await;
    subscribed(&mut client, "lazy").await;
    subscribed(&mut client, "busy").await;
    let mut references = Vec::new();
    for title in ["1", "2", "3", "4"] {
        references.push(a.submit(alert(title)).await);
    }
    let mut lazy = client.follow_within("lazy", 2).await.unwrap();
    next(&mut lazy).await;
    let second = next(&mut lazy).await;
    nothing(&mut lazy).await;
    let mut busy = client.follow("busy").await.unwrap();
    for reference in &references {
        let received = next(&mut busy).await;
        assert_eq!(record(&received.delivered), reference);
        assert!(busy.acknowledge(&received).await.unwrap());
    }
    eventually("it is said that it stalls", async || {
        let all = listed(&mut client).await;
        let lazy = all.iter().find(|of| of.name == "lazy").unwrap();
        assert_eq!((lazy.unacknowledged, lazy.lag), (2, 4));
        assert!(lazy.unacknowledged_since_us > 0);
        lazy.stalled.then_some(())
    })
    .await;
    assert!(lazy.acknowledge(&second).await.unwrap());
    assert_eq!(record(&next(&mut lazy).await.delivered), references[2]);
    assert_eq!(record(&next(&mut lazy).await.delivered), references[3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_consumers_the_newest_goes_on() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut client = a.client().await;
    subscribed(&mut client, "cases").await;
    let first = a.submit(alert("first")).await;
    let mut older = client.follow("cases").await.unwrap();
    let received = next(&mut older).await;
    let mut newer = client.follow("cases").await.unwrap();
    assert_eq!(record(&next(&mut newer).await.delivered), first);
    assert_eq!(ends(&mut older).await, "SUBSCRIPTION_TAKEN_OVER");
    let late = older.acknowledge(&received).await.unwrap_err();
    assert_eq!(reason(&late), "SUBSCRIPTION_TAKEN_OVER");

    // Whoever pulls takes over too, and only what was answered is acknowledged.
    let pull = PullRequest {
        name: "cases".to_owned(),
        ..PullRequest::default()
    };
    let page = client.pull(pull.clone()).await.unwrap();
    assert_eq!(ends(&mut newer).await, "SUBSCRIPTION_TAKEN_OVER");
    assert_eq!(record(&page.delivered[0]), first);
    assert!(!page.more);
    let beyond = SubscriptionPosition { number: 2, gone: 0 };
    let guess = PullRequest {
        acknowledge: Some(beyond),
        session: page.session,
        ..pull.clone()
    };
    assert_eq!(
        reason(&client.pull(guess).await.unwrap_err()),
        "POSITION_NOT_SENT"
    );
    let second = a.submit(alert("second")).await;
    let going = PullRequest {
        acknowledge: page.position,
        session: page.session,
        ..pull.clone()
    };
    let page = client.pull(going.clone()).await.unwrap();
    assert_eq!(page.delivered.len(), 1);
    assert_eq!(record(&page.delivered[0]), second);
    // The same again, as after an answer that was lost: the same page, of a session of its own.
    let again = client.pull(going).await.unwrap();
    assert_eq!(record(&again.delivered[0]), second);
    let late = client
        .acknowledge_delivered("cases", page.position.unwrap(), page.session)
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "SUBSCRIPTION_TAKEN_OVER");
    let page = client.pull(pull.clone()).await.unwrap();
    assert_eq!(record(&page.delivered[0]), second);

    // Made anew from the journal, everything stands where it stood.
    let before = listed(&mut client).await;
    a.stop().await;
    a.comity(&["store", "rebuild"]).await.fine();
    a.start().await;
    let mut client = a.client().await;
    let after = listed(&mut client).await;
    assert_eq!(after[0].cursor, before[0].cursor);
    assert_eq!(after[0].cursor.unwrap().number, 1);
    let page = client.pull(pull).await.unwrap();
    assert_eq!(record(&page.delivered[0]), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_from_before_a_seek_moves_nothing() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut client = a.client().await;
    subscribed(&mut client, "cases").await;
    let sent = [
        a.submit(alert("first")).await,
        a.submit(alert("second")).await,
    ];
    let pull = PullRequest {
        name: "cases".to_owned(),
        ..PullRequest::default()
    };
    let before = client.pull(pull.clone()).await.unwrap();
    assert_eq!(before.delivered.len(), 2);
    seek(&mut client, "cases", At::Beginning(true)).await;
    let late = client
        .acknowledge_delivered("cases", before.position.unwrap(), before.session)
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "SUBSCRIPTION_TAKEN_OVER");
    let page = client.pull(pull.clone()).await.unwrap();
    let came: Vec<_> = page.delivered.iter().map(record).collect();
    assert_eq!(came, sent);

    // A node that started again knows whom it sent what after the seek.
    a.restart().await;
    let mut client = a.client().await;
    let late = client
        .acknowledge_delivered("cases", before.position.unwrap(), before.session)
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "SUBSCRIPTION_TAKEN_OVER");
    let cursor = client
        .acknowledge_delivered("cases", page.position.unwrap(), page.session)
        .await
        .unwrap();
    assert_eq!(cursor.number, 2);
    assert!(client.pull(pull).await.unwrap().delivered.is_empty());
}
