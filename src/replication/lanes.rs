//! The lanes' projection: what was assigned, received and receipted, by peer, incarnation and lane.

mod ask;

pub use ask::{
    arrival, arrived, every, headers, incarnations_of, incoming, issued, last_incarnation, outbox,
    outbox_from, outgoing,
};

use crate::{
    crypto::Digest,
    entry::{EntryError, Event, LaneId, Position, incarnation},
    store::{Entry as Stored, Keyspace, Place, Rows, Run, StoreError},
};

/// Lane to a peer → how far it is assigned and receipted.
const OUTGOING: Keyspace = Keyspace {
    prefix: 0x20,
    name: "outgoing lanes",
    key: "peer (2), own incarnation (16), lane (1)",
    value: "last assigned (u64 be), running hash (32), last receipted (u64 be)",
    written_by: "submitted, receipts arrived",
    goes_away: "never",
};

/// Outbox: sequence to a peer → record number and running hash.
const OUTBOX: Run<40> = Run {
    space: Keyspace {
        prefix: 0x21,
        name: "outbox",
        key: "peer (2), own incarnation (16), lane (1), sequence / 32 (u64 be)",
        value: "32 times: local number (u64 be), running hash (32)",
        written_by: "submitted",
        goes_away: "never: a known sequence must stay known",
    },
    per_row: 32,
};

/// Lane from a peer → how far it is received.
const INCOMING: Keyspace = Keyspace {
    prefix: 0x22,
    name: "incoming lanes",
    key: "peer (2), its incarnation (16), lane (1)",
    value: "last sequence (u64 be), running hash (32)",
    written_by: "received, refused",
    goes_away: "never",
};

/// Peer → the incarnation under which it sent last.
const PEER_LIVES: Keyspace = Keyspace {
    prefix: 0x26,
    name: "peers' incarnations",
    key: "peer (2)",
    value: "its incarnation (16)",
    written_by: "received, refused",
    goes_away: "never; replaced when the peer takes a new one",
};

/// Receipt groups issued, by their first sequence.
const ISSUED: Keyspace = Keyspace {
    prefix: 0x24,
    name: "receipts issued",
    key: "peer (2), its incarnation (16), lane (1), first sequence (u64 be)",
    value: "count (u64 be), place of the entry (12), blob (u32 be)",
    written_by: "receipts issued",
    goes_away: "never",
};

/// Receipt groups that arrived, by their first sequence.
const ARRIVED: Keyspace = Keyspace {
    prefix: 0x25,
    name: "receipts arrived",
    key: "peer (2), own incarnation (16), lane (1), first sequence (u64 be)",
    value: "count (u64 be), place of the entry (12), blob (u32 be)",
    written_by: "receipts arrived",
    goes_away: "never",
};

/// The keyspaces of this room.
pub const fn keyspaces() -> [&'static Keyspace; 6] {
    [
        &OUTGOING,
        &OUTBOX.space,
        &INCOMING,
        &ISSUED,
        &ARRIVED,
        &PEER_LIVES,
    ]
}

/// The rows of a lane cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LanesError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is malformed.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// How far an outgoing lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Last sequence assigned.
    pub assigned: u64,
    /// Running hash there.
    pub running_hash: Digest,
    /// Last sequence whose receipt is durable here.
    pub receipted: u64,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self {
            assigned: 0,
            running_hash: Digest::ZERO,
            receipted: 0,
        }
    }
}

/// How far an incoming lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Last sequence received.
    pub sequence: u64,
    /// Running hash there.
    pub running_hash: Digest,
}

impl Default for Incoming {
    fn default() -> Self {
        Self {
            sequence: 0,
            running_hash: Digest::ZERO,
        }
    }
}

/// A group of receipts in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// First sequence it covers.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The entry.
    pub place: Place,
    /// Its blob with the encoded group.
    pub blob: u32,
}

impl GroupRow {
    /// Index of a sequence's receipt in the group; `None` when the group does not cover it.
    pub fn index(&self, sequence: u64) -> Option<u64> {
        let index = sequence.checked_sub(self.first)?;
        (index < self.count).then_some(index)
    }
}

