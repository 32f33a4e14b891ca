//! Complete sealed records with their keys and expected contents, so that another implementation
//! can check itself: made here, byte for byte the same each time, and checked here.
//!
//! A vector is one JSON object; byte strings are lower-case hex. It holds what a reader has (its
//! sealing secret, the origin's public key, the epoch, the record as it came) and what must come of
//! it: either what is opened, or the name of the fault ([`super::Fault::name`]). Statements without a
//! secret, receipts and lane marks, are in [`statements`].

mod broken;
mod make;
mod signed;
pub mod statements;

use prost::bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Epoch, EpochError, Fault, Opened, OriginKeys, ReceivingEpoch, SealError, SealedCompartment,
    SealedRecord, Wrap, verify,
};
use crate::{
    card::Vouched,
    crypto::{
        ContentError, KeyError, KeyId, PaddingError, PublicKey, SealingError, SealingKey,
        SealingSecret, SigningKey,
    },
    record::{Country, Moment, UnknownCountry},
    wire::json::JsonError,
};

/// One record as it comes to one reader, and what must come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Name, and name of its file.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// That its keys are published.
    pub warning: String,
    /// Country on whose link the record comes.
    pub origin: String,
    /// Country that reads.
    pub reader: String,
    /// Reader's time, microseconds since 1970.
    pub now_us: i64,
    /// Ed25519 seed of the origin's signing key.
    pub origin_signing_seed: String,
    /// Its public key, which the origin's card vouches for.
    pub origin_public_key: String,
    /// X-Wing seed of the reader's sealing key.
    pub reader_sealing_secret: String,
    /// Its public key.
    pub reader_sealing_key: String,
    /// The sealing epoch.
    pub epoch: VectorEpoch,
    /// The record as it came.
    pub record: VectorRecord,
    /// What must come of it.
    pub expected: Expected,
}

/// A sealing epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorEpoch {
    /// Epoch id.
    pub id: String,
    /// X-Wing encapsulation.
    pub encapsulation: String,
    /// Id of the sealing key.
    pub sealing_key_id: String,
    /// The exported epoch key.
    pub key: String,
}

/// A sealed record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorRecord {
    /// Exact bytes of the header.
    pub header: String,
    /// Id of the signing key.
    pub key_id: String,
    /// Ed25519 signature.
    pub signature: String,
    /// The compartments that came.
    pub compartments: Vec<VectorCompartment>,
    /// The wrap, if one came.
    pub wrap: Option<VectorWrap>,
}

/// Ciphertext of one compartment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorCompartment {
    /// Manifest index.
    pub index: u32,
    /// Ciphertext with tag.
    pub ciphertext: String,
}

/// Content keys sealed for the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorWrap {
    /// Epoch id.
    pub epoch: String,
    /// Nonce.
    pub nonce: String,
    /// Ciphertext with tag.
    pub sealed: String,
}

/// What must come of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Name of the fault; none when the record opens.
    pub fault: Option<String>,
    /// Reason in the NON_DELIVERY receipt, when the fault is terminal.
    pub reason: Option<String>,
    /// What is opened; none when there is a fault.
    pub opened: Option<ExpectedOpened>,
}

/// What is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedOpened {
    /// SHA-256 of the header's bytes.
    pub header_digest: String,
    /// Id of the record.
    pub record_id: String,
    /// Salt of the reader's entitlement.
    pub salt: String,
    /// The compartments, in manifest order.
    pub compartments: Vec<ExpectedCompartment>,
}

