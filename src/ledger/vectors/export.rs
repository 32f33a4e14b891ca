//! Whole ledgers, as `comity audit export` writes them.

use prost::Message as _;

use super::{
    LedgerVector, Subject, VectorError, VectorSuccession,
    make::{SIZE, body, bytes, fails, head, holds, leaf_of, leaves, note, settled},
};
use crate::{
    ledger::{ExportLine, MAX_LINE_BYTES, RENEWED, encode_line},
    wire::ledger::{Leaf, LeafBody},
};

/// Leaves kept of the ledger before, where there was one.
const KEPT: u64 = 5;

pub(super) fn all() -> Result<Vec<LedgerVector>, VectorError> {
    let mut vectors = good()?;
    vectors.extend(lines_wrong()?);
    vectors.extend(leaves_wrong()?);
    vectors.extend(succeeded()?);
    Ok(vectors)
}

/// The lines of these leaves under their own signed head.
fn export(leaves: &[Leaf]) -> Result<Vec<String>, VectorError> {
    let head = head(leaves, leaves.len() as u64)?;
    let mut lines = vec![encode_line(&ExportLine::Checkpoint(note(&head)?))];
    lines.extend(
        leaves
            .iter()
            .cloned()
            .map(ExportLine::Leaf)
            .map(|line| encode_line(&line)),
    );
    Ok(lines)
}

/// The sound export with other leaves in it: the checkpoint stays.
fn with(change: fn(&mut Vec<Leaf>)) -> Result<Vec<String>, VectorError> {
    let sound = leaves(SIZE);
    let mut changed = sound.clone();
    change(&mut changed);
    let mut lines = export(&sound)?;
    lines.truncate(1);
    lines.extend(
        changed
            .into_iter()
            .map(ExportLine::Leaf)
            .map(|line| encode_line(&line)),
    );
    Ok(lines)
}

fn good() -> Result<Vec<LedgerVector>, VectorError> {
    let good = |name, about, lines| holds(name, about, Subject::Export { lines });
    Ok(vec![
        good("export", "eleven leaves", export(&leaves(SIZE))?)?,
        good(
            "export-of-nothing",
            "a checkpoint of no leaves",
            export(&[])?,
        )?,
        good(
            "export-with-shredded-leaves",
            "one without its body, one without body and salt: the root is the same",
            with(|leaves| {
                if let Some(leaf) = leaves.get_mut(2) {
                    leaf.body.clear();
                }
                if let Some(leaf) = leaves.get_mut(3) {
                    leaf.body.clear();
                    leaf.salt.clear();
                }
            })?,
        )?,
    ])
}

fn case(
    name: &str,
    about: &str,
    lines: Vec<String>,
    fault: &str,
    leaf: Option<u64>,
) -> Result<LedgerVector, VectorError> {
    fails(name, about, Subject::Export { lines }, fault, leaf)
}

