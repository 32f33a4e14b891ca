//! Asking again for records that rotted on the own disk, and answering who asks.
//!
//! Both are bounded by number: what is unanswered is counted on either side, and a record that
//! nobody asked for ends the session. Answers wait until the lanes have nothing to send.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    crypto::Digest,
    wire::link::{Request, Resend, frame},
};

use super::{super::scrub::ASKED, Session, SessionEnd, protocol};

/// What was asked in a session, by either side.
#[derive(Debug)]
pub(super) struct Again {
    /// Whether the peer's Hello says that it answers.
    peer_answers: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Asked of the peer and not answered yet.
    asked: HashSet<Digest>,
    /// Asked in this session: not a second time.
    tried: HashSet<Digest>,
    /// Asked by the peer and not answered yet.
    requests: VecDeque<Digest>,
}

impl Again {
    pub(super) fn new(peer_answers: bool) -> Self {
        Self {
            peer_answers,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the peer for what is damaged here and was not asked yet.
pub(super) fn ask(session: &Session) -> Result<(), SessionEnd> {
    if !session.again.peer_answers {
        return Ok(());
    }
    let wanted = session.node.wanted_from(session.peer);
    if wanted.is_empty() {
        return Ok(());
    }
    let mut digests = Vec::new();
    {
        let mut state = session.again.state();
        for digest in wanted {
            if state.asked.len() >= ASKED {
                break;
            }
            if state.tried.insert(digest) {
                state.asked.insert(digest);
                digests.push(digest.to_vec());
            }
        }
    }
    if digests.is_empty() {
        return Ok(());
    }
    session.outlet.small(frame::Frame::Request(Request {
        header_digests: digests,
    }))
}

/// Takes note of what the peer asks for.
pub(super) fn request(session: &Session, request: &Request) -> Result<(), SessionEnd> {
    if request.header_digests.is_empty() {
        return Err(protocol("a request asks for nothing"));
    }
    let mut state = session.again.state();
    for digest in &request.header_digests {
        let digest = Digest::try_from(digest.as_slice())
            .map_err(|_| protocol("a request names a digest that is not 32 bytes"))?;
        if state.requests.len() >= ASKED {
            return Err(protocol(format!(
                "more than {ASKED} records are asked for at a time"
            )));
        }
        state.requests.push_back(digest);
    }
    drop(state);
    session.wake.notify_one();
    Ok(())
}

/// Answers one thing that the peer asked for; false when there is none.
pub(super) async fn answer(session: &Session) -> Result<bool, SessionEnd> {
    let next = session.again.state().requests.front().copied();
    let Some(digest) = next else {
        return Ok(false);
    };
    let record = session.node.resend(session.peer, digest).await;
    let resend = Resend {
        header_digest: digest.to_vec(),
        record,
    };
    session.outlet.record(frame::Frame::Resend(resend)).await?;
    session.again.state().requests.pop_front();
    Ok(true)
}

/// Takes an answer.
pub(super) async fn resend(session: &Session, resend: Resend) -> Result<(), SessionEnd> {
    let digest = Digest::try_from(resend.header_digest.as_slice())
        .map_err(|_| protocol("a resend names a digest that is not 32 bytes"))?;
    if !session.again.state().asked.remove(&digest) {
        return Err(protocol("a record came again that was not asked for"));
    }
    match resend.record {
        None => {
            tracing::warn!(peer = %session.peer, %digest, "the peer cannot give a record again")
        }
        Some(record) if Digest::of(&record.header) != digest => {
            return Err(protocol("another record came than was asked for"));
        }
        Some(record) => {
            let mended = session.node.mend(session.peer, digest, record).await;
            tracing::info!(peer = %session.peer, %digest, ?mended, "a record came again");
        }
    }
    // There may be more to ask, or a lane that waited for this record.
    session.wake.notify_one();
    Ok(())
}
