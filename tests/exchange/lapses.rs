//! Cards, certificates and persons that count no more, while the node runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    client::Client,
    home::{CardContents, reissue_card},
    node::{Clock, system_clock},
    record::Moment,
    wire::node::GetStatusRequest,
};

use crate::support::{Country, alert, comity, eventually, neighbours};

const DAY: i64 = 24 * 3600 * 1_000_000;

/// A clock that can be set ahead, in days.
fn adjustable() -> (Arc<AtomicI64>, Clock) {
    let ahead = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&ahead);
    let clock = move || {
        let days = read.load(Ordering::SeqCst);
        Moment::from_micros(system_clock()().micros() + days * DAY)
    };
    (ahead, Arc::new(clock))
}

fn reissue(country: &Country, now: Moment) {
    let home = country.home();
    reissue_card(&home, &CardContents::of(home.config()), now).unwrap();
}

async fn last_error(at: &Country) -> String {
    let status = at.status().await;
    status.links[0].last_error.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_the_peers_card_and_comes_back_with_its_successor() {
    let (mut a, mut b) = neighbours().await;
    // TJ's card ends a year after UZ's.
    reissue(&a, system_clock()() + Duration::from_secs(2 * 24 * 3600));
    let (ahead, clock) = adjustable();
    a.start_with(Arc::clone(&clock)).await;
    b.start_with(Arc::clone(&clock)).await;
    let before = a.submit(alert("before")).await;
    b.receives(&before).await;

    // UZ's card is over, TJ's is not.
    ahead.store(366, Ordering::SeqCst);
    eventually("the link ends", async || {
        let peer = "UZ".parse().unwrap();
        (!a.node().links().is_up(peer)).then_some(())
    })
    .await;
    eventually("and does not come back", async || {
        let error = last_error(&a).await;
        error.contains("the card expired at").then_some(())
    })
    .await;
    let waiting = a.submit(alert("waits for a card")).await;

    b.stop().await;
    reissue(&b, clock());
    b.start_with(Arc::clone(&clock)).await;
    b.receives(&waiting).await;
    assert!(a.card_versions().await.contains(&("UZ".to_owned(), 2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_ended_while_the_node_was_down_are_followed_by_newer_ones() {
    let (mut a, mut b) = neighbours().await;
    let (ahead, clock) = adjustable();
    ahead.store(400, Ordering::SeqCst);
    reissue(&a, clock());
    reissue(&b, clock());
    // Each holds a card of the other that is over.
    a.start_with(Arc::clone(&clock)).await;
    let waiting = a.submit(alert("for a country whose card is over")).await;
    b.start_with(clock).await;
    b.receives(&waiting).await;
    a.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_operator_is_cut_and_stays_out() {
    let mut a = Country::set_up("TJ");
    let folder = a.dir().with_extension("second");
    let issued = comity(&[
        "operator",
        "issue",
        "second",
        "--home",
        a.at(),
        "--out",
        folder.to_str().unwrap(),
    ])
    .await;
    assert_eq!(issued.code, 0, "{}", issued.stderr);
    a.start().await;
    let second = comity::client::Profile::load(&folder.join("profile.toml")).unwrap();
    let mut revoked = Client::connect(&second).await.unwrap();
    let mut first = a.client().await;
    revoked
        .status
        .get_status(GetStatusRequest {})
        .await
        .unwrap();

    let unknown = comity(&["operator", "revoke", "nobody", "--home", a.at()]).await;
    assert_ne!(unknown.code, 0);
    assert!(
        unknown.stderr.contains("no certificate of"),
        "{}",
        unknown.stderr
    );
    let done = comity(&["operator", "revoke", "second", "--home", a.at()]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    eventually("the live connection is cut", async || {
        let asked = revoked.status.get_status(GetStatusRequest {}).await;
        asked.is_err().then_some(())
    })
    .await;
    let refused = match Client::connect(&second).await {
        Ok(mut client) => client.status.get_status(GetStatusRequest {}).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
    first.status.get_status(GetStatusRequest {}).await.unwrap();
    let listed = comity(&["operator", "list", "--home", a.at()]).await;
    let lines: Vec<&str> = listed.stdout.lines().collect();
    let line = |name: &str| *lines.iter().find(|line| line.contains(name)).unwrap();
    assert!(line("/second ").contains("REVOKED"), "{}", listed.stdout);
    assert!(!line("/local ").contains("REVOKED"), "{}", listed.stdout);

    // The next start knows it from the beginning, and a second revocation keeps the first.
    let again = comity(&["operator", "revoke", "local", "--home", a.at()]).await;
    assert_eq!(again.code, 0, "{}", again.stderr);
    a.restart().await;
    for profile in [second, a.operator()] {
        let refused = match Client::connect(&profile).await {
            Ok(mut client) => client.status.get_status(GetStatusRequest {}).await.is_err(),
            Err(_) => true,
        };
        assert!(refused);
    }
}
