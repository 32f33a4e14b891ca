//! Records that are not what they should be: terminal faults end in a signed NON_DELIVERY, faults
//! that a relay could have made end the session, and the sequence on their third arrival.

use comity::{
    crypto::{ContentKey, Digest, SigningKey, random_bytes},
    envelope::{Plain, SendingEpoch},
    record::Moment,
    wire::{
        envelope::{Lane, SealedRecord},
        link::frame,
        record::{Suspect, Suspects},
    },
};

use super::{Run, case};
use crate::{
    forge::{Parcel, plain},
    link::{End, Link, Seen, name},
    world::{ADVERSARY, THIRD, VICTIM, World, country},
};

/// Delivers records that end in receipts, all in one frame; the session goes on.
async fn receipted(world: &mut World, parcels: &[Parcel]) -> Seen {
    let mut link = world.session().await;
    let records = parcels.iter().map(|parcel| link.pack(parcel)).collect();
    let receipts = link.hand_over(world, records).await.expect("receipts");
    for (parcel, receipt) in parcels.iter().zip(&receipts) {
        if name(receipt) == "DELIVERY" {
            world.delivered.push(parcel.reference.clone());
        }
    }
    let mut seen = link.still_serves(world).await;
    seen.receipts = receipts.iter().map(name).collect();
    seen
}

case!(origin_of_another_country, world, {
    let record = world.record();
    let parcel = world.seal_as(country(THIRD), &record, plain(&record));
    receipted(world, &[parcel]).await
});

case!(not_addressed_here, world, {
    let record = world.record();
    let mut elsewhere = plain(&record);
    elsewhere.destinations[0].0 = country(THIRD);
    let mut parcel = world.seal(&record, elsewhere);
    // The wrap is made for the victim all the same.
    parcel.keys.entitlements[0].country = country(VICTIM);
    receipted(world, &[parcel]).await
});

case!(expired, world, {
    let parcel = world.parcel_with(|plain| plain.expires_at = Some(Moment::from_micros(1_000_000)));
    receipted(world, &[parcel]).await
});

fn compartments(plain: &mut Plain, compartments: Vec<(u32, Vec<u8>)>) {
    plain.destinations[0].1 = (0..u32::try_from(compartments.len()).unwrap()).collect();
    plain.compartments = compartments;
}

case!(content_no_record, world, {
    let parcel = world.parcel_with(|plain| compartments(plain, vec![(1, vec![0xff; 99])]));
    receipted(world, &[parcel]).await
});

case!(content_without_situation, world, {
    let parcel = world.parcel_with(|plain| compartments(plain, vec![(2, Vec::new())]));
    receipted(world, &[parcel]).await
});

case!(content_breaks_rules, world, {
    let parcel = world.parcel_of(|record| record.situation = None);
    receipted(world, &[parcel]).await
});

case!(reference_of_another_country, world, {
    let reference = world.reference_of(THIRD, 1);
    let parcel = world.parcel_of(|record| record.reference = reference);
    receipted(world, &[parcel]).await
});

case!(reference_reused, world, {
    let first = world.parcel();
    let mut link = world.session().await;
    link.deliver_honestly(world, std::slice::from_ref(&first))
        .await;
    drop(link);
    let parcel = world.parcel_of(|record| record.reference = first.reference);
    receipted(world, &[parcel]).await
});

case!(reference_reused_in_a_batch, world, {
    let first = world.parcel();
    let reference = first.reference.clone();
    let second = world.parcel_of(|record| record.reference = reference);
    receipted(world, &[first, second]).await
});

case!(record_twice, world, {
    let parcel = world.parcel();
    receipted(world, &[parcel.clone(), parcel]).await
});

case!(id_reused, world, {
    let id = random_bytes().unwrap();
    let (one, other) = (world.record(), world.record());
    let parcels = [
        world.seal_by_hand(&one, id, |text| text),
        world.seal_by_hand(&other, id, |text| text),
    ];
    receipted(world, &parcels).await
});

case!(header_of_another_lane, world, {
    let parcel = world.parcel_with(|plain| plain.lane = Lane::Urgent);
    receipted(world, &[parcel]).await
});

case!(header_of_another_incarnation, world, {
    let parcel = world.parcel();
    let parcel = parcel.with_header(&world.key, |header| header.incarnation = vec![8; 16].into());
    receipted(world, &[parcel]).await
});

case!(header_no_message, world, {
    let parcel = world.parcel();
    let parcel = parcel.with_header_bytes(&world.key, vec![0xff; 200]);
    receipted(world, &[parcel]).await
});

case!(header_not_canonical, world, {
    let parcel = world.parcel();
    let mut bytes = parcel.record.header.to_vec();
    bytes.extend_from_slice(&[0x9a, 0x06, 0x01, 0x00]);
    let parcel = parcel.with_header_bytes(&world.key, bytes);
    receipted(world, &[parcel]).await
});

case!(header_of_another_version, world, {
    let parcel = world.parcel();
    let parcel = parcel.with_header(&world.key, |header| header.version = 2);
    receipted(world, &[parcel]).await
});

case!(ciphertext_never_sealed, world, {
    let mut parcel = world.parcel();
    let garbage = vec![0x55; parcel.record.compartments[0].ciphertext.len()];
    let digest = Digest::of(&garbage);
    parcel.record.compartments[0].ciphertext = garbage.into();
    let parcel = parcel.with_header(&world.key, |header| {
        header.manifest[0].ciphertext_sha256 = digest.to_vec().into();
    });
    receipted(world, &[parcel]).await
});

case!(padding_wrong, world, {
    let record = world.record();
    let parcel = world.seal_by_hand(&record, random_bytes().unwrap(), |mut padded| {
        padded.fill(0);
        padded
    });
    receipted(world, &[parcel]).await
});

