//! What happens by itself: one record that cannot be read keeps no other from it.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{Arc, atomic::AtomicI64},
};

use comity::{
    inbox::{StoredRecord, ask},
    node::slot_paths,
    store::ShredSlots,
    wire::node::{ApproveRequest, ComplianceState},
};

use crate::support::{
    Country, DAY_US, alert, alert_to, befriend, colleague, complied, eventually, ledger_bodies,
    neighbours, off, refusal_of, take_back, try_show, with_everything,
};

fn stored(at: &Country, reference: &str) -> StoredRecord {
    let number = at.node().find(&reference.parse().unwrap()).unwrap();
    let row = ask::record(at.node().store(), number).unwrap().unwrap();
    StoredRecord::read(at.node().store(), number, row).unwrap()
}

async fn says(at: &Country, detail: &str) {
    eventually(&format!("{} says {detail}", at.code), async || {
        let leaves = ledger_bodies(at).await;
        leaves.into_iter().find(|leaf| leaf.detail == detail)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_victims_cannot_be_cut_out_keeps_no_other_from_being_shredded() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("AE");
    befriend(&[&a, &b, &c]).await;
    c.configure(|config| config.life.shred_delay_s = 0);
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let broken = a.submit(with_everything()).await;
    let sound = a.submit(with_everything()).await;
    let recalled = a.submit(alert_to(&["AE"], "recalled")).await;
    c.receives(&recalled).await;
    c.receives(&sound).await;
    let slot = stored(&c, &broken).slot();
    for country in [&mut a, &mut b, &mut c] {
        country.stop().await;
    }
    // The slot of one is gone, as after a damaged block.
    let slots = ShredSlots::open(slot_paths(&c.home()).unwrap(), slot + 1).unwrap();
    slots.erase(&[slot]).unwrap();
    drop(slots);
    // A hundred days later by every clock.
    let later = Arc::new(AtomicI64::new(100 * DAY_US));
    for country in [&mut a, &mut b, &mut c] {
        country.start_with(off(&later)).await;
    }
    take_back(&a, &[&recalled]).await.unwrap();
    complied(&a, &recalled, "AE", ComplianceState::Erased).await;
    says(&c, "victims-shredded").await;
    // What cannot be done is said, and there is no end of it.
    says(&c, "due-not-done").await;
}

/// Flips a bit of an entry's body, in a journal that is in use.
fn rot(at: &Country, stored: &StoredRecord) {
    let bytes = stored.place.to_bytes();
    let (segment, offset) = bytes.split_at(4);
    let segment = u32::from_be_bytes(segment.try_into().unwrap());
    let offset = u64::from_be_bytes(offset.try_into().unwrap());
    let path = at.layout().journal().join(format!("{segment:08}.seg"));
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut four = [0; 4];
    file.read_exact_at(&mut four, offset + 4).unwrap();
    // body_length, blobs, flags, digest, then a row of length and digest per blob, check, body.
    let body = offset + 44 + 36 * u64::from(u32::from_be_bytes(four)) + 16;
    let mut byte = [0];
    file.read_exact_at(&mut byte, body + 20).unwrap();
    file.write_all_at(&[byte[0] ^ 0x20], body + 20).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_recall_takes_back_what_can_be_read_and_later_orders_are_carried_out() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.recall_alone = 1);
    a.start().await;
    b.start().await;
    let broken = a.submit(alert("broken")).await;
    let sound = a.submit(alert("sound")).await;
    let others = [
        a.submit(alert("third")).await,
        a.submit(alert("fourth")).await,
    ];
    b.receives(&others[1]).await;
    let first = take_back(&a, &[&broken, &sound]).await.unwrap();
    let second = take_back(&a, &[&others[0], &others[1]]).await.unwrap();
    rot(&a, &stored(&a, &broken));
    let mut person = colleague(&a, "second").await;
    let approve = |id: &str| ApproveRequest { id: id.to_owned() };
    let failed = person.life.approve(approve(&first.approval_id)).await;
    assert!(failed.is_err(), "one of the two cannot be recalled");
    complied(&a, &sound, "UZ", ComplianceState::Locked).await;
    let refused = try_show(&b, &sound).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    person
        .life
        .approve(approve(&second.approval_id))
        .await
        .unwrap();
    for reference in &others {
        complied(&a, reference, "UZ", ComplianceState::Locked).await;
    }
    // The first order stays, and is tried again.
    says(&a, "due-not-done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_text_rotted_is_recalled_and_shredded_like_any_other() {
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("rots")).await;
    b.receives(&reference).await;
    for at in [&a, &b] {
        let stored = stored(at, &reference);
        let bytes = stored.place.to_bytes();
        let segment = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        let path = at.layout().journal().join(format!("{segment:08}.seg"));
        let journal = std::fs::read(&path).unwrap();
        // The envelope lies in the journal as it was sealed: a piece of its ciphertext is found again.
        let piece = &stored.sealed.compartments[0].ciphertext[..32];
        let found = journal
            .windows(32)
            .position(|window| window == piece)
            .unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(&[journal[found] ^ 1], found as u64)
            .unwrap();
    }
    take_back(&a, &[&reference]).await.unwrap();
    complied(&a, &reference, "UZ", ComplianceState::Erased).await;
}
