use super::*;
use crate::{
    record::Moment,
    wire::link::{Hello, LaneState},
};

const OURS: Incarnation = [1; 16];
const THEIRS: Incarnation = [2; 16];
const OLD: Incarnation = [9; 16];
const SESSION: SessionId = [7; 16];

struct Names;

/// Hashes of a history in which every position has one.
impl LaneHashes for Names {
    fn sent(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        Some(Digest::of(format!("sent {lane} {sequence}").as_bytes()))
    }

    fn received(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        Some(Digest::of(format!("received {lane} {sequence}").as_bytes()))
    }
}

/// UZ has assigned 5 bulk records to KZ, has receipts for 3, and has received 4.
fn lanes() -> Peer {
    Peer::new(
        PerLane {
            control: OutgoingLane::new(OURS, 0, 0),
            urgent: OutgoingLane::new(OURS, 0, 0),
            bulk: OutgoingLane::new(OURS, 5, 3),
        },
        PerLane::from_fn(|lane| {
            let sequence = if lane == Lane::Bulk { 4 } else { 0 };
            let running_hash = match sequence {
                0 => Digest::ZERO,
                _ => Names.received(lane, sequence).unwrap(),
            };
            IncomingLane::new(
                Position {
                    incarnation: THEIRS,
                    sequence,
                    running_hash,
                },
                CREDIT,
            )
        }),
    )
}

fn state(incarnation: Incarnation, sequence: u64, running_hash: Digest) -> LaneState {
    Position {
        incarnation,
        sequence,
        running_hash,
    }
    .to_wire(Lane::Bulk)
}

/// What KZ says when nothing is wrong: it holds 4 of 5, and has receipts for 2 of its 4.
fn sound() -> Hello {
    Hello {
        versions: vec![1],
        country: "KZ".into(),
        incarnation: THEIRS.to_vec(),
        session: SESSION.to_vec(),
        card_version: 3,
        card_digest: Digest::of(b"KZ 3").to_vec(),
        peer_card_version: 2,
        peer_card_digest: Digest::of(b"UZ 2").to_vec(),
        received: vec![state(OURS, 4, Names.sent(Lane::Bulk, 4).unwrap())],
        receipts_durable: vec![state(THEIRS, 2, Names.received(Lane::Bulk, 2).unwrap())],
        credit_records: 1024,
        credit_bytes: 16 << 20,
        checkpoint_size: 0,
        time_us: 42,
        resends: false,
        renewal: None,
        checkpoint_origin: String::new(),
        control_assigned: 0,
    }
}

fn facts(lanes: &Peer) -> HelloFacts<'_, Names> {
    HelloFacts {
        country: "UZ".parse().unwrap(),
        peer: "KZ".parse().unwrap(),
        incarnation: OURS,
        session: Some(SESSION),
        card_version: 2,
        card_digest: Digest::of(b"UZ 2"),
        peer_card_version: 3,
        peer_card_digest: Digest::of(b"KZ 3"),
        lanes,
        lives: PeerLives {
            last: Some(THEIRS),
            ..PeerLives::default()
        },
        floor: None,
        earlier: &[],
        recovering: false,
        hashes: &Names,
    }
}

fn answer(change: impl FnOnce(&mut Hello)) -> String {
    let (lanes, mut hello) = (lanes(), sound());
    change(&mut hello);
    match negotiate(&facts(&lanes), &hello) {
        Ok(agreed) => format!(
            "send after {}, receipts after {}{}{}",
            agreed.peer_received.bulk,
            agreed.peer_receipts_durable.bulk,
            if agreed.send_card { ", send card" } else { "" },
            if agreed.expect_card {
                ", expect card"
            } else {
                ""
            },
        ),
        Err(fault) => format!("{:?}: {fault}", fault.reason()),
    }
}

fn digest_of(word: &str) -> Vec<u8> {
    Digest::of(word.replace('_', " ").as_bytes()).to_vec()
}

