//! Heads of a ledger, signed: C2SP `tlog-checkpoint` in a C2SP `signed-note`, as Go's checksum
//! database and Certificate Transparency use them.
//!
//! The text is three lines: origin, size, base64 of the root. The key's name is the ledger's
//! origin, so a signature for one ledger of a country cannot be shown for another.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use signed_note::{Note, NoteError, VerificationError, Verifier, Verifiers};

use super::tree::MAX_SIZE;
use crate::{
    card::LedgerKey,
    crypto::{Digest, PublicKey, Signer, SigningFault},
};

#[cfg(test)]
mod tests;

/// Longest note that is read, in bytes: a hundred cosignatures fit.
pub const MAX_NOTE_BYTES: usize = 16 * 1024;

/// Longest origin or key name, in bytes.
pub const MAX_ORIGIN_BYTES: usize = 200;

/// Longest note kept as evidence, in bytes.
const MAX_BARE_BYTES: usize = 4096;

/// Signatures of the ledger's own country kept with it: a country has eight signing keys at most.
const MAX_OWN_SIGNATURES: usize = 8;

/// Signature type of Ed25519 in C2SP signed notes.
const ED25519: u8 = 1;

/// The head of a ledger.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// Which ledger: its origin line, such as `comity.ledger/UZ/3f2a9c10`.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// RFC 6962 root of these leaves.
    pub root: Digest,
}

/// A checkpoint cannot be signed or is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Longer than [`MAX_NOTE_BYTES`].
    #[error("a checkpoint of {0} bytes is beyond the bound of {max}", max = MAX_NOTE_BYTES)]
    TooLong(usize),
    /// Not a C2SP checkpoint in a signed note.
    #[error("the checkpoint is malformed: {0}")]
    Malformed(&'static str),
    /// Whoever keeps the signing key does not sign.
    #[error(transparent)]
    Signer(#[from] SigningFault),
    /// The head of another ledger.
    #[error("the checkpoint is of the ledger {found:?}, not of {expected:?}")]
    Origin {
        /// The ledger asked for.
        expected: String,
        /// The ledger it names, shortened.
        found: String,
    },
    /// None of the trusted keys signed it.
    #[error(
        "no trusted key signed the checkpoint: import the current card of the country that keeps {0:?}"
    )]
    UnknownKey(String),
    /// Its key was retired before the ledger was this long.
    #[error(
        "the key that signed this checkpoint of {0} leaves was retired before the ledger was this \
         long, or with another ledger: somebody else may hold the key"
    )]
    Retired(u64),
    /// It names a trusted key, but the signature does not hold.
    #[error("the checkpoint's signature by {name}+{id:08x} does not hold: it was altered")]
    Signature {
        /// Name of the key.
        name: String,
        /// The note's id of the key.
        id: u32,
    },
    /// An origin or key name that cannot stand in a note.
    #[error("`{0}` cannot name a ledger: 1 to {max} visible characters, no space, no plus", max = MAX_ORIGIN_BYTES)]
    Name(String),
}

impl CheckpointError {
    /// A stable word for the error, as vectors name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "checkpoint_too_long",
            Self::Malformed(_) => "checkpoint_malformed",
            Self::Origin { .. } => "checkpoint_origin",
            Self::UnknownKey(_) => "checkpoint_unknown_key",
            Self::Retired(_) => "checkpoint_retired",
            Self::Signature { .. } => "checkpoint_signature",
            Self::Name(_) => "checkpoint_name",
            Self::Signer(_) => "checkpoint_signer",
        }
    }
}

/// Signs a checkpoint. `key_name` is the ledger's origin; only for a durable size.
///
/// # Errors
/// [`CheckpointError::Name`] for an origin or key name that no reader would accept,
/// [`CheckpointError::Malformed`] for a size beyond the bound, [`CheckpointError::Signer`] when whoever
/// keeps the key does not sign.
pub fn sign(
    checkpoint: &Checkpoint,
    key_name: &str,
    key: &dyn Signer,
) -> Result<String, CheckpointError> {
    for name in [checkpoint.origin.as_str(), key_name] {
        if !is_name(name) {
            return Err(CheckpointError::Name(shown(name)));
        }
    }
    if checkpoint.size > MAX_SIZE {
        return Err(CheckpointError::Malformed(
            "more leaves than a ledger holds",
        ));
    }
    let text = checkpoint.to_string();
    let signature = signed_note::Signature::new(
        key_name.to_owned(),
        note_key_id(key_name, key.public()),
        key.sign_text(text.as_bytes())?.to_vec(),
    )
    .map_err(|_| CheckpointError::Name(shown(key_name)))?;
    let note = Note::new(text.as_bytes(), &[signature])
        .map_err(|_| CheckpointError::Name(shown(&checkpoint.origin)))?;
    String::from_utf8(note.to_bytes()).map_err(|_| CheckpointError::Malformed("not UTF-8"))
}

/// Opens a note of the ledger `origin` that one of `keys` signed under the origin's name.
/// Signatures by others (witnesses) are ignored.
///
/// # Errors
/// One [`CheckpointError`] per defect.
pub fn open(note: &str, origin: &str, keys: &[LedgerKey]) -> Result<Checkpoint, CheckpointError> {
    open_named(note, origin, origin, keys)
}

