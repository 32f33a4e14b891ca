//! What is ahead of the journal, behind it, missing, or of another history.

use std::fs;

use super::super::format::SEGMENT_HEADER;
use super::*;

#[test]
fn a_mark_or_index_ahead_of_the_journal_is_named() {
    for clean in [false, true] {
        for lost_index in [false, true] {
            let home = tempfile::tempdir().unwrap();
            let lengths = three(home.path(), clean);
            if lost_index {
                lose_index(home.path());
            }
            let whole = fs::read(segment(home.path(), 1)).unwrap();
            for length in [lengths[1], lengths[1] + 10, lengths[0], SEGMENT_HEADER] {
                fs::write(segment(home.path(), 1), &whole[..length]).unwrap();
                let opened = try_open(options(home.path()));
                if !clean && lost_index {
                    // Nothing vouches for it: an unfinished group is what it looks like.
                    drop(opened.unwrap());
                    break;
                }
                let end = lengths.iter().filter(|end| **end <= length).count() as u64;
                let error = opened.err().unwrap();
                assert!(
                    matches!(
                        error,
                        StoreError::AcknowledgedDataMissing { what, position: 3, journal }
                            if journal == end && (what == "index" || (clean && what == "clean mark"))
                    ),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn a_journal_that_is_gone_is_missed() {
    let home = tempfile::tempdir().unwrap();
    three(home.path(), true);
    fs::remove_file(segment(home.path(), 1)).unwrap();
    let error = try_open(options(home.path())).err().unwrap();
    assert!(
        matches!(
            error,
            StoreError::AcknowledgedDataMissing {
                position: 3,
                journal: 0,
                ..
            }
        ),
        "{error}"
    );
    fs::remove_file(mark(home.path())).unwrap();
    let error = try_open(options(home.path())).err().unwrap();
    assert!(
        matches!(
            error,
            StoreError::AcknowledgedDataMissing {
                what: "index",
                position: 3,
                journal: 0
            }
        ),
        "{error}"
    );
}

#[test]
fn a_damaged_or_missing_mark_is_named() {
    let home = tempfile::tempdir().unwrap();
    three(home.path(), true);
    let whole = fs::read(mark(home.path())).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(mark(home.path()), flipped).unwrap();
        let error = try_open(options(home.path())).err().unwrap();
        assert!(
            matches!(
                error,
                StoreError::Mark {
                    problem: "damaged",
                    ..
                }
            ),
            "byte {at}: {error}"
        );
    }
    let rebuilt = rebuild(options(home.path()), Arc::new(Notes), None, &mut |_| {}).unwrap();
    assert_eq!(rebuilt.entries_replayed, 3);
    assert_eq!(open(home.path()).1.how, OpenedHow::Clean);
    fs::remove_file(mark(home.path())).unwrap();
    let error = try_open(options(home.path())).err().unwrap();
    assert!(
        matches!(
            error,
            StoreError::Mark {
                problem: "missing",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_rebuild_gives_up_nothing_that_was_durable_unless_told_the_position() {
    let home = tempfile::tempdir().unwrap();
    let lengths = three(home.path(), true);
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    let mut flipped = whole.clone();
    flipped[lengths[2] - 5] ^= 4;
    let remake = |told| rebuild(options(home.path()), Arc::new(Notes), told, &mut |_| {});
    for bytes in [&flipped[..], &whole[..lengths[2] - 5], &whole[..lengths[1]]] {
        // The mark vouches; then, without one, the index does.
        for with_mark in [true, false] {
            let kept = fs::read(mark(home.path())).unwrap();
            if !with_mark {
                fs::remove_file(mark(home.path())).unwrap();
            }
            fs::write(segment(home.path(), 1), bytes).unwrap();
            for told in [None, Some(1), Some(3)] {
                let error = remake(told).unwrap_err();
                assert!(
                    matches!(error, StoreError::WouldLose { position: 2, .. }),
                    "{error}"
                );
                assert_eq!(fs::read(segment(home.path(), 1)).unwrap(), bytes);
            }
            fs::write(mark(home.path()), kept).unwrap();
        }
    }
    fs::write(segment(home.path(), 1), &whole).unwrap();
    assert_eq!(remake(None).unwrap().position, 3);
    fs::write(segment(home.path(), 1), &flipped).unwrap();
    let opened = remake(Some(2)).unwrap();
    assert_eq!((opened.position, opened.entries_replayed), (2, 2));
    assert_eq!(opened.torn_bytes_cut, (lengths[2] - lengths[1]) as u64);
    let (store, opened) = open(home.path());
    assert_eq!((opened.how, bodies(&store).len()), (OpenedHow::Clean, 2));
}

#[test]
fn another_history_is_named() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (home, value) in homes.iter().zip(["1", "2"]) {
        let (store, _) = open(home.path());
        let writer = store.start_writer(Desk);
        set(&writer, "a", value);
        store.close().unwrap();
    }
    fs::copy(segment(homes[0].path(), 1), segment(homes[1].path(), 1)).unwrap();
    let error = try_open(options(homes[1].path())).err().unwrap();
    assert!(
        matches!(
            error,
            StoreError::ChainDiffers {
                what: "clean mark",
                position: 1
            }
        ),
        "{error}"
    );
    fs::copy(mark(homes[0].path()), mark(homes[1].path())).unwrap();
    let error = try_open(options(homes[1].path())).err().unwrap();
    assert!(
        matches!(
            error,
            StoreError::ChainDiffers {
                what: "index",
                position: 1
            }
        ),
        "{error}"
    );
    // The operator may decide that the journal is right.
    let opened = rebuild(options(homes[1].path()), Arc::new(Notes), None, &mut |_| {}).unwrap();
    assert_eq!(
        (opened.how, opened.entries_replayed),
        (OpenedHow::Rebuilt, 1)
    );
    let (store, opened) = open(homes[1].path());
    assert_eq!(opened.how, OpenedHow::Clean);
    assert_eq!(value(&store, "a").as_deref(), Some("1"));
}

#[test]
fn a_missing_or_swapped_segment_is_named() {
    let home = tempfile::tempdir().unwrap();
    let small = StoreOptions {
        segment_bytes: 200,
        ..options(home.path())
    };
    let (store, _) = try_open(small).unwrap();
    let writer = store.start_writer(Desk);
    for number in 0..12 {
        set(&writer, &format!("k{number}"), "v");
    }
    store.close().unwrap();
    drop((store, writer));
    let aside = home.path().join("aside");
    for number in [1, 3] {
        fs::rename(segment(home.path(), number), &aside).unwrap();
        let error = try_open(options(home.path())).err().unwrap();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{number}: {error}"
        );
        fs::rename(&aside, segment(home.path(), number)).unwrap();
    }
    let second = fs::read(segment(home.path(), 2)).unwrap();
    fs::write(segment(home.path(), 2), &second[..second.len() - 1]).unwrap();
    let error = try_open(options(home.path())).err().unwrap();
    assert!(
        matches!(error, StoreError::Damaged { segment: 2, .. }),
        "{error}"
    );
    fs::write(segment(home.path(), 2), &second).unwrap();
    assert_eq!(open(home.path()).1.how, OpenedHow::Clean);
}

#[test]
fn the_index_is_rebuilt_when_lost_broken_or_of_another_boot() {
    let home = tempfile::tempdir().unwrap();
    three(home.path(), false);
    lose_index(home.path());
    let (store, opened) = open(home.path());
    assert_eq!(
        (opened.how, opened.entries_replayed),
        (OpenedHow::Rebuilt, 3)
    );
    assert_eq!(bodies(&store).len(), 3);
    drop(store);

    let other = |boot: &str| StoreOptions {
        boot_id: boot.to_owned(),
        ..options(home.path())
    };
    let (store, opened) = try_open(other("second")).unwrap();
    assert_eq!(
        (opened.how, opened.entries_replayed),
        (OpenedHow::Rebuilt, 3)
    );
    assert_eq!(bodies(&store).len(), 3);
    assert!(home.path().join("index.set-aside-1").exists());
    drop(store);
    let (store, opened) = try_open(other("second")).unwrap();
    assert_eq!(
        (opened.how, opened.entries_replayed),
        (OpenedHow::Replayed, 0)
    );
    store.close().unwrap();
    drop(store);
    let (store, opened) = try_open(other("third")).unwrap();
    assert_eq!(opened.how, OpenedHow::Clean);
    drop(store);

    fs::write(home.path().join("index/conf"), b"not sled's").unwrap();
    fs::write(home.path().join("index/db"), vec![0xA5; 9000]).unwrap();
    fs::write(home.path().join("index/snap.0001.generating"), b"left over").unwrap();
    let (store, opened) = try_open(other("third")).unwrap();
    assert_eq!(
        (opened.how, opened.entries_replayed),
        (OpenedHow::Rebuilt, 3)
    );
    assert_eq!(bodies(&store).len(), 3);
    store.close().unwrap();
    drop(store);
    fs::write(home.path().join("index/snap.0001.generating"), b"left over").unwrap();
    let (_, opened) = try_open(other("third")).unwrap();
    assert_eq!(opened.how, OpenedHow::Clean);
}

#[test]
fn an_index_that_is_behind_is_brought_up() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    set(&writer, "a", "1");
    store.close().unwrap();
    drop((store, writer));
    let old = tempfile::tempdir().unwrap();
    copy_dir(&home.path().join("index"), &old.path().join("index"));
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    set(&writer, "a", "2");
    set(&writer, "b", "3");
    store.close().unwrap();
    drop((store, writer));
    lose_index(home.path());
    copy_dir(&old.path().join("index"), &home.path().join("index"));
    let (store, opened) = open(home.path());
    assert_eq!(
        (opened.how, opened.entries_replayed),
        (OpenedHow::Replayed, 2)
    );
    assert_eq!(value(&store, "a").as_deref(), Some("2"));
    assert_eq!(bodies(&store).len(), 3);
}

#[test]
fn check_tells_rows_that_differ() {
    let home = tempfile::tempdir().unwrap();
    three(home.path(), true);
    let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
    assert!(report.fault.is_none(), "{:?}", report.fault);
    assert_eq!((report.segments, report.groups, report.entries), (1, 3, 3));
    assert_eq!((report.torn_bytes, report.index_position), (0, Some(3)));
    let db = sled::open(home.path().join("index")).unwrap();
    db.insert([ROWS, b'a'], b"forged").unwrap();
    drop(db);
    let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
    assert!(
        matches!(report.fault, Some(StoreError::Index(_))),
        "{:?}",
        report.fault
    );
}

#[test]
fn a_newer_format_is_not_touched() {
    let home = tempfile::tempdir().unwrap();
    three(home.path(), true);
    let mut bytes = fs::read(segment(home.path(), 1)).unwrap();
    bytes[11] = 2;
    let sum = super::super::format::check(&[&bytes[..SEGMENT_HEADER - 16]]);
    bytes[SEGMENT_HEADER - 16..SEGMENT_HEADER].copy_from_slice(&sum);
    fs::write(segment(home.path(), 1), bytes).unwrap();
    let error = try_open(options(home.path())).err().unwrap();
    assert!(
        matches!(error, StoreError::Version { version: 2, .. }),
        "{error}"
    );
}

#[test]
fn an_unclean_stop_leaves_no_heap_of_empty_segments() {
    let home = tempfile::tempdir().unwrap();
    three(home.path(), false);
    for _ in 0..5 {
        drop(open(home.path()));
    }
    let (store, _) = open(home.path());
    assert!(store.segment_count() <= 2);
    assert_eq!(bodies(&store).len(), 3);
}
