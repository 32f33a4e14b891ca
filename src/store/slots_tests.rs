use super::super::tests::faulty::{Fate, Faulty};
use super::*;

fn paths(home: &tempfile::TempDir) -> SlotPaths {
    SlotPaths {
        slots: home.path().join("slots"),
        file_key: home.path().join("keys").join("file-key"),
        seal: None,
    }
}

#[test]
fn a_sealed_file_key_opens_under_its_protection_key_alone() {
    let home = tempfile::tempdir().unwrap();
    let sealed = |byte| SlotPaths {
        seal: Some(KeySeal::new(&[byte; 32]).unwrap()),
        ..paths(&home)
    };
    let slots = ShredSlots::create(sealed(1)).unwrap();
    let (first, kept) = slots.take().unwrap();
    let (second, _) = slots.take().unwrap();
    slots.erase(&[second]).unwrap();
    drop(slots);
    for wrong in [paths(&home), sealed(2)] {
        let error = ShredSlots::open(wrong, 2).err().unwrap();
        assert!(matches!(error, StoreError::FileKey { .. }), "{error}");
    }
    let slots = ShredSlots::open(sealed(1), 2).unwrap();
    assert_eq!(*slots.open_slot(first).unwrap(), *kept);
    assert!(matches!(
        slots.open_slot(second),
        Err(StoreError::SlotErased(_))
    ));
}

#[test]
fn slots_are_distinct_and_survive() {
    let home = tempfile::tempdir().unwrap();
    let slots = ShredSlots::create(paths(&home)).unwrap();
    let mut taken = Vec::new();
    for number in 0..BLOCK_SLOTS + 10 {
        let (slot, bytes) = slots.take().unwrap();
        assert_eq!(slot, number);
        taken.push(*bytes);
    }
    drop(slots);
    let slots = ShredSlots::open(paths(&home), taken.len() as u64).unwrap();
    for (slot, bytes) in taken.iter().enumerate() {
        assert_eq!(&*slots.open_slot(slot as u64).unwrap(), bytes);
    }
    let last = taken.len() as u64;
    assert!(matches!(slots.open_slot(last), Err(StoreError::NoSuchSlot(slot)) if slot == last));
    assert_eq!(slots.take().unwrap().0, last);
    let mut distinct = taken.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), taken.len());
    use std::os::unix::fs::PermissionsExt as _;
    for path in [paths(&home).slots, paths(&home).file_key] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn create_does_not_overwrite() {
    let home = tempfile::tempdir().unwrap();
    ShredSlots::create(paths(&home)).unwrap();
    assert!(matches!(
        ShredSlots::create(paths(&home)),
        Err(StoreError::Exists(_))
    ));
}

#[test]
fn every_failing_step_of_making_slots_leaves_what_the_next_start_makes_good() {
    for fate in [Fate::Fails, Fate::FailsButPersists] {
        for step in 0.. {
            let home = tempfile::tempdir().unwrap();
            let made = ShredSlots::create_on(paths(&home), Faulty::new(step, fate));
            // As a start decides while no durable entry names a slot.
            let next = if paths(&home).slots.exists() {
                ShredSlots::open(paths(&home), 0)
            } else {
                ShredSlots::create(paths(&home))
            };
            let slots = next.unwrap_or_else(|error| panic!("step {step}: {error}"));
            slots.take().unwrap();
            if made.is_ok() {
                assert!(step > 5);
                break;
            }
        }
    }
}

#[test]
fn a_key_that_is_not_a_new_one_is_not_taken_for_new_slots() {
    let home = tempfile::tempdir().unwrap();
    let slots = ShredSlots::create(paths(&home)).unwrap();
    slots.take().unwrap();
    slots.erase(&[0]).unwrap();
    drop(slots);
    fs::remove_file(paths(&home).slots).unwrap();
    for damage in [false, true] {
        if damage {
            fs::write(paths(&home).file_key, [0; 64]).unwrap();
        }
        assert!(matches!(
            ShredSlots::create(paths(&home)),
            Err(StoreError::Exists(path)) if path == paths(&home).file_key
        ));
    }
}

