//! Rules for incarnations: taking one, accepting a peer's, and closing what is open of the one
//! before.

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{Event, Fenced},
    record::Country,
    store::Group,
    wire::{
        card::SignedRenewal,
        ledger::{Action, LeafBody},
    },
};

use super::{
    super::{fence::Claim, lives, projection},
    Declined, NodeRules,
};

impl NodeRules {
    /// Appends an event of [`lives`], unless it stands there already.
    pub(super) fn life(
        &self,
        event: Event,
        blobs: Vec<Vec<u8>>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let leaf = |action: Action, peer: &str, detail: &str| LeafBody {
            actor: self.own_actor(),
            action: action.into(),
            peer: peer.to_owned(),
            detail: detail.to_owned(),
            ..LeafBody::default()
        };
        let leaf = match &event {
            // Names the renewal, and with it the last checkpoint known of the ledger before: the
            // first leaf under the new origin.
            Event::NodeRenewed(renewed) => LeafBody {
                actor: format!("{}/root", self.country),
                subject: statement(&renewed.signed_renewal),
                ..leaf(Action::Key, "", crate::ledger::RENEWED)
            },
            Event::PeerRenewed(renewed) => {
                if lives::renewal_number(group, &renewed.peer)? >= renewed.number {
                    return Ok(());
                }
                LeafBody {
                    subject: statement(&renewed.signed_renewal),
                    ..leaf(Action::Key, &renewed.peer, "peer-renewed")
                }
            }
            Event::EarlierSettled(settled) => leaf(Action::Link, &settled.peer, "earlier-settled"),
            Event::LostNamed(lost) => {
                let peer = lost.first.as_ref().map_or("", |first| first.peer.as_str());
                LeafBody {
                    count: lost.count,
                    subject: blobs
                        .first()
                        .map(|blob| Digest::of(blob).to_vec())
                        .unwrap_or_default(),
                    ..leaf(Action::Alarm, peer, "records-lost")
                }
            }
            Event::CaughtUp(caught) => leaf(Action::Link, &caught.peer, "caught-up"),
            Event::StartUnconfirmed(_) => leaf(Action::Alarm, "", "start-unconfirmed"),
            _ => return Ok(()),
        };
        self.append(group, event, blobs, leaf)
    }

    /// A peer knows more of this node than the node itself does: once for each peer.
    pub(super) fn fenced_by(
        &self,
        peer: Country,
        claim: Claim,
        decisive: bool,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if projection::fence_place(group, peer)?.is_some() {
            return Ok(());
        }
        let leaf = LeafBody {
            actor: self.own_actor(),
            action: Action::Alarm.into(),
            peer: peer.code().to_owned(),
            detail: "fenced-by-peer".to_owned(),
            ..LeafBody::default()
        };
        let event = Event::Fenced(Fenced {
            peer: peer.code().to_owned(),
            what: claim.what,
            theirs: claim.theirs,
            ours: claim.ours,
            checkpoint_size: claim.checkpoint_size,
            decisive,
        });
        self.append(group, event, Vec::new(), leaf)?;
        Ok(())
    }
}

/// SHA-256 of the renewal that the root signed.
fn statement(signed: &[u8]) -> Vec<u8> {
    SignedRenewal::decode(signed)
        .map(|signed| Digest::of(&signed.renewal).to_vec())
        .unwrap_or_default()
}
