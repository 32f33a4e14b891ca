use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;

use proptest::prelude::*;

use super::super::tests::faulty::{Fate, Faulty};
use super::*;
use crate::crypto::{chunks::verify_chunk, merkle};

const CHUNK: u32 = 64 << 10;

fn plain(plan: ChunkPlan, index: u64) -> Vec<u8> {
    let seed = index.to_be_bytes();
    (0..plan.length(index))
        .map(|at| seed[at % 8] ^ u8::try_from(at % 251).unwrap())
        .collect()
}

fn plan(chunks: u64) -> ChunkPlan {
    ChunkPlan::new((chunks - 1) * u64::from(CHUNK) + 9, CHUNK).unwrap()
}

fn root(plan: ChunkPlan) -> Digest {
    let chunks: Vec<Vec<u8>> = (0..plan.chunks()).map(|at| plain(plan, at)).collect();
    merkle::root(&chunks)
}

fn append(writer: &mut ChunkWriter, key: &ChunkKey, plan: ChunkPlan) -> Result<(), ChunkError> {
    let mut chunk = plain(plan, writer.taken());
    writer.append(key, &mut chunk)
}

#[test]
fn what_was_written_is_read_and_proved_and_nothing_of_it_lies_there_in_plain() {
    let dir = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(dir.path().join("chunks")).unwrap();
    let (key, plan, id) = (ChunkKey::generate().unwrap(), plan(9), [3; 16]);
    let mut writer = store.write_on(id, plan, &key).unwrap();
    while writer.taken() < plan.chunks() {
        append(&mut writer, &key, plan).unwrap();
    }
    assert!(matches!(
        append(&mut writer, &key, plan),
        Err(ChunkError::Beyond(9))
    ));
    assert_eq!(writer.finish().unwrap(), 9);
    assert_eq!(writer.root(), root(plan));
    drop(writer);
    let reader = store.read(id, plan).unwrap();
    for index in 0..plan.chunks() {
        let chunk = reader.plain(&key, index).unwrap();
        assert_eq!(chunk, plain(plan, index));
        let path = reader.proof(&key, index).unwrap();
        verify_chunk(
            &root(plan),
            plan.chunks(),
            index,
            &chunk_hash(&chunk),
            &path,
        )
        .unwrap();
    }
    assert!(matches!(reader.sealed(9), Err(ChunkError::NotYet(9))));
    let path = store.path(&id);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() as u64 <= bytes_on_disk(plan));
    let leaf = chunk_hash(&plain(plan, 0));
    for secret in [&plain(plan, 0)[..32], leaf.as_bytes(), key.as_bytes()] {
        assert!(!bytes.windows(secret.len()).any(|found| found == secret));
    }
    assert_eq!(store.list().unwrap(), [(id, bytes.len() as u64)]);
    fs::write(dir.path().join("chunks/readme"), "no file of the store").unwrap();
    assert_eq!(store.list().unwrap().len(), 1);
    assert!(store.remove(&id).unwrap() && !store.remove(&id).unwrap());
    assert!(matches!(store.read(id, plan), Err(ChunkError::Missing)));
}

#[test]
fn a_chunk_of_another_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(dir.path().to_owned()).unwrap();
    let (key, plan) = (ChunkKey::generate().unwrap(), plan(2));
    let mut writer = store.write_on([1; 16], plan, &key).unwrap();
    let short = writer.append(&key, &mut [0; 100]);
    assert!(
        matches!(short, Err(ChunkError::Length { index: 0, found: 100, expected }) if expected == CHUNK as usize)
    );
    append(&mut writer, &key, plan).unwrap();
    let long = writer.append(&key, &mut [0; 10]);
    assert!(matches!(
        long,
        Err(ChunkError::Length {
            index: 1,
            found: 10,
            expected: 9
        })
    ));
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(dir.path().to_owned()).unwrap();
    let (key, plan, id) = (ChunkKey::generate().unwrap(), plan(4), [1; 16]);
    let mut writer = store.write_on(id, plan, &key).unwrap();
    while writer.taken() < 4 {
        append(&mut writer, &key, plan).unwrap();
    }
    writer.finish().unwrap();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(store.path(&id))
        .unwrap();
    let flip = |at: u64| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        byte[0] ^= 4;
        file.write_all_at(&byte, at).unwrap();
    };
    for at in [0, 20, HEAD_BYTES, HEAD_BYTES + 77] {
        let at = place_of(plan, 2) + at;
        flip(at);
        let reader = store.read(id, plan).unwrap();
        assert!(matches!(reader.plain(&key, 2), Err(ChunkError::Damaged(2))));
        assert!(reader.plain(&key, 1).is_ok() && reader.plain(&key, 3).is_ok());
        flip(at);
    }
    // It is put back as it was, and nothing else in its place.
    let reader = store.read(id, plan).unwrap();
    let (seal, whole) = reader.sealed(2).unwrap();
    let (other, beside) = reader.sealed(1).unwrap();
    flip(place_of(plan, 2) + HEAD_BYTES + 9);
    flip(place_of(plan, 2) + 70);
    let root = root(plan);
    let wrong = store.repair(&reader, &key, &root, 2, (other, &beside));
    assert!(matches!(wrong, Err(ChunkError::Damaged(2))));
    store
        .repair(&reader, &key, &root, 2, (seal, &whole))
        .unwrap();
    let reader = store.read(id, plan).unwrap();
    for index in 0..4 {
        assert_eq!(reader.plain(&key, index).unwrap(), plain(plan, index));
        reader.proof(&key, index).unwrap();
    }
    // The hashes beside it.
    flip(place_of(plan, 2) + 60);
    let reader = store.read(id, plan).unwrap();
    assert!(matches!(reader.proof(&key, 3), Err(ChunkError::Damaged(2))));
    // Cut short.
    file.set_len(place_of(plan, 3) + HEAD_BYTES + 3).unwrap();
    let reader = store.read(id, plan).unwrap();
    assert!(matches!(reader.sealed(3), Err(ChunkError::Damaged(3))));
}

