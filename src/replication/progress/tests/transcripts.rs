use super::*;

const OURS: Incarnation = [1; 16];
const THEIRS: Incarnation = [2; 16];
const OTHER: Incarnation = [3; 16];

fn outgoing(lane: &mut OutgoingLane, words: &[&str]) -> String {
    match words {
        ["assigned", up_to] => lane.assigned(number(up_to)),
        ["begin", durable, records, bytes] => lane.begin(
            number(durable),
            Credit {
                records: number(records),
                bytes: number(bytes),
            },
        ),
        ["end"] => lane.end(),
        ["credit", records, bytes] => lane.credit(number(records), number(bytes)),
        ["send", size] => {
            let size = number(size);
            let Some(batch) = lane.next_batch(|_| Some(size)) else {
                return "nothing".into();
            };
            lane.sent(&batch);
            return format!("{:?} of {} bytes", batch.sequences(), batch.bytes);
        }
        ["receipts", first, count] => {
            return match lane.receipts(number(first), number(count)) {
                Ok(receipted) => format!(
                    "{} duplicates, fresh {:?}",
                    receipted.duplicates, receipted.fresh
                ),
                Err(fault) => format!("{:?}: {fault}", fault.reason()),
            };
        }
        ["durable", up_to] => lane.receipts_durable(number(up_to)),
        other => panic!("{other:?}"),
    }
    format!(
        "assigned {} acked {} next {} credit {}/{}",
        lane.last_assigned(),
        lane.acked(),
        lane.next_to_send(),
        lane.credit_left().records,
        lane.credit_left().bytes
    )
}

fn play_outgoing(script: &str) {
    let mut lane = OutgoingLane::new(OURS, 0, 0);
    transcript(script, |words| outgoing(&mut lane, words));
}

#[test]
fn sends_within_credit_and_waits_for_receipts() {
    play_outgoing(
        "assigned 5       => assigned 5 acked 0 next 1 credit 0/0
         send 100         => nothing
         begin 0 3 1000   => assigned 5 acked 0 next 1 credit 3/1000
         send 100         => 1..=3 of 300 bytes
         send 100         => nothing
         receipts 1 2     => 0 duplicates, fresh 1..3
         durable 2        => assigned 5 acked 2 next 4 credit 0/700
         credit 3 0       => assigned 5 acked 2 next 4 credit 3/700
         send 400         => 4..=4 of 400 bytes
         send 400         => nothing
         credit 0 100     => assigned 5 acked 2 next 5 credit 2/400
         send 400         => 5..=5 of 400 bytes
         receipts 3 3     => 0 duplicates, fresh 3..6
         durable 5        => assigned 5 acked 5 next 6 credit 1/0
         send 1           => nothing",
    );
}

#[test]
fn batches_are_bounded() {
    play_outgoing(
        "assigned 1000              => assigned 1000 acked 0 next 1 credit 0/0
         begin 0 1024 16777216      => assigned 1000 acked 0 next 1 credit 1024/16777216
         send 1                     => 1..=256 of 256 bytes
         send 1048576               => 257..=260 of 4194304 bytes
         send 4194305               => nothing
         begin 0 9999999 9999999999 => assigned 1000 acked 0 next 1 credit 1048576/4294967296",
    );
}

#[test]
fn a_new_session_resumes_after_what_the_peer_holds() {
    play_outgoing(
        "assigned 9          => assigned 9 acked 0 next 1 credit 0/0
         begin 0 100 100000  => assigned 9 acked 0 next 1 credit 100/100000
         send 1              => 1..=9 of 9 bytes
         receipts 1 4        => 0 duplicates, fresh 1..5
         durable 2           => assigned 9 acked 2 next 10 credit 91/99991
         end                 => assigned 9 acked 2 next 10 credit 0/0
         send 1              => nothing
         begin 6 50 50000    => assigned 9 acked 2 next 7 credit 50/50000
         receipts 3 4        => 0 duplicates, fresh 3..7
         durable 4           => assigned 9 acked 4 next 7 credit 50/50000
         send 1              => 7..=9 of 3 bytes",
    );
}

#[test]
fn receipts_come_in_order_or_not_at_all() {
    play_outgoing(
        "assigned 9         => assigned 9 acked 0 next 1 credit 0/0
         begin 0 100 100000 => assigned 9 acked 0 next 1 credit 100/100000
         send 1             => 1..=9 of 9 bytes
         receipts 2 1       => Protocol: receipts for sequences 1 to 1 are missing
         receipts 1 3       => 0 duplicates, fresh 1..4
         receipts 1 3       => 3 duplicates, fresh 4..4
         receipts 2 4       => 2 duplicates, fresh 4..6
         receipts 9 1       => Protocol: receipts for sequences 6 to 8 are missing
         receipts 6 5       => Fenced: a receipt for sequence 10, the last one assigned is 9: this node was restored from an older state
         receipts 6 0       => Protocol: 0 records or receipts in one frame: 1 to 256 are allowed
         receipts 6 257     => Protocol: 257 records or receipts in one frame: 1 to 256 are allowed
         receipts 0 1       => Protocol: sequence 0 cannot be: sequences start at 1
         receipts 18446744073709551615 1 => Protocol: sequence 18446744073709551615 cannot be: sequences start at 1
         receipts 6 4       => 0 duplicates, fresh 6..10
         durable 9          => assigned 9 acked 9 next 10 credit 91/99991",
    );
}