/// A note as evidence, bounded: its text and the first signatures under the ledger's own name,
/// without those of witnesses. [`open`] accepts it as it does the whole note.
pub fn bare(note: &str) -> String {
    let Some((text, signatures)) = note.split_once("\n\n") else {
        return String::new();
    };
    let own = format!("\u{2014} {} ", text.split('\n').next().unwrap_or_default());
    let mut bare = format!("{text}\n\n");
    for line in signatures
        .lines()
        .filter(|line| line.starts_with(&own))
        .take(MAX_OWN_SIGNATURES)
    {
        bare.push_str(line);
        bare.push('\n');
    }
    if bare.len() > MAX_BARE_BYTES {
        return String::new();
    }
    bare
}

/// As [`open`], for a log whose key is not named after its origin (Go's checksum database).
///
/// # Errors
/// As [`open`].
pub fn open_named(
    note: &str,
    origin: &str,
    key_name: &str,
    keys: &[LedgerKey],
) -> Result<Checkpoint, CheckpointError> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(CheckpointError::TooLong(note.len()));
    }
    let note = Note::from_bytes(note.as_bytes())
        .map_err(|_| CheckpointError::Malformed("not a signed note"))?;
    let text =
        std::str::from_utf8(note.text()).map_err(|_| CheckpointError::Malformed("not UTF-8"))?;
    // Before the signature only to name the better error: a key is trusted for one ledger's name,
    // so the head of another ledger would merely have no known key.
    let found = text.split('\n').next().unwrap_or_default();
    if found != origin {
        return Err(CheckpointError::Origin {
            expected: shown(origin),
            found: shown(found),
        });
    }
    note.verify(&TrustedKeys::new(key_name, keys))
        .map_err(|error| match error {
            NoteError::InvalidSignature { name, id } => CheckpointError::Signature {
                name: shown(&name),
                id,
            },
            _ => CheckpointError::UnknownKey(shown(origin)),
        })?;
    let head = parse(text)?;
    // Only what was signed says how large the ledger was, so how far a retired key counts is asked
    // after the signature.
    let counting: Vec<LedgerKey> = keys
        .iter()
        .filter(|key| key.counts(head.size, &head.root))
        .copied()
        .collect();
    if counting.len() < keys.len() && note.verify(&TrustedKeys::new(key_name, &counting)).is_err() {
        return Err(CheckpointError::Retired(head.size));
    }
    Ok(head)
}

/// The key in the form that other tools of the C2SP family take: `name+id+base64`.
pub fn verifier_key(name: &str, key: &PublicKey) -> String {
    let typed = [&[ED25519], key.as_bytes().as_slice()].concat();
    format!(
        "{name}+{:08x}+{}",
        note_key_id(name, key),
        BASE64_STANDARD.encode(typed)
    )
}

/// Reads the text of a note. Extension lines are allowed by C2SP and ignored.
fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
    let malformed = CheckpointError::Malformed;
    let body = text
        .strip_suffix('\n')
        .ok_or(malformed("no newline at the end"))?;
    let mut lines = body.split('\n');
    let mut line = |what| {
        lines
            .next()
            .filter(|line| !line.is_empty())
            .ok_or(malformed(what))
    };
    let origin = line("no origin")?;
    let size_text = line("no size")?;
    let root_text = line("no root")?;
    if lines.any(str::is_empty) {
        return Err(malformed("an empty extension line"));
    }
    let size: u64 = size_text
        .parse()
        .map_err(|_| malformed("the size is not a number"))?;
    if size.to_string() != size_text {
        return Err(malformed(
            "the size is not in decimal without leading zeros",
        ));
    }
    if size > MAX_SIZE {
        return Err(malformed("more leaves than a ledger holds"));
    }
    let root = BASE64_STANDARD
        .decode(root_text)
        .ok()
        .and_then(|bytes| Digest::try_from(bytes.as_slice()).ok())
        .ok_or(malformed("the root is not base64 of 32 bytes"))?;
    Ok(Checkpoint {
        origin: origin.to_owned(),
        size,
        root,
    })
}

impl fmt::Display for Checkpoint {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = BASE64_STANDARD.encode(self.root);
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {}", self.origin, self.size, self.root)
    }
}

/// The 32-bit id that a note gives a key: SHA-256(name, newline, type, key), first four bytes.
fn note_key_id(name: &str, key: &PublicKey) -> u32 {
    signed_note::key_id(name, &[&[ED25519], key.as_bytes().as_slice()].concat())
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_ORIGIN_BYTES
        && signed_note::is_key_name_valid(name)
        && !name.chars().any(char::is_control)
}

/// A name from outside, short enough for a message.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Keys trusted under one name, by their note id.
struct TrustedKeys(Vec<TrustedKey>);

struct TrustedKey {
    name: String,
    id: u32,
    // More than one only when the 32-bit ids of two keys are the same: then either may have signed.
    keys: Vec<PublicKey>,
}

impl TrustedKeys {
    fn new(name: &str, keys: &[LedgerKey]) -> Self {
        let mut trusted: Vec<TrustedKey> = Vec::new();
        for LedgerKey { key, .. } in keys {
            let id = note_key_id(name, key);
            match trusted.iter_mut().find(|known| known.id == id) {
                Some(known) => known.keys.push(*key),
                None => trusted.push(TrustedKey {
                    name: name.to_owned(),
                    id,
                    keys: vec![*key],
                }),
            }
        }
        Self(trusted)
    }
}

impl Verifiers for TrustedKeys {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        self.0
            .iter()
            .find(|key| key.name == name && key.id == id)
            .map(|key| key as &dyn Verifier)
            .ok_or_else(|| VerificationError::UnknownKey {
                name: name.to_owned(),
                id,
            })
    }
}

impl Verifier for TrustedKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|key| key.verify_text(message, signature).is_ok())
    }
}
