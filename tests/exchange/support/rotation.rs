//! A new signing key for a country, and the card that retires the old one.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use comity::{
    crypto::{Digest, Domain, SigningKey},
    entry::LaneId,
    envelope::{Header, Lane},
    inbox::{StoredRecord, ask},
    node::{Node, system_clock},
    replication::lanes,
    wire::card::{Card, LanePosition, Retirement, SignedCard},
};
use prost::Message as _;

use super::Country;

/// The own incarnation of a node, out of a record that it sealed.
pub(crate) fn incarnation_of(node: &Node, reference: &str) -> [u8; 16] {
    let number = node.find(&reference.parse().unwrap()).unwrap();
    let row = ask::record(node.store(), number).unwrap().unwrap();
    let stored = StoredRecord::read(node.store(), number, row).unwrap();
    let header = Header::decode(stored.sealed.header.clone()).unwrap();
    <[u8; 16]>::try_from(&*header.incarnation).unwrap()
}

/// Every lane between a node and `peer` whose records carry one of these incarnations, as far as it
/// reaches.
pub(crate) fn positions(node: &Node, peer: &str, incarnations: &[[u8; 16]]) -> Vec<LanePosition> {
    let mut positions = Vec::new();
    for incarnation in incarnations {
        for lane in [Lane::Control, Lane::Urgent, Lane::Bulk] {
            let id = LaneId {
                peer: peer.parse().unwrap(),
                incarnation: *incarnation,
                lane,
            };
            let sent = lanes::outgoing(node.store(), &id).unwrap();
            let received = lanes::incoming(node.store(), &id).unwrap();
            for (sequence, hash) in [
                (sent.assigned, sent.running_hash),
                (received.sequence, received.running_hash),
            ] {
                if sequence > 0 {
                    positions.push(position(&id, sequence, hash));
                }
            }
        }
    }
    positions
}

/// A position in a lane, as cards name it.
pub(crate) fn position(lane: &LaneId, sequence: u64, hash: Digest) -> LanePosition {
    LanePosition {
        peer: lane.peer.code().to_owned(),
        incarnation: lane.incarnation.to_vec(),
        lane: lane.lane as u32,
        sequence,
        running_hash: hash.to_vec(),
    }
}

impl Country {
    /// Signs the own card again, changed, as its own next version; the node does not run.
    pub(crate) fn rewrite_card(&self, change: impl FnOnce(&mut Card)) {
        let home = self.home();
        let mut card = Card::decode(home.own_card().signed.card.as_slice()).unwrap();
        card.version += 1;
        change(&mut card);
        let card = card.encode_to_vec();
        let signature = home.card_key().unwrap().sign(Domain::Card, &card).to_vec();
        let signed = SignedCard { card, signature };
        fs::write(self.layout().card(), signed.encode_to_vec()).unwrap();
    }

    /// The country's next card: a new signing key, and the present one retired.
    pub(crate) fn card_that_retires(&self, retirement: Retirement) -> (SignedCard, Vec<u8>) {
        let home = self.home();
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let mut card = Card::decode(home.own_card().signed.card.as_slice()).unwrap();
        card.version += 1;
        card.issued_at = Some(system_clock()().into());
        let mut next = card.signing_keys[0].clone();
        next.public_key = key.public().as_bytes().to_vec();
        card.signing_keys[0].retirement = Some(retirement);
        card.signing_keys.insert(0, next);
        let card = card.encode_to_vec();
        let signature = home.card_key().unwrap().sign(Domain::Card, &card).to_vec();
        (SignedCard { card, signature }, pkcs8.to_vec())
    }

    /// Takes a new signing key; the node does not run.
    pub(crate) fn rotate_signing_key(&self, retirement: Retirement) {
        let (card, key) = self.card_that_retires(retirement);
        fs::write(self.layout().signing_key(), key).unwrap();
        fs::write(self.layout().card(), card.encode_to_vec()).unwrap();
    }
}

/// Files of replaced keys in the home.
pub(crate) fn replaced(at: &Country, stem: &str) -> Vec<String> {
    let entries = fs::read_dir(at.dir().join("keys")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let before = format!("{stem}.until-");
    names.filter(|name| name.starts_with(&before)).collect()
}

/// Takes a private file from the others on the machine.
pub(crate) fn restrict(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
