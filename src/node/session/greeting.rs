//! Hello: what this node knows, what was agreed, and the session's place in the registry.

use std::sync::{Arc, Mutex, atomic::AtomicU64};

use crate::{
    record::{Country, Moment},
    replication::progress::{self, CREDIT, HelloFault, Resume, SessionInfo},
    wire::link::{ByeReason, Hello, frame},
};

use super::{
    super::{Claim, Node, NodeError, links::Seat},
    Outlet, Session, SessionEnd,
    again::Again,
    fenced, lapse,
    owed::Owed,
    settling::Settling,
    state::State,
    statements,
};

/// Clocks further apart than this are worth a warning.
const SKEW_SECONDS: u64 = 300;

/// A session this node dialled.
#[derive(Clone, Copy, Debug)]
pub struct Dialled {
    session: [u8; 16],
    at: Moment,
}

/// A session that may run.
pub(super) struct Begun {
    pub(super) session: Session,
    pub(super) info: SessionInfo,
    pub(super) seat: Seat,
}

/// Sends the dialling side's hello, before the connection carries anything else.
///
/// # Errors
/// [`SessionEnd`] when the own state cannot be read, or the peer's card is not held.
pub fn hello_first(
    node: &Node,
    peer: Country,
    session: [u8; 16],
    outlet: &Outlet,
) -> Result<Dialled, SessionEnd> {
    let at = node.now();
    let state = State::read(node, peer, None)?;
    outlet.small(frame::Frame::Hello(state.hello(node, session, at)?))?;
    Ok(Dialled { session, at })
}

/// Decides on the peer's hello and takes the session's place.
pub(super) async fn begin(
    node: &Arc<Node>,
    peer: Country,
    dialled: Option<Dialled>,
    outlet: &Outlet,
    hello: &Hello,
) -> Result<Begun, SessionEnd> {
    let mut state = State::read(node, peer, Some(hello))?;
    let known = node.own_card().version;
    let agreed = progress::negotiate(
        &state.facts(node, dialled.map(|dialled| dialled.session))?,
        hello,
    );
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(fault) => return Err(refuse(node, peer, &fault, hello.checkpoint_size).await),
    };
    if agreed.peer_renewed {
        state.make_renewal_durable(&agreed).await?;
    }
    node.clocks.heard(peer, hello.time_us, node.now());
    node.links.holds_card(peer, hello.peer_card_version);
    hear(node, peer, hello).await?;
    // Only now: what the peer knows of this node is worth hearing all the same.
    if node.is_fenced() {
        return Err(fenced());
    }
    lapse::check_own(node)?;
    if !agreed.expect_card {
        lapse::check_peer(node, peer)?;
    }
    let apart = node.now().micros().abs_diff(hello.time_us) / 1_000_000;
    if apart > SKEW_SECONDS {
        tracing::warn!(%peer, seconds = apart, "the peer's clock and ours are apart");
    }
    let info = SessionInfo {
        session: agreed.session,
        dialled_by: if dialled.is_some() {
            node.country
        } else {
            peer
        },
        established: dialled.map_or(agreed.peer_time, |dialled| dialled.at),
    };
    let Some(seat) = node.links.enter(node.country, peer, info) else {
        return Err(SessionEnd::Refused {
            reason: ByeReason::Replaced,
            detail: "another session with this node is up".to_owned(),
        });
    };
    let took = take_place(node, peer, dialled, outlet, &agreed, &mut state).await;
    match took {
        Ok(resume) => Ok(Begun {
            session: Session {
                node: Arc::clone(node),
                peer,
                peer_incarnation: agreed.peer_lanes,
                peer_current: hello.incarnation == agreed.peer_lanes,
                life: state.life,
                settling: Settling::begin(node, peer, &state.lanes, &agreed)?,
                outlet: outlet.clone(),
                lanes: Mutex::new(state.lanes),
                wake: Arc::clone(&seat.wake),
                again: Again::new(hello.resends),
                owed: Owed::new(&resume),
                replaced: seat.replaced.clone(),
                card_told: AtomicU64::new(known),
                card_announced: hello.card_version,
            },
            info,
            seat,
        }),
        Err(end) => {
            node.links.leave(peer, &info.session, &end.to_string());
            Err(end)
        }
    }
}

/// What the peer knows of the own ledger: no more than this node does, or it was restored.
async fn hear(node: &Arc<Node>, peer: Country, hello: &Hello) -> Result<(), SessionEnd> {
    let told = statements::told(node, hello);
    let size = node.ledger_size().map_err(NodeError::from)?;
    if told <= size {
        node.confirmed_by(peer);
        return Ok(());
    }
    let claim = Claim {
        what: "the ledger".to_owned(),
        theirs: told,
        ours: size,
        checkpoint_size: told,
    };
    node.fenced(peer, claim).await;
    Err(SessionEnd::Refused {
        reason: ByeReason::Fenced,
        detail: format!(
            "the peer holds a checkpoint of {told} leaves, the ledger has {size}: this node was restored from an older state"
        ),
    })
}

async fn take_place(
    node: &Arc<Node>,
    peer: Country,
    dialled: Option<Dialled>,
    outlet: &Outlet,
    agreed: &progress::Agreed,
    state: &mut State<'_>,
) -> Result<Resume, SessionEnd> {
    node.links.greeted(peer, agreed.peer_lanes);
    if dialled.is_none() {
        outlet.small(frame::Frame::Hello(state.hello(
            node,
            agreed.session,
            node.now(),
        )?))?;
    }
    if agreed.send_card {
        outlet.small(frame::Frame::Card(node.own_card().signed.clone()))?;
    }
    node.link_changed(peer, true).await?;
    Ok(state.lanes.begin(agreed, CREDIT))
}

async fn refuse(
    node: &Arc<Node>,
    peer: Country,
    fault: &HelloFault,
    checkpoint_size: u64,
) -> SessionEnd {
    match fault {
        HelloFault::OwnRestored {
            what, theirs, ours, ..
        } => {
            let claim = Claim {
                what: what.clone(),
                theirs: *theirs,
                ours: *ours,
                checkpoint_size,
            };
            node.fenced(peer, claim).await;
        }
        HelloFault::Conflict { .. } | HelloFault::CardConflict { .. } => {
            node.alarm(Some(peer), "hello-conflict").await;
        }
        _ => {}
    }
    SessionEnd::Refused {
        reason: fault.reason(),
        detail: fault.to_string(),
    }
}