#[test]
fn one_damaged_copy_is_read_from_the_other_two_are_damage() {
    let home = tempfile::tempdir().unwrap();
    let slots = ShredSlots::create(paths(&home)).unwrap();
    let (slot, bytes) = slots.take().unwrap();
    drop(slots);
    let flip = |copy| {
        let mut file = fs::read(paths(&home).slots).unwrap();
        file[copy_offset(0, copy) as usize + 500] ^= 4;
        fs::write(paths(&home).slots, file).unwrap();
    };
    flip(0);
    let slots = ShredSlots::open(paths(&home), 1).unwrap();
    assert_eq!(slots.open_slot(slot).unwrap(), bytes);
    drop(slots);
    flip(1);
    let again = ShredSlots::open(paths(&home), 1).unwrap();
    assert!(matches!(
        again.open_slot(slot),
        Err(StoreError::Damaged {
            what: "shred slot block",
            segment: 0,
            offset: 0
        })
    ));
    drop(again);
    flip(0);
    let slots = ShredSlots::open(paths(&home), 1).unwrap();
    assert_eq!(slots.open_slot(slot).unwrap(), bytes);
}

#[test]
fn a_missing_or_damaged_key_or_a_cut_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    drop(ShredSlots::create(paths(&home)).unwrap().take().unwrap());
    let cut = fs::read(paths(&home).slots).unwrap();
    fs::write(paths(&home).slots, &cut[..COPY_BYTES]).unwrap();
    let error = ShredSlots::open(paths(&home), 1).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { what, .. } if what.contains("end is missing")));
    fs::write(paths(&home).slots, &cut).unwrap();
    let mut key = fs::read(paths(&home).file_key).unwrap();
    key[20] ^= 1;
    fs::write(paths(&home).file_key, &key).unwrap();
    let error = ShredSlots::open(paths(&home), 1).err().unwrap();
    assert!(matches!(
        error,
        StoreError::FileKey {
            problem: "damaged",
            ..
        }
    ));
    fs::remove_file(paths(&home).file_key).unwrap();
    let error = ShredSlots::open(paths(&home), 1).err().unwrap();
    assert!(matches!(
        error,
        StoreError::FileKey {
            problem: "missing",
            ..
        }
    ));
}

#[test]
fn an_unfinished_block_ahead_is_filled_again() {
    let home = tempfile::tempdir().unwrap();
    let slots = ShredSlots::create(paths(&home)).unwrap();
    let mut last = None;
    for _ in 0..BLOCK_SLOTS {
        last = Some(slots.take().unwrap());
    }
    drop(slots);
    let mut file = fs::read(paths(&home).slots).unwrap();
    assert_eq!(file.len(), 4 * COPY_BYTES);
    file[2 * COPY_BYTES..].fill(0);
    fs::write(paths(&home).slots, file).unwrap();
    let slots = ShredSlots::open(paths(&home), BLOCK_SLOTS).unwrap();
    assert_eq!(slots.take().unwrap().0, BLOCK_SLOTS);
    let (slot, bytes) = last.unwrap();
    assert_eq!(slots.open_slot(slot).unwrap(), bytes);
}

#[test]
fn after_an_erasure_the_old_file_opens_with_no_key() {
    let home = tempfile::tempdir().unwrap();
    let slots = ShredSlots::create(paths(&home)).unwrap();
    let taken: Vec<_> = (0..5).map(|_| slots.take().unwrap()).collect();
    let before = fs::read(paths(&home).slots).unwrap();
    slots.erase(&[1, 3]).unwrap();
    for reopen in [false, true] {
        let opened;
        let slots = if reopen {
            opened = ShredSlots::open(paths(&home), 5).unwrap();
            &opened
        } else {
            &slots
        };
        for (slot, bytes) in &taken {
            match slot {
                1 | 3 => assert!(matches!(
                    slots.open_slot(*slot),
                    Err(StoreError::SlotErased(_))
                )),
                _ => assert_eq!(slots.open_slot(*slot).unwrap(), *bytes),
            }
        }
    }
    assert!(matches!(slots.erase(&[5]), Err(StoreError::NoSuchSlot(5))));
    // The whole data disk, copied before; all keys, taken after.
    let key = FileKey::decode(&fs::read(paths(&home).file_key).unwrap()).unwrap();
    assert!(open_block(&key, 0, &before[..COPY_BYTES]).is_none());
    let forged = FileKey {
        generation: 1,
        key: key.key.clone(),
    };
    assert!(open_block(&forged, 0, &before[..COPY_BYTES]).is_none());
    fs::write(paths(&home).slots, &before).unwrap();
    let error = ShredSlots::open(paths(&home), 5).err().unwrap();
    assert!(matches!(error, StoreError::FileKey { .. }), "{error}");
}