#[test]
fn a_sealed_chunk_that_does_not_open_is_not_taken_and_its_next_attempt_is() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let (from, to) = (
        ChunkStore::open(from).unwrap(),
        ChunkStore::open(to).unwrap(),
    );
    let (key, plan, id) = (ChunkKey::generate().unwrap(), plan(5), [1; 16]);
    let mut writer = from.write_on(id, plan, &key).unwrap();
    while writer.taken() < 5 {
        append(&mut writer, &key, plan).unwrap();
    }
    writer.finish().unwrap();
    let reader = from.read(id, plan).unwrap();
    let mut writer = to.write_on(id, plan, &key).unwrap();
    for index in 0..5 {
        let (seal, chunk) = reader.sealed(index).unwrap();
        let mut flipped = chunk.clone();
        flipped[3] ^= 1;
        let refused = writer.append_sealed(&key, seal, &mut flipped);
        assert!(matches!(refused, Err(ChunkError::Damaged(at)) if at == index));
        let (other, mut wrong) = reader.sealed((index + 1) % 5).unwrap();
        wrong.resize(chunk.len(), 0);
        assert!(writer.append_sealed(&key, other, &mut wrong).is_err());
        writer
            .append_sealed(&key, seal, &mut chunk.clone())
            .unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(writer.root(), root(plan));
    let copy = to.read(id, plan).unwrap();
    for index in 0..5 {
        assert_eq!(copy.sealed(index).unwrap(), reader.sealed(index).unwrap());
        assert_eq!(copy.plain(&key, index).unwrap(), plain(plan, index));
    }
}

/// Writes on until every chunk is durable or the disk fails.
fn live(dir: &Path, medium: Arc<Faulty>, key: &ChunkKey, plan: ChunkPlan) -> Result<u64, u64> {
    let store = ChunkStore::open_on(dir.to_owned(), medium).map_err(|_| 0u64)?;
    let mut writer = store.write_on([1; 16], plan, key).map_err(|_| 0u64)?;
    let mut durable = writer.taken();
    while writer.taken() < plan.chunks() {
        append(&mut writer, key, plan).map_err(|_| durable)?;
        if writer.taken().is_multiple_of(3) {
            durable = writer.finish().map_err(|_| durable)?;
        }
    }
    writer.finish().map_err(|_| durable)
}

#[test]
fn whichever_operation_fails_what_was_durable_stays_and_the_rest_is_written_again() {
    let fates = [
        Fate::Fails,
        Fate::FailsButPersists,
        Fate::FailsHalfWay,
        Fate::Full,
    ];
    let (key, plan) = (ChunkKey::generate().unwrap(), plan(8));
    for fate in fates {
        for step in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let medium = Faulty::new(step, fate);
            let first = live(dir.path(), medium.clone(), &key, plan);
            if !medium.struck() {
                assert_eq!(first, Ok(8));
                break;
            }
            let durable = first.unwrap_or_else(|durable| durable);
            let store = ChunkStore::open(dir.path().to_owned()).unwrap();
            let writer = store.write_on([1; 16], plan, &key).unwrap();
            assert!(writer.taken() >= durable, "{fate:?} at {step}");
            drop(writer);
            let whole = Faulty::new(u64::MAX, fate);
            assert_eq!(live(dir.path(), whole, &key, plan), Ok(8));
            let reader = store.read([1; 16], plan).unwrap();
            for index in 0..8 {
                assert_eq!(reader.plain(&key, index).unwrap(), plain(plan, index));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn however_often_it_breaks_the_same_bytes_come_out(chunks in 1u64..20, breaks in proptest::collection::vec((0u64..9, any::<bool>(), 0u64..200_000), 0..6)) {
        let dir = tempfile::tempdir().unwrap();
        let store = ChunkStore::open(dir.path().to_owned()).unwrap();
        let (key, plan) = (ChunkKey::generate().unwrap(), plan(chunks));
        let mut durable = 0;
        for (more, synced, torn) in breaks {
            let mut writer = store.write_on([1; 16], plan, &key).unwrap();
            prop_assert_eq!(writer.taken(), durable);
            for _ in 0..more.min(plan.chunks() - durable) {
                append(&mut writer, &key, plan).unwrap();
            }
            if synced {
                durable = writer.finish().unwrap();
            }
            drop(writer);
            // What lies beyond may be anything.
            let file = OpenOptions::new().write(true).open(store.path(&[1; 16])).unwrap();
            file.write_all_at(&vec![0xee; usize::try_from(torn).unwrap()], place_of(plan, durable)).unwrap();
        }
        let mut writer = store.write_on([1; 16], plan, &key).unwrap();
        while writer.taken() < plan.chunks() {
            append(&mut writer, &key, plan).unwrap();
        }
        writer.finish().unwrap();
        prop_assert_eq!(writer.root(), root(plan));
        let reader = store.read([1; 16], plan).unwrap();
        for index in 0..plan.chunks() {
            prop_assert_eq!(reader.plain(&key, index).unwrap(), plain(plan, index));
        }
    }
}