/// One opened compartment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCompartment {
    /// Manifest index.
    pub index: u32,
    /// Content key.
    pub content_key: String,
    /// Commitment to it.
    pub key_commitment: String,
    /// Padded plaintext.
    pub padded: String,
    /// Label by number.
    pub label: u32,
    /// Encoded content.
    pub content: String,
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
    /// A country is none.
    #[error("{0}")]
    Country(#[from] UnknownCountry),
    /// A signing key is none.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// A sealing key or encapsulation is none.
    #[error("{0}")]
    Sealing(#[from] SealingError),
    /// A record could not be sealed.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// An epoch could not be made.
    #[error("{0}")]
    Epoch(#[from] EpochError),
    /// A compartment could not be encrypted.
    #[error("{0}")]
    Content(#[from] ContentError),
    /// A compartment could not be padded.
    #[error("{0}")]
    Padding(#[from] PaddingError),
    /// A message has no JSON form.
    #[error("{0}")]
    Wire(#[from] JsonError),
    /// The text is not a vector.
    #[error("the vector is not the JSON it should be: {0}")]
    Json(#[from] serde_json::Error),
}

/// Every vector, the same each time.
///
/// # Errors
/// [`VectorError`] when the suite refuses an input, which would be a fault of this program.
pub fn all() -> Result<Vec<Vector>, VectorError> {
    let mut vectors = make::good()?;
    vectors.extend(broken::all()?);
    Ok(vectors)
}

/// A vector as the text of its file.
///
/// # Errors
/// [`VectorError::Json`], which would be a fault of this program.
pub fn encode(vector: &impl Serialize) -> Result<String, VectorError> {
    let mut json = serde_json::to_string_pretty(vector)?;
    json.push('\n');
    Ok(json)
}

/// A vector from the text of its file.
///
/// # Errors
/// [`VectorError::Json`].
pub fn decode<V: DeserializeOwned>(json: &str) -> Result<V, VectorError> {
    Ok(serde_json::from_str(json)?)
}

/// Checks that this implementation finds in a vector what the vector says.
///
/// # Errors
/// [`VectorError::Differs`] when it does not, and others when the vector is malformed.
pub fn check(vector: &Vector) -> Result<(), VectorError> {
    let found = match outcome(vector)? {
        Ok(opened) => Expected {
            fault: None,
            reason: None,
            opened: Some(make::expected_opened(
                &opened.digest,
                &opened.record_id,
                &opened.keys,
                &opened.parts,
            )?),
        },
        Err(fault) => Expected::fault(&fault),
    };
    if found == vector.expected {
        return Ok(());
    }
    Err(VectorError::Differs {
        name: vector.name.clone(),
        expected: format!("{:?}", vector.expected),
        found: format!("{found:?}"),
    })
}

impl Expected {
    fn fault(fault: &Fault) -> Self {
        Self {
            fault: Some(fault.name().to_owned()),
            reason: match fault {
                Fault::Terminal(reason, _) => Some(reason.as_str_name().to_owned()),
                Fault::Link(_) => None,
            },
            opened: None,
        }
    }
}

/// Does what a reader does.
fn outcome(vector: &Vector) -> Result<Result<Opened, Fault>, VectorError> {
    let field = |text: &str, field| unhex(&vector.name, text, field);
    let origin: Country = vector.origin.parse()?;
    let reader: Country = vector.reader.parse()?;
    let public = PublicKey::parse(&field(&vector.origin_public_key, "origin_public_key")?)?;
    let seed = field(&vector.origin_signing_seed, "origin_signing_seed")?;
    let secret = field(&vector.reader_sealing_secret, "reader_sealing_secret")?;
    let secret = SealingSecret::from_bytes(&secret)?;
    let sealing_key = field(&vector.reader_sealing_key, "reader_sealing_key")?;
    let same_keys = *SigningKey::from_seed(&seed)?.public() == public
        && *secret.public() == SealingKey::parse(&sealing_key)?;
    if !same_keys {
        let name = vector.name.clone();
        let field = "reader_sealing_key or origin_public_key";
        return Err(VectorError::Field { name, field });
    }
    let epoch = Epoch {
        id: field(&vector.epoch.id, "epoch.id")?,
        encapsulation: field(&vector.epoch.encapsulation, "epoch.encapsulation")?,
        sealing_key_id: field(&vector.epoch.sealing_key_id, "epoch.sealing_key_id")?,
    };
    let record = record(vector)?;
    let trust = OneKey { origin, public };
    let now = Moment::from_micros(vector.now_us);
    let epoch = ReceivingEpoch::open(&epoch, origin, reader, &[secret])?;
    Ok(verify(&record, reader, origin, None, &trust, now)
        .and_then(|verified| verified.open(&epoch)))
}

fn record(vector: &Vector) -> Result<SealedRecord, VectorError> {
    let field = |text: &str, field| unhex(&vector.name, text, field);
    let VectorRecord {
        header,
        key_id,
        signature,
        compartments,
        wrap,
    } = &vector.record;
    Ok(SealedRecord {
        header: field(header, "record.header")?,
        key_id: field(key_id, "record.key_id")?,
        signature: field(signature, "record.signature")?,
        compartments: compartments
            .iter()
            .map(|each| {
                Ok(SealedCompartment {
                    index: each.index,
                    ciphertext: field(&each.ciphertext, "record.compartments.ciphertext")?,
                })
            })
            .collect::<Result<_, VectorError>>()?,
        wrap: wrap
            .as_ref()
            .map(|wrap| {
                Ok::<_, VectorError>(Wrap {
                    epoch: field(&wrap.epoch, "record.wrap.epoch")?,
                    nonce: field(&wrap.nonce, "record.wrap.nonce")?,
                    sealed: field(&wrap.sealed, "record.wrap.sealed")?,
                })
            })
            .transpose()?,
    })
}

fn unhex(name: &str, text: &str, field: &'static str) -> Result<Bytes, VectorError> {
    hex::decode(text)
        .map(Bytes::from)
        .map_err(|_| VectorError::Field {
            name: name.to_owned(),
            field,
        })
}

/// A card with one key.
struct OneKey {
    origin: Country,
    public: PublicKey,
}

impl OriginKeys for OneKey {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        (origin == self.origin && *id == self.public.id()).then_some(Vouched::in_use(self.public))
    }

    fn signers(&self, id: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        let own = self.signing_key(self.origin, id);
        own.map(|vouched| (self.origin, vouched))
            .into_iter()
            .collect()
    }
}
