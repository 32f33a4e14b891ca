//! `comity keys rotate sealing`: the old key opens what is under way and is then destroyed.

use std::{fs, time::Duration};

use comity::wire::ledger::Action;

use crate::support::{
    Country, alert_to, comity, eventually, ledger_bodies, lies_in, neighbours, replaced, restrict,
    show,
};

async fn alarms(at: &Country) -> usize {
    let bodies = ledger_bodies(at).await;
    let alarms = bodies.iter().filter(|leaf| leaf.action() == Action::Alarm);
    alarms.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sealing_key_takes_over_while_records_flow_and_the_old_one_is_destroyed() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let old = fs::read(a.layout().sealing_key()).unwrap();
    let mut sent = vec![b.submit(alert_to(&["TJ"], "before")).await];
    a.receives(&sent[0]).await;
    let rotate = ["keys", "rotate", "sealing", "--home", a.at()];
    let rotating = comity(&rotate);
    let flowing = async {
        let mut sent = Vec::new();
        for number in 0..40 {
            let text = format!("meanwhile {number}");
            sent.push(b.submit(alert_to(&["TJ"], &text)).await);
        }
        sent
    };
    let (rotated, more) = tokio::join!(rotating, flowing);
    rotated.fine();
    sent.extend(more);
    assert_ne!(fs::read(a.layout().sealing_key()).unwrap(), old);
    eventually("UZ holds the newer card", async || {
        let versions = b.card_versions().await;
        versions.contains(&("TJ".to_owned(), 2)).then_some(())
    })
    .await;
    // Sealed to the new key, which is UZ's word for holding the card.
    sent.push(b.submit(alert_to(&["TJ"], "after")).await);
    for reference in &sent {
        a.receives(reference).await;
    }
    b.drained().await;
    eventually("the old key is destroyed", async || {
        replaced(&a, "sealing").is_empty().then_some(())
    })
    .await;
    assert!(!lies_in(a.dir(), &old));
    assert_eq!((alarms(&a).await, alarms(&b).await), (0, 0));
    // And again, with a restart.
    comity(&["keys", "rotate", "sealing", "--home", a.at()])
        .await
        .fine();
    a.restart().await;
    let last = b.submit(alert_to(&["TJ"], "after another")).await;
    a.receives(&last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_away_seals_to_the_new_key_once_the_old_one_is_gone() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.keys.sealing_overlap_h = 0);
    b.start().await;
    let waiting = b.submit(alert_to(&["TJ"], "waits for TJ")).await;
    b.stop().await;
    comity(&["keys", "rotate", "sealing", "--home", a.at()])
        .await
        .fine();
    a.start().await;
    eventually(
        "the old key is destroyed without waiting for UZ",
        async || replaced(&a, "sealing").is_empty().then_some(()),
    )
    .await;
    assert_eq!(a.home().sealing_secrets().unwrap().len(), 1);
    b.start().await;
    a.receives(&waiting).await;
    b.drained().await;
    assert_eq!((alarms(&a).await, alarms(&b).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_away_keeps_the_old_sealing_key_until_it_holds_the_card() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    comity(&["keys", "rotate", "sealing", "--home", a.at()])
        .await
        .fine();
    eventually("the card is taken up", async || {
        (a.node().own_card().version == 2).then_some(())
    })
    .await;
    // Two looks at least.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(replaced(&a, "sealing").len(), 1);
    b.start().await;
    let reference = b.submit(alert_to(&["TJ"], "to the new key")).await;
    a.receives(&reference).await;
    eventually("the old key is destroyed", async || {
        replaced(&a, "sealing").is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_within_a_sealing_rotation_leaves_a_node_that_starts_and_the_rotation_goes_on() {
    let (mut a, mut b) = neighbours().await;
    let (path, next) = (a.layout().sealing_key(), a.layout().sealing_key_next());
    let rotate = ["keys", "rotate", "sealing", "--home", a.at()].map(str::to_owned);
    let rotate: Vec<&str> = rotate.iter().map(String::as_str).collect();
    let old = fs::read(&path).unwrap();
    let delivered = async |a: &mut Country, b: &mut Country, text: &str| {
        a.start_process().await;
        b.start().await;
        let reference = b.submit(alert_to(&["TJ"], text)).await;
        b.drained().await;
        show(a, &reference).await;
        b.stop().await;
        a.kill().await;
    };
    // Before the card: a key that nothing names.
    comity(&rotate).await.fine();
    let (card, new) = (
        fs::read(a.layout().card()).unwrap(),
        fs::read(&path).unwrap(),
    );
    let kept = a
        .dir()
        .join("keys")
        .join(replaced(&a, "sealing").pop().unwrap());
    assert_eq!(fs::read(&kept).unwrap(), old);
    delivered(&mut a, &mut b, "by the new key").await;
    // After the card, the keys not in their places yet.
    fs::write(a.layout().card(), &card).unwrap();
    let _ = fs::remove_file(&kept);
    fs::write(&path, &old).unwrap();
    fs::write(&next, &new).unwrap();
    restrict(&next);
    delivered(&mut a, &mut b, "the start puts them there").await;
    assert_eq!(fs::read(&path).unwrap(), new);
    assert!(!next.exists());
    // The same, and the command again instead of a start.
    fs::write(&path, &old).unwrap();
    fs::write(&next, &new).unwrap();
    restrict(&next);
    let _ = fs::remove_file(&kept);
    fs::hard_link(&path, &kept).unwrap();
    let version = a.home().own_card().version;
    comity(&rotate).await.fine();
    assert_eq!(fs::read(&path).unwrap(), new);
    assert_eq!(
        a.home().own_card().version,
        version,
        "no key was made twice"
    );
    delivered(&mut a, &mut b, "the command puts them there").await;
    // A key that nothing names is no harm, and is not used.
    fs::write(&next, &old).unwrap();
    restrict(&next);
    delivered(&mut a, &mut b, "by the key that the card names").await;
}
