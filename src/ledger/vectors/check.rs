//! What this implementation finds in a vector.

use std::collections::BTreeMap;

use serde_json::json;

use super::{ExpectedLedger, LedgerVector, Subject, VectorError, VectorHead};
use crate::{
    card::LedgerKey,
    crypto::{Digest, PublicKey, SigningKey, merkle},
    ledger::{
        LedgerFault, LineError, Succession, checkpoint, decode_line, proof::check_leaf, tree,
        verify_export, verify_record_proof,
    },
    wire::{
        json::{from_json, to_json},
        ledger::{Leaf, LeafBody, RecordProof},
    },
};

const BODY: &str = "comity.ledger.v1.LeafBody";

/// Checks that this implementation finds in a vector what the vector says.
///
/// # Errors
/// [`VectorError::Differs`] when it does not, and others when the vector is malformed.
pub fn check(vector: &LedgerVector) -> Result<(), VectorError> {
    let found = outcome(vector)?;
    if found == vector.expected {
        return Ok(());
    }
    Err(VectorError::Differs {
        name: vector.name.clone(),
        expected: format!("{:?}", vector.expected),
        found: format!("{found:?}"),
    })
}

/// Does what whoever was handed the piece does.
pub(super) fn outcome(vector: &LedgerVector) -> Result<ExpectedLedger, VectorError> {
    let keys = keys(vector)?;
    let found = match &vector.subject {
        Subject::Leaf {
            index,
            salt,
            body,
            digest,
        } => {
            let leaf = Leaf {
                index: *index,
                salt: unhex(vector, salt, "subject.salt")?,
                body: unhex(vector, body, "subject.body")?,
                digest: unhex(vector, digest, "subject.digest")?,
            };
            check_leaf(&leaf).map(|(digest, body)| {
                let hash = merkle::root(&[digest]).to_string();
                let body = body.map(|body| to_json(BODY, &body)).transpose()?;
                Ok(json!({"tree_hash": hash, "body": body}))
            })
        }
        Subject::Checkpoint { note } => checkpoint::open(note, &vector.origin, &keys)
            .map_err(LedgerFault::from)
            .map(|head| {
                Ok(json!({
                    "origin": head.origin,
                    "size": head.size,
                    "root": head.root.to_string(),
                }))
            }),
        Subject::Proof { proof } => {
            let name = "comity.ledger.v1.RecordProof";
            let proof: RecordProof = from_json(name, &proof.to_string())?;
            verify_record_proof(&proof, &vector.origin, &keys).map(|bodies| leaves(&bodies))
        }
        Subject::Consistency { old, new, path } => {
            let path = path
                .iter()
                .map(|hash| digest(vector, hash, "subject.path"))
                .collect::<Result<Vec<_>, _>>()?;
            let (from, to) = (head(vector, old)?, head(vector, new)?);
            let held = tree::verify_consistency(from.0, &from.1, to.0, &to.1, &path);
            return Ok(match held {
                Ok(()) => ExpectedLedger {
                    found: Some(json!({"prefix": from.0, "of": to.0})),
                    ..ExpectedLedger::default()
                },
                Err(error) => ExpectedLedger {
                    fault: Some(error.name().to_owned()),
                    ..ExpectedLedger::default()
                },
            });
        }
        Subject::Export { lines } => {
            let lines = lines.iter().map(|line| decode_line(line));
            let succession = succession(vector)?;
            verify_export::<LineError>(lines, &vector.origin, &keys, succession.as_ref()).map(
                |ledger| {
                    let actions: BTreeMap<_, _> = ledger
                        .actions
                        .iter()
                        .map(|(action, count)| (action.as_str_name(), count))
                        .collect();
                    Ok(json!({
                        "size": ledger.size,
                        "root": ledger.root.to_string(),
                        "bodies_present": ledger.bodies_present,
                        "bodies_shredded": ledger.bodies_shredded,
                        "actions": actions,
                    }))
                },
            )
        }
    };
    Ok(match found {
        Ok(found) => ExpectedLedger {
            found: Some(found?),
            ..ExpectedLedger::default()
        },
        Err(fault) => ExpectedLedger {
            fault: Some(fault.name().to_owned()),
            leaf: fault.leaf(),
            found: None,
        },
    })
}

fn leaves(bodies: &[(u64, LeafBody)]) -> Result<serde_json::Value, VectorError> {
    let bodies = bodies
        .iter()
        .map(|(index, body)| Ok(json!({"index": index, "body": to_json(BODY, body)?})))
        .collect::<Result<Vec<_>, VectorError>>()?;
    Ok(json!({ "leaves": bodies }))
}

fn keys(vector: &LedgerVector) -> Result<Vec<LedgerKey>, VectorError> {
    vector
        .keys
        .iter()
        .map(|key| {
            let public = PublicKey::parse(&unhex(vector, &key.public_key, "keys.public_key")?)?;
            let seed = unhex(vector, &key.signing_seed, "keys.signing_seed")?;
            if *SigningKey::from_seed(&seed)?.public() != public {
                return Err(field(vector, "keys.public_key"));
            }
            let until = key
                .until
                .as_ref()
                .map(|last| head(vector, last))
                .transpose()?;
            Ok(if key.retired {
                LedgerKey::until(public, until)
            } else {
                LedgerKey::in_use(public)
            })
        })
        .collect()
}

fn succession(vector: &LedgerVector) -> Result<Option<Succession>, VectorError> {
    let Some(of) = &vector.succession else {
        return Ok(None);
    };
    Ok(Some(Succession {
        size: of.size,
        root: digest(vector, &of.root, "succession.root")?,
        statement: digest(vector, &of.statement, "succession.statement")?,
    }))
}

fn head(vector: &LedgerVector, head: &VectorHead) -> Result<(u64, Digest), VectorError> {
    Ok((head.size, digest(vector, &head.root, "root")?))
}

fn digest(vector: &LedgerVector, text: &str, name: &'static str) -> Result<Digest, VectorError> {
    Digest::try_from(unhex(vector, text, name)?.as_slice()).map_err(|_| field(vector, name))
}

fn unhex(vector: &LedgerVector, text: &str, name: &'static str) -> Result<Vec<u8>, VectorError> {
    hex::decode(text).map_err(|_| field(vector, name))
}

fn field(vector: &LedgerVector, field: &'static str) -> VectorError {
    VectorError::Field {
        name: vector.name.clone(),
        field,
    }
}
