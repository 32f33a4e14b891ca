use super::*;

const OURS: Incarnation = [1; 16];
const THEIRS: Incarnation = [2; 16];

/// A recall of thousands, beyond the credit for control: nothing new overtakes it.
#[test]
fn nothing_goes_out_while_control_waits_for_credit() {
    let mut peer = both_ways(600, 10);
    transcript(
        "send           => control 1..=4
         send           => nothing
         credit 300     => ok
         send           => control 5..=260
         send           => control 261..=304
         send           => nothing
         credit 296     => ok
         send           => control 305..=560
         send           => control 561..=600
         send           => bulk 1..=10
         send           => nothing",
        |words| match words {
            ["send"] => sends(&mut peer),
            ["credit", records] => {
                let credit = number(records);
                peer.outgoing.control.credit(credit, credit * 10);
                "ok".into()
            }
            other => panic!("{other:?}"),
        },
    );
    assert!(peer.may_send(Lane::Bulk, false));
    peer.outgoing.control.assigned(601);
    assert!(!peer.may_send(Lane::Bulk, false), "without credit it waits");
    assert!(
        peer.may_send(Lane::Bulk, true),
        "what rotted on the own disk holds up nothing"
    );
}

/// Three lanes out, with credit for four control records and plenty for the rest.
fn both_ways(control: u64, bulk: u64) -> Peer {
    let lane = |assigned| OutgoingLane::new(OURS, assigned, 0);
    let incoming = IncomingLane::new(Position::start(THEIRS), CREDIT);
    let mut peer = Peer::new(
        PerLane {
            control: lane(control),
            urgent: lane(0),
            bulk: lane(bulk),
        },
        PerLane::from_fn(|_| incoming.clone()),
    );
    for lane in Lane::ALL {
        peer.outgoing.of_mut(lane).begin(0, CREDIT);
    }
    let few = Credit {
        records: 4,
        bytes: 40,
    };
    peer.outgoing.control.begin(0, few);
    peer
}

fn sends(peer: &mut Peer) -> String {
    match peer.next_batch(|_, _| Some(10)) {
        Some((lane, batch)) => {
            peer.outgoing.of_mut(lane).sent(&batch);
            format!("{lane} {:?}", batch.sequences())
        }
        None => "nothing".into(),
    }
}

/// A reader that was away: the recalls that wait for it come before its own records go.
#[test]
fn own_records_wait_for_the_control_lane_that_the_peer_announced() {
    let mut peer = both_ways(2, 3);
    peer.gate = Gate::new(2);
    transcript(
        "send       => control 1..=2
         send       => nothing
         missing    => Some(1..=2)
         receive a  => ok
         send       => nothing
         announce 3 => ok
         receive b  => ok
         missing    => Some(3..=3)
         look       => false
         send       => nothing
         receive c  => ok
         missing    => None
         send       => bulk 1..=3
         announce 2 => ok
         missing    => None
         announce 9 => ok
         look       => false
         look       => false
         look       => false
         look       => false
         missing    => Some(4..=9)
         look       => true
         missing    => None
         announce 99 => ok
         missing    => None",
        |words| match words {
            ["send"] => sends(&mut peer),
            ["missing"] => format!("{:?}", peer.missing()),
            ["announce", up_to] => {
                peer.gate.announced(number(up_to));
                "ok".into()
            }
            ["look"] => {
                let durable = peer.incoming.control.durable().sequence;
                peer.gate.look(durable).to_string()
            }
            ["receive", letter] => {
                let lane = &mut peer.incoming.control;
                let next = lane.head() + 1;
                let digest = header(letter.chars().next().unwrap());
                lane.deliver(THEIRS, next, &[digest], |_| None).unwrap();
                let position = Position {
                    incarnation: THEIRS,
                    sequence: next,
                    running_hash: lane.head_hash(),
                };
                lane.made_durable(&position);
                "ok".into()
            }
            other => panic!("{other:?}"),
        },
    );
}
