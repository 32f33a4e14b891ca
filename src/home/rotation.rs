//! New keys in place of old ones, crash-safe at each step.
//!
//! A new key is written beside the old one first, as `*.next.*`. What names it, the card or the two
//! certificates, is replaced then, and the key is renamed into its place last. Whoever reads takes of
//! the two the one that card or certificate names, so that a crash between any two steps leaves a home
//! that opens; the same command again goes on from there.
//!
//! | key | what names the new one | what becomes of the old one |
//! |---|---|---|
//! | signing | the card, which says up to where the old one counts | destroyed |
//! | TLS | both certificates; then the card, which takes the old one back | destroyed |
//! | sealing | the card | kept as `sealing.until-T.key`, opens what is under way, then destroyed |
//! | storage | its place | kept as `storage.until-T.key`: the journal holds what it sealed |

use rcgen::{KeyPair, PublicKeyData as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    CardContents, Home, HomeError, KeyFiles, certificates::leaf, issue::before, issue::tls_key,
    own_card::reissue, tokens::TokenKey,
};
use crate::{
    card::TrustedCard,
    crypto::{Digest, PublicKey, SealingSecret, SigningKey, fill_random},
    record::Moment,
    wire::card::{Retirement, RevokedLinkKey, SealingKey as SealingOnCard, SigningKey as OnCard},
};

impl Home {
    /// Makes a new key for the node's two certificates, issues both for it, and then the card that
    /// takes the old key back. A running node takes them up by itself, and peers refuse the old key
    /// once they hold the card.
    ///
    /// # Errors
    /// [`HomeError`] when a key cannot be read or a file not be replaced; what is in force stays.
    pub fn rotate_tls_key(&self, now: Moment) -> Result<TrustedCard, HomeError> {
        let (layout, keys) = (self.layout(), self.key_files());
        let (path, next) = (layout.node_tls_key(), layout.node_tls_key_next());
        if !keys.exists(&next) {
            let (_, pem) = tls_key()?;
            keys.replace(&next, pem.as_bytes())?;
        }
        let parse = |path: &std::path::Path| {
            KeyPair::from_pem(&keys.read_text(path)?).map_err(|_| HomeError::Key(path.to_owned()))
        };
        let (old, key) = (parse(&path)?, parse(&next)?);
        let until = self.certificates_end()?;
        let authority = self.issuing_ca()?;
        let country = self.country();
        let hosts = super::init::hosts(self.config());
        let link = authority.issue_link(country, &key, now)?;
        let port = authority.issue_client_port(country, &key, &hosts, now)?;
        super::files::replace(&layout.link_certificate(), link.as_bytes())?;
        super::files::replace(&layout.client_port_certificate(), port.as_bytes())?;
        let named = super::open::read_card(&layout.card())?;
        let revoked = Digest::of(&old.subject_public_key_info());
        let card = if named.revokes_link_key(&revoked) {
            named
        } else {
            reissue(self, &CardContents::of(self.config()), now, 0, |card| {
                // What ended by itself needs no taking back.
                card.revoked_link_keys.retain(|key| {
                    key.until
                        .as_ref()
                        .is_some_and(|until| Moment::from(until) > before(now))
                });
                card.revoked_link_keys.push(RevokedLinkKey {
                    key_sha256: revoked.to_vec(),
                    until: Some(until.into()),
                });
            })?
        };
        keys.put_over(&next, &path)?;
        Ok(card)
    }

    /// When the last certificate of the node ends. No certificate that was issued for its key earlier
    /// ends later.
    fn certificates_end(&self) -> Result<Moment, HomeError> {
        let link = leaf(self.link_material()?.certificate())?.until;
        let port = leaf(self.client_port_material()?.certificate())?.until;
        Ok(link.max(port))
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
        let (layout, keys) = (self.layout(), self.key_files());
        let (path, next) = (layout.signing_key(), layout.signing_key_next());
        if keys.exists(&next) {
            let key = super::open::signing_key(keys, &next)?;
            let named = super::open::read_card(&layout.card())?;
            if in_use(&named, key.public()) {
                // The card was issued before a crash: only the key's place is left.
                keys.put_over(&next, &path)?;
                return Ok(named);
            }
        }
        let (key, pkcs8) = SigningKey::generate()?;
        keys.replace(&next, &pkcs8)?;
        let card = self.retire_signing_key(key.public(), retirement, now)?;
        keys.put_over(&next, &path)?;
        Ok(card)
    }

