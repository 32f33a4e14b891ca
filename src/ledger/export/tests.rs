mod restored;

use prost::Message as _;

use super::*;
use crate::{
    crypto::SigningKey,
    ledger::{
        Checkpoint, LineError, Lines, MAX_BODY_BYTES, MAX_LINE_BYTES, decode_line, encode_line,
        leaf_digest, tests_support::Stored, tree, verify_record_proof,
    },
    wire::ledger::{LeafBody, LeafProof, RecordProof},
};

const ORIGIN: &str = "comity.ledger/UZ/3f2a9c10";

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn leaf(index: u64) -> Leaf {
    let body = LeafBody {
        actor: "UZ/operator/local".into(),
        action: if index.is_multiple_of(3) {
            Action::Collection.into()
        } else {
            Action::Consultation.into()
        },
        detail: "submitted".into(),
        time_us: 1_795_000_000_000_000 + index as i64,
        ..LeafBody::default()
    }
    .encode_to_vec();
    let salt = [index as u8; 32];
    Leaf {
        index,
        salt: salt.to_vec(),
        digest: leaf_digest(&salt, &body).to_vec(),
        body,
    }
}

fn stored(leaves: &[Leaf]) -> Stored {
    let mut stored = Stored::new();
    for leaf in leaves {
        let digest = Digest::try_from(leaf.digest.as_slice()).unwrap();
        stored.extend(tree::append(leaf.index, &digest, &stored).unwrap());
    }
    stored
}

fn note(size: u64, root: Digest) -> String {
    let head = Checkpoint {
        origin: ORIGIN.into(),
        size,
        root,
    };
    checkpoint::sign(&head, ORIGIN, &key()).unwrap()
}

/// A sound export of `size` leaves.
fn export(size: u64) -> Vec<ExportLine> {
    let leaves: Vec<Leaf> = (0..size).map(leaf).collect();
    let root = tree::root(size, &stored(&leaves)).unwrap();
    let mut lines = vec![ExportLine::Checkpoint(note(size, root))];
    lines.extend(leaves.into_iter().map(ExportLine::Leaf));
    lines
}

fn verify(lines: Vec<ExportLine>) -> Result<VerifiedLedger, LedgerFault> {
    let lines = lines.into_iter().map(Ok::<_, LineError>);
    verify_export(lines, ORIGIN, &[LedgerKey::in_use(*key().public())], None)
}

fn leaf_at(lines: &mut [ExportLine], index: usize) -> &mut Leaf {
    match &mut lines[index + 1] {
        ExportLine::Leaf(leaf) => leaf,
        ExportLine::Checkpoint(_) => panic!("a leaf stands there"),
    }
}

#[test]
fn a_sound_export_verifies_and_is_counted() {
    for size in [0, 1, 2, 7, 64, 100] {
        let ledger = verify(export(size)).unwrap();
        assert_eq!(ledger.size, size);
        assert_eq!(ledger.bodies_present, size);
        let counted: u64 = ledger.actions.values().sum();
        assert_eq!(counted, size);
    }
    let ledger = verify(export(7)).unwrap();
    assert_eq!(ledger.actions[&Action::Collection], 3);
    assert_eq!(ledger.actions[&Action::Consultation], 4);
}

#[test]
fn shredded_bodies_leave_the_ledger_verifiable() {
    let mut lines = export(10);
    leaf_at(&mut lines, 4).body.clear();
    let shredded = leaf_at(&mut lines, 6);
    shredded.body.clear();
    shredded.salt.clear();
    let ledger = verify(lines).unwrap();
    assert_eq!((ledger.bodies_present, ledger.bodies_shredded), (8, 2));
}

