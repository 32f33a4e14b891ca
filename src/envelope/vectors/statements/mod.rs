//! Receipt groups, receipts taken out of them, and lane marks: what the signer's card vouches for,
//! the exact bytes, and what must come of them.

mod make;
mod malformed;
mod marks;
mod receipts;

use serde::{Deserialize, Serialize};

use super::VectorError;
use crate::{
    card::{Retirement, Vouched},
    crypto::{KeyId, PublicKey, SigningKey},
    envelope::{
        MarkError, OriginKeys, ReceiptError, ReceiptGroup, ReceiptProof, SignedLaneMark,
        verify_group, verify_mark, verify_proof,
    },
    record::Country,
    wire::{card as wire, json},
};

/// One signed statement of a country, and what must come of it. Byte strings are lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementVector {
    /// Name, and name of its file.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// That its key is published.
    pub warning: String,
    /// Country that the statement is checked against: issuer of receipts, origin of a mark.
    pub signer: String,
    /// Ed25519 seed of its signing key.
    pub signing_seed: String,
    /// Its public key, which the signer's card vouches for.
    pub public_key: String,
    /// Up to where the key counts, when the card says that it is retired.
    pub retired: Option<VectorPosition>,
    /// What was signed.
    pub statement: Statement,
    /// What must come of it.
    pub expected: ExpectedStatement,
}

/// The last place of a lane for which a retired key signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorPosition {
    /// The other country of the lane.
    pub peer: String,
    /// Incarnation of the lane's sending node.
    pub incarnation: String,
    /// Lane number.
    pub lane: u32,
    /// Sequence.
    pub sequence: u64,
    /// Running hash at this sequence.
    pub running_hash: String,
}

/// A signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Statement {
    /// A receipt group, as it answers a Deliver.
    Group {
        /// Encoded receipts.
        receipts: Vec<String>,
        /// Id of the signing key.
        key_id: String,
        /// Ed25519 signature.
        signature: String,
    },
    /// A receipt with its path.
    Proof {
        /// Encoded receipt.
        receipt: String,
        /// Index in the group.
        index: u64,
        /// Size of the group.
        size: u64,
        /// Inclusion path.
        path: Vec<String>,
        /// Id of the signing key.
        key_id: String,
        /// Ed25519 signature.
        signature: String,
    },
    /// A lane mark.
    Mark {
        /// Encoded mark.
        mark: String,
        /// Id of the signing key.
        key_id: String,
        /// Ed25519 signature.
        signature: String,
    },
}

/// What must come of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedStatement {
    /// Name of the fault; none when the statement holds.
    pub fault: Option<String>,
    /// Of a malformed one, what is.
    pub field: Option<String>,
    /// The bytes that are signed, where the statement holds.
    pub signed: Option<String>,
    /// The messages in canonical proto3 JSON, in order; empty when there is a fault.
    pub messages: Vec<serde_json::Value>,
}

impl StatementVector {
    /// The folder of its file.
    pub const fn folder(&self) -> &'static str {
        match self.statement {
            Statement::Group { .. } | Statement::Proof { .. } => "receipts",
            Statement::Mark { .. } => "marks",
        }
    }
}

/// Every vector, the same each time.
///
/// # Errors
/// [`VectorError`] when the suite refuses an input, which would be a fault of this program.
pub fn all() -> Result<Vec<StatementVector>, VectorError> {
    let mut vectors = receipts::all()?;
    vectors.extend(marks::all()?);
    Ok(vectors)
}

/// Checks that this implementation finds in a vector what the vector says.
///
/// # Errors
/// [`VectorError::Differs`] when it does not, and others when the vector is malformed.
pub fn check(vector: &StatementVector) -> Result<(), VectorError> {
    let mut found = outcome(vector)?;
    if found.fault.is_none() {
        found.signed = Some(make::signed(vector)?);
    }
    if found == vector.expected {
        return Ok(());
    }
    Err(VectorError::Differs {
        name: vector.name.clone(),
        expected: format!("{:?}", vector.expected),
        found: format!("{found:?}"),
    })
}

