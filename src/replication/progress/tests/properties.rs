use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::record::{Country, Moment};

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn session(by_uz: bool, at: i64, id: u8) -> SessionInfo {
    SessionInfo {
        session: [id; 16],
        dialled_by: country(if by_uz { "UZ" } else { "KZ" }),
        established: Moment::from_micros(at),
    }
}

/// The session that is left when they come in this order.
fn left(own: &str, peer: &str, order: &[SessionInfo]) -> SessionInfo {
    let mut existing: Option<SessionInfo> = None;
    for incoming in order {
        if survivor(country(own), country(peer), existing.as_ref(), incoming)
            == Verdict::ReplaceExisting
        {
            existing = Some(*incoming);
        }
    }
    existing.unwrap()
}

#[test]
fn the_newest_session_wins_and_the_lower_country_a_race() {
    const SECOND: i64 = 1_000_000;
    let decide =
        |existing, incoming| survivor(country("UZ"), country("KZ"), Some(&existing), &incoming);
    let (ours, theirs) = (true, false);
    // The same dialler: it gave the older one up.
    assert_eq!(
        decide(session(ours, 0, 1), session(ours, 1, 2)),
        Verdict::ReplaceExisting
    );
    // Both at once: KZ before UZ.
    assert_eq!(
        decide(session(ours, SECOND, 1), session(theirs, 0, 2)),
        Verdict::ReplaceExisting
    );
    assert_eq!(
        decide(session(theirs, 0, 1), session(ours, SECOND, 2)),
        Verdict::KeepExisting
    );
    // Long after: the newest, whoever dialled.
    assert_eq!(
        decide(session(theirs, 0, 1), session(ours, 11 * SECOND, 2)),
        Verdict::ReplaceExisting
    );
    // The same session again.
    assert_eq!(
        decide(session(ours, 0, 1), session(ours, 0, 1)),
        Verdict::KeepExisting
    );
    assert_eq!(
        survivor(
            country("UZ"),
            country("KZ"),
            None,
            &session(ours, i64::MIN, 1)
        ),
        Verdict::ReplaceExisting
    );
}

#[test]
fn waiting_doubles_up_to_the_cap() {
    let (min, max) = (Duration::from_millis(500), Duration::from_secs(60));
    assert_eq!(backoff(0, min, max, 0), min);
    assert_eq!(backoff(0, min, max, 500_000), Duration::from_secs(1));
    assert_eq!(backoff(3, min, max, 7_500_000), Duration::from_secs(8));
    assert_eq!(backoff(u32::MAX, min, max, 59_500_000), max);
}

proptest! {
    #[test]
    fn both_sides_keep_the_same_one_session(
        // Times that often tie, with and without the window between them.
        dials in proptest::collection::vec((any::<bool>(), (0_i64..5).prop_map(|at| at * 5_000_000), any::<u8>()), 1..6),
        seed in any::<prop::sample::Index>(),
        reversed in any::<bool>(),
    ) {
        let seen_here: Vec<SessionInfo> =
            dials.iter().map(|&(by, at, id)| session(by, at, id)).collect();
        let mut seen_there = seen_here.clone();
        let turn = seed.index(seen_there.len());
        seen_there.rotate_left(turn);
        if reversed {
            seen_there.reverse();
        }
        prop_assert_eq!(left("UZ", "KZ", &seen_here), left("KZ", "UZ", &seen_there));
    }

    #[test]
    fn waiting_stays_in_its_bounds(attempt in any::<u32>(), min in 0_u64..100_000, max in 0_u64..u64::MAX, jitter in any::<u64>()) {
        let (min, max) = (Duration::from_micros(min), Duration::from_micros(max));
        let wait = backoff(attempt, min, max, jitter);
        prop_assert!(wait >= min && wait <= max.max(min));
    }

    /// Whatever comes, in whatever order: no panic, and positions never turn back.
    #[test]
    fn lanes_hold_against_any_input(
        events in proptest::collection::vec((0_u8..6, any::<u64>(), 0_u64..300, 0_u32..64), 0..60),
    ) {
        let life = [1; 16];
        let mut out = OutgoingLane::new(life, 3, 1);
        let mut inc = IncomingLane::new(Position::start(life), CREDIT);
        for (event, number, count, shift) in events {
            let number = number >> shift;
            let (acked, durable) = (out.acked(), inc.durable().sequence);
            match event {
                0 => out.assigned(number),
                1 => out.begin(number, Credit { records: number, bytes: count }),
                2 => drop(out.receipts(number, count)),
                3 => out.receipts_durable(number),
                4 => {
                    let headers = vec![Digest::of(b"x"); usize::try_from(count).unwrap()];
                    drop(inc.deliver(life, number, &headers, |_| None));
                }
                _ => {
                    let head = inc.head();
                    let up_to = number.min(head);
                    let position = Position { incarnation: life, sequence: up_to, running_hash: Digest::ZERO };
                    inc.made_durable(&position);
                    prop_assert_eq!(inc.head(), head);
                }
            }
            if let Some(batch) = out.next_batch(|_| Some(1)) {
                out.sent(&batch);
                prop_assert!(batch.count <= MAX_BATCH_RECORDS && batch.bytes <= MAX_BATCH_BYTES);
            }
            prop_assert!(out.acked() >= acked && out.acked() <= out.last_assigned());
            prop_assert!(inc.durable().sequence >= durable && inc.head() >= inc.durable().sequence);
        }
    }
}
