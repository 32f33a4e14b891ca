//! New keys in place of old ones, crash-safe at each step.
//!
//! A new key is written beside the old one first, as `*.next.*`. What names it, the card or the two
//! certificates, is replaced then, and the key is renamed into its place last. Whoever reads takes of
//! the two the one that card or certificate names, so that a crash between any two steps leaves a home
//! that opens; the same command again goes on from there.

use std::{fs, path::Path};

use rcgen::KeyPair;

use super::{
    CardContents, Home, HomeError, files,
    issue::{before, tls_key},
    own_card::reissue,
};
use crate::{
    card::TrustedCard,
    crypto::SigningKey,
    record::Moment,
    wire::card::{Retirement, SigningKey as OnCard},
};

impl Home {
    /// Makes a new key for the node's two certificates and issues both for it. A running node takes
    /// them up by itself.
    ///
    /// The certificates before go on counting until they end, for whoever has their key: no list
    /// takes back a certificate of the node.
    ///
    /// # Errors
    /// [`HomeError`] when a key cannot be read or a file not be replaced; what is in force stays.
    pub fn rotate_tls_key(&self, now: Moment) -> Result<(), HomeError> {
        let layout = self.layout();
        let next = layout.node_tls_key_next();
        if !next.exists() {
            let (_, pem) = tls_key()?;
            files::replace(&next, pem.as_bytes())?;
        }
        let key = KeyPair::from_pem(&files::read_secret_text(&next)?)
            .map_err(|_| HomeError::Key(next.clone()))?;
        let authority = self.issuing_ca()?;
        let country = self.country();
        let hosts = super::init::hosts(self.config());
        let link = authority.issue_link(country, &key, now)?;
        let port = authority.issue_client_port(country, &key, &hosts, now)?;
        files::replace(&layout.link_certificate(), link.as_bytes())?;
        files::replace(&layout.client_port_certificate(), port.as_bytes())?;
        put_in_place(&next, &layout.node_tls_key())
    }

    /// Makes a new signing key and issues the card that names it and says up to where the signatures
    /// of the one before count. The node must be stopped, and `retirement` be what it signed last.
    ///
    /// # Errors
    /// [`HomeError`]; the card stays then, also when it has no place for another key.
    pub fn rotate_signing_key(
        &self,
        retirement: Retirement,
        now: Moment,
    ) -> Result<TrustedCard, HomeError> {
        let layout = self.layout();
        let (path, next) = (layout.signing_key(), layout.signing_key_next());
        if next.exists() {
            let key = super::open::signing_key(&next)?;
            let named = super::open::read_card(&layout.card())?;
            if in_use(&named, &key) {
                // The card was issued before a crash: only the key's place is left.
                put_in_place(&next, &path)?;
                return Ok(named);
            }
        }
        let (key, pkcs8) = SigningKey::generate()?;
        files::replace(&next, &pkcs8)?;
        let old = self.signing_key().public().as_bytes().to_vec();
        let contents = CardContents::of(self.config());
        let card = reissue(self, &contents, now, 0, |card| {
            let mut until = None;
            for on_card in &mut card.signing_keys {
                if on_card.public_key == old {
                    until.clone_from(&on_card.not_after);
                    on_card.retirement = Some(retirement);
                    break;
                }
            }
            let fresh = OnCard {
                public_key: key.public().as_bytes().to_vec(),
                not_before: Some(before(now).into()),
                not_after: until,
                retirement: None,
                post_quantum_key: Vec::new(),
            };
            card.signing_keys.insert(0, fresh);
        })?;
        put_in_place(&next, &path)?;
        Ok(card)
    }
}

/// Whether a card names a signing key that was not retired.
pub(super) fn in_use(card: &TrustedCard, key: &SigningKey) -> bool {
    card.signing_key(key.public().id())
        .is_some_and(|vouched| vouched.retired.is_none())
}

/// Renames a key into its place, over the one before.
fn put_in_place(next: &Path, path: &Path) -> Result<(), HomeError> {
    fs::rename(next, path).map_err(files::io(path, "replaced"))?;
    files::sync_dir(files::parent(path))
}