#[test]
fn a_receipt_that_overtakes_the_second_sending_saves_it() {
    play_outgoing(
        "assigned 5         => assigned 5 acked 0 next 1 credit 0/0
         begin 0 100 100000 => assigned 5 acked 0 next 1 credit 100/100000
         send 1             => 1..=5 of 5 bytes
         begin 2 100 100000 => assigned 5 acked 0 next 3 credit 100/100000
         receipts 1 4       => 0 duplicates, fresh 1..5
         send 1             => 5..=5 of 1 bytes",
    );
}

fn incoming(lane: &mut IncomingLane, stored: &mut String, words: &[&str]) -> String {
    let incarnation = |word: &&str| match *word {
        "theirs" => THEIRS,
        "other" => OTHER,
        word => panic!("{word}"),
    };
    match words {
        ["begin", life, confirmed] => {
            if lane.durable().incarnation != incarnation(life) {
                stored.clear();
            }
            lane.begin(incarnation(life), number(confirmed), CREDIT);
        }
        ["deliver", life, first, letters] => {
            let headers: Vec<Digest> = letters.chars().map(header).collect();
            let known = |sequence: u64| {
                let place = usize::try_from(sequence - 1).unwrap();
                stored.chars().nth(place).map(header)
            };
            return match lane.deliver(incarnation(life), number(first), &headers, known) {
                Ok(accepted) => {
                    assert_eq!(
                        accepted.fresh.clone().count(),
                        accepted.running_hashes.len()
                    );
                    format!(
                        "skip {}, fresh {:?}",
                        accepted.skip_duplicates, accepted.fresh
                    )
                }
                Err(fault) => format!("{:?}: {}", fault.reason(), short(&fault.to_string())),
            };
        }
        ["stored", letters] => {
            *stored = (*letters).to_owned();
            let position = Position {
                incarnation: lane.durable().incarnation,
                sequence: letters.len() as u64,
                running_hash: chain(letters),
            };
            return match lane.made_durable(&position) {
                Some(receipts) => format!("receipts {receipts:?}"),
                None => "nothing new".into(),
            };
        }
        ["confirmed", up_to] => {
            if let Err(fault) = lane.receipts_confirmed(THEIRS, number(up_to)) {
                return format!("{:?}: {fault}", fault.reason());
            }
        }
        ["mark", life, sequence, letters] => {
            let mark = Position {
                incarnation: incarnation(life),
                sequence: number(sequence),
                running_hash: chain(letters),
            };
            return format!("{:?}", check_mark(lane, &mark));
        }
        ["mark", life, sequence] => {
            return incoming(lane, stored, &["mark", life, sequence, ""]);
        }
        other => panic!("{other:?}"),
    }
    format!(
        "durable {} head {} confirmed {}",
        lane.durable().sequence,
        lane.head(),
        lane.confirmed()
    )
}

