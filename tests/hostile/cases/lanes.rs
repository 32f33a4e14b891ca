//! Sequences, incarnations, replays, credit.

use comity::{
    crypto::Digest,
    wire::{
        envelope::{Lane, SealedRecord},
        link::{Deliver, frame},
    },
};

use super::{Run, case};
use crate::{
    forge::Parcel,
    link::{Link, Seen, name},
    world::World,
};

/// Keeps every thread that verifies busy: nothing becomes durable, no credit comes back.
struct Busy(
    std::sync::mpsc::Sender<()>,
    Vec<tokio::task::JoinHandle<()>>,
);

impl Busy {
    fn new() -> Self {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        let tasks = (0..crate::BLOCKING_THREADS)
            .map(|_| {
                let wait = std::sync::Arc::clone(&wait);
                tokio::task::spawn_blocking(move || {
                    // Ends when the sender is gone.
                    let _ = wait.lock().map(|wait| wait.recv());
                })
            })
            .collect();
        Self(release, tasks)
    }

    async fn end(self) {
        drop(self.0);
        for task in self.1 {
            task.await.unwrap();
        }
    }
}

/// A session in which two records were delivered, and the records as they went.
async fn two_delivered(world: &mut World) -> (Link, Vec<SealedRecord>) {
    let mut link = world.session().await;
    let parcels = [world.parcel(), world.parcel()];
    let records = parcels.iter().map(|parcel| link.pack(parcel)).collect();
    link.deliver_honestly(world, &parcels).await;
    (link, records)
}

/// Takes into account that a record was receipted.
fn delivered(world: &mut World, parcel: &Parcel) {
    world.sent.0 += 1;
    world.sent.1 = comity::envelope::running_hash(&world.sent.1, world.sent.0, &parcel.digest);
    world.delivered.push(parcel.reference.clone());
}

/// Delivers known records again; they are receipted as before and not doubled.
async fn again(world: &mut World, link: &mut Link, records: Vec<SealedRecord>) -> Seen {
    let receipts = replay(world, link, records).await;
    let mut seen = link.still_serves(world).await;
    seen.receipts = receipts;
    seen
}

/// As [`again`]; answers what the receipts say.
async fn replay(world: &mut World, link: &mut Link, records: Vec<SealedRecord>) -> Vec<String> {
    let held = world.node().last_number().unwrap();
    link.deliver(world, 1, records);
    let (first, receipts) = link.receipts(world, 2).await.expect("receipts again");
    assert_eq!(first, 1);
    assert_eq!(
        world.node().last_number().unwrap(),
        held,
        "nothing is doubled"
    );
    receipts.iter().map(name).collect()
}

case!(replay_in_the_same_session, world, {
    let (mut link, records) = two_delivered(world).await;
    again(world, &mut link, records).await
});

case!(replay_in_a_new_session, world, {
    let (link, records) = two_delivered(world).await;
    drop(link);
    let mut link = world.session().await;
    again(world, &mut link, records).await
});

case!(replay_after_a_restart, world, {
    let (link, records) = two_delivered(world).await;
    drop(link);
    world.restart_victim().await;
    let mut link = world.session().await;
    again(world, &mut link, records).await
});

// Attack 6 of the list of threats.
case!(day_replayed_three_times, world, {
    let (mut link, records) = two_delivered(world).await;
    replay(world, &mut link, records.clone()).await;
    drop(link);
    world.restart_victim().await;
    let mut link = world.session().await;
    replay(world, &mut link, records.clone()).await;
    drop(link);
    let mut link = world.session().await;
    again(world, &mut link, records).await
});

case!(replay_overlapping_new_records, world, {
    let (mut link, mut records) = two_delivered(world).await;
    let held = world.node().last_number().unwrap();
    let parcel = world.parcel();
    records.push(link.pack(&parcel));
    link.deliver(world, 1, records);
    let (first, receipts) = link
        .receipts(world, 1)
        .await
        .expect("a receipt for what is new");
    assert_eq!(first, 3);
    assert_eq!(world.node().last_number().unwrap(), held + 1);
    delivered(world, &parcel);
    let mut seen = link.still_serves(world).await;
    seen.receipts = receipts.iter().map(name).collect();
    seen
});

