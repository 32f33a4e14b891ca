//! A session of a link: drives the pure progress of both directions with real frames.
//!
//! Three halves run side by side: one takes frames in order, one makes what was verified durable
//! and answers it, one sends what the outbox holds. They share the lanes. Nothing here decides:
//! `replication::progress` does.

mod again;
mod commit;
mod greeting;
mod inbound;
mod lapse;
mod outbound;
mod outlet;
mod owed;
mod settling;
mod state;
mod statements;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    crypto::Digest,
    entry::{Incarnation, LaneId},
    record::{Country, Moment},
    replication::progress::{self, Lane, LaneFault},
    wire::link::{Bye, ByeReason, Frame, frame},
};

use super::{Claim, Node, NodeError, fence::FENCED};

pub use greeting::hello_first;
pub(super) use lapse::watch as watch_lapses;
pub use outlet::{Frames, Outlet};

/// How long the peer may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(15);
/// Characters kept of a peer's words.
const MAX_WORDS: usize = 500;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionEnd {
    /// The peer cannot be reached.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The connection closed.
    #[error("the connection closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Transport(String),
    /// The peer took too long to say hello.
    #[error("the peer said no hello within {} s", HELLO_TIMEOUT.as_secs())]
    Silent,
    /// The peer sends and does not read.
    #[error("the peer does not read: {} MiB of answers wait for it", outlet::SMALL_BYTES >> 20)]
    Unread,
    /// A newer session took over.
    #[error("a newer session took over")]
    Replaced,
    /// What was open of an earlier incarnation is settled; the next session goes on under the next.
    #[error("what was open of an earlier incarnation is settled")]
    Settled,
    /// This node shuts down.
    #[error("this node shuts down")]
    Shutdown,
    /// The peer said goodbye.
    #[error("the peer ended the link: {reason}: {detail}")]
    Bye {
        /// Why.
        reason: &'static str,
        /// In its words, control characters escaped.
        detail: String,
    },
    /// The peer broke the protocol, or its state contradicts ours.
    #[error("refused: {reason}: {detail}", reason = reason.as_str_name())]
    Refused {
        /// What the peer is told.
        reason: ByeReason,
        /// Details for both operators.
        detail: String,
    },
    /// The peer knows more of this node than the node itself does.
    #[error("refused: {reason}: {detail}", reason = ByeReason::Fenced.as_str_name())]
    Fenced {
        /// What it says.
        claim: Claim,
        /// Details for both operators.
        detail: String,
    },
    /// This node failed.
    #[error("this node failed: {0}")]
    Failed(String),
}