#[test]
fn every_failing_step_of_an_erasure_leaves_all_slots_or_all_but_the_erased() {
    for fate in [Fate::Fails, Fate::FailsButPersists, Fate::FailsHalfWay] {
        let mut served_on = 0;
        for step in 0.. {
            let home = tempfile::tempdir().unwrap();
            let slots = ShredSlots::create(paths(&home)).unwrap();
            let taken: Vec<_> = (0..3).map(|_| slots.take().unwrap()).collect();
            drop(slots);
            let medium = Faulty::new(step, fate);
            let slots = ShredSlots::open_on(paths(&home), 3, medium.clone()).unwrap();
            let erased = slots.erase(&[1]);
            assert_eq!(erased.is_err(), medium.struck(), "step {step}");
            let mut next = 3;
            if erased.is_err() {
                match slots.take() {
                    // Before the new file took its place: as if nothing had been tried.
                    Ok((slot, _)) => {
                        assert_eq!(slot, 3, "step {step}");
                        served_on += 1;
                        next = 4;
                        for (slot, bytes) in &taken {
                            assert_eq!(slots.open_slot(*slot).unwrap(), *bytes, "step {step}");
                        }
                        for leftover in ["slots.next", "keys/file-key.next"] {
                            assert!(!home.path().join(leftover).exists(), "step {step}");
                        }
                        slots.erase(&[1]).unwrap();
                        let gone = slots.open_slot(1);
                        assert!(
                            matches!(gone, Err(StoreError::SlotErased(1))),
                            "step {step}"
                        );
                    }
                    Err(error) => assert!(matches!(error, StoreError::Poisoned { .. })),
                }
            }
            drop(slots);
            let slots = ShredSlots::open(paths(&home), next).unwrap();
            for (slot, bytes) in &taken {
                match slots.open_slot(*slot) {
                    Ok(opened) => {
                        assert_eq!(opened, *bytes);
                        assert!(erased.is_err() || *slot != 1, "step {step}");
                    }
                    Err(StoreError::SlotErased(1)) => {}
                    Err(error) => panic!("step {step}, slot {slot}: {error}"),
                }
            }
            slots.erase(&[1]).unwrap();
            assert!(!home.path().join("slots.next").exists());
            if erased.is_ok() {
                assert!(step > 5);
                break;
            }
        }
        // Key and file, each made, written and synced, the key put in place.
        assert!(served_on >= 8, "{served_on}");
    }
}

#[test]
fn a_block_that_cannot_be_read_is_lost_and_keeps_nothing_from_being_erased() {
    let home = tempfile::tempdir().unwrap();
    let slots = ShredSlots::create(paths(&home)).unwrap();
    let taken: Vec<_> = (0..BLOCK_SLOTS + 3)
        .map(|_| slots.take().unwrap())
        .collect();
    let next = taken.len() as u64;
    drop(slots);
    let mut file = fs::read(paths(&home).slots).unwrap();
    for copy in 0..2 {
        file[copy_offset(0, copy) as usize + 500] ^= 4;
    }
    fs::write(paths(&home).slots, file).unwrap();
    let slots = ShredSlots::open(paths(&home), next).unwrap();
    let erasure = slots.erase(&[1, BLOCK_SLOTS]).unwrap();
    assert_eq!(erasure.lost, [0]);
    drop(slots);
    let slots = ShredSlots::open(paths(&home), next).unwrap();
    for erased in [1, BLOCK_SLOTS] {
        let gone = slots.open_slot(erased);
        assert!(matches!(gone, Err(StoreError::SlotErased(slot)) if slot == erased));
    }
    assert!(matches!(slots.open_slot(2), Err(StoreError::SlotLost(2))));
    for (slot, bytes) in taken.iter().skip(BLOCK_SLOTS as usize + 1) {
        assert_eq!(slots.open_slot(*slot).unwrap(), *bytes);
    }
    assert_eq!(slots.take().unwrap().0, next);
    // Said once.
    assert_eq!(slots.erase(&[2]).unwrap(), Default::default());
}