/// A session in which three records were delivered, each in a frame of its own, and the records as
/// they went.
async fn three_frames(world: &mut World) -> (Link, Vec<SealedRecord>) {
    let mut link = world.session().await;
    let mut records = Vec::new();
    for _ in 0..3 {
        let parcel = world.parcel();
        records.push(link.pack(&parcel));
        link.deliver_honestly(world, &[parcel]).await;
    }
    (link, records)
}

case!(replay_of_one_frame_of_three, world, {
    let (mut link, records) = three_frames(world).await;
    link.deliver(world, 2, records[1..2].to_vec());
    let (first, receipts) = link.receipts(world, 1).await.expect("its receipt again");
    assert_eq!((first, receipts.len()), (2, 1));
    // What comes next is the receipt of a new record: no other was sent again.
    let mut seen = link.still_serves(world).await;
    seen.receipts = receipts.iter().map(name).collect();
    seen
});

case!(replay_over_frames_with_another_record_between, world, {
    let (mut link, mut records) = three_frames(world).await;
    records[1] = link.pack(&world.parcel());
    link.deliver(world, 1, records);
    link.end().await.into()
});

case!(receipts_forgotten, world, {
    let (link, _) = three_frames(world).await;
    drop(link);
    let mut hello = world.hello();
    hello.receipts_durable = vec![crate::link::bulk(&world.incarnation, &(0, Digest::ZERO))];
    let mut link = world.greet(hello).await;
    // A new record at once: its receipt does not overtake those that the peer lacks.
    let parcel = world.parcel();
    link.deliver(world, 4, vec![link.pack(&parcel)]);
    let mut receipts = Vec::new();
    for sequence in 1..=4 {
        let (first, group) = link.receipts(world, 1).await.expect("receipts in order");
        assert_eq!((first, group.len()), (sequence, 1));
        receipts.extend(group);
    }
    delivered(world, &parcel);
    let mut seen = link.still_serves(world).await;
    seen.receipts = receipts.iter().map(name).collect();
    seen
});

/// One honest record under any sequence.
async fn at_sequence(world: &mut World, sequence: u64) -> Seen {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver(world, sequence, vec![link.pack(&parcel)]);
    link.end().await.into()
}

case!(future_sequence, world, { at_sequence(world, 5).await });
case!(sequence_zero, world, { at_sequence(world, 0).await });
case!(last_sequence, world, { at_sequence(world, u64::MAX).await });

case!(known_sequence_other_record, world, {
    let (mut link, _) = two_delivered(world).await;
    let parcel = world.parcel();
    link.deliver(world, 2, vec![link.pack(&parcel)]);
    link.end().await.into()
});

case!(sequence_in_flight_other_record, world, {
    let mut link = world.session().await;
    let (one, next, other) = (world.parcel(), world.parcel(), world.parcel());
    let busy = Busy::new();
    // One small record alone would be judged at once, by no thread that is busy.
    link.deliver(world, 1, vec![link.pack(&one), link.pack(&next)]);
    link.deliver(world, 1, vec![link.pack(&other)]);
    let end = link.end().await;
    busy.end().await;
    end.into()
});

/// One honest record in a frame that is not quite honest.
async fn framed(world: &mut World, change: impl FnOnce(&mut Deliver)) -> Seen {
    let mut link = world.session().await;
    let parcel = world.parcel();
    let mut deliver = Deliver {
        lane: Lane::Bulk.into(),
        incarnation: world.incarnation.to_vec(),
        first_sequence: 1,
        records: vec![link.pack(&parcel)],
    };
    change(&mut deliver);
    link.send(frame::Frame::Deliver(deliver));
    link.end().await.into()
}

case!(other_incarnation, world, {
    framed(world, |deliver| deliver.incarnation = vec![9; 16]).await
});

case!(incarnation_malformed, world, {
    framed(world, |deliver| deliver.incarnation = vec![9; 17]).await
});

case!(lane_malformed, world, {
    framed(world, |deliver| deliver.lane = 0).await
});

case!(no_records, world, {
    framed(world, |deliver| deliver.records.clear()).await
});

case!(too_many_records, world, {
    framed(world, |deliver| {
        deliver.records = vec![deliver.records[0].clone(); 257];
    })
    .await
});

case!(beyond_credit, world, {
    let busy = Busy::new();
    let mut link = world.session().await;
    let parcel = world.parcel();
    let records = vec![link.pack(&parcel); 256];
    for frame in 0..9 {
        link.deliver(world, 1 + 256 * frame, records.clone());
    }
    let end = link.end().await;
    busy.end().await;
    end.into()
});
