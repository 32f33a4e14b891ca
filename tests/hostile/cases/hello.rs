//! Hellos that must not begin a session.

use comity::{
    crypto::Digest,
    wire::{
        envelope::Epoch,
        link::{LaneState, frame},
    },
};

use super::{Run, case};
use crate::{
    link::{End, Seen, bulk},
    world::World,
};

case!(first_frame_not_hello, world, {
    let mut link = world.dial().await;
    link.send(frame::Frame::Epoch(Epoch::default()));
    link.end().await.into()
});

case!(second_hello, world, {
    let mut link = world.session().await;
    link.send(frame::Frame::Hello(world.hello()));
    link.end().await.into()
});

case!(versions_unknown, world, {
    let mut hello = world.hello();
    hello.versions = vec![0, 2, 3];
    world.greet_badly(hello).await
});

case!(versions_none, world, {
    let mut hello = world.hello();
    hello.versions.clear();
    world.greet_badly(hello).await
});

case!(versions_many, world, {
    let mut hello = world.hello();
    hello.versions = vec![1; 17];
    world.greet_badly(hello).await
});

case!(other_country, world, {
    let mut hello = world.hello();
    hello.country = "AE".to_owned();
    world.greet_badly(hello).await
});

case!(country_with_escape_codes, world, {
    let mut hello = world.hello();
    hello.country = "\u{1b}[31mKZ\u{202e}".repeat(4096);
    world.greet_badly(hello).await
});

case!(incarnation_short, world, {
    let mut hello = world.hello();
    hello.incarnation.pop();
    world.greet_badly(hello).await
});

case!(session_short, world, {
    let mut hello = world.hello();
    hello.session.clear();
    world.greet_badly(hello).await
});

case!(too_many_states, world, {
    let mut hello = world.hello();
    hello.received = vec![bulk(&[7; 16], &(0, Digest::ZERO)); 25];
    world.greet_badly(hello).await
});

case!(lane_stated_twice, world, {
    let mut hello = world.hello();
    let state = hello.receipts_durable[0].clone();
    hello.receipts_durable.push(state);
    world.greet_badly(hello).await
});

case!(lane_unknown, world, {
    let mut hello = world.hello();
    hello.received[0].lane = 9;
    world.greet_badly(hello).await
});

case!(own_card_of_other_content, world, {
    let mut hello = world.hello();
    hello.card_digest = vec![3; 32];
    world.greet_badly(hello).await
});

case!(peer_card_of_other_content, world, {
    let mut hello = world.hello();
    hello.peer_card_digest = vec![3; 32];
    world.greet_badly(hello).await
});

case!(older_card, world, {
    let mut hello = world.hello();
    hello.card_version = 0;
    world.greet_badly(hello).await
});

case!(newer_card_of_the_node, world, {
    let mut hello = world.hello();
    hello.peer_card_version = 7;
    world.greet_badly(hello).await
});

case!(more_received_than_sent, world, {
    drop(world.session().await);
    let mut hello = world.hello();
    hello.received = vec![bulk(&world.victim_incarnation, &(5, Digest::of(b"five")))];
    world.greet_badly(hello).await
});

case!(receipts_never_issued, world, {
    let mut hello = world.hello();
    hello.receipts_durable = vec![bulk(&world.incarnation, &(9, Digest::of(b"nine")))];
    world.greet_badly(hello).await
});

case!(received_hash_differs, world, {
    world.submit_at_victim().await.unwrap();
    let mut link = world.session().await;
    link.receive_honestly(world).await;
    let mut hello = world.hello();
    hello.received[0].running_hash = vec![5; 32];
    world.greet_badly(hello).await
});

case!(receipts_hash_differs, world, {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    let mut hello = world.hello();
    hello.receipts_durable[0].running_hash = vec![5; 32];
    world.greet_badly(hello).await
});

case!(hash_before_the_first_sequence, world, {
    let mut hello = world.hello();
    hello.receipts_durable[0].running_hash = vec![1; 32];
    world.greet_badly(hello).await
});

case!(credit_too_small, world, {
    let mut hello = world.hello();
    hello.credit_records = 1;
    world.greet_badly(hello).await
});

case!(forgets_what_it_receipted, world, {
    world.submit_at_victim().await.unwrap();
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    link.receive_honestly(world).await;
    let mut hello = world.hello();
    hello.received.clear();
    world.greet_badly(hello).await
});

case!(incarnation_given_up, world, {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    let first = world.incarnation;
    world.reincarnate();
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    let mut hello = world.hello();
    hello.incarnation = first.to_vec();
    hello.receipts_durable.clear();
    world.greet_badly(hello).await
});

case!(incarnation_of_nobody, world, {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    world.reincarnate();
    let mut hello = world.hello();
    hello.renewal = None;
    world.greet_badly(hello).await
});

case!(renewal_by_the_signing_key, world, {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    let key = std::sync::Arc::clone(&world.key);
    world.reincarnate_by(&key);
    let seen = world.greet_badly(world.hello()).await;
    world.reincarnate();
    seen
});

case!(renewal_of_another_incarnation, world, {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    world.reincarnate();
    let mut hello = world.hello();
    hello.incarnation = vec![5; 16];
    hello.receipts_durable.clear();
    world.greet_badly(hello).await
});

case!(clock_at_the_end_of_time, world, {
    let mut hello = world.hello();
    hello.time_us = i64::MAX;
    let mut link = world.greet(hello).await;
    link.still_serves(world).await
});

case!(clock_before_all_time, world, {
    let mut hello = world.hello();
    hello.time_us = i64::MIN;
    let mut link = world.greet(hello).await;
    link.still_serves(world).await
});

case!(checkpoint_of_the_node_never_signed, world, {
    let mut hello = world.hello();
    hello.checkpoint_size = 1 << 40;
    world.greet_badly(hello).await
});

case!(lane_hash_short, world, {
    let mut hello = world.hello();
    hello.received = vec![LaneState {
        running_hash: vec![0; 31],
        ..bulk(&[7; 16], &(0, Digest::ZERO))
    }];
    world.greet_badly(hello).await
});

case!(silence, world, {
    // The stream stays open; it is the node that loses patience.
    let mut link = world.dial().await;
    link.end().await.into()
});

case!(silence_then_close, world, {
    drop(world.dial().await);
    Seen::from(End::Closed)
});
