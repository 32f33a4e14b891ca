//! A disk that forgets: damage is found by reading again, named, kept apart, and made good by
//! whoever holds the same bytes.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
};

use comity::{
    inbox::ask,
    store::Place,
    wire::{envelope::Lane, node::ScrubStatus},
};

use crate::support::{
    Country, alert, alert_to, befriend, comity, eventually, ledger_bodies, neighbours, receipts_of,
    urgent,
};

/// Reads its journal again every second.
fn restless(country: &Country) {
    country.configure(|config| {
        config.store.scrub_mib_s = 1024;
        config.store.scrub_pause_s = 1;
    });
}

fn segment_and_offset(place: Place) -> (u32, u64) {
    let bytes = place.to_bytes();
    let (segment, offset) = bytes.split_at(4);
    (
        u32::from_be_bytes(segment.try_into().unwrap()),
        u64::from_be_bytes(offset.try_into().unwrap()),
    )
}

/// Where the record with a local number lies, in a node that runs.
fn place_of(country: &Country, number: u64) -> Place {
    let row = ask::record(country.node().store(), number).unwrap();
    row.unwrap().place
}

/// Flips a bit in the middle of an entry's first blob, which holds a record's envelope.
fn rot(journal: &Path, place: Place) {
    flip(journal, place, |body, first| body + first / 2);
}

/// Flips a bit in the middle of an entry's body; a second time makes it whole again.
fn rot_body(journal: &Path, place: Place) {
    flip(journal, place, |body, _| body / 2);
}

/// Flips a bit of an entry: where after its head, by the lengths of its body and its first blob.
fn flip(journal: &Path, place: Place, at: impl FnOnce(u64, u64) -> u64) {
    let (segment, offset) = segment_and_offset(place);
    let path = journal.join(format!("{segment:08}.seg"));
    let file = File::options().read(true).write(true).open(path).unwrap();
    let number = |at: u64| {
        let mut four = [0; 4];
        file.read_exact_at(&mut four, offset + at).unwrap();
        u64::from(u32::from_be_bytes(four))
    };
    // body_length, blobs, flags, digest, then a row of length and digest per blob, check, body.
    let (body, blobs, first) = (number(0), number(4), number(44));
    let middle = offset + 44 + 36 * blobs + 16 + at(body, first);
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[byte[0] ^ 0x20], middle).unwrap();
}

async fn scrub(country: &Country) -> ScrubStatus {
    country.status().await.scrub.unwrap()
}

async fn alarms(country: &Country, kind: &str) -> usize {
    let bodies = ledger_bodies(country).await;
    bodies.iter().filter(|leaf| leaf.detail == kind).count()
}

