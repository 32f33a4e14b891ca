//! The protocol between two nodes as a pure state machine: no I/O, no clock, no randomness.
//!
//! Two nodes hold one session at a time, whoever dialled ([`survivor`]). Each opens with a Hello
//! that says what it has durably ([`negotiate`]); from there both resume. Records travel on three
//! ordered [`Lane`]s per direction. The sender keeps an [`OutgoingLane`] each: what is assigned,
//! sent, receipted. The receiver keeps an [`IncomingLane`] each: what is accepted, durable, and
//! confirmed by the sender to be receipted. [`Peer`] holds all six.
//!
//! What is *durable* is moved only by the events that say so, after the store's fsync. Everything
//! else is forgotten when a session ends, and [`Peer::begin`] starts again from durable positions:
//! a crash and a lost connection are the same thing here.

mod backoff;
mod fault;
mod gate;
mod handshake;
mod incoming;
mod lane;
mod lives;
mod mark;
mod outgoing;
mod peer;
mod race;
mod window;

#[cfg(test)]
use crate::crypto::Digest;

#[cfg(test)]
mod tests;

pub use backoff::backoff;
pub use fault::LaneFault;
pub use gate::{Gate, PATIENCE};
pub use handshake::{
    Agreed, HelloFacts, HelloFault, LaneHashes, MAX_HELLO_STATES, MAX_HELLO_VERSIONS,
    PROTOCOL_VERSION, negotiate,
};
pub use incoming::{Accepted, IncomingLane};
pub use lane::{Incarnation, Lane, PerLane, Position, UnknownLane};
pub use lives::{Life, PeerLives};
pub use mark::{MarkView, check_mark};
pub use outgoing::{Batch, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, OutgoingLane, Receipted};
pub use peer::{HelloStates, Peer, Resume};
pub use race::{HANDSHAKE_WINDOW, SessionId, SessionInfo, Verdict, survivor};
pub use window::{CREDIT, Credit, MAX_CREDIT, MIN_CREDIT, Window};

pub use crate::envelope::running_hash;