/// Does what a receiver does.
fn outcome(vector: &StatementVector) -> Result<ExpectedStatement, VectorError> {
    let unhex = |text: &str, field| super::unhex(&vector.name, text, field);
    let signer: Country = vector.signer.parse()?;
    let public = PublicKey::parse(&unhex(&vector.public_key, "public_key")?)?;
    let seed = unhex(&vector.signing_seed, "signing_seed")?;
    if *SigningKey::from_seed(&seed)?.public() != public {
        let name = vector.name.clone();
        let field = "public_key";
        return Err(VectorError::Field { name, field });
    }
    let trust = Card {
        country: signer,
        public,
        retired: match &vector.retired {
            None => None,
            Some(position) => Some(retirement(&vector.name, position)?),
        },
    };
    let receipt = "comity.envelope.v1.Receipt";
    Ok(match &vector.statement {
        Statement::Group {
            receipts,
            key_id,
            signature,
        } => {
            let group = ReceiptGroup {
                receipts: receipts
                    .iter()
                    .map(|each| unhex(each, "statement.receipts"))
                    .collect::<Result<_, _>>()?,
                key_id: unhex(key_id, "statement.key_id")?,
                signature: unhex(signature, "statement.signature")?,
            };
            match verify_group(&group, signer, &trust) {
                Ok(receipts) => {
                    let each = receipts.iter().map(|each| json::to_json(receipt, each));
                    ExpectedStatement::holds(each.collect::<Result<_, _>>()?)
                }
                Err(error) => ExpectedStatement::of_receipts(error),
            }
        }
        Statement::Proof {
            receipt: bytes,
            index,
            size,
            path,
            key_id,
            signature,
        } => {
            let proof = ReceiptProof {
                receipt: unhex(bytes, "statement.receipt")?,
                index: *index,
                size: *size,
                path: path
                    .iter()
                    .map(|each| unhex(each, "statement.path"))
                    .collect::<Result<_, _>>()?,
                key_id: unhex(key_id, "statement.key_id")?,
                signature: unhex(signature, "statement.signature")?,
            };
            match verify_proof(&proof, signer, &trust) {
                Ok(shown) => ExpectedStatement::holds(vec![json::to_json(receipt, &shown)?]),
                Err(error) => ExpectedStatement::of_receipts(error),
            }
        }
        Statement::Mark {
            mark,
            key_id,
            signature,
        } => {
            let signed = SignedLaneMark {
                mark: unhex(mark, "statement.mark")?,
                key_id: unhex(key_id, "statement.key_id")?,
                signature: unhex(signature, "statement.signature")?,
            };
            match verify_mark(&signed, signer, &trust) {
                Ok(mark) => {
                    let mark = json::to_json("comity.envelope.v1.LaneMark", &mark)?;
                    ExpectedStatement::holds(vec![mark])
                }
                Err(error) => ExpectedStatement::of_mark(error),
            }
        }
    })
}

impl ExpectedStatement {
    fn holds(messages: Vec<serde_json::Value>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    fn of_receipts(error: ReceiptError) -> Self {
        let field = match error {
            ReceiptError::Malformed { field, .. } => Some(field.to_owned()),
            _ => None,
        };
        Self {
            fault: Some(error.name().to_owned()),
            field,
            ..Self::default()
        }
    }

    fn of_mark(error: MarkError) -> Self {
        let field = match error {
            MarkError::Malformed(field) => Some(field.to_owned()),
            _ => None,
        };
        Self {
            fault: Some(error.name().to_owned()),
            field,
            ..Self::default()
        }
    }
}

fn retirement(name: &str, position: &VectorPosition) -> Result<Retirement, VectorError> {
    let field = "retired";
    let unhex = |text: &str| super::unhex(name, text, field);
    let retired = wire::Retirement {
        positions: vec![wire::LanePosition {
            peer: position.peer.clone(),
            incarnation: unhex(&position.incarnation)?.to_vec(),
            lane: position.lane,
            sequence: position.sequence,
            running_hash: unhex(&position.running_hash)?.to_vec(),
        }],
        ..wire::Retirement::default()
    };
    Retirement::of(&retired).map_err(|_| VectorError::Field {
        name: name.to_owned(),
        field,
    })
}

/// What the signer's card says.
struct Card {
    country: Country,
    public: PublicKey,
    retired: Option<Retirement>,
}

impl OriginKeys for Card {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        (origin == self.country && *id == self.public.id()).then_some(Vouched {
            key: self.public,
            retired: self.retired.as_ref(),
        })
    }

    fn signers(&self, id: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        let own = self.signing_key(self.country, id);
        own.map(|vouched| (self.country, vouched))
            .into_iter()
            .collect()
    }
}
