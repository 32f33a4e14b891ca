//! The window: transcripts, and every interleaving of sending, acknowledging, seeking and coming again.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::record::Moment;

const SIZE: WindowSize = WindowSize {
    items: 3,
    bytes: 100,
};

fn at(number: u64, gone: u64) -> Position {
    Position { number, gone }
}

fn now() -> Moment {
    Moment::from_micros(5)
}

#[test]
fn a_window_fills_by_number_and_by_bytes_and_empties_with_acknowledgements() {
    let mut window = Window::new(at(0, 0), SIZE);
    assert_eq!((window.room(), window.since()), (3, None));
    window.send(at(1, 0), 10, now());
    window.send(at(4, 0), 95, now());
    assert_eq!((window.room(), window.room_bytes()), (0, 0));
    assert_eq!(window.since(), Some(now()));
    assert_eq!(window.would_acknowledge(at(1, 0)), Ok(Some(at(1, 0))));
    window.acknowledge(at(1, 0));
    assert_eq!((window.room(), window.unacknowledged()), (2, 1));
    // What is larger than the whole window is sent alone.
    let mut window = Window::new(at(0, 0), SIZE);
    window.send(at(1, 0), 1000, now());
    assert_eq!(window.room(), 0);
}

#[test]
fn only_what_was_sent_is_acknowledged_and_what_did_not_match_goes_along() {
    let mut window = Window::new(at(10, 2), SIZE);
    assert_eq!(window.would_acknowledge(at(11, 2)), Err(AckFault));
    assert_eq!(window.idle(), None);
    window.send(at(12, 2), 1, now());
    window.send(at(12, 3), 1, now());
    window.passed(at(40, 5));
    assert_eq!(window.would_acknowledge(at(41, 5)), Err(AckFault));
    // Before the first of them nothing moves; between them, up to the last one before.
    assert_eq!(window.would_acknowledge(at(11, 2)), Ok(None));
    assert_eq!(window.would_acknowledge(at(40, 2)), Ok(Some(at(12, 2))));
    assert_eq!(window.would_acknowledge(at(12, 3)), Ok(Some(at(40, 5))));
    window.acknowledge(at(40, 5));
    assert_eq!((window.unacknowledged(), window.idle()), (0, None));
    // Acknowledged again, it moves nothing.
    assert_eq!(window.would_acknowledge(at(12, 3)), Ok(None));
    window.passed(at(50, 5));
    assert_eq!(window.idle(), Some(at(50, 5)));
}

/// What happens to a subscription.
#[derive(Clone, Debug)]
enum Step {
    /// The node looks at some more and sends what matches.
    Deliver(u8),
    /// The consumer acknowledges one of what it had, whichever.
    Acknowledge(u8),
    /// The consumer acknowledges something that it never had.
    Guess(u8, u8),
    /// The consumer comes again, or the node starts again: what was sent is forgotten.
    Again,
    /// Somebody moves the cursor.
    Seek(u8),
    /// The node moves the cursor over what did not match.
    Idle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_u8..8).prop_map(Step::Deliver),
        4 => any::<u8>().prop_map(Step::Acknowledge),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(n, g)| Step::Guess(n, g)),
        1 => Just(Step::Again),
        1 => any::<u8>().prop_map(Step::Seek),
        1 => Just(Step::Idle),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// The way: each step along it is a record or a lock, and matches or does not. Whatever happens, nothing
    /// that matches lies behind the cursor without having been acknowledged.
    #[test]
    fn no_matching_record_is_ever_passed_over(
        way in prop::collection::vec((any::<bool>(), any::<bool>()), 1..120),
        steps in steps(),
    ) {
        // Positions after each step of the way.
        let mut places = vec![at(0, 0)];
        for (record, _) in &way {
            let last = places[places.len() - 1];
            places.push(if *record { at(last.number + 1, last.gone) } else { at(last.number, last.gone + 1) });
        }
        let index = |position: Position| places.iter().position(|of| *of == position).unwrap();
        let (mut cursor, mut from) = (0, 0);
        let mut window = Window::new(places[0], SIZE);
        // What the consumer has, by its place on the way, since it came; and what it said that it has.
        let mut had: Vec<usize> = Vec::new();
        let mut said: BTreeSet<usize> = BTreeSet::new();
        for step in steps {
            match step {
                Step::Deliver(some) => {
                    for _ in 0..some {
                        let next = index(window.looked()) + 1;
                        if next >= places.len() || window.room() == 0 { break }
                        if way[next - 1].1 {
                            window.send(places[next], 20, now());
                            had.push(next);
                        } else {
                            window.passed(places[next]);
                        }
                    }
                    prop_assert!(window.unacknowledged() <= SIZE.items);
                }
                Step::Acknowledge(which) if !had.is_empty() => {
                    let place = had[usize::from(which) % had.len()];
                    // Whoever acknowledges one has dealt with all before it.
                    said.extend(had.iter().filter(|of| **of <= place));
                    if let Some(moved) = window.would_acknowledge(places[place]).unwrap() {
                        cursor = index(moved);
                        window.acknowledge(moved);
                    }
                }
                Step::Guess(number, gone) => {
                    let guess = at(number.into(), gone.into());
                    // It counts for what was sent, and for nothing else.
                    if let Ok(Some(moved)) = window.would_acknowledge(guess) {
                        said.extend(had.iter().filter(|of| places[**of].is_within(guess)));
                        cursor = index(moved);
                        window.acknowledge(moved);
                    }
                }
                Step::Acknowledge(_) => {}
                Step::Again => {
                    window = Window::new(places[cursor], SIZE);
                    had.clear();
                }
                Step::Seek(to) => {
                    cursor = usize::from(to) % places.len();
                    from = cursor;
                    said.clear();
                    had.clear();
                    window = Window::new(places[cursor], SIZE);
                }
                Step::Idle => {
                    if let Some(moved) = window.idle() {
                        cursor = index(moved);
                        window.acknowledge(moved);
                    }
                }
            }
            prop_assert_eq!(window.acknowledged(), places[cursor]);
            for place in from + 1..=cursor {
                prop_assert!(!way[place - 1].1 || said.contains(&place), "{} was passed over", place);
            }
        }
        // Whoever goes on acknowledging has everything in the end.
        said.extend(had.iter().copied());
        while let Some(next) = places.get(index(window.looked()) + 1).copied() {
            let place = index(next);
            if way[place - 1].1 { window.send(next, 20, now()); said.insert(place); } else { window.passed(next); }
            if let Some(moved) = window.would_acknowledge(next).unwrap() { window.acknowledge(moved) }
        }
        for place in from + 1..places.len() {
            prop_assert!(!way[place - 1].1 || said.contains(&place) || place <= cursor);
        }
    }
}