#[test]
fn the_first_leaf_that_does_not_fit_is_named() {
    let fault = |change: &dyn Fn(&mut Vec<ExportLine>)| {
        let mut lines = export(10);
        change(&mut lines);
        verify(lines).unwrap_err()
    };
    assert!(matches!(
        fault(&|lines| leaf_at(lines, 4).body[0] ^= 1),
        LedgerFault::Body { index: 4 }
    ));
    assert!(matches!(
        fault(&|lines| leaf_at(lines, 5).salt[0] ^= 1),
        LedgerFault::Body { index: 5 }
    ));
    assert!(matches!(
        fault(&|lines| leaf_at(lines, 5).digest[0] ^= 1),
        LedgerFault::Body { index: 5 }
    ));
    // Without the body, only the root can tell.
    assert!(matches!(
        fault(&|lines| {
            leaf_at(lines, 5).body.clear();
            leaf_at(lines, 5).digest[0] ^= 1;
        }),
        LedgerFault::Root { size: 10, .. }
    ));
    assert!(matches!(
        fault(&|lines| drop(lines.remove(4))),
        LedgerFault::Order {
            expected: 3,
            found: 4
        }
    ));
    assert!(matches!(
        fault(&|lines| lines.swap(3, 4)),
        LedgerFault::Order {
            expected: 2,
            found: 3
        }
    ));
    assert!(matches!(
        fault(&|lines| lines.truncate(8)),
        LedgerFault::Missing {
            first_missing: 7,
            size: 10
        }
    ));
    assert!(matches!(
        fault(&|lines| lines.push(ExportLine::Leaf(leaf(10)))),
        LedgerFault::Extra {
            index: 10,
            size: 10
        }
    ));
    assert!(matches!(
        fault(&|lines| drop(lines.remove(0))),
        LedgerFault::NoCheckpoint
    ));
    assert!(matches!(
        fault(&|lines| {
            let again = lines[0].clone();
            lines.insert(3, again);
        }),
        LedgerFault::SecondCheckpoint { before: 2 }
    ));
    assert!(matches!(
        fault(&|lines| lines[0] = ExportLine::Checkpoint(note(10, Digest::ZERO))),
        LedgerFault::Root { .. }
    ));
    assert!(matches!(
        fault(&|lines| leaf_at(lines, 2).salt.truncate(31)),
        LedgerFault::Length {
            index: 2,
            part: "the salt",
            bytes: 31
        }
    ));
    assert!(matches!(
        fault(&|lines| leaf_at(lines, 2).digest.truncate(31)),
        LedgerFault::Length { index: 2, .. }
    ));
    assert!(matches!(
        fault(&|lines| leaf_at(lines, 2).body = vec![0; MAX_BODY_BYTES + 1]),
        LedgerFault::Length {
            index: 2,
            part: "the body",
            ..
        }
    ));
    assert!(matches!(
        fault(&|lines| {
            let leaf = leaf_at(lines, 2);
            leaf.body = vec![0xff; 4];
            leaf.digest = leaf_digest(&[2; 32], &leaf.body).to_vec();
        }),
        LedgerFault::Undecodable { index: 2 }
    ));
    assert!(matches!(verify(Vec::new()), Err(LedgerFault::NoCheckpoint)));
}

#[test]
fn another_country_s_export_is_not_ours() {
    let stranger = SigningKey::from_seed(&[2; 32]).unwrap();
    let lines = export(3).into_iter().map(Ok::<_, LineError>);
    assert!(matches!(
        verify_export(
            lines,
            ORIGIN,
            &[LedgerKey::in_use(*stranger.public())],
            None
        ),
        Err(LedgerFault::Checkpoint(
            crate::ledger::CheckpointError::UnknownKey(_)
        ))
    ));
}

#[test]
fn text_and_back() {
    let mut lines = export(5);
    leaf_at(&mut lines, 3).body.clear();
    let text: String = lines.iter().map(|line| encode_line(line) + "\n").collect();
    let read: Vec<ExportLine> = Lines::new(text.as_bytes()).map(Result::unwrap).collect();
    assert_eq!(read, lines);
    let keys = [LedgerKey::in_use(*key().public())];
    let ledger = verify_export(Lines::new(text.as_bytes()), ORIGIN, &keys, None).unwrap();
    assert_eq!((ledger.size, ledger.bodies_shredded), (5, 1));

    // A file cut in the middle of a line.
    let cut = &text.as_bytes()[..text.len() - 30];
    assert!(matches!(
        verify_export(Lines::new(cut), ORIGIN, &keys, None),
        Err(LedgerFault::Line { expected: 4, .. })
    ));
}

