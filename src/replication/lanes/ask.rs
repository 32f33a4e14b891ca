//! Questions about the lanes.

use std::ops::RangeInclusive;

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{Entry, EntryError, Event, Incarnation, LaneId, lane as lane_numbered},
    envelope::{Receipt, ReceiptGroup, running_hash},
    record::Country,
    store::{Keyspace, Place, ReadRows, Store, StoreError},
};

use super::{
    ARRIVED, GroupRow, INCOMING, ISSUED, Incoming, LanesError, OUTBOX, OUTGOING, Outgoing,
    PEER_LIVES, digest,
};

/// Lanes of one peer looked at, over all its incarnations.
const MAX_LANES: usize = 3 * 64;
/// Lanes of all peers looked at, one way.
const MAX_EVERY: usize = 100_000;

/// How far the lane to a peer is.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub fn outgoing(rows: &impl ReadRows, lane: &LaneId) -> Result<Outgoing, StoreError> {
    Ok(rows
        .row(&OUTGOING.key(&[&lane.key()]))?
        .and_then(|value| {
            let (assigned, rest) = value.split_first_chunk::<8>()?;
            let (hash, receipted) = rest.split_first_chunk::<32>()?;
            Some(Outgoing {
                assigned: u64::from_be_bytes(*assigned),
                running_hash: Digest::from_array(*hash),
                receipted: u64::from_be_bytes(receipted.try_into().ok()?),
            })
        })
        .unwrap_or_default())
}

/// How far the lane from a peer is.
///
/// # Errors
/// As [`outgoing`].
pub fn incoming(rows: &impl ReadRows, lane: &LaneId) -> Result<Incoming, StoreError> {
    Ok(rows
        .row(&INCOMING.key(&[&lane.key()]))?
        .and_then(|value| {
            let (sequence, hash) = value.split_first_chunk::<8>()?;
            Some(Incoming {
                sequence: u64::from_be_bytes(*sequence),
                running_hash: Digest::try_from(hash).ok()?,
            })
        })
        .unwrap_or_default())
}

/// The incarnation under which a peer sent last; `None` before its first record.
///
/// # Errors
/// As [`outgoing`].
pub fn last_incarnation(
    rows: &impl ReadRows,
    peer: Country,
) -> Result<Option<Incarnation>, StoreError> {
    Ok(rows
        .row(&PEER_LIVES.key(&[peer.code().as_bytes()]))?
        .and_then(|value| value.as_slice().try_into().ok()))
}

/// Incarnations under which a peer has sent, in the order of their names.
///
/// # Errors
/// As [`outgoing`].
pub fn incarnations_of(store: &Store, peer: Country) -> Result<Vec<Incarnation>, StoreError> {
    let prefix = INCOMING.key(&[peer.code().as_bytes()]);
    let mut all: Vec<Incarnation> = store
        .scan(&prefix, &prefix, MAX_LANES)?
        .into_iter()
        .filter_map(|(key, _)| key.get(3..19)?.try_into().ok())
        .collect();
    all.dedup();
    Ok(all)
}

/// How far every lane is, of every incarnation and with every peer, both ways: the last sequence
/// assigned or received and the running hash there. Lanes that never carried anything are left out.
///
/// # Errors
/// As [`outgoing`].
pub fn every(store: &Store) -> Result<Vec<(LaneId, u64, Digest)>, StoreError> {
    let mut lanes = Vec::new();
    for space in [OUTGOING, INCOMING] {
        let prefix = space.key(&[]);
        for (key, value) in store.scan(&prefix, &prefix, MAX_EVERY)? {
            let lane = key.get(prefix.len()..).and_then(lane_of);
            let far = value.split_first_chunk::<8>().and_then(|(last, rest)| {
                let (hash, _) = rest.split_first_chunk::<32>()?;
                Some((u64::from_be_bytes(*last), Digest::from_array(*hash)))
            });
            if let (Some(lane), Some((last, hash))) = (lane, far)
                && last > 0
            {
                lanes.push((lane, last, hash));
            }
        }
    }
    Ok(lanes)
}

/// The lane that a key of [`LaneId::key`] stands for.
fn lane_of(key: &[u8]) -> Option<LaneId> {
    let (peer, rest) = key.split_first_chunk::<2>()?;
    let (incarnation, lane) = rest.split_first_chunk::<16>()?;
    let [lane] = lane else {
        return None;
    };
    Some(LaneId {
        peer: std::str::from_utf8(peer).ok()?.parse().ok()?,
        incarnation: *incarnation,
        lane: lane_numbered(i32::from(*lane)).ok()?,
    })
}

/// Record number and running hash of a sequence in the outbox.
///
/// # Errors
/// As [`outgoing`].
pub fn outbox(
    rows: &impl ReadRows,
    lane: &LaneId,
    sequence: u64,
) -> Result<Option<(u64, Digest)>, StoreError> {
    Ok(OUTBOX
        .get(rows, &lane.key(), sequence)?
        .and_then(|value| outbox_row(&value)))
}