/// Each line changes one thing in a sound hello of KZ.
#[test]
fn every_hello_has_its_answer() {
    transcript(
        "sound                      => send after 4, receipts after 2
         versions 1 2 3             => send after 4, receipts after 2
         versions 2                 => Version: no common protocol version: this node speaks 1, the hello offers [2]
         versions                   => Version: no common protocol version: this node speaks 1, the hello offers []
         country AE                 => Protocol: the certificate is of KZ, the hello says \"AE\"
         session 8                  => Protocol: the hello answers another session
         card 4 KZ_4                => send after 4, receipts after 2, expect card
         card 3 KZ_x                => Card: the card of KZ of version 3 is another one than the one trusted here: compare fingerprints
         card 2 KZ_2                => Card: KZ comes with card version 2, version 3 is known: it was restored from an older state
         peer_card 1 UZ_1           => send after 4, receipts after 2, send card
         peer_card 2 UZ_x           => Card: the card of UZ of version 2 is another one than the one trusted here: compare fingerprints
         peer_card 3 UZ_3           => Fenced: the card of UZ stands at 3 with the peer and at 2 here: UZ was restored from an older state
         received 5 sent_bulk_5     => send after 5, receipts after 2
         received 3 sent_bulk_3     => send after 3, receipts after 2
         received 6 sent_bulk_6     => Fenced: the bulk lane of UZ stands at 6 with the peer and at 5 here: UZ was restored from an older state
         received 4 sent_bulk_x     => Conflict: the bulk lane at sequence 4: the two sides have different running hashes
         received 2 sent_bulk_2     => Fenced: the bulk lane from UZ of KZ stands at 2, 3 is proved by its receipts: KZ was restored from an older state
         received_none              => Fenced: the bulk lane from UZ of KZ stands at 0, 3 is proved by its receipts: KZ was restored from an older state
         received_old_too           => send after 4, receipts after 2
         receipts 4 received_bulk_4 => send after 4, receipts after 4
         receipts 5 received_bulk_5 => Fenced: the receipts for the bulk lane from KZ of UZ stands at 5 with the peer and at 4 here: UZ was restored from an older state
         receipts 3 received_bulk_x => Conflict: the receipts for the bulk lane from KZ at sequence 3: the two sides have different running hashes
         receipts 4 received_bulk_x => Conflict: the receipts for the bulk lane from KZ at sequence 4: the two sides have different running hashes
         retired                    => Fenced: KZ comes with incarnation 09090909090909090909090909090909, which is not the one known, and without a renewal by its root after number 0: it was restored or copied; its operator runs `comity store incarnate`
         restored 0                 => Fenced: KZ comes with incarnation 05050505050505050505050505050505, which is not the one known, and without a renewal by its root after number 0: it was restored or copied; its operator runs `comity store incarnate`
         twice                      => Protocol: the hello is malformed: a lane is stated twice
         many                       => Protocol: the hello is malformed: too many lane states
         short_hash                 => Protocol: the hello is malformed: a lane state
         short_session              => Protocol: the hello is malformed: the session id is not 16 bytes
         credit 1024 8388607        => Protocol: the credit of 1024 records and 8388607 bytes per lane is too small: 2 and 8388608 at least",
        |words| {
            answer(|hello| match words {
                ["sound"] => {}
                ["versions", versions @ ..] => {
                    hello.versions = versions.iter().map(|word| word.parse().unwrap()).collect();
                }
                ["country", country] => hello.country = (*country).into(),
                ["session", byte] => hello.session = vec![byte.parse().unwrap(); 16],
                ["card", version, name] => {
                    hello.card_version = number(version);
                    hello.card_digest = digest_of(name);
                }
                ["peer_card", version, name] => {
                    hello.peer_card_version = number(version);
                    hello.peer_card_digest = digest_of(name);
                }
                ["received", sequence, name] => {
                    hello.received[0].sequence = number(sequence);
                    hello.received[0].running_hash = digest_of(name);
                }
                ["received_none"] => hello.received.clear(),
                ["received_old_too"] => hello.received.push(state(OLD, 900, Digest::of(b"x"))),
                ["receipts", sequence, name] => {
                    hello.receipts_durable[0].sequence = number(sequence);
                    hello.receipts_durable[0].running_hash = digest_of(name);
                }
                ["retired"] => hello.incarnation = OLD.to_vec(),
                // A peer that took a new incarnation after its restore.
                ["restored", receipts] => {
                    hello.incarnation = vec![5; 16];
                    let receipts = number(receipts);
                    hello.receipts_durable = vec![state([5; 16], receipts, Digest::ZERO)];
                }
                ["twice"] => hello.received.push(hello.received[0].clone()),
                ["many"] => hello.received = vec![hello.received[0].clone(); 25],
                ["short_hash"] => drop(hello.received[0].running_hash.pop()),
                ["short_session"] => drop(hello.session.pop()),
                ["credit", records, bytes] => {
                    hello.credit_records = records.parse().unwrap();
                    hello.credit_bytes = number(bytes);
                }
                other => panic!("{other:?}"),
            })
        },
    );
}

