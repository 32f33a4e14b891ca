//! Every write and every sync fails once, in three ways; what was acknowledged is there once.

use super::faulty::{Fate, Faulty};
use std::time::{Duration, Instant};

use super::*;

/// A life on a failing disk: opens, writes, closes. Answers what was acknowledged.
fn live(home: &Path, room_bytes: u64, medium: Arc<Faulty>, acknowledged: &mut Vec<String>) {
    let small = StoreOptions {
        segment_bytes: 600,
        room_bytes,
        ..options(home)
    };
    let store = match try_open_on(small, medium.clone()) {
        Ok((store, _)) => store,
        Err(error) => {
            assert!(medium.struck(), "{error}");
            return;
        }
    };
    // An index that fails while it is brought up to date is made anew.
    let healed = medium.struck();
    let writer = store.start_writer(Desk);
    let first = *store.durable().borrow();
    for number in first..first + 6 {
        let body = format!("key{number}=value");
        let ask = Ask::New(vec![(format!("key{number}"), "value".to_owned())]);
        match writer.propose_blocking(ask) {
            Ok(places) => {
                // A place answered is a place that reads.
                assert_eq!(store.body(places[0]).unwrap(), body.as_bytes());
                acknowledged.push(body);
            }
            Err(ProposeError::Store(StoreError::Poisoned { .. })) => assert!(medium.struck()),
            Err(other) => panic!("{other}"),
        }
    }
    let was_struck = medium.struck() && !healed;
    // What nobody waits for may have failed: it is known soon.
    let patience = Instant::now() + Duration::from_secs(60);
    while was_struck && store.stopped().now_or_never().is_none() {
        assert!(Instant::now() < patience, "nobody was told");
        std::thread::yield_now();
    }
    assert_eq!(store.close().is_err(), medium.struck() && !healed);
    stop_uncleanly(home, store, writer);
}

#[test]
fn every_failing_operation_loses_nothing_acknowledged() {
    let fates = [Fate::Fails, Fate::FailsButPersists, Fate::FailsHalfWay];
    for (fate, room) in fates.into_iter().flat_map(|fate| [(fate, 0), (fate, 400)]) {
        let mut last = false;
        for step in 0.. {
            let home = tempfile::tempdir().unwrap();
            let mut acknowledged = Vec::new();
            let whole = Faulty::new(u64::MAX, fate);
            live(home.path(), room, whole, &mut acknowledged);
            assert_eq!(acknowledged.len(), 6);
            // An unclean stop before, so that the failing start has a tail to write on.
            let with_room = StoreOptions {
                room_bytes: room,
                ..options(home.path())
            };
            let (store, _) = try_open(with_room).unwrap();
            let writer = store.start_writer(Desk);
            set(&writer, "tail", "1");
            acknowledged.push("tail=1".to_owned());
            stop_uncleanly(home.path(), store, writer);

            let medium = Faulty::new(step, fate);
            live(home.path(), room, medium.clone(), &mut acknowledged);
            // Every other time the index does not survive the fault either.
            if step % 2 == 1 {
                std::fs::remove_dir_all(home.path().join("index")).unwrap();
            }
            let (store, opened) = open(home.path());
            let found = bodies(&store);
            let (kept, more) = found.split_at(acknowledged.len());
            assert_eq!(kept, acknowledged, "{fate:?} {step}");
            assert!(more.len() <= 1, "{fate:?} {step}: {more:?}");
            assert_eq!(opened.position, found.len() as u64);
            for body in &found {
                let (key, text) = body.split_once('=').unwrap();
                assert_eq!(value(&store, key).as_deref(), Some(text), "{fate:?} {step}");
            }
            store.close().unwrap();
            drop(store);
            let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
            assert!(
                report.fault.is_none(),
                "{fate:?} {step}: {:?}",
                report.fault
            );
            assert_eq!(report.entries, opened.position);
            if last {
                break;
            }
            last = !medium.struck();
            assert!(step > 30 || !last, "only {step} operations");
        }
    }
}

/// A disk without room is no disk that lies: what could not be written is cut off, nothing more is
/// taken, and the stop is a clean one.
#[test]
fn a_group_without_room_is_taken_back_and_the_stop_is_clean() {
    let mut taken_back = 0;
    for step in 0.. {
        let home = tempfile::tempdir().unwrap();
        open(home.path()).0.close().unwrap();
        let small = StoreOptions {
            segment_bytes: 600,
            ..options(home.path())
        };
        let medium = Faulty::new(step, Fate::Full);
        let Ok((store, _)) = try_open_on(small, medium.clone()) else {
            // The start itself found no room: nothing was acknowledged.
            assert!(medium.struck());
            continue;
        };
        let writer = store.start_writer(Desk);
        let mut acknowledged = Vec::new();
        let mut refused = None;
        for number in 0..12 {
            let ask = Ask::New(vec![(format!("key{number}"), "value".to_owned())]);
            match writer.propose_blocking(ask) {
                Ok(_) if refused.is_none() => acknowledged.push(format!("key{number}=value")),
                Ok(_) => panic!("{step}: taken after a refusal"),
                Err(ProposeError::Store(error)) => {
                    // Whoever comes later is refused like the first.
                    let first = refused.get_or_insert_with(|| error.clone());
                    assert_eq!(first.to_string(), error.to_string());
                }
                Err(other) => panic!("{other}"),
            }
        }
        match &refused {
            Some(StoreError::Full) => {
                taken_back += 1;
                assert!(
                    store.is_full().unwrap(),
                    "whoever watches the disk stops the node"
                );
                assert!(store.stopped().now_or_never().is_none());
                store.close().unwrap();
            }
            // Not the journal's bytes: a sync, a name, the index, or the mark.
            Some(_) => {
                assert!(medium.struck());
                assert!(store.close().is_err());
            }
            None => drop(store.close()),
        }
        // The close itself may have been struck.
        let (struck, write) = (medium.struck(), medium.struck_a_write());
        let clean = matches!(refused, Some(StoreError::Full)) || !struck;
        stop_uncleanly(home.path(), store, writer);
        let (store, opened) = open(home.path());
        let found = bodies(&store);
        if clean {
            assert_eq!(opened.how, OpenedHow::Clean, "{step}");
            assert_eq!(found, acknowledged, "{step} {write}");
        } else {
            assert_eq!(found[..acknowledged.len()], acknowledged, "{step} {write}");
        }
        store.close().unwrap();
        if !struck {
            break;
        }
    }
    assert!(taken_back >= 12, "only {taken_back} groups found no room");
}

