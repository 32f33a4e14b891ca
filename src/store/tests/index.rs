//! An index that rots: what it answers is right, or the store stops and makes another.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

const NOTES: usize = 400;

fn filled(home: &Path) {
    let (store, _) = open(home);
    let writer = store.start_writer(Desk);
    for number in 0..NOTES {
        set(&writer, &format!("k{number}"), &"v".repeat(number % 90));
    }
    store.close().unwrap();
    stop_uncleanly(home, store, writer);
}

/// Reads every row; false when the store stopped over one.
fn read_all(store: &Store) -> Result<usize, StoreError> {
    let mut wrong = 0;
    for number in 0..NOTES {
        let found = store.get(&[&[ROWS], format!("k{number}").as_bytes()].concat())?;
        let expected = "v".repeat(number % 90);
        let expected = (!expected.is_empty()).then_some(expected.into_bytes());
        wrong += usize::from(found != expected);
    }
    Ok(wrong)
}

#[test]
fn a_flipped_bit_of_the_index_stops_the_store_or_changes_no_answer() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    let db = |home: &Path| home.join("index/db");
    let whole = fs::read(db(home.path())).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let (mut noticed, mut rebuilt, mut silent) = (0, 0, Vec::new());
    for round in 0..48_usize {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(home.path(), copy.path());
        let mut rotten = whole.clone();
        // A fixed stride that meets heads, keys and values alike.
        let at = (round * 7919 + 13) % used;
        rotten[at] ^= 1 << (round % 8);
        fs::write(db(copy.path()), rotten).unwrap();
        let (store, opened) = open(copy.path());
        rebuilt += usize::from(opened.how == OpenedHow::Rebuilt);
        let read = catch_unwind(AssertUnwindSafe(|| read_all(&store))).unwrap();
        let writer = store.start_writer(Desk);
        if let Err(error) = read {
            assert!(matches!(error, StoreError::Index(_)), "{error}");
            noticed += 1;
            // Stopped for good, and the next start makes another index.
            assert!(futures_util::FutureExt::now_or_never(store.stopped()).is_some());
            let refused = writer.propose_blocking(Ask::Set("new".to_owned(), "1".to_owned()));
            assert!(
                matches!(
                    refused,
                    Err(ProposeError::Store(StoreError::Poisoned { .. }))
                ),
                "{refused:?}"
            );
            assert!(store.close().is_err());
            stop_uncleanly(copy.path(), store, writer);
            let (store, opened) = open(copy.path());
            assert_eq!(opened.how, OpenedHow::Rebuilt, "byte {at}");
            assert_eq!(read_all(&store).unwrap(), 0, "byte {at}");
            assert_eq!(bodies(&store).len(), NOTES);
        } else if read.unwrap() > 0 {
            silent.push(at);
        }
    }
    println!("noticed {noticed}, rebuilt {rebuilt}, silent {silent:?}");
    assert!(silent.is_empty(), "{silent:?}");
    assert!(noticed + rebuilt > 0);
}

#[test]
fn a_note_that_the_index_failed_makes_another_and_then_goes() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    let note = home.path().join("journal/index.failed");
    fs::write(&note, []).unwrap();
    let (store, opened) = open(home.path());
    assert_eq!(opened.how, OpenedHow::Rebuilt);
    assert!(!note.exists());
    store.close().unwrap();
    drop(store);
    assert_eq!(open(home.path()).1.how, OpenedHow::Clean);
}