/// Lines that are none, or in the wrong place.
fn lines_wrong() -> Result<Vec<LedgerVector>, VectorError> {
    let sound = export(&leaves(SIZE))?;
    let replaced = |line: &str| {
        let mut lines = sound.clone();
        if let Some(third) = lines.get_mut(3) {
            line.clone_into(third);
        }
        lines
    };
    let mut twice = sound.clone();
    twice.splice(3..3, sound.first().cloned());
    let headless = sound.get(1..).unwrap_or_default().to_vec();
    let long = format!(r#"{{"index":2,"digest":"{}"}}"#, "0".repeat(MAX_LINE_BYTES));
    Ok(vec![
        case(
            "export-of-no-lines",
            "an empty file",
            Vec::new(),
            "no_checkpoint",
            None,
        )?,
        case(
            "export-without-a-checkpoint",
            "it begins with leaf 0",
            headless,
            "no_checkpoint",
            None,
        )?,
        case(
            "export-with-two-checkpoints",
            "the checkpoint again before leaf 2",
            twice,
            "second_checkpoint",
            Some(2),
        )?,
        case(
            "export-line-not-json",
            "half a line",
            replaced(r#"{"index":2,"#),
            "line",
            Some(2),
        )?,
        case(
            "export-line-unknown-field",
            "a field that a line does not have",
            replaced(r#"{"index":2,"digest":"","more":1}"#),
            "line",
            Some(2),
        )?,
        case(
            "export-line-without-a-digest",
            "a leaf has index and digest",
            replaced(r#"{"index":2}"#),
            "line",
            Some(2),
        )?,
        case(
            "export-line-salt-not-hex",
            "base64 where hex stands",
            replaced(r#"{"index":2,"salt":"_","body":"","digest":"00"}"#),
            "line",
            Some(2),
        )?,
        case(
            "export-line-too-long",
            "more than 64 KiB",
            replaced(&long),
            "line",
            Some(2),
        )?,
    ])
}

/// Leaves that are not those of the checkpoint.
fn leaves_wrong() -> Result<Vec<LedgerVector>, VectorError> {
    let mut forged = export(&leaves(SIZE))?;
    if let Some(first) = forged.first_mut() {
        *first = first.replacen("\\n11\\n", "\\n12\\n", 1);
    }
    Ok(vec![
        case(
            "export-checkpoint-altered",
            "one leaf more",
            forged,
            "checkpoint_signature",
            None,
        )?,
        case(
            "export-leaf-left-out",
            "leaf 4 is gone",
            with(|leaves| {
                leaves.remove(4);
            })?,
            "order",
            Some(5),
        )?,
        case(
            "export-leaves-swapped",
            "leaf 5 before leaf 4",
            with(|leaves| leaves.swap(4, 5))?,
            "order",
            Some(5),
        )?,
        case(
            "export-cut",
            "the last leaf is gone",
            with(|leaves| {
                leaves.pop();
            })?,
            "missing",
            Some(10),
        )?,
        case(
            "export-beyond-its-checkpoint",
            "a twelfth leaf",
            with(|leaves| leaves.push(leaf_of(11, &body(11).encode_to_vec())))?,
            "extra",
            Some(11),
        )?,
        case(
            "export-body-altered",
            "leaf 4 says what leaf 5 says",
            with(|leaves| {
                if let Some(leaf) = leaves.get_mut(4) {
                    leaf.body = body(5).encode_to_vec();
                }
            })?,
            "body",
            Some(4),
        )?,
        case(
            "export-leaf-forged",
            "leaf 4 was written anew with its digest: only the root tells",
            with(|leaves| {
                if let Some(leaf) = leaves.get_mut(4) {
                    *leaf = leaf_of(4, &body(5).encode_to_vec());
                }
            })?,
            "root",
            None,
        )?,
    ])
}

/// A ledger that goes on after a restore: five leaves were kept, and leaf 5 names the renewal.
fn succeeded() -> Result<Vec<LedgerVector>, VectorError> {
    let statement = bytes("renewal");
    let renewed = LeafBody {
        detail: RENEWED.to_owned(),
        subject: statement.to_vec(),
        ..body(KEPT)
    };
    let mut after = leaves(SIZE);
    if let Some(leaf) = after.get_mut(5) {
        *leaf = leaf_of(KEPT, &renewed.encode_to_vec());
    }
    let mut altered = after.clone();
    if let Some(leaf) = altered.get_mut(2) {
        *leaf = leaf_of(2, &body(3).encode_to_vec());
    }
    let kept = head(&after, KEPT)?;
    let succession = Some(VectorSuccession {
        size: KEPT,
        root: kept.root.to_string(),
        statement: hex::encode(statement),
    });
    let lines = export(&after)?;
    let good = holds(
        "export-after-a-restore",
        "what was kept has the root that the country root signed, and a leaf names the renewal",
        Subject::Export { lines },
    )?;
    let of = |vector| LedgerVector {
        succession: succession.clone(),
        ..vector
    };
    Ok(vec![
        settled(of(good))?,
        of(case(
            "export-after-a-restore-altered",
            "what was kept was changed after the restore, and everything signed anew",
            export(&altered)?,
            "predecessor",
            None,
        )?),
        of(case(
            "export-after-a-restore-unnamed",
            "no leaf names the renewal",
            export(&leaves(SIZE))?,
            "unnamed",
            None,
        )?),
    ])
}
