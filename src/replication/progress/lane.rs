//! Lanes and positions on them.

use std::fmt;

use crate::{
    crypto::Digest,
    wire::{self, link::LaneState},
};

/// Random name of a node's life between two restores from backup; scopes its sequences.
pub type Incarnation = [u8; 16];

/// One of the three ordered lanes of a direction, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Recalls, cards, consent.
    Control,
    /// Records whose urgency is above routine.
    Urgent,
    /// Everything else.
    Bulk,
}

/// A number that names no lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} names no lane: 1 is control, 2 urgent, 3 bulk")]
pub struct UnknownLane(pub i32);

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Control, Self::Urgent, Self::Bulk];
}

impl TryFrom<i32> for Lane {
    type Error = UnknownLane;

    fn try_from(number: i32) -> Result<Self, Self::Error> {
        match wire::envelope::Lane::try_from(number) {
            Ok(wire::envelope::Lane::Control) => Ok(Self::Control),
            Ok(wire::envelope::Lane::Urgent) => Ok(Self::Urgent),
            Ok(wire::envelope::Lane::Bulk) => Ok(Self::Bulk),
            Ok(wire::envelope::Lane::Unspecified) | Err(_) => Err(UnknownLane(number)),
        }
    }
}

impl From<Lane> for wire::envelope::Lane {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Control => Self::Control,
            Lane::Urgent => Self::Urgent,
            Lane::Bulk => Self::Bulk,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Urgent => "urgent",
            Self::Bulk => "bulk",
        })
    }
}

/// One value per lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerLane<T> {
    /// Of the control lane.
    pub control: T,
    /// Of the urgent lane.
    pub urgent: T,
    /// Of the bulk lane.
    pub bulk: T,
}

impl<T> PerLane<T> {
    /// What `make` makes of each lane.
    pub fn from_fn(mut make: impl FnMut(Lane) -> T) -> Self {
        Self {
            control: make(Lane::Control),
            urgent: make(Lane::Urgent),
            bulk: make(Lane::Bulk),
        }
    }

    /// The value of `lane`.
    pub const fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Control => &self.control,
            Lane::Urgent => &self.urgent,
            Lane::Bulk => &self.bulk,
        }
    }

    /// The value of `lane`, to change.
    pub const fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Control => &mut self.control,
            Lane::Urgent => &mut self.urgent,
            Lane::Bulk => &mut self.bulk,
        }
    }

    /// Lanes with their values, most urgent first.
    pub fn iter(&self) -> impl Iterator<Item = (Lane, &T)> {
        Lane::ALL.into_iter().map(|lane| (lane, self.of(lane)))
    }
}

/// A position on a lane: the last sequence and the running hash there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Incarnation of the lane's origin.
    pub incarnation: Incarnation,
    /// Last sequence; 0 for none.
    pub sequence: u64,
    /// Running hash at that sequence; [`Digest::ZERO`] at 0.
    pub running_hash: Digest,
}

impl Position {
    /// Before the first sequence of an incarnation.
    pub const fn start(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            sequence: 0,
            running_hash: Digest::ZERO,
        }
    }

    /// As it stands in a Hello.
    pub fn to_wire(&self, lane: Lane) -> LaneState {
        LaneState {
            incarnation: self.incarnation.to_vec(),
            lane: wire::envelope::Lane::from(lane).into(),
            sequence: self.sequence,
            running_hash: self.running_hash.to_vec(),
        }
    }

    /// From a Hello; `None` when the lane, the incarnation or the hash is malformed.
    pub fn from_wire(state: &LaneState) -> Option<(Lane, Self)> {
        Some((
            Lane::try_from(state.lane).ok()?,
            Self {
                incarnation: state.incarnation.as_slice().try_into().ok()?,
                sequence: state.sequence,
                running_hash: Digest::try_from(state.running_hash.as_slice()).ok()?,
            },
        ))
    }
}