#[test]
fn rules_that_panic_stop_the_store() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    set(&writer, "a", "1");
    for ask in [Ask::Panic, Ask::Set("b".to_owned(), "2".to_owned())] {
        assert!(matches!(
            writer.propose_blocking(ask),
            Err(ProposeError::Store(StoreError::Poisoned { .. }))
        ));
    }
    // Whoever asks only now learns it too.
    assert!(store.stopped().now_or_never().is_some());
    assert!(matches!(store.close(), Err(StoreError::Poisoned { .. })));
    stop_uncleanly(home.path(), store, writer);
    let (store, _) = open(home.path());
    assert_eq!(bodies(&store), ["a=1"]);
}

#[test]
fn a_first_start_may_end_anywhere() {
    for fate in [Fate::Fails, Fate::FailsButPersists, Fate::FailsHalfWay] {
        for step in 0.. {
            let home = tempfile::tempdir().unwrap();
            let medium = Faulty::new(step, fate);
            let started = try_open_on(options(home.path()), medium.clone());
            let began = started.is_ok();
            drop(started);
            assert!(began || medium.struck(), "{fate:?} {step}");
            let (store, opened) = try_open(options(home.path()))
                .unwrap_or_else(|error| panic!("{fate:?} {step}: {error}"));
            assert_eq!(opened.position, 0, "{fate:?} {step}");
            let writer = store.start_writer(Desk);
            set(&writer, "a", "1");
            assert_eq!(bodies(&store), ["a=1"], "{fate:?} {step}");
            if !medium.struck() {
                assert!(step > 4, "only {step} operations");
                break;
            }
        }
    }
}

#[test]
fn a_start_that_writes_the_tail_on_may_end_anywhere() {
    // Some groups are vouched for by the mark, the later ones by nothing: the index is lost.
    let begin = |home: &Path| {
        let (store, _) = open(home);
        let writer = store.start_writer(Desk);
        set(&writer, "a", "1");
        store.close().unwrap();
        stop_uncleanly(home, store, writer);
        let (store, _) = open(home);
        let writer = store.start_writer(Desk);
        set(&writer, "b", "1");
        set(&writer, "c", "1");
        stop_uncleanly(home, store, writer);
        lose_index(home);
    };
    for fate in [Fate::Fails, Fate::FailsButPersists, Fate::FailsHalfWay] {
        for step in 0.. {
            let home = tempfile::tempdir().unwrap();
            begin(home.path());
            let medium = Faulty::new(step, fate);
            let started = try_open_on(options(home.path()), medium.clone()).map(drop);
            assert!(started.is_ok() || medium.struck(), "{fate:?} {step}");
            lose_index(home.path());
            let (store, _) = try_open(options(home.path()))
                .unwrap_or_else(|error| panic!("{fate:?} {step}: {error}"));
            assert_eq!(bodies(&store), ["a=1", "b=1", "c=1"], "{fate:?} {step}");
            if !medium.struck() {
                assert!(step > 8, "only {step} operations");
                break;
            }
        }
    }
}

#[test]
fn room_that_finds_no_room_leaves_nothing_behind_its_segment() {
    let mut went_on = 0;
    for step in 0.. {
        let home = tempfile::tempdir().unwrap();
        open(home.path()).0.close().unwrap();
        let roomy = StoreOptions {
            segment_bytes: 600,
            // Half of it reaches beyond the segment's end.
            room_bytes: 4_000,
            ..options(home.path())
        };
        let medium = Faulty::new(step, Fate::Full);
        let Ok((store, _)) = try_open_on(roomy.clone(), medium.clone()) else {
            assert!(medium.struck());
            continue;
        };
        let writer = store.start_writer(Desk);
        let mut acknowledged = Vec::new();
        for number in 0..12 {
            let ask = Ask::New(vec![(format!("key{number}"), "value".to_owned())]);
            if writer.propose_blocking(ask).is_ok() {
                acknowledged.push(format!("key{number}=value"));
            }
        }
        went_on += usize::from(medium.struck() && acknowledged.len() == 12);
        drop(store.close());
        stop_uncleanly(home.path(), store, writer);
        // Twice: what lies behind a segment shows once others follow.
        for _ in 0..2 {
            let (store, _) = try_open(roomy.clone()).unwrap_or_else(|why| panic!("{step}: {why}"));
            assert_eq!(bodies(&store)[..acknowledged.len()], acknowledged, "{step}");
            store.close().unwrap();
        }
        if !medium.struck() {
            break;
        }
    }
    assert!(went_on > 0, "no room was ever given up");
}