#[test]
fn lines_that_are_none_are_refused() {
    let digest = "00".repeat(32);
    for text in [
        r#"{}"#.to_owned(),
        r#"{"index":0}"#.to_owned(),
        format!(r#"{{"digest":"{digest}"}}"#),
        format!(r#"{{"checkpoint":"x","index":0,"digest":"{digest}"}}"#),
    ] {
        assert!(matches!(decode_line(&text), Err(LineError::Form)), "{text}");
    }
    for text in [
        "",
        "[]",
        "null",
        r#"{"index":-1}"#,
        r#"{"indexes":1}"#,
        "{\"checkpoint\":\"x\"",
    ] {
        assert!(
            matches!(decode_line(text), Err(LineError::Json(_))),
            "{text}"
        );
    }
    assert!(matches!(
        decode_line(r#"{"index":0,"salt":"zz","digest":""}"#),
        Err(LineError::Encoding("salt", _))
    ));
    assert!(matches!(
        decode_line(r#"{"index":0,"body":"a","digest":""}"#),
        Err(LineError::Encoding("body", _))
    ));
    let mut endless = Lines::new(std::io::BufReader::new(std::io::repeat(b'x')));
    assert!(matches!(endless.next(), Some(Err(LineError::TooLong))));
    assert!(endless.next().is_none());
    assert!(matches!(
        decode_line(&" ".repeat(MAX_LINE_BYTES + 1)),
        Err(LineError::TooLong)
    ));
    let mut binary = Lines::new([0xff_u8, b'\n'].as_slice());
    assert!(matches!(binary.next(), Some(Err(LineError::Read(_)))));
}

fn record_proof(size: u64, indexes: &[u64]) -> RecordProof {
    let leaves: Vec<Leaf> = (0..size).map(leaf).collect();
    let stored = stored(&leaves);
    RecordProof {
        checkpoint: note(size, tree::root(size, &stored).unwrap()),
        leaves: indexes
            .iter()
            .map(|&index| LeafProof {
                leaf: Some(leaf(index)),
                path: tree::inclusion(size, index, &stored)
                    .unwrap()
                    .iter()
                    .map(Digest::to_vec)
                    .collect(),
            })
            .collect(),
    }
}

#[test]
fn a_record_s_proof_holds_and_each_defect_is_named() {
    let keys = [LedgerKey::in_use(*key().public())];
    let check = |proof: &RecordProof| verify_record_proof(proof, ORIGIN, &keys);
    let good = record_proof(9, &[0, 3, 8]);
    let bodies = check(&good).unwrap();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[1].1.detail, "submitted");

    let mut shredded = good.clone();
    let closed = shredded.leaves[1].leaf.as_mut().unwrap();
    closed.body.clear();
    // What is left keeps the index of its own leaf.
    let left = check(&shredded).unwrap();
    let indexes: Vec<u64> = left.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [0, 8]);

    let mut moved = good.clone();
    moved.leaves[1].leaf.as_mut().unwrap().index = 4;
    assert!(matches!(
        check(&moved),
        Err(LedgerFault::NotIncluded { index: 4 })
    ));
    let mut altered = good.clone();
    altered.leaves[2].leaf.as_mut().unwrap().body[0] ^= 1;
    assert!(matches!(
        check(&altered),
        Err(LedgerFault::Body { index: 8 })
    ));
    let mut beyond = good.clone();
    beyond.leaves[2].leaf.as_mut().unwrap().index = u64::MAX;
    assert!(matches!(
        check(&beyond),
        Err(LedgerFault::NotIncluded { index: u64::MAX })
    ));
    let mut short = good.clone();
    short.leaves[0].path[0].pop();
    assert!(matches!(
        check(&short),
        Err(LedgerFault::Length {
            index: 0,
            bytes: 31,
            ..
        })
    ));
    let mut long = good.clone();
    long.leaves[0].path = vec![vec![0; 32]; 65];
    assert!(matches!(
        check(&long),
        Err(LedgerFault::NotIncluded { index: 0 })
    ));
    let mut twice = good.clone();
    twice.leaves.push(good.leaves[2].clone());
    assert!(matches!(
        check(&twice),
        Err(LedgerFault::Order {
            expected: 9,
            found: 8
        })
    ));
    let mut none = good.clone();
    none.leaves.clear();
    assert!(matches!(check(&none), Err(LedgerFault::NoLeaves)));
    let mut many = good;
    many.leaves = vec![LeafProof::default(); crate::ledger::MAX_PROOF_LEAVES + 1];
    assert!(matches!(check(&many), Err(LedgerFault::TooManyLeaves(_))));
}
