//! Leaves, checkpoints, proofs and exports of a ledger, each with the keys that it is checked with
//! and what must come of it: made here, byte for byte the same each time, and checked here, so that
//! another implementation can check itself.

mod check;
mod export;
mod heads;
mod make;
mod proofs;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{CheckpointError, TreeError};
use crate::{crypto::KeyError, wire::json::JsonError};

pub use check::check;

/// One piece of a ledger, and what must come of it. Byte strings are lower-case hex, unless the
/// format itself has another form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerVector {
    /// Name, and name of its file.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// That its keys are published.
    pub warning: String,
    /// The ledger that is asked for: the card's origin line.
    pub origin: String,
    /// The signing keys of the country's card.
    pub keys: Vec<VectorKey>,
    /// What the card says of the ledger before a restore.
    pub succession: Option<VectorSuccession>,
    /// What is checked.
    pub subject: Subject,
    /// What must come of it.
    pub expected: ExpectedLedger,
}

/// A signing key of the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorKey {
    /// Ed25519 seed.
    pub signing_seed: String,
    /// Its public key.
    pub public_key: String,
    /// Whether the card says that the key is retired.
    pub retired: bool,
    /// The last ledger that a retired key vouches for, if any.
    pub until: Option<VectorHead>,
}

/// Size and root of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorHead {
    /// Leaves.
    pub size: u64,
    /// RFC 6962 root.
    pub root: String,
}

/// The card's word for the ledger before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorSuccession {
    /// Leaves that were kept.
    pub size: u64,
    /// Their root.
    pub root: String,
    /// SHA-256 of the encoded renewal.
    pub statement: String,
}

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Subject {
    /// A leaf by itself.
    Leaf {
        /// Position.
        index: u64,
        /// Salt; empty where it was shredded.
        salt: String,
        /// Encoded body; empty where it was shredded.
        body: String,
        /// The digest that the tree holds.
        digest: String,
    },
    /// A signed note.
    Checkpoint {
        /// Its text.
        note: String,
    },
    /// Leaves with their inclusion paths and the checkpoint.
    Proof {
        /// `comity.ledger.v1.RecordProof` in canonical proto3 JSON.
        proof: serde_json::Value,
    },
    /// A consistency path between two heads.
    Consistency {
        /// The older head.
        old: VectorHead,
        /// The newer head.
        new: VectorHead,
        /// The path.
        path: Vec<String>,
    },
    /// A whole ledger, as `comity audit export` writes it.
    Export {
        /// The lines, without their newlines.
        lines: Vec<String>,
    },
}

/// What must come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedLedger {
    /// Name of the fault; none when it holds.
    pub fault: Option<String>,
    /// The leaf at which it is found, where the fault names one.
    pub leaf: Option<u64>,
    /// What was found, where it holds; its fields depend on the subject.
    pub found: Option<serde_json::Value>,
}

/// A vector cannot be made or read, or this implementation disagrees with it.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// Not hex, or of the wrong length.
    #[error("vector {name}: `{field}` is not hex of the right length")]
    Field {
        /// Name of the vector.
        name: String,
        /// The field.
        field: &'static str,
    },
    /// Something else came of it.
    #[error("vector {name}: expected {expected}, found {found}")]
    Differs {
        /// Name of the vector.
        name: String,
        /// What should come of it.
        expected: String,
        /// What came.
        found: String,
    },
    /// A signing key is none.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// A checkpoint could not be signed.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// A tree could not be built.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// A message has no JSON form, or the JSON is not that of the message.
    #[error("{0}")]
    Wire(#[from] JsonError),
    /// The text is not a vector.
    #[error("the vector is not the JSON it should be: {0}")]
    Json(#[from] serde_json::Error),
}

/// Every vector, the same each time.
///
/// # Errors
/// [`VectorError`] when an input is refused, which would be a fault of this program.
pub fn all() -> Result<Vec<LedgerVector>, VectorError> {
    let mut vectors = heads::all()?;
    vectors.extend(proofs::all()?);
    vectors.extend(export::all()?);
    Ok(vectors)
}

/// A vector as the text of its file.
///
/// # Errors
/// [`VectorError::Json`], which would be a fault of this program.
pub fn encode(vector: &LedgerVector) -> Result<String, VectorError> {
    let mut json = serde_json::to_string_pretty(vector)?;
    json.push('\n');
    Ok(json)
}

/// A vector from the text of its file.
///
/// # Errors
/// [`VectorError::Json`].
pub fn decode(json: &str) -> Result<LedgerVector, VectorError> {
    Ok(serde_json::from_str(json)?)
}
