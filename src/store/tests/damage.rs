//! Torn tails and flipped bits.

use std::fs;
use std::ops::ControlFlow;

use super::super::format::{GROUP_HEADER, GROUP_TRAILER, SEGMENT_HEADER};
use super::*;
use crate::crypto::Digest;

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
            // Zeros at the end are room, or say nothing.
            let written = torn.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            let expected = if lost { &torn[start..written] } else { &[] };
            assert_eq!(opened.torn_bytes_cut, expected.len() as u64, "{cut}");
            if !expected.is_empty() {
                let kept = fs::read(copy.path().join("journal/torn.last")).unwrap();
                assert_eq!(kept, expected);
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
fn every_flipped_bit_of_a_vouched_group_is_named_and_only_blobs_let_the_store_open() {
    let home = tempfile::tempdir().unwrap();
    let lengths = three(home.path(), true);
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(segment(home.path(), 1), &flipped).unwrap();
        let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
        let (what, offset) = match report.fault {
            Some(StoreError::Damaged {
                what,
                segment: 1,
                offset,
            }) => {
                let opened = try_open(options(home.path())).err().unwrap();
                assert!(matches!(opened, StoreError::Damaged { .. }), "byte {at}");
                (what, offset)
            }
            Some(fault) => panic!("byte {at}: {fault}"),
            None => {
                let [damaged] = report.damaged[..] else {
                    panic!("byte {at}: {:?}", report.damaged);
                };
                ("blob", damaged.place.offset)
            }
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

#[test]
fn a_scrub_names_every_damaged_blob_and_the_same_bytes_repair_it() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let blobs = vec![vec![1; 300], vec![2; 500]];
    let ask = Ask::WithBlobs("a".to_owned(), blobs.clone());
    let place = writer.propose_blocking(ask).unwrap()[0];
    set(&writer, "b", "whole");
    let scrub = || store.scrub(&mut |_| ControlFlow::Continue(()));
    let sound = scrub();
    assert_eq!((sound.groups, sound.damaged.len()), (2, 0));
    assert!(sound.faults.is_empty() && sound.bytes > 800);

    let path = segment(home.path(), 1);
    let whole = fs::read(&path).unwrap();
    let mut rotten = whole.clone();
    let second = place.offset as usize + 44 + 2 * 36 + 16 + "a=blobs".len() + 300;
    assert_eq!(rotten[second..second + 500], [2; 500]);
    rotten[second + 7] ^= 0x40;
    fs::write(&path, &rotten).unwrap();
    let found = scrub();
    assert!(found.faults.is_empty());
    let [damaged] = found.damaged[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (damaged.place, damaged.blob, damaged.length),
        (place, 1, 500)
    );
    assert_eq!(damaged.digest, Digest::of(&blobs[1]));
    // Its neighbours are untouched, and other bytes do not take its place.
    assert_eq!(store.blob(place, 0).unwrap(), blobs[0]);
    let refused = store.repair_blob(&damaged, &[3; 500]).unwrap_err();
    assert!(matches!(
        refused,
        StoreError::Damaged {
            what: "replacement",
            ..
        }
    ));
    assert_eq!(fs::read(&path).unwrap(), rotten);
    // It does not keep the store from opening, nor the index from being made anew.
    store.close().unwrap();
    drop((store, writer));
    lose_index(home.path());
    let (store, opened) = open(home.path());
    assert_eq!(
        (opened.how, &opened.damaged[..]),
        (OpenedHow::Rebuilt, &[damaged][..])
    );

    store.repair_blob(&damaged, &blobs[1]).unwrap();
    assert_eq!(store.blob(place, 1).unwrap(), blobs[1]);
    assert!(
        store
            .scrub(&mut |_| ControlFlow::Continue(()))
            .damaged
            .is_empty()
    );
    let broken_off = store.scrub(&mut |_| ControlFlow::Break(()));
    assert!(broken_off.broken_off && broken_off.groups == 1);
    assert_eq!(fs::read(&path).unwrap()[..whole.len()], whole);
}
