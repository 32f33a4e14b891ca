//! Room behind the journal's end: zeros say nothing, and hide nothing.

use super::super::format::GROUP_HEADER;
use super::*;

/// Room of a test's journal.
const ROOM: u64 = 5_000;

fn roomy(home: &Path) -> StoreOptions {
    StoreOptions {
        room_bytes: ROOM,
        ..options(home)
    }
}

fn length(home: &Path) -> u64 {
    fs::metadata(segment(home, 1)).unwrap().len()
}

/// Writes three notes, one group each, and stops uncleanly; answers where each group ends.
fn three_in_room(home: &Path) -> Vec<usize> {
    let (store, _) = try_open(roomy(home)).unwrap();
    let writer = store.start_writer(Desk);
    let ends = ["a", "b", "c"].map(|key| {
        set(&writer, key, "1");
        let bytes = fs::read(segment(home, 1)).unwrap();
        bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
    });
    stop_uncleanly(home, store, writer);
    ends.to_vec()
}

#[test]
fn room_is_made_ahead_and_cut_off_at_a_clean_stop() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = try_open(roomy(home.path())).unwrap();
    let writer = store.start_writer(Desk);
    set(&writer, "a", "1");
    assert!(length(home.path()) >= ROOM);
    store.close().unwrap();
    let after = length(home.path());
    assert!(after < 600, "{after}");
    stop_uncleanly(home.path(), store, writer);
    let (store, opened) = try_open(roomy(home.path())).unwrap();
    assert_eq!(opened.how, OpenedHow::Clean);
    assert_eq!(bodies(&store), ["a=1"]);
}

#[test]
fn room_left_by_an_unclean_stop_is_no_torn_group() {
    let home = tempfile::tempdir().unwrap();
    three_in_room(home.path());
    assert!(length(home.path()) >= ROOM);
    let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
    assert!(report.fault.is_none(), "{:?}", report.fault);
    assert_eq!((report.torn_bytes, report.entries), (0, 3));
    let (store, opened) = try_open(roomy(home.path())).unwrap();
    assert_eq!(opened.torn_bytes_cut, 0);
    assert_eq!(bodies(&store), ["a=1", "b=1", "c=1"]);
}

#[test]
fn a_group_torn_at_any_byte_within_room_is_cut() {
    let home = tempfile::tempdir().unwrap();
    let ends = three_in_room(home.path());
    // Nothing vouches for the last group.
    lose_index(home.path());
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    // A trailer ends in a zero now and then: what lies behind `ends` is zeros anyway.
    for cut in ends[1] + 1..ends[2] {
        // What reached the disk of it: its beginning, or everything but a piece.
        for piece in [cut..ends[2], cut..(cut + 7).min(ends[2])] {
            let mut torn = whole.clone();
            torn[piece.clone()].fill(0);
            if torn == whole {
                continue;
            }
            let home_torn = tempfile::tempdir().unwrap();
            copy_dir(home.path(), home_torn.path());
            fs::write(segment(home_torn.path(), 1), &torn).unwrap();
            let (store, opened) = try_open(roomy(home_torn.path()))
                .unwrap_or_else(|error| panic!("{piece:?}: {error}"));
            assert_eq!(bodies(&store), ["a=1", "b=1"], "{piece:?}");
            assert!(opened.torn_bytes_cut > 0);
            assert!(opened.torn_bytes_cut <= (ends[2] - ends[1]) as u64);
        }
    }
}

#[test]
fn a_group_that_is_vouched_for_is_missed_in_the_room() {
    let home = tempfile::tempdir().unwrap();
    let ends = three_in_room(home.path());
    let whole = fs::read(segment(home.path(), 1)).unwrap();
    for from in [ends[1], ends[1] + GROUP_HEADER, ends[2] - 4] {
        let mut torn = whole.clone();
        torn[from..ends[2]].fill(0);
        let home_torn = tempfile::tempdir().unwrap();
        copy_dir(home.path(), home_torn.path());
        fs::write(segment(home_torn.path(), 1), &torn).unwrap();
        let refused = try_open(roomy(home_torn.path())).map(drop).unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::AcknowledgedDataMissing {
                    what: "index",
                    position: 3,
                    journal: 2
                }
            ),
            "{from}: {refused}"
        );
    }
}

#[test]
fn damage_before_a_later_group_is_no_torn_tail() {
    let home = tempfile::tempdir().unwrap();
    let ends = three_in_room(home.path());
    lose_index(home.path());
    let mut damaged = fs::read(segment(home.path(), 1)).unwrap();
    damaged[ends[0]..ends[1]].fill(0);
    fs::write(segment(home.path(), 1), &damaged).unwrap();
    let refused = try_open(roomy(home.path())).map(drop).unwrap_err();
    assert!(
        matches!(refused, StoreError::Damaged { what: "group header", offset, .. } if offset == ends[0] as u64),
        "{refused}"
    );
}

#[test]
fn a_group_that_ends_in_zeros_is_whole() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = try_open(roomy(home.path())).unwrap();
    let writer = store.start_writer(Desk);
    let mut written = 0;
    let mut end = 0;
    // One trailer in 256 ends in a zero.
    while written < 10_000 {
        set(&writer, &format!("key{written}"), "1");
        written += 1;
        let bytes = fs::read(segment(home.path(), 1)).unwrap();
        let last = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let begins = bytes
            .windows(8)
            .rposition(|bytes| bytes == b"comityGT")
            .unwrap();
        end = begins + 56;
        if last < end {
            break;
        }
    }
    stop_uncleanly(home.path(), store, writer);
    let report = check(&options(home.path()), Arc::new(Notes), &mut |_| {}).unwrap();
    assert!(report.fault.is_none(), "{:?}", report.fault);
    assert_eq!((report.torn_bytes, report.entries), (0, written));
    // The file may end there as well.
    let file = fs::File::options()
        .write(true)
        .open(segment(home.path(), 1))
        .unwrap();
    file.set_len(end as u64).unwrap();
    let (store, opened) = try_open(roomy(home.path())).unwrap();
    assert_eq!((opened.position, opened.torn_bytes_cut), (written, 0));
    assert_eq!(bodies(&store).len() as u64, written);
}

#[test]
fn each_segment_is_cut_to_its_groups_before_the_next_begins() {
    let home = tempfile::tempdir().unwrap();
    let small = StoreOptions {
        segment_bytes: 600,
        ..roomy(home.path())
    };
    let (store, _) = try_open(small.clone()).unwrap();
    let writer = store.start_writer(Desk);
    for number in 0..12 {
        set(&writer, &format!("key{number}"), "1");
    }
    assert!(length(home.path()) < 1_000);
    stop_uncleanly(home.path(), store, writer);
    let (store, opened) = try_open(small).unwrap();
    assert_eq!((opened.position, opened.torn_bytes_cut), (12, 0));
    assert_eq!(bodies(&store).len(), 12);
}