/// Writes the rows of one entry. Pure: the same entries give the same rows.
///
/// # Errors
/// [`LanesError`] when the entry is malformed or the rows cannot be read.
pub fn apply(event: &Event, stored: &Stored<'_>, rows: &mut Rows<'_>) -> Result<(), LanesError> {
    match event {
        Event::Submitted(submitted) => {
            let number = submitted
                .holding
                .as_ref()
                .ok_or(EntryError::Field("holding"))?
                .number;
            for place in &submitted.outbox {
                let lane = LaneId {
                    peer: place.peer.parse().map_err(EntryError::from)?,
                    incarnation: incarnation(&submitted.incarnation)?,
                    lane: crate::entry::lane(place.lane)?,
                };
                let hash = digest(&place.running_hash, "outbox.running_hash")?;
                let mut value = [0; 40];
                let parts = number.to_be_bytes().into_iter().chain(*hash.as_bytes());
                for (to, from) in value.iter_mut().zip(parts) {
                    *to = from;
                }
                OUTBOX.put(rows, &lane.key(), place.sequence, &value)?;
                let state = Outgoing {
                    assigned: place.sequence,
                    running_hash: hash,
                    ..outgoing(rows, &lane)?
                };
                put_outgoing(rows, &lane, &state);
            }
            Ok(())
        }
        Event::Received(received) => arrive(received.position.as_ref(), rows),
        Event::Refused(refused) => arrive(refused.position.as_ref(), rows),
        Event::ReceiptsIssued(issued) => {
            let first = issued.first.as_ref().ok_or(EntryError::Field("first"))?;
            put_group(&ISSUED, first, issued.count, issued.blob, stored, rows)
        }
        Event::ReceiptsArrived(arrived) => {
            let first = arrived.first.as_ref().ok_or(EntryError::Field("first"))?;
            put_group(&ARRIVED, first, arrived.count, arrived.blob, stored, rows)?;
            let lane = LaneId::try_from(first)?;
            let mut state = outgoing(rows, &lane)?;
            let last = first
                .sequence
                .saturating_add(arrived.count)
                .saturating_sub(1);
            state.receipted = state.receipted.max(last);
            put_outgoing(rows, &lane, &state);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn arrive(position: Option<&Position>, rows: &mut Rows<'_>) -> Result<(), LanesError> {
    let position = position.ok_or(EntryError::Field("position"))?;
    let lane = LaneId::try_from(position)?;
    let sequence = position.sequence.to_be_bytes();
    let hash = digest(&position.running_hash, "position.running_hash")?;
    let mut value = sequence.to_vec();
    value.extend_from_slice(hash.as_bytes());
    rows.put(INCOMING.key(&[&lane.key()]), value);
    rows.put(
        PEER_LIVES.key(&[lane.peer.code().as_bytes()]),
        lane.incarnation.to_vec(),
    );
    Ok(())
}

fn put_group(
    keyspace: &Keyspace,
    first: &Position,
    count: u64,
    blob: u32,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), LanesError> {
    let lane = LaneId::try_from(first)?;
    let mut value = count.to_be_bytes().to_vec();
    value.extend_from_slice(&stored.place.to_bytes());
    value.extend_from_slice(&blob.to_be_bytes());
    rows.put(
        keyspace.key(&[&lane.key(), &first.sequence.to_be_bytes()]),
        value,
    );
    Ok(())
}

fn put_outgoing(rows: &mut Rows<'_>, lane: &LaneId, state: &Outgoing) {
    let mut value = state.assigned.to_be_bytes().to_vec();
    value.extend_from_slice(state.running_hash.as_bytes());
    value.extend_from_slice(&state.receipted.to_be_bytes());
    rows.put(OUTGOING.key(&[&lane.key()]), value);
}

fn digest(bytes: &[u8], field: &'static str) -> Result<Digest, EntryError> {
    Digest::try_from(bytes).map_err(|_| EntryError::Field(field))
}
