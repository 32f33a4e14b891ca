//! Everything that can durably happen, as one enum with its encoding. Pure.
//!
//! An entry is proposed by a use case in `node`, checked and placed by the single writer, and from
//! then on only read: every room that keeps state is a projection of entries onto its own
//! keyspaces, and rebuilding the store is replaying them.

use prost::Message as _;

use crate::{
    crypto::Digest,
    record::{Country, Moment, UnknownCountry},
    wire::{self, envelope::Lane},
};

pub use crate::wire::entry::{
    AccessChanged, AgreementsChanged, Alarm, ApprovalAnswer, ApprovalAsked, ApprovalChanged,
    ApprovalKind, ApprovalOrder, AttemptsRefused, AwaitedItem, CardAccepted, CaughtUp,
    CertificateTold, Charge, ChargeChanged, CheckpointSeen, ClockTold, ClocksRow, ClocksWorkedOut,
    CustodyStated, Disclosed, EarlierSettled, Erased, Escalated, FeedItemNoted, FeedPlace, Fenced,
    Follow, HoldChanged, Holding, ItemArrived, ItemBegun, ItemDamaged, ItemDescription, ItemEnd,
    ItemGone, ItemKept, ItemRow, ItemStand, ItemTransfer, ItemsAwaited, ItemsTold,
    ItemsTransferred, KeyTold, LateReceipt, LateReceiptsKept, LeafSlot, LeavesIndexed, LifeRow,
    LinkChanged, Lock, LockCause, Locked, LostNamed, NodeCreated, NodeRenewed, NodeStarted,
    OutboxPlace, PeerHeard, PeerRenewed, Position, Read, RecalledAlone, ReceiptsArrived,
    ReceiptsIssued, Received, ReferenceFloor, Refused, Rekeyed, ReleasedTable, StartUnconfirmed,
    Submitted, TableExported, Told, entry::Event,
};

/// Random name of one life of a node's store: renewed when it is restored from a backup, so that
/// sequences are never given twice.
pub type Incarnation = [u8; 16];

/// A journal body is not an entry this version can read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The bytes do not decode.
    #[error("a journal entry does not decode: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A field every entry has is missing or out of bounds.
    #[error("a journal entry lacks a valid `{0}`")]
    Field(&'static str),
    /// The entry names a country that does not exist.
    #[error(transparent)]
    Country(#[from] UnknownCountry),
}

/// One entry: when, which ledger leaf, what happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When the writer assigned it.
    pub time: Moment,
    /// Its ledger leaf; none for checkpoints of peers.
    pub leaf: Option<LeafSlot>,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// The bytes that go into the journal.
    pub fn encode(&self) -> Vec<u8> {
        let head = wire::entry::Entry {
            time_us: self.time.micros(),
            leaf: self.leaf.clone(),
            event: None,
        };
        let mut bytes = Vec::with_capacity(head.encoded_len() + self.event.encoded_len());
        bytes.append(&mut head.encode_to_vec());
        // The event's field numbers are the highest: this is the whole message's encoding.
        self.event.encode(&mut bytes);
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`EntryError`] when the bytes are not an entry; the journal's digests make that a program
    /// of another version, not damage.
    pub fn decode(body: &[u8]) -> Result<Self, EntryError> {
        let entry = wire::entry::Entry::decode(body)?;
        Ok(Self {
            time: Moment::from_micros(entry.time_us),
            leaf: entry.leaf,
            event: entry.event.ok_or(EntryError::Field("event"))?,
        })
    }
}

/// A lane between this node and a peer, under one incarnation of the lane's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneId {
    /// The peer's country.
    pub peer: Country,
    /// Incarnation of the lane's origin.
    pub incarnation: Incarnation,
    /// The lane.
    pub lane: Lane,
}

impl LaneId {
    /// The lane's part of a key: country, incarnation, lane number; 19 bytes.
    pub fn key(&self) -> [u8; 19] {
        let mut key = [0; 19];
        let parts = self
            .peer
            .code()
            .bytes()
            .chain(self.incarnation)
            .chain([u8::try_from(self.lane as i32).unwrap_or(0)]);
        for (to, from) in key.iter_mut().zip(parts) {
            *to = from;
        }
        key
    }

    /// A position on this lane.
    pub fn at(&self, sequence: u64, running_hash: &Digest) -> Position {
        Position {
            peer: self.peer.code().to_owned(),
            incarnation: self.incarnation.to_vec(),
            lane: self.lane.into(),
            sequence,
            running_hash: running_hash.to_vec(),
        }
    }
}

impl TryFrom<&Position> for LaneId {
    type Error = EntryError;

    fn try_from(position: &Position) -> Result<Self, EntryError> {
        Ok(Self {
            peer: position.peer.parse()?,
            incarnation: incarnation(&position.incarnation)?,
            lane: lane(position.lane)?,
        })
    }
}

/// Reads an incarnation.
///
/// # Errors
/// [`EntryError::Field`] when it is not 16 bytes.
pub fn incarnation(bytes: &[u8]) -> Result<Incarnation, EntryError> {
    bytes
        .try_into()
        .map_err(|_| EntryError::Field("incarnation"))
}

/// Reads a lane number.
///
/// # Errors
/// [`EntryError::Field`] for a number that names no lane.
pub fn lane(number: i32) -> Result<Lane, EntryError> {
    match Lane::try_from(number) {
        Ok(lane) if lane != Lane::Unspecified => Ok(lane),
        _ => Err(EntryError::Field("lane")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_the_round_trip_and_an_empty_one_is_refused() {
        let entry = Entry {
            time: Moment::from_micros(5),
            leaf: Some(LeafSlot {
                index: 3,
                digest: vec![1; 32],
                blob: 0,
                person_tag: vec![2; 16],
                shown: vec![1, 2],
            }),
            event: Event::LinkChanged(LinkChanged {
                peer: "KZ".to_owned(),
                up: true,
                changes: 1,
            }),
        };
        assert_eq!(Entry::decode(&entry.clone().encode()).unwrap(), entry);
        assert!(matches!(
            Entry::decode(&[]),
            Err(EntryError::Field("event"))
        ));
        assert!(lane(0).is_err() && lane(9).is_err() && lane(3).is_ok());
    }

    #[test]
    fn keys_of_different_lanes_differ() {
        let id = |peer: &str, lane| LaneId {
            peer: peer.parse().unwrap(),
            incarnation: [7; 16],
            lane,
        };
        assert_ne!(id("KZ", Lane::Bulk).key(), id("KZ", Lane::Urgent).key());
        assert_ne!(id("KZ", Lane::Bulk).key(), id("UZ", Lane::Bulk).key());
    }
}