fn outbox_row(value: &[u8]) -> Option<(u64, Digest)> {
    let (number, hash) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), Digest::try_from(hash).ok()?))
}

/// Record numbers and running hashes of consecutive sequences in the outbox, from `first` on,
/// `limit` at most.
///
/// # Errors
/// As [`outgoing`].
pub fn outbox_from(
    store: &Store,
    lane: &LaneId,
    first: u64,
    limit: usize,
) -> Result<Vec<(u64, Digest)>, StoreError> {
    let found = OUTBOX.from(store, &lane.key(), first, limit)?;
    Ok(found
        .iter()
        .filter_map(|(_, value)| outbox_row(value))
        .collect())
}

/// What came under a sequence of a peer: the header's digest and the running hash there. Taken from
/// the receipts that answered it, so that a known sequence needs no row of its own.
///
/// # Errors
/// [`LanesError`] when the journal cannot be read, or its receipts do not decode.
pub fn arrival(
    store: &Store,
    lane: &LaneId,
    sequence: u64,
) -> Result<Option<(Digest, Digest)>, LanesError> {
    let Some(row) = issued(store, lane, sequence)? else {
        return Ok(None);
    };
    let Event::ReceiptsIssued(entry) = Entry::decode(&store.body(row.place)?)?.event else {
        return Err(EntryError::Field("receipts_issued").into());
    };
    let first = entry.first.ok_or(EntryError::Field("first"))?;
    let blob = store.blob(row.place, row.blob)?;
    let group = ReceiptGroup::decode(blob.as_slice()).map_err(EntryError::from)?;
    let mut found = None;
    for (at, receipt) in (row.first..=sequence).zip(&group.receipts) {
        let receipt = Receipt::decode(receipt.as_ref()).map_err(EntryError::from)?;
        let header = digest(&receipt.header_digest, "header_digest")?;
        let hash = match found {
            None => digest(&first.running_hash, "running_hash")?,
            Some((_, before)) => running_hash(&before, at, &header),
        };
        found = Some((header, hash));
    }
    Ok(found)
}

/// Header digests of what came under consecutive sequences of a peer; fewer when the last are not
/// receipted. Each group of receipts is read once.
///
/// # Errors
/// As [`arrival`].
pub fn headers(
    store: &Store,
    lane: &LaneId,
    sequences: RangeInclusive<u64>,
) -> Result<Vec<Digest>, LanesError> {
    let mut headers = Vec::new();
    let (mut next, last) = sequences.into_inner();
    while next <= last
        && let Some(row) = issued(store, lane, next)?
    {
        let blob = store.blob(row.place, row.blob)?;
        let group = ReceiptGroup::decode(blob.as_slice()).map_err(EntryError::from)?;
        let after = row.first.saturating_add(row.count);
        let mut receipts = (row.first..after).zip(&group.receipts);
        for wanted in next..after.min(last.saturating_add(1)) {
            let (_, receipt) = receipts
                .find(|(at, _)| *at == wanted)
                .ok_or(EntryError::Field("receipts"))?;
            let receipt = Receipt::decode(receipt.as_ref()).map_err(EntryError::from)?;
            headers.push(digest(&receipt.header_digest, "header_digest")?);
        }
        next = after;
    }
    Ok(headers)
}

/// The group of issued receipts that covers a sequence.
///
/// # Errors
/// As [`outgoing`].
pub fn issued(store: &Store, lane: &LaneId, sequence: u64) -> Result<Option<GroupRow>, StoreError> {
    group(store, &ISSUED, lane, sequence)
}

/// The group of arrived receipts that covers a sequence.
///
/// # Errors
/// As [`outgoing`].
pub fn arrived(
    store: &Store,
    lane: &LaneId,
    sequence: u64,
) -> Result<Option<GroupRow>, StoreError> {
    group(store, &ARRIVED, lane, sequence)
}

fn group(
    store: &Store,
    keyspace: &Keyspace,
    lane: &LaneId,
    sequence: u64,
) -> Result<Option<GroupRow>, StoreError> {
    let key = lane.key();
    let before = sequence.saturating_add(1).to_be_bytes();
    let rows = store.scan_back(&keyspace.key(&[&key]), &keyspace.key(&[&key, &before]), 1)?;
    Ok(rows.first().and_then(|(key, value)| {
        let (count, rest) = value.split_first_chunk::<8>()?;
        let (place, blob) = rest.split_first_chunk::<12>()?;
        let row = GroupRow {
            first: key.last_chunk::<8>().copied().map(u64::from_be_bytes)?,
            count: u64::from_be_bytes(*count),
            place: Place::from_bytes(place)?,
            blob: u32::from_be_bytes(blob.try_into().ok()?),
        };
        row.index(sequence).map(|_| row)
    }))
}
