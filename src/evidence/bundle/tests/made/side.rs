//! A country with its keys and its card.

use std::{fs, path::PathBuf};

use prost::Message as _;

use super::at;
use crate::{
    card::{
        DelegationRole, VerifiedDelegation, ledger_origin, recovery_commitment, sign_delegation,
    },
    crypto::{Digest, Domain, SealingSecret, SigningKey},
    record::Country,
    wire::card as cards,
};

/// A country's keys.
pub(crate) struct Side {
    pub(crate) country: Country,
    pub(crate) root: SigningKey,
    pub(crate) key: SigningKey,
    card_key: SigningKey,
}

fn seeded(country: Country, what: &str) -> SigningKey {
    SigningKey::from_seed(Digest::of(format!("{country} {what}").as_bytes()).as_bytes()).unwrap()
}

impl Side {
    pub(crate) fn of(country: Country, root: &str) -> Self {
        Self {
            country,
            root: seeded(country, root),
            key: seeded(country, "signing"),
            card_key: seeded(country, "card"),
        }
    }

    pub(crate) fn origin(&self) -> String {
        ledger_origin(self.country, self.root.public(), None)
    }

    pub(crate) fn card(&self, retirement: Option<cards::Retirement>) -> cards::SignedCard {
        let folder =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cards/issuing-ca.hex");
        let ca = hex::decode(fs::read_to_string(folder).unwrap().trim()).unwrap();
        let delegated = |role, subject: [u8; 32]| {
            let delegation = VerifiedDelegation {
                subject,
                not_before: at(-9999),
                not_after: at(999_999),
                serial: 1,
            };
            Some(sign_delegation(&self.root, self.country, role, &delegation))
        };
        let signing = |key: &SigningKey, retirement| cards::SigningKey {
            public_key: key.public().as_bytes().to_vec(),
            not_before: Some(at(-9999).into()),
            not_after: Some(at(999_999).into()),
            retirement,
            post_quantum_key: Vec::new(),
        };
        let mut keys = vec![signing(&self.key, retirement.clone())];
        if retirement.is_some() {
            keys.push(signing(&seeded(self.country, "later"), None));
        }
        let sealing = SealingSecret::from_bytes(&[7; 32]).unwrap();
        let card = cards::Card {
            format: 1,
            country: self.country.code().to_owned(),
            version: 1,
            root_key: self.root.public().as_bytes().to_vec(),
            recovery_commitment: recovery_commitment(seeded(self.country, "recovery").public())
                .to_vec(),
            issuing_ca_delegation: delegated(
                DelegationRole::IssuingCa,
                *Digest::of(&ca).as_bytes(),
            ),
            issuing_ca_certificate: ca,
            card_key_delegation: delegated(
                DelegationRole::CardKey,
                *self.card_key.public().as_bytes(),
            ),
            signing_keys: keys,
            sealing_keys: vec![cards::SealingKey {
                public_key: sealing.public().as_bytes().to_vec(),
                not_before: Some(at(-9999).into()),
                not_after: Some(at(999_999).into()),
            }],
            authorities: vec!["prosecutor-general".to_owned()],
            issued_at: Some(at(-999).into()),
            expires_at: Some(at(99_999).into()),
            ledger_origin: self.origin(),
            ..Default::default()
        }
        .encode_to_vec();
        cards::SignedCard {
            signature: self.card_key.sign(Domain::Card, &card).to_vec(),
            card,
        }
    }
}
