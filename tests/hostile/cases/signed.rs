//! Marks, checkpoints and cards.

use comity::{
    crypto::{Digest, Domain, SigningKey},
    envelope::sign_mark,
    home::{CardContents, reissue_card},
    ledger::{Checkpoint, checkpoint},
    wire::{
        card::{Card, SignedCard},
        envelope::{Lane, LaneMark, SignedLaneMark},
        link::{self, Mark, frame},
    },
};
use prost::Message as _;

use super::{Run, case};
use crate::{
    link::Seen,
    world::{ADVERSARY, THIRD, VICTIM, World},
};

/// An honest mark of the bulk lane.
fn mark(world: &World) -> LaneMark {
    LaneMark {
        origin: ADVERSARY.to_owned(),
        destination: VICTIM.to_owned(),
        incarnation: world.incarnation.to_vec().into(),
        lane: Lane::Bulk.into(),
        sequence: world.sent.0,
        running_hash: world.sent.1.to_vec().into(),
        time_us: world.now().micros(),
    }
}

/// Says marks after one honest record.
async fn marked(world: &mut World, make: impl FnOnce(&World) -> Vec<SignedLaneMark>) -> Seen {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    link.send(frame::Frame::Mark(Mark {
        marks: make(world),
        ..Mark::default()
    }));
    link.end().await.into()
}

fn signed(world: &World, change: impl FnOnce(&mut LaneMark)) -> Vec<SignedLaneMark> {
    let mut mark = mark(world);
    change(&mut mark);
    vec![sign_mark(&mark, &world.key)]
}

case!(mark_forged, world, {
    marked(world, |world| {
        let (forger, _) = SigningKey::generate().unwrap();
        let mut forged = sign_mark(&mark(world), &forger);
        forged.key_id = world.key.public().id().to_vec().into();
        vec![forged]
    })
    .await
});

case!(mark_conflict, world, {
    marked(world, |world| {
        signed(world, |mark| mark.running_hash = vec![6; 32].into())
    })
    .await
});

case!(mark_of_another_incarnation, world, {
    marked(world, |world| {
        signed(world, |mark| mark.incarnation = vec![6; 16].into())
    })
    .await
});

case!(mark_for_another_country, world, {
    marked(world, |world| {
        signed(world, |mark| mark.destination = THIRD.to_owned())
    })
    .await
});

case!(mark_of_another_country, world, {
    marked(world, |world| {
        signed(world, |mark| mark.origin = THIRD.to_owned())
    })
    .await
});

case!(marks_too_many, world, {
    marked(world, |world| vec![sign_mark(&mark(world), &world.key); 4]).await
});

case!(mark_ahead, world, {
    let mut link = world.session().await;
    let ahead = signed(world, |mark| {
        mark.sequence = 99;
        mark.running_hash = vec![6; 32].into();
    });
    link.send(frame::Frame::Mark(Mark {
        marks: ahead,
        ..Mark::default()
    }));
    link.still_serves(world).await
});

/// A checkpoint of the adversary's ledger.
fn head(world: &World, size: u64, root: &[u8]) -> Checkpoint {
    Checkpoint {
        origin: world.home.own_card().ledger_origin.clone(),
        size,
        root: Digest::of(root),
    }
}

fn said(note: String, old_size: u64, consistency: Vec<Vec<u8>>) -> frame::Frame {
    frame::Frame::Checkpoint(link::Checkpoint {
        note,
        old_size,
        consistency,
    })
}

/// Says a first checkpoint of three leaves, then another one.
async fn checkpoints(
    world: &mut World,
    second: impl FnOnce(&World) -> (String, u64, Vec<Vec<u8>>),
) -> Seen {
    let mut link = world.session().await;
    let first = head(world, 3, b"three");
    let note = checkpoint::sign(&first, &first.origin, &world.key).unwrap();
    link.send(said(note.clone(), 0, Vec::new()));
    // The same once more changes nothing.
    link.send(said(note, 3, Vec::new()));
    let (note, old_size, path) = second(world);
    link.send(said(note, old_size, path));
    link.end().await.into()
}

fn sign(world: &World, checkpoint: &Checkpoint) -> String {
    checkpoint::sign(checkpoint, &checkpoint.origin, &world.key).unwrap()
}

case!(checkpoint_of_another_root, world, {
    checkpoints(world, |world| {
        (sign(world, &head(world, 3, b"other three")), 3, Vec::new())
    })
    .await
});

case!(checkpoint_rolled_back, world, {
    checkpoints(world, |world| {
        (sign(world, &head(world, 2, b"two")), 3, Vec::new())
    })
    .await
});

case!(checkpoint_without_proof, world, {
    checkpoints(world, |world| {
        (sign(world, &head(world, 5, b"five")), 0, Vec::new())
    })
    .await
});

case!(checkpoint_with_a_false_proof, world, {
    checkpoints(world, |world| {
        (
            sign(world, &head(world, 5, b"five")),
            3,
            vec![vec![1; 32]; 3],
        )
    })
    .await
});

case!(checkpoint_of_a_wrong_key, world, {
    let (key, _) = SigningKey::generate().unwrap();
    checkpoints(world, |world| {
        let forged = head(world, 4, b"four");
        (
            checkpoint::sign(&forged, &forged.origin, &key).unwrap(),
            3,
            Vec::new(),
        )
    })
    .await
});

case!(checkpoint_of_another_ledger, world, {
    checkpoints(world, |world| {
        let mut other = head(world, 4, b"four");
        other.origin = world.third.own_card().ledger_origin.clone();
        (sign(world, &other), 3, Vec::new())
    })
    .await
});

case!(checkpoint_no_note, world, {
    checkpoints(world, |_| {
        ("\u{2014} \u{1b}[2J\n".repeat(100), 3, Vec::new())
    })
    .await
});

async fn card(world: &mut World, card: SignedCard) -> Seen {
    let mut link = world.session().await;
    link.send(frame::Frame::Card(card));
    link.end().await.into()
}

/// The adversary's card, changed and signed with its genuine card key.
fn changed(world: &World, change: impl FnOnce(&mut Card)) -> SignedCard {
    let mut card = Card::decode(world.home.own_card().signed.card.as_slice()).unwrap();
    change(&mut card);
    let bytes = card.encode_to_vec();
    SignedCard {
        signature: world
            .home
            .card_key()
            .unwrap()
            .sign(Domain::Card, &bytes)
            .to_vec(),
        card: bytes,
    }
}

case!(card_of_another_country, world, {
    let other = world.third.own_card().signed.clone();
    card(world, other).await
});

case!(card_of_other_content, world, {
    let other = changed(world, |card| card.authorities.truncate(1));
    card(world, other).await
});

case!(card_tampered, world, {
    let mut other = changed(world, |card| card.version = 2);
    let last = other.card.len() - 1;
    other.card[last] ^= 1;
    card(world, other).await
});

case!(card_no_card, world, {
    let garbage = SignedCard {
        card: vec![0xff; 5000],
        signature: vec![0; 64],
    };
    card(world, garbage).await
});

case!(card_newer, world, {
    let mut link = world.session().await;
    let contents = CardContents {
        authorities: vec!["national-police".to_owned()],
        addresses: Vec::new(),
    };
    let newer = reissue_card(&world.home, &contents, world.now()).unwrap();
    link.send(frame::Frame::Card(newer.signed));
    let seen = link.still_serves(world).await;
    // The next hello states the new card, and the node holds it.
    world.home = comity::home::Home::open(world.home.dir()).unwrap();
    seen
});