/// Sends a sequence broken three times: twice the session ends and names it, the third time the
/// sequence does, and the lane goes on.
async fn thrice(
    world: &mut World,
    broken: impl Fn(&mut Link, &World, &Parcel) -> SealedRecord,
) -> Seen {
    let parcel = two_compartments(world);
    let mut said = String::new();
    for time in ["time 1", "time 2"] {
        let mut link = world.session().await;
        let record = broken(&mut link, world, &parcel);
        link.deliver(world, world.sent.0 + 1, vec![record]);
        let End::Bye(reason, detail) = link.end().await else {
            panic!("the session ends with a reason");
        };
        assert_eq!(reason.as_str_name(), "BYE_REASON_PROTOCOL");
        assert!(
            detail.contains("LANE_BULK sequence 1 does not hold"),
            "{detail}"
        );
        assert!(detail.contains(time), "{detail}");
        said = detail;
    }
    let mut link = world.session().await;
    let record = broken(&mut link, world, &parcel);
    let receipts = link
        .hand_over(world, vec![record])
        .await
        .expect("the sequence ends");
    Seen {
        said,
        receipts: receipts.iter().map(name).collect(),
        ..link.still_serves(world).await
    }
}

fn two_compartments(world: &mut World) -> Parcel {
    world.parcel_of(|record| {
        record.suspects = Some(Suspects {
            suspects: vec![Suspect::default()],
        });
    })
}

case!(third_country_under_its_own_key, world, {
    let key = world.third.signing_key().unwrap();
    thrice(world, move |link, _, parcel| {
        let parcel = parcel
            .clone()
            .with_header(&key, |header| header.origin = THIRD.to_owned());
        let mut record = link.pack(&parcel);
        record.key_id = key.public().id().to_vec().into();
        record
    })
    .await
});

case!(no_wrap, world, {
    thrice(world, |link, _, parcel| SealedRecord {
        wrap: None,
        ..link.pack(parcel)
    })
    .await
});

case!(wrap_misses_a_compartment, world, {
    thrice(world, |link, _, parcel| {
        let mut parcel = parcel.clone();
        parcel.keys.entitlements[0].indexes = vec![0];
        link.pack(&parcel)
    })
    .await
});

case!(compartment_missing, world, {
    thrice(world, |link, _, parcel| {
        let mut record = link.pack(parcel);
        record.compartments.pop();
        record
    })
    .await
});

case!(epoch_unknown, world, {
    thrice(world, |link, _, parcel| {
        let mut record = link.pack(parcel);
        record.wrap.as_mut().unwrap().epoch = vec![4; 16].into();
        record
    })
    .await
});

case!(epoch_foreign, world, {
    thrice(world, |link, world, parcel| {
        let announced = link.pack(parcel).wrap.unwrap().epoch;
        // Another epoch's key under the announced epoch's name.
        link.announce(world);
        let mut record = link.pack(parcel);
        record.wrap.as_mut().unwrap().epoch = announced;
        record
    })
    .await
});

case!(key_not_committed, world, {
    thrice(world, |link, _, parcel| {
        let mut parcel = parcel.clone();
        parcel.keys.keys[0].1 = ContentKey::generate().unwrap();
        link.pack(&parcel)
    })
    .await
});

case!(ciphertext_flipped, world, {
    thrice(world, |link, _, parcel| {
        let mut record = link.pack(parcel);
        let mut bytes = record.compartments[0].ciphertext.to_vec();
        bytes[7] ^= 1;
        record.compartments[0].ciphertext = bytes.into();
        record
    })
    .await
});

case!(signature_flipped, world, {
    thrice(world, |link, _, parcel| {
        let mut record = link.pack(parcel);
        let mut bytes = record.signature.to_vec();
        bytes[7] ^= 1;
        record.signature = bytes.into();
        record
    })
    .await
});

case!(signing_key_unknown, world, {
    let (key, _) = SigningKey::generate().unwrap();
    thrice(world, move |link, _, parcel| {
        let mut record = link.pack(&parcel.clone().with_header(&key, |_| {}));
        record.key_id = key.public().id().to_vec().into();
        record
    })
    .await
});

case!(header_too_large, world, {
    thrice(world, |link, world, parcel| {
        let huge = parcel
            .clone()
            .with_header_bytes(&world.key, vec![0; 16 * 1024 + 1]);
        link.pack(&huge)
    })
    .await
});

case!(broken_in_the_middle_of_a_batch, world, {
    let parcels = [world.parcel(), world.parcel(), world.parcel()];
    let batch = |link: &Link| -> Vec<SealedRecord> {
        let mut records: Vec<_> = parcels.iter().map(|parcel| link.pack(parcel)).collect();
        records[1].signature = vec![0; 64].into();
        records
    };
    let mut said = String::new();
    for _ in 0..2 {
        let mut link = world.session().await;
        link.deliver(world, 1, batch(&link));
        let End::Bye(_, detail) = link.end().await else {
            panic!("the session ends with a reason");
        };
        said = detail;
    }
    let mut link = world.session().await;
    let records = batch(&link);
    let receipts = link
        .hand_over(world, records)
        .await
        .expect("the sequence ends");
    world.delivered.push(parcels[0].reference.clone());
    world.delivered.push(parcels[2].reference.clone());
    Seen {
        said,
        receipts: receipts.iter().map(name).collect(),
        ..link.still_serves(world).await
    }
});

case!(epoch_for_another_key, world, {
    let mut link = world.session().await;
    let foreign = &world.third.own_card().sealing_keys[0];
    let (_, announcement) =
        SendingEpoch::establish(country(ADVERSARY), country(VICTIM), foreign, world.now()).unwrap();
    link.send(frame::Frame::Epoch(announcement));
    link.end().await.into()
});