async fn reads(country: &Country, reference: &str) {
    let show = ["records", "show", reference, "--home", country.at()];
    comity(&show).await.fine();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_received_record_that_rotted_comes_again_from_its_origin() {
    let (mut a, mut b) = neighbours().await;
    restless(&b);
    a.start().await;
    b.start().await;
    let first = a.submit(alert("rots")).await;
    let second = a.submit(alert("stays")).await;
    a.drained().await;
    let sound = eventually("B read its journal again", async || {
        let found = scrub(&b).await;
        (found.finished_us > 0).then_some(found)
    })
    .await;
    assert!(sound.damaged.is_empty() && sound.bytes > 1000);

    // A cannot answer while it is away, and B says what it misses.
    a.stop().await;
    rot(&b.layout().journal(), place_of(&b, 1));
    let found = eventually("the damage is found", async || {
        let found = scrub(&b).await;
        (!found.damaged.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(found.damaged.len(), 1);
    let words = &found.damaged[0];
    assert!(
        words.contains("the text of received record 1 of TJ"),
        "{words}"
    );
    assert!(words.contains("asked again from TJ"), "{words}");
    assert_eq!(alarms(&b, "journal-damaged").await, 1);
    let show = ["records", "show", &first, "--home", b.at()];
    comity(&show)
        .await
        .fails(74, &["damaged on this node's disk", "comity status"]);
    let listed = b.records().await;
    assert_eq!(listed.len(), 2);
    assert!(listed[1].title.contains("damaged"), "{listed:?}");
    reads(&b, &second).await;
    let status = comity(&["status", "--home", b.at()]).await.fine();
    assert!(status.contains("1 DAMAGED"), "{status}");

    a.start().await;
    eventually("the record is whole again", async || {
        let found = scrub(&b).await;
        (found.damaged.is_empty() && found.repaired == 1).then_some(())
    })
    .await;
    reads(&b, &first).await;
    assert_eq!(alarms(&b, "journal-repaired").await, 1);
    b.stop().await;
    comity(&["store", "check", "--home", b.at()]).await.fine();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_rotten_record_starts_and_asks_at_once() {
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    a.start().await;
    let reference = b.submit(alert_to(&["TJ"], "rots while A is down")).await;
    b.drained().await;
    let place = place_of(&a, 1);
    a.stop().await;
    rot(&a.layout().journal(), place);
    comity(&["store", "check", "--home", a.at()])
        .await
        .fails(65, &["damaged: blob 0", "not sound"]);
    // Neither the start nor an index made anew needs the text.
    fs::remove_dir_all(a.layout().index()).unwrap();
    a.start().await;
    assert_eq!(a.node().opened().damaged.len(), 1);
    eventually("the record is whole again", async || {
        (scrub(&a).await.repaired == 1).then_some(())
    })
    .await;
    reads(&a, &reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_record_comes_again_from_its_readers_and_holds_up_nothing_meanwhile() {
    let (mut a, mut b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    let mut c = Country::set_up("KZ");
    befriend(&[&a, &b, &c]).await;
    a.start().await;
    b.start().await;
    // Delivered to UZ, still waiting for KZ when it rots.
    let rotten = a.submit(alert_to(&["UZ", "KZ"], "rots")).await;
    b.receives(&rotten).await;
    eventually("UZ's receipt is there", async || {
        (receipts_of(&a, &rotten).await.len() == 2).then_some(())
    })
    .await;
    b.stop().await;
    rot(&a.layout().journal(), place_of(&a, 1));
    c.start().await;
    let found = eventually("sending it finds the damage", async || {
        let found = scrub(&a).await;
        found.damaged.first().cloned()
    })
    .await;
    assert!(found.contains("the text of own record 1 of TJ"), "{found}");
    // The link is up and carries what KZ sends.
    let from_c = c.submit(alert_to(&["TJ"], "meanwhile")).await;
    a.receives(&from_c).await;

    b.start().await;
    c.receives(&rotten).await;
    a.drained().await;
    assert_eq!(scrub(&a).await.repaired, 1);
    reads(&a, &rotten).await;
    reads(&c, &rotten).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_record_that_cannot_be_read_holds_up_its_lane_and_no_other() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    let stuck = a.submit(alert("cannot be read for a while")).await;
    let behind = a.submit(alert("waits behind it")).await;
    let place = place_of(&a, 1);
    rot_body(&a.layout().journal(), place);
    b.start().await;
    let first = a.submit(urgent("goes past it")).await;
    b.receives(&first).await;
    let from_b = b.submit(alert_to(&["TJ"], "comes in")).await;
    a.receives(&from_b).await;
    eventually("the alarm is in the ledger", async || {
        (alarms(&a, "record-unreadable").await == 1).then_some(())
    })
    .await;
    assert_eq!(b.references().await.len(), 2, "the lane waits");
    let stuck_at = async || {
        let status = a.status().await;
        let lanes = status.links[0].lanes.iter();
        lanes
            .map(|lane| (lane.lane(), lane.stuck_at))
            .filter(|(_, at)| *at > 0)
            .collect::<Vec<_>>()
    };
    assert_eq!(stuck_at().await, [(Lane::Bulk, 1)]);
    let shown = comity(&["status", "--home", a.at()]).await.fine();
    assert!(
        shown.contains("STUCK  the bulk lane to UZ waits at number 1"),
        "{shown}"
    );

    // Made good, the lane goes on where it waited.
    rot_body(&a.layout().journal(), place);
    a.submit(urgent("wakes the link")).await;
    b.receives(&stuck).await;
    b.receives(&behind).await;
    a.drained().await;
    assert_eq!(stuck_at().await, []);
}