/// Digests by their first letters.
fn short(text: &str) -> String {
    text.split(' ')
        .map(|word| if word.len() == 64 { &word[..4] } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

fn play_incoming(script: &str) {
    let mut lane = IncomingLane::new(Position::start(THEIRS), CREDIT);
    let mut stored = String::new();
    transcript(script, |words| incoming(&mut lane, &mut stored, words));
}

#[test]
fn accepts_in_order_and_skips_what_it_has() {
    play_incoming(
        "begin theirs 0         => durable 0 head 0 confirmed 0
         deliver theirs 1 abc   => skip 0, fresh 1..4
         deliver theirs 1 abc   => skip 3, fresh 4..4
         deliver theirs 2 bcde  => skip 2, fresh 4..6
         stored abc             => receipts 1..=3
         stored abc             => nothing new
         deliver theirs 1 abcde => skip 5, fresh 6..6
         stored abcde           => receipts 4..=5
         confirmed 4            => durable 5 head 5 confirmed 4
         confirmed 2            => durable 5 head 5 confirmed 4
         confirmed 6            => Fenced: receipts are confirmed up to sequence 6, those issued reach 5: this node was restored from an older state",
    );
}

#[test]
fn a_gap_names_what_is_missing_and_a_conflict_both_records() {
    play_incoming(
        "begin theirs 0        => durable 0 head 0 confirmed 0
         deliver theirs 2 b    => Protocol: sequences 1 to 1 are missing: sequence 2 came after 0
         deliver theirs 1 ab   => skip 0, fresh 1..3
         deliver theirs 5 e    => Protocol: sequences 3 to 4 are missing: sequence 5 came after 2
         deliver theirs 2 x    => Conflict: sequence 2 is known as 3e23 and came again as 2d71
         deliver theirs 2 xc   => Conflict: sequence 2 is known as 3e23 and came again as 2d71
         stored ab             => receipts 1..=2
         deliver theirs 1 xb   => Conflict: sequence 1 is known as ca97 and came again as 2d71
         deliver theirs 0 a    => Protocol: sequence 0 cannot be: sequences start at 1
         deliver theirs 18446744073709551615 ab => Protocol: sequence 18446744073709551615 cannot be: sequences start at 1
         deliver other 3 c     => Protocol: records of incarnation 03030303030303030303030303030303, the session is for 02020202020202020202020202020202
         deliver theirs 3 c    => skip 0, fresh 3..4",
    );
}

#[test]
fn a_crash_or_a_lost_link_returns_to_what_is_durable() {
    play_incoming(
        "begin theirs 0        => durable 0 head 0 confirmed 0
         deliver theirs 1 abcd => skip 0, fresh 1..5
         stored ab             => receipts 1..=2
         begin theirs 1        => durable 2 head 2 confirmed 1
         stored abc            => receipts 3..=3
         deliver theirs 3 cd   => skip 1, fresh 4..5
         stored abcd           => receipts 4..=4",
    );
}

#[test]
fn a_restored_peer_begins_at_one_under_its_new_incarnation() {
    play_incoming(
        "begin theirs 0       => durable 0 head 0 confirmed 0
         deliver theirs 1 abc => skip 0, fresh 1..4
         stored abc           => receipts 1..=3
         begin other 0        => durable 0 head 0 confirmed 0
         deliver other 4 d    => Protocol: sequences 1 to 3 are missing: sequence 4 came after 0
         deliver other 1 d    => skip 0, fresh 1..2",
    );
}

#[test]
fn a_mark_names_the_withheld_tail() {
    play_incoming(
        "begin theirs 0       => durable 0 head 0 confirmed 0
         mark theirs 0        => UpToDate
         mark theirs 0 x      => Conflict
         deliver theirs 1 abc => skip 0, fresh 1..4
         mark theirs 3 abc    => UpToDate
         mark theirs 3 abx    => Conflict
         mark theirs 2 ab     => UpToDate
         mark theirs 0        => UpToDate
         mark theirs 0 x      => Conflict
         mark theirs 7 abcdefg => Behind { missing: 4..=7 }
         stored ab            => receipts 1..=2
         mark theirs 2 ax     => Conflict
         mark other 3 abc     => Conflict",
    );
}

#[test]
fn credit_is_enforced_and_given_again_at_half() {
    let mut window = Window::new(Credit {
        records: 5,
        bytes: 1000,
    });
    transcript(
        "spend 3 100   => ok
         spend 3 100   => Protocol: 3 records of 100 bytes exceed the credit left: 2 of 900
         spend 2 901   => Protocol: 2 records of 901 bytes exceed the credit left: 2 of 900
         consume 2 50  => nothing
         consume 1 50  => grant 3/100
         spend 5 1000  => ok
         consume 1 500 => grant 1/500
         spend 2 0     => Protocol: 2 records of 0 bytes exceed the credit left: 1 of 500
         consume 4 500 => grant 4/500",
        |words| match words {
            ["spend", records, bytes] => match window.spend(Credit {
                records: number(records),
                bytes: number(bytes),
            }) {
                Ok(()) => "ok".into(),
                Err(fault) => format!("{:?}: {fault}", fault.reason()),
            },
            ["consume", records, bytes] => window
                .grant(Credit {
                    records: number(records),
                    bytes: number(bytes),
                })
                .map_or("nothing".into(), |grant| {
                    format!("grant {}/{}", grant.records, grant.bytes)
                }),
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn control_goes_before_urgent_before_bulk() {
    let lane = |assigned| OutgoingLane::new(OURS, assigned, 0);
    let incoming = IncomingLane::new(Position::start(THEIRS), CREDIT);
    let mut peer = Peer::new(
        PerLane {
            control: lane(0),
            urgent: lane(1),
            bulk: lane(600),
        },
        PerLane::from_fn(|_| incoming.clone()),
    );
    for lane in Lane::ALL {
        peer.outgoing.of_mut(lane).begin(0, CREDIT);
    }
    transcript(
        "send             => urgent 1..=1
         send             => bulk 1..=256
         assign control 2 => ok
         assign urgent 2  => ok
         send             => control 1..=2
         send             => urgent 2..=2
         send             => bulk 257..=512
         send             => bulk 513..=600
         send             => nothing",
        |words| match words {
            ["send"] => match peer.next_batch(|_, _| Some(10)) {
                Some((lane, batch)) => {
                    peer.outgoing.of_mut(lane).sent(&batch);
                    format!("{lane} {:?}", batch.sequences())
                }
                None => "nothing".into(),
            },
            ["assign", name, up_to] => {
                let lane = Lane::ALL
                    .into_iter()
                    .find(|lane| lane.to_string() == *name)
                    .unwrap();
                peer.outgoing.of_mut(lane).assigned(number(up_to));
                "ok".into()
            }
            other => panic!("{other:?}"),
        },
    );
}