impl From<NodeError> for SessionEnd {
    fn from(error: NodeError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<LaneFault> for SessionEnd {
    fn from(fault: LaneFault) -> Self {
        let detail = fault.to_string();
        let claim = |what: &str, theirs, ours| Claim {
            what: what.to_owned(),
            theirs,
            ours,
            checkpoint_size: 0,
        };
        match fault {
            LaneFault::NeverAssigned {
                sequence,
                last_assigned,
            } => Self::Fenced {
                claim: claim("a lane", sequence, last_assigned),
                detail,
            },
            LaneFault::NeverIssued { sequence, issued } => Self::Fenced {
                claim: claim("the receipts for a lane", sequence, issued),
                detail,
            },
            _ => Self::Refused {
                reason: fault.reason(),
                detail,
            },
        }
    }
}

/// A fenced node begins no session and ends those that run.
fn fenced() -> SessionEnd {
    SessionEnd::Refused {
        reason: ByeReason::Fenced,
        detail: FENCED.to_owned(),
    }
}

fn protocol(detail: impl fmt::Display) -> SessionEnd {
    SessionEnd::Refused {
        reason: ByeReason::Protocol,
        detail: detail.to_string(),
    }
}

/// What the halves of a session share.
struct Session {
    node: Arc<Node>,
    peer: Country,
    /// The peer's incarnation whose lanes run in this session.
    peer_incarnation: Incarnation,
    /// Whether that is the one under which the peer is now, and no earlier one that it settles.
    peer_current: bool,
    /// The own incarnation whose lanes run in this session.
    life: Incarnation,
    settling: settling::Settling,
    outlet: Outlet,
    lanes: Mutex<progress::Peer>,
    wake: Arc<Notify>,
    again: again::Again,
    /// Receipts that go to the peer again.
    owed: owed::Owed,
    /// Cancelled when a newer session took this one's place.
    replaced: CancellationToken,
    /// Version of the own card that the peer was told of.
    card_told: AtomicU64,
    /// Version of the peer's card that it announced: nothing is wrapped before it is held.
    card_announced: u64,
}

impl Session {
    fn lanes(&self) -> MutexGuard<'_, progress::Peer> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the own card, when a newer one was issued since the peer was told of it.
    fn tell_card(&self) -> Result<(), SessionEnd> {
        let own = self.node.own_card();
        if self.card_told.fetch_max(own.version, Ordering::Relaxed) < own.version {
            self.outlet.small(frame::Frame::Card(own.signed.clone()))?;
        }
        Ok(())
    }

    /// Version of the peer's card that is held.
    fn card_held(&self) -> u64 {
        let book = self.node.book.load();
        book.get(self.peer).map_or(0, |card| card.version)
    }

    /// Notes that the peer was heard, where its control lane is carried out as far as it said that it
    /// reaches.
    async fn note_heard(&self) {
        let heard = self.peer_current && self.lanes().heard();
        if heard {
            self.node.heard_all_of(self.peer).await;
        }
    }

    /// A lane of the peer, on which this node receives.
    fn incoming_lane(&self, lane: Lane) -> LaneId {
        LaneId {
            peer: self.peer,
            incarnation: self.peer_incarnation,
            lane: lane.into(),
        }
    }

    /// An own lane to the peer.
    fn outgoing_lane(&self, lane: Lane) -> LaneId {
        LaneId {
            peer: self.peer,
            incarnation: self.life,
            lane: lane.into(),
        }
    }
}

/// The certificate that the peer showed.
#[derive(Clone, Copy, Debug)]
pub struct Presented {
    /// SHA-256 of its public key, as cards name it.
    pub key: Digest,
    /// Its end, when this node dialled. Where the peer dialled, its connection ends with it.
    pub until: Option<Moment>,
}

/// Runs a session until it ends. `dialled` is the session id when this node dialled and has sent
/// its hello.
pub async fn run<S>(
    node: Arc<Node>,
    peer: Country,
    dialled: Option<greeting::Dialled>,
    presented: Presented,
    outlet: Outlet,
    mut incoming: S,
    stop: CancellationToken,
) -> SessionEnd
where
    S: Stream<Item = Result<Frame, String>> + Send + Unpin,
{
    let hello = match tokio::time::timeout(HELLO_TIMEOUT, incoming.next()).await {
        Err(_) => return say_bye(&outlet, SessionEnd::Silent),
        Ok(None) => return SessionEnd::Closed,
        Ok(Some(Err(error))) => {
            return say_bye(&outlet, SessionEnd::Transport(escape(&error)));
        }
        Ok(Some(Ok(frame))) => match frame.frame {
            Some(frame::Frame::Hello(hello)) => hello,
            Some(frame::Frame::Bye(bye)) => return inbound::goodbye(&bye),
            _ => return say_bye(&outlet, protocol("the first frame is not a hello")),
        },
    };
    let begun = match greeting::begin(&node, peer, dialled, &outlet, &hello).await {
        Ok(begun) => begun,
        Err(end) => return say_bye(&outlet, end),
    };
    tracing::info!(%peer, dialled = dialled.is_some(), "link up");
    let session = Arc::new(begun.session);
    session.note_heard().await;
    let (to_commit, verified) = mpsc::channel(inbound::AHEAD);
    let mut inbound = inbound::Inbound::new(Arc::clone(&session), to_commit);
    let exchanging = async {
        if let Err(end) = lapse::renew(&node, peer, &mut incoming).await {
            return end;
        }
        tokio::select! {
            end = inbound.run(&mut incoming) => end,
            end = commit::run(Arc::clone(&session), verified) => end,
            end = outbound::run(Arc::clone(&session), statements::told(&node, &hello)) => end,
            end = lapse::watch(&node, peer, presented) => end,
        }
    };
    let end = tokio::select! {
        end = exchanging => end,
        () = begun.seat.replaced.cancelled() => SessionEnd::Replaced,
        () = node.fence.holds() => fenced(),
        () = stop.cancelled() => SessionEnd::Shutdown,
    };
    if let SessionEnd::Fenced { claim, .. } = &end {
        // The peer claims to hold what this node never gave: restored, or lied to.
        let checkpoint_size = hello.checkpoint_size;
        let claim = Claim {
            checkpoint_size,
            ..claim.clone()
        };
        node.fenced(peer, claim).await;
    }
    node.links
        .leave(peer, &begun.info.session, &end.to_string());
    outlet.abandon(&end);
    let end = say_bye(&outlet, end);
    if !matches!(end, SessionEnd::Shutdown)
        && let Err(error) = node.link_changed(peer, false).await
    {
        tracing::warn!(%peer, %error, "the link's end is not in the ledger");
    }
    end
}

/// Tells the peer why, where it is worth telling, and answers the end.
fn say_bye(outlet: &Outlet, end: SessionEnd) -> SessionEnd {
    let (reason, detail) = match &end {
        SessionEnd::Refused { reason, detail } => (*reason, detail.clone()),
        SessionEnd::Fenced { detail, .. } => (ByeReason::Fenced, detail.clone()),
        SessionEnd::Replaced | SessionEnd::Settled => (ByeReason::Replaced, end.to_string()),
        SessionEnd::Shutdown => (ByeReason::Shutdown, end.to_string()),
        // The connection may still carry words when what failed is a message: too large, malformed.
        SessionEnd::Silent | SessionEnd::Unread | SessionEnd::Transport(_) => {
            (ByeReason::Protocol, end.to_string())
        }
        SessionEnd::Failed(_) => (
            ByeReason::Store,
            "the node cannot make records durable".to_owned(),
        ),
        _ => return end,
    };
    let bye = Bye {
        reason: reason.into(),
        detail: detail.chars().take(MAX_WORDS).collect(),
    };
    // The peer may be gone already; then there is nobody to tell.
    let _ = outlet.bye(bye);
    end
}

/// A peer's words, safe for a log and a terminal.
fn escape(text: &str) -> String {
    text.chars()
        .take(MAX_WORDS)
        .flat_map(char::escape_default)
        .collect()
}
