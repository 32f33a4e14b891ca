//! Every write and every sync fails once, in three ways; what was acknowledged is there once.

use super::faulty::{Fate, Faulty};
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
    let was_struck = medium.struck();
    if was_struck {
        assert!(store.stopped().now_or_never().is_some());
    }
    assert_eq!(store.close().is_err(), medium.struck());
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
