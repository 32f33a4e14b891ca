//! Torn tails and flipped bits.

use std::fs;

use super::super::format::{GROUP_HEADER, GROUP_TRAILER, SEGMENT_HEADER};
use super::*;

#[test]
fn a_tail_torn_at_every_byte_is_cut_to_the_last_whole_group() {
    let home = tempfile::tempdir().unwrap();
    let lengths = three(home.path(), false);
    lose_index(home.path());
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    let start = lengths[1];
    for cut in start..whole.len() {
        for zeros in [false, true] {
            let copy = tempfile::tempdir().unwrap();
            copy_dir(home.path(), copy.path());
            let mut torn = whole[..cut].to_vec();
            if zeros {
                torn.resize(whole.len(), 0);
            }
            fs::write(segment(copy.path(), 1), &torn).unwrap();
            let (store, opened) = open(copy.path());
            // Bytes that are zeros anyway are not lost by being zeroed.
            let lost = torn != whole;
            assert_eq!(opened.position, if lost { 2 } else { 3 }, "{cut}");
            let expected = if lost { torn.len() - start } else { 0 };
            assert_eq!(opened.torn_bytes_cut, expected as u64, "{cut}");
            if expected > 0 {
                let kept = fs::read(copy.path().join("journal/torn.last")).unwrap();
                assert_eq!(kept, torn[start..]);
            }
            let writer = store.start_writer(Desk);
            set(&writer, "d", "4");
            assert_eq!(bodies(&store).last().unwrap(), "d=4");
            store.close().unwrap();
            drop((store, writer));
            assert_eq!(open(copy.path()).1.torn_bytes_cut, 0);
        }
    }
}

/// What a flip at this offset of a group of `three` must be called.
fn part(offset: usize, length: usize) -> &'static str {
    let entry = 44 + 36 + 16;
    match offset {
        _ if offset < GROUP_HEADER => "group header",
        _ if offset < GROUP_HEADER + entry => "entry header",
        _ if offset < GROUP_HEADER + entry + "a=blobs".len() => "entry body",
        _ if offset < length - GROUP_TRAILER => "blob",
        _ => "group trailer",
    }
}

#[test]
fn every_flipped_bit_of_a_vouched_group_is_named() {
    let home = tempfile::tempdir().unwrap();
    let lengths = three(home.path(), true);
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(segment(home.path(), 1), &flipped).unwrap();
        let error = try_open(options(home.path())).err().unwrap();
        let StoreError::Damaged {
            what,
            segment: 1,
            offset,
        } = error
        else {
            panic!("byte {at}: {error}");
        };
        if at < SEGMENT_HEADER {
            assert_eq!(what, "segment header", "byte {at}");
            continue;
        }
        let start = lengths.iter().rev().copied().find(|end| *end <= at);
        let start = start.unwrap_or(SEGMENT_HEADER);
        let end = *lengths.iter().find(|end| **end > at).unwrap();
        assert_eq!(what, part(at - start, end - start), "byte {at}");
        assert!(
            (start..end).contains(&(offset as usize)),
            "byte {at}: {offset}"
        );
    }
    fs::write(segment(home.path(), 1), &whole).unwrap();
    let (store, opened) = open(home.path());
    assert_eq!((opened.how, bodies(&store).len()), (OpenedHow::Clean, 3));
}

#[test]
fn damage_before_a_valid_group_is_never_a_torn_tail() {
    let home = tempfile::tempdir().unwrap();
    let lengths = three(home.path(), false);
    lose_index(home.path());
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    for at in SEGMENT_HEADER..lengths[1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(segment(home.path(), 1), &flipped).unwrap();
        let error = try_open(options(home.path())).err().unwrap();
        assert!(
            matches!(error, StoreError::Damaged { segment: 1, .. }),
            "byte {at}: {error}"
        );
        let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
        assert!(
            matches!(report.fault, Some(StoreError::Damaged { .. })),
            "byte {at}"
        );
    }
    // Nothing was changed by refusing.
    assert_eq!(
        fs::read(segment(home.path(), 1)).unwrap()[..lengths[0]],
        whole[..lengths[0]]
    );
}

#[test]
fn a_flip_is_found_at_every_read() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let ask = Ask::WithBlobs("a".to_owned(), vec![vec![7; 40]]);
    let place = writer.propose_blocking(ask).unwrap()[0];
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    for at in place.offset as usize..whole.len() - GROUP_TRAILER {
        let mut flipped = whole.clone();
        flipped[at] ^= 2;
        fs::write(segment(home.path(), 1), &flipped).unwrap();
        let offset = at - place.offset as usize + GROUP_HEADER;
        let expected = part(offset, whole.len() - SEGMENT_HEADER);
        let blob = store.blob(place, 0);
        match (expected, store.body(place)) {
            ("entry header" | "entry body", Err(StoreError::Damaged { what, .. })) => {
                assert_eq!(what, expected, "byte {at}");
            }
            ("blob", Ok(_)) => {
                assert!(matches!(
                    blob,
                    Err(StoreError::Damaged { what: "blob", .. })
                ));
            }
            (_, other) => panic!("byte {at}: {other:?}"),
        }
        assert!(matches!(
            store.entries(1).next(),
            Some(Err(StoreError::Damaged { .. }))
        ));
        assert_eq!(store.entries(1).count(), 1);
    }
}
