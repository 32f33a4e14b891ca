//! Rules for what the ledger is told of certificates and keys: each once, against the group in hand.

use crate::{
    crypto::Digest,
    entry::{CertificateTold, Event, KeyTold},
    store::Group,
    wire::ledger::{Action, LeafBody},
};

use super::{super::told, Declined, NodeRules};

/// A client certificate that the ledger is to be told of.
#[derive(Clone, Debug)]
pub struct CertificateOrder {
    /// Keyed tag of its serial.
    pub serial_tag: [u8; 16],
    /// Its serial.
    pub serial: Vec<u8>,
    /// True when it was revoked.
    pub revoked: bool,
    /// A stable word, such as `certificate-issued`.
    pub detail: &'static str,
    /// Whose, as the ledger names persons; empty when no register has it.
    pub about: String,
    /// Authority in it.
    pub authority: String,
    /// Roles in it.
    pub roles: Vec<String>,
    /// Until when it counts, microseconds since 1970; 0: not known.
    pub until_us: i64,
}

/// A key of the node that the ledger is to be told of.
#[derive(Clone, Copy, Debug)]
pub struct KeyOrder {
    /// Which, a stable word.
    pub which: &'static str,
    /// SHA-256 of the public key.
    pub digest: Digest,
}

impl NodeRules {
    /// Each order is an entry with its leaf. A crash leaves all of a group or none.
    pub(super) fn certificates(
        &self,
        orders: Vec<CertificateOrder>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for order in orders {
            if told::is_told(group, &order.serial_tag, order.revoked)? {
                continue;
            }
            let leaf = LeafBody {
                actor: self.own_actor(),
                action: Action::Key.into(),
                detail: order.detail.to_owned(),
                subject: order.serial,
                about: order.about,
                authority: order.authority,
                roles: order.roles,
                until_us: order.until_us,
                ..LeafBody::default()
            };
            let event = Event::CertificateTold(CertificateTold {
                serial_tag: order.serial_tag.to_vec(),
                revoked: order.revoked,
            });
            self.append(group, event, Vec::new(), leaf)?;
        }
        Ok(())
    }

    /// A key that took another's place is a leaf; the first one that the node has is no change.
    pub(super) fn key(&self, order: KeyOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let before = told::key_told(group, order.which)?;
        if before.as_deref() == Some(order.digest.as_bytes()) {
            return Ok(());
        }
        let event = Event::KeyTold(KeyTold {
            which: order.which.to_owned(),
            digest: order.digest.to_vec(),
        });
        if before.is_none() {
            return self.append_leafless(event, group);
        }
        let leaf = LeafBody {
            actor: self.own_actor(),
            action: Action::Key.into(),
            detail: format!("{}-key-rotated", order.which),
            subject: order.digest.to_vec(),
            ..LeafBody::default()
        };
        self.append(group, event, Vec::new(), leaf)
    }
}