    /// As [`Self::rotate_signing_key`], to a key that a token made and keeps. A crash before the card
    /// leaves a key in the token that nothing names; one after it, an old key's file that counts no
    /// more and that doing it again, or the next start, destroys.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn rotate_signing_key_to(
        &self,
        token: &TokenKey,
        retirement: Retirement,
        now: Moment,
    ) -> Result<TrustedCard, HomeError> {
        let card = self.retire_signing_key(token.public(), retirement, now)?;
        self.destroy_unnamed_signing_keys(&card)?;
        Ok(card)
    }

    /// Destroys signing keys in the home that the card does not name as in use.
    fn destroy_unnamed_signing_keys(&self, card: &TrustedCard) -> Result<(), HomeError> {
        let (layout, keys) = (self.layout(), self.key_files());
        for path in [layout.signing_key(), layout.signing_key_next()] {
            if keys.exists(&path) && !in_use(card, super::open::signing_key(keys, &path)?.public())
            {
                keys.destroy(&path)?;
            }
        }
        Ok(())
    }

    fn retire_signing_key(
        &self,
        new: &PublicKey,
        retirement: Retirement,
        now: Moment,
    ) -> Result<TrustedCard, HomeError> {
        reissue(self, &CardContents::of(self.config()), now, 0, |card| {
            let mut until = None;
            for on_card in &mut card.signing_keys {
                if on_card.retirement.is_none() {
                    until = until.or(on_card.not_after);
                    on_card.retirement = Some(retirement.clone());
                }
            }
            let fresh = OnCard {
                public_key: new.as_bytes().to_vec(),
                not_before: Some(before(now).into()),
                not_after: until,
                retirement: None,
                post_quantum_key: Vec::new(),
            };
            card.signing_keys.insert(0, fresh);
        })
    }

    /// Makes a new sealing key and issues the card that names it. A running node takes both up by
    /// itself; the old key opens what is under way until it is destroyed.
    ///
    /// # Errors
    /// [`HomeError`]; the card stays then, or names a key that is in its place.
    pub fn rotate_sealing_key(&self, now: Moment) -> Result<TrustedCard, HomeError> {
        let (layout, keys) = (self.layout(), self.key_files());
        let next = layout.sealing_key_next();
        let named = super::open::read_card(&layout.card())?;
        if keys.exists(&next) && seals_to(&named, &read_sealing(keys, &next)?) {
            // The card was issued before a crash: only the keys' places are left.
            self.place_sealing_key(named.issued_at)?;
            return Ok(named);
        }
        let secret = SealingSecret::generate()?;
        keys.replace(&next, &secret.to_bytes())?;
        let card = reissue(self, &CardContents::of(self.config()), now, 0, |card| {
            let until = card.sealing_keys.first().and_then(|key| key.not_after);
            card.sealing_keys = vec![SealingOnCard {
                public_key: secret.public().as_bytes().to_vec(),
                not_before: Some(before(now).into()),
                not_after: until,
            }];
        })?;
        self.place_sealing_key(now)?;
        Ok(card)
    }

    /// The old key goes aside, the new one into its place.
    fn place_sealing_key(&self, at: Moment) -> Result<(), HomeError> {
        let (layout, keys) = (self.layout(), self.key_files());
        let path = layout.sealing_key();
        keep_old(keys, &path, at)?;
        keys.put_in_place(&layout.sealing_key_next(), &path)
    }

    /// Makes a new storage key; the node must be stopped. What the old one sealed stays readable with
    /// the old key's file, which has to be kept as long as the journal.
    ///
    /// # Errors
    /// [`HomeError`]; the keys stay as they were then.
    pub fn rotate_storage_key(&self, now: Moment) -> Result<(), HomeError> {
        let (layout, keys) = (self.layout(), self.key_files());
        let (path, next) = (layout.storage_key(), layout.storage_key_next());
        let mut key = zeroize::Zeroizing::new([0; 32]);
        fill_random(&mut *key)?;
        // Nothing was ever sealed under a `next` that a crash left.
        keys.replace(&next, &*key)?;
        keep_old(keys, &path, now)?;
        keys.put_in_place(&next, &path)
    }

    /// Finishes what a crash cut short, under the lock: a sealing key that the card names already
    /// goes into its place, and signing keys that count no more are destroyed.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn settle_keys(&self, lock: &super::HomeLock) -> Result<(), HomeError> {
        let (layout, keys) = (self.layout(), self.key_files());
        self.tidy_keys(lock)?;
        let next = layout.sealing_key_next();
        if keys.exists(&next) && seals_to(self.own_card(), &read_sealing(keys, &next)?) {
            self.place_sealing_key(self.own_card().issued_at)?;
        }
        let (path, next) = (layout.signing_key(), layout.signing_key_next());
        if keys.exists(&next)
            && in_use(
                self.own_card(),
                super::open::signing_key(keys, &next)?.public(),
            )
        {
            keys.put_over(&next, &path)?;
        }
        if self.config().keys.signer.is_some() && self.signing_key().is_err() {
            self.destroy_unnamed_signing_keys(self.own_card())?;
        }
        Ok(())
    }
}

/// Keeps the key of `path` aside, once.
fn keep_old(keys: &KeyFiles, path: &std::path::Path, at: Moment) -> Result<(), HomeError> {
    let held = keys.read(path)?;
    for (_, kept) in keys.retired(path)? {
        if keys.read(&kept)? == held {
            return Ok(());
        }
    }
    keys.keep_as(path, &KeyFiles::retired_path(path, at))
}

fn read_sealing(keys: &KeyFiles, path: &std::path::Path) -> Result<SealingSecret, HomeError> {
    SealingSecret::from_bytes(&keys.read(path)?).map_err(|_| HomeError::Key(path.to_owned()))
}

/// Whether a card has peers seal to this key.
fn seals_to(card: &TrustedCard, secret: &SealingSecret) -> bool {
    card.sealing_keys.first() == Some(secret.public())
}

/// Whether a card names a signing key that was not retired.
pub(super) fn in_use(card: &TrustedCard, key: &PublicKey) -> bool {
    card.signing_key(key.id())
        .is_some_and(|vouched| vouched.key == *key && vouched.retired.is_none())
}

/// SHA-256 of the public key of a certificate, as cards name it.
///
/// # Errors
/// [`HomeError::Profile`] when the certificate does not parse.
pub fn link_key(certificate: &[u8]) -> Result<Digest, HomeError> {
    X509Certificate::from_der(certificate)
        .map(|(_, parsed)| Digest::of(parsed.public_key().raw))
        .map_err(|_| super::ProfileError::Certificate.into())
}
