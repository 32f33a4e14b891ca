//! Cards and certificates end while links are up. An ended card is no ground to send or take
//! anything but its successor, which the peer may bring over the link.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};

use crate::{
    record::Country,
    wire::link::{ByeReason, Frame, frame},
};

use super::{super::Node, HELLO_TIMEOUT, Presented, SessionEnd, escape, inbound::goodbye};

/// How often a running session looks whether something has ended.
const LOOK: Duration = Duration::from_secs(2);

fn ended(detail: String) -> SessionEnd {
    SessionEnd::Refused {
        reason: ByeReason::Card,
        detail,
    }
}

/// Whether the own card counts now.
pub(super) fn check_own(node: &Node) -> Result<(), SessionEnd> {
    node.own_card().check_validity(node.now()).map_err(|fault| {
        ended(format!(
            "the own card of {} does not count now: {fault}",
            node.country
        ))
    })
}

/// Whether the peer's card that is held counts now.
pub(super) fn check_peer(node: &Node, peer: Country) -> Result<(), SessionEnd> {
    match node.book.load().get(peer) {
        None => Err(ended(format!("no card of {peer} is held"))),
        Some(card) => card.check_validity(node.now()).map_err(|fault| {
            ended(format!(
                "the card of {peer} held here, version {}, does not count now: {fault}",
                card.version
            ))
        }),
    }
}

/// When the card held has ended, takes the newer one that the peer announced, before anything
/// else; does nothing while it counts.
pub(super) async fn renew<S>(node: &Node, peer: Country, incoming: &mut S) -> Result<(), SessionEnd>
where
    S: Stream<Item = Result<Frame, String>> + Send + Unpin,
{
    let Err(end) = check_peer(node, peer) else {
        return Ok(());
    };
    let frame = match tokio::time::timeout(HELLO_TIMEOUT, incoming.next()).await {
        Err(_) => return Err(SessionEnd::Silent),
        Ok(None) => return Err(SessionEnd::Closed),
        Ok(Some(Err(error))) => return Err(SessionEnd::Transport(escape(&error))),
        Ok(Some(Ok(frame))) => frame.frame,
    };
    match frame {
        Some(frame::Frame::Card(card)) => {
            let arrived = node.card_arrived(peer, card).await;
            arrived.map_err(|refusal| ended(refusal.to_string()))?;
            check_peer(node, peer)
        }
        Some(frame::Frame::Bye(bye)) => Err(goodbye(&bye)),
        _ => Err(end),
    }
}

/// Whether the peer's card takes back the key of the certificate that it showed.
fn check_key(node: &Node, peer: Country, presented: Presented) -> Result<(), SessionEnd> {
    match node.book.load().get(peer) {
        Some(card) if card.revokes_link_key(&presented.key) => Err(ended(format!(
            "version {} of the card of {peer} takes back the key of this connection's certificate",
            card.version
        ))),
        _ => Ok(()),
    }
}

/// Waits until a card or the certificate with which the peer answered ends, or the peer's card takes
/// the certificate's key back.
pub(in crate::node) async fn watch(node: &Node, peer: Country, presented: Presented) -> SessionEnd {
    loop {
        tokio::time::sleep(LOOK).await;
        let sound = check_own(node)
            .and_then(|()| check_peer(node, peer))
            .and_then(|()| check_key(node, peer, presented));
        if let Err(end) = sound {
            return end;
        }
        if let Some(until) = presented.until.filter(|until| *until <= node.now()) {
            return ended(format!("the certificate of {peer} ended at {until}"));
        }
    }
}