/// A restored peer, asked about in all its ways. It gave up [2; 16] for [5; 16] with number 3.
#[test]
fn a_renewed_peer_comes_only_with_its_roots_word_and_never_back() {
    let life = |number, incarnation: u8| Life {
        number,
        incarnation: [incarnation; 16],
        retired: vec![OLD, THEIRS],
    };
    let (fifth, sixth) = (life(3, 5), life(4, 6));
    let stale = life(3, 7);
    let answer = |renewed: Option<&Life>, offered: Option<&Life>, said: u8, lanes: u8| {
        let (ours, mut hello) = (lanes_of(lanes), sound());
        hello.incarnation = vec![said; 16];
        hello.received.clear();
        hello.receipts_durable = vec![state([lanes; 16], 0, Digest::ZERO)];
        let mut facts = facts(&ours);
        facts.floor = renewed.map(|_| PerLane::default());
        facts.lives = PeerLives {
            last: Some(THEIRS),
            renewed,
            offered,
        };
        match negotiate(&facts, &hello) {
            Ok(agreed) => format!("{} {}", agreed.peer_lanes[0], agreed.peer_renewed),
            Err(HelloFault::PeerRetired { .. }) => "retired".to_owned(),
            Err(HelloFault::PeerUnrenewed { number, .. }) => format!("unrenewed after {number}"),
            Err(fault) => fault.to_string(),
        }
    };
    assert_eq!(answer(None, Some(&fifth), 5, 5), "5 true");
    assert_eq!(answer(None, Some(&fifth), 5, 2), "2 true", "it settles");
    assert_eq!(answer(None, Some(&fifth), 6, 6), "unrenewed after 0");
    assert_eq!(answer(None, None, 5, 5), "unrenewed after 0");
    assert_eq!(answer(Some(&fifth), None, 5, 5), "5 false");
    assert_eq!(answer(Some(&fifth), Some(&fifth), 5, 2), "2 false");
    assert_eq!(answer(Some(&fifth), Some(&sixth), 6, 6), "6 true");
    assert_eq!(
        answer(Some(&fifth), Some(&stale), 7, 7),
        "unrenewed after 3"
    );
    assert_eq!(answer(Some(&fifth), None, 2, 2), "retired");
    assert_eq!(answer(Some(&fifth), Some(&fifth), 9, 9), "retired");
    // Lanes of an incarnation that was never its own are those it names.
    assert_eq!(answer(Some(&fifth), None, 5, 8), "5 false");
}

/// [`lanes`], where nothing was received of KZ under `incarnation`.
fn lanes_of(incarnation: u8) -> Peer {
    Peer {
        incoming: PerLane::from_fn(|_| {
            IncomingLane::new(Position::start([incarnation; 16]), CREDIT)
        }),
        ..lanes()
    }
}

#[test]
fn an_earlier_incarnation_is_settled_without_a_fence() {
    let (mut lanes, mut hello) = (lanes(), sound());
    hello.received[0].sequence = 90;
    hello.received[0].running_hash = Digest::of(b"lost here").to_vec();
    let renewed: Incarnation = [3; 16];
    let mut facts = facts(&lanes);
    facts.incarnation = renewed;
    let agreed = negotiate(&facts, &hello).unwrap();
    assert_eq!(agreed.peer_received.bulk, 90);
    lanes.begin(&agreed, CREDIT);
    assert!(
        lanes.next_batch(|_, _| Some(1)).is_none(),
        "nothing to send"
    );
}

#[test]
fn what_a_restored_peer_is_sent_again_never_shares_a_frame_with_what_is_new() {
    let mut lane = OutgoingLane::new(OURS, 9, 6);
    lane.begin(2, CREDIT);
    let mut frames = Vec::new();
    while let Some(batch) = lane.next_batch(|_| Some(1)) {
        lane.sent(&batch);
        frames.push(batch.sequences());
    }
    assert_eq!(frames, [3..=6, 7..=9]);
}

#[test]
fn a_restored_node_accepts_that_peers_have_receipts_it_lost() {
    let (lanes, mut hello) = (lanes(), sound());
    hello.receipts_durable[0].sequence = 90;
    let mut facts = facts(&lanes);
    assert!(matches!(
        negotiate(&facts, &hello),
        Err(HelloFault::OwnRestored {
            theirs: 90,
            ours: 4,
            ..
        })
    ));
    facts.recovering = true;
    let agreed = negotiate(&facts, &hello).unwrap();
    let mut peer = lanes.clone();
    let resume = peer.begin(&agreed, CREDIT);
    assert_eq!(resume.bulk, None);
}

#[test]
fn the_hellos_of_two_sound_nodes_agree() {
    let ours = lanes();
    let hello = facts(&ours).hello(
        SESSION,
        CREDIT,
        ("x".into(), 41),
        None,
        Moment::from_micros(5),
    );
    assert_eq!((hello.received.len(), hello.receipts_durable.len()), (3, 3));
    assert_eq!(hello.received[2].sequence, 4);
    assert_eq!(hello.receipts_durable[2].sequence, 3);
    assert_eq!(
        hello.receipts_durable[2].running_hash,
        Names.sent(Lane::Bulk, 3).unwrap().to_vec()
    );

    let agreed = negotiate(&facts(&ours), &sound()).unwrap();
    assert_eq!(agreed.peer_time, Moment::from_micros(42));
    let mut peer = ours.clone();
    let resume = peer.begin(&agreed, CREDIT);
    assert_eq!(resume.bulk, Some(3..=4));
    assert_eq!(resume.control, None);
    assert_eq!(peer.outgoing.bulk.next_to_send(), 5);
    assert!(!peer.drained());
}
