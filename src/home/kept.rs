//! Which keys a home has, as far as it can be said without their passphrase.

use std::{fmt, path::PathBuf};

use super::{Custody, Home, HomeError, leaf};
use crate::{card::CLOCK_TOLERANCE, record::Moment};

/// Where a key lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In a file, in the clear or under a passphrase.
    File(PathBuf, Custody),
    /// In the token of this label.
    Token(String),
    /// Nowhere any more, or not here.
    Gone,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, Custody::File) => write!(f, "file {}", path.display()),
            Self::File(path, Custody::Sealed) => write!(f, "encrypted file {}", path.display()),
            Self::Token(label) => write!(f, "token {label} (PKCS #11)"),
            Self::Gone => f.write_str("not here"),
        }
    }
}

/// What a key is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// For what is new.
    InUse,
    /// For what was sealed before.
    Opens,
    /// What it signed before counts.
    Retired,
    /// For nothing: its certificates are refused.
    Revoked,
}

/// A key of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyKept {
    /// Which, and the beginning of its public key's digest where it has one.
    pub what: String,
    /// Since when, where card, certificate or file tell.
    pub since: Option<Moment>,
    /// Where it lies.
    pub kept: Kept,
    /// What it is good for.
    pub state: KeyState,
    /// Until when, where that is said.
    pub until: Option<Moment>,
}

impl Home {
    /// Every key of the node, those first that are in use.
    ///
    /// # Errors
    /// [`HomeError`] when folder or certificates cannot be read.
    pub fn keys_kept(&self) -> Result<Vec<KeyKept>, HomeError> {
        let mut kept = self.signing_kept();
        kept.extend(self.sealing_kept()?);
        kept.extend(self.tls_kept()?);
        let (card, layout) = (self.own_card(), self.layout());
        for (what, path, until) in [
            ("card key", layout.card_key(), Some(card.card_key.not_after)),
            (
                "issuing CA",
                layout.issuing_ca_key(),
                Some(leaf(&card.issuing_ca_der)?.until),
            ),
            ("index", layout.index_key(), None),
            ("file key", self.file_key_path(), None),
            ("storage", layout.storage_key(), None),
        ] {
            kept.push(self.in_file(what.to_owned(), path, KeyState::InUse, until));
        }
        for (_, path) in self.key_files().retired(&layout.storage_key())? {
            kept.push(self.in_file("storage".to_owned(), path, KeyState::Opens, None));
        }
        Ok(kept)
    }

    fn in_file(
        &self,
        what: String,
        path: PathBuf,
        state: KeyState,
        until: Option<Moment>,
    ) -> KeyKept {
        let place = self.key_files().place(&path);
        let since = std::fs::metadata(&place)
            .and_then(|metadata| metadata.modified())
            .map(|at| Moment::from(time::OffsetDateTime::from(at)))
            .ok();
        let kept = if since.is_some() {
            Kept::File(place, self.key_files().custody())
        } else {
            Kept::Gone
        };
        KeyKept {
            what,
            since,
            kept,
            state,
            until,
        }
    }

    fn signing_kept(&self) -> Vec<KeyKept> {
        let place = || match &self.config().keys.signer {
            Some(signer) if !self.key_files().exists(&self.layout().signing_key()) => {
                Kept::Token(signer.token.clone())
            }
            _ => Kept::File(
                self.key_files().place(&self.layout().signing_key()),
                self.key_files().custody(),
            ),
        };
        self.own_card()
            .signing_keys
            .iter()
            .map(|key| {
                let retired = key.retired.is_some();
                KeyKept {
                    what: format!("signing {}", hex::encode(key.key.id())),
                    // Cards name keys from before they were made, for peers whose clock is behind.
                    since: Some(key.not_before + CLOCK_TOLERANCE),
                    kept: if retired { Kept::Gone } else { place() },
                    state: if retired {
                        KeyState::Retired
                    } else {
                        KeyState::InUse
                    },
                    until: (!retired).then_some(key.not_after),
                }
            })
            .collect()
    }

    fn sealing_kept(&self) -> Result<Vec<KeyKept>, HomeError> {
        let (card, layout) = (self.own_card(), self.layout());
        let named = card.sealing_keys.first();
        let mut kept = vec![self.in_file(
            named.map_or_else(
                || "sealing".to_owned(),
                |key| format!("sealing {}", hex::encode(key.id())),
            ),
            layout.sealing_key(),
            KeyState::InUse,
            card.sealing_until(card.issued_at),
        )];
        for (at, path) in self.key_files().retired(&layout.sealing_key())? {
            let until = at + self.config().keys.sealing_overlap();
            kept.push(self.in_file("sealing".to_owned(), path, KeyState::Opens, Some(until)));
        }
        Ok(kept)
    }

    fn tls_kept(&self) -> Result<Vec<KeyKept>, HomeError> {
        let path = self.layout().link_certificate();
        let pem = super::files::read_public(&path)?;
        let certificate =
            <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&pem)
                .map_err(|_| HomeError::Certificate(path))?;
        let key = super::link_key(&certificate)?;
        let until = leaf(&certificate)?.until;
        let mut kept = vec![self.in_file(
            format!("TLS {}", short(key.as_bytes())),
            self.layout().node_tls_key(),
            KeyState::InUse,
            Some(until),
        )];
        let revoked = self.own_card().revoked_link_keys.iter();
        kept.extend(revoked.map(|revoked| KeyKept {
            what: format!("TLS {}", short(revoked.key.as_bytes())),
            since: None,
            kept: Kept::Gone,
            state: KeyState::Revoked,
            until: Some(revoked.until),
        }));
        Ok(kept)
    }
}

/// The first 8 bytes in hexadecimal.
fn short(digest: &[u8; 32]) -> String {
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
