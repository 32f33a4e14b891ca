//! A whole ledger, checked offline from an export and the country's card alone.

use std::collections::BTreeMap;

use super::{
    Edge, LedgerFault, checkpoint,
    proof::check_leaf,
    succession::{Succession, Watch},
    tree::ReadError,
};
use crate::{
    card::LedgerKey,
    crypto::Digest,
    wire::ledger::{Action, Leaf},
};

#[cfg(test)]
mod tests;

/// One line of an export: the checkpoint first, then every leaf from 0 on.
#[derive(Clone, Debug, PartialEq)]
pub enum ExportLine {
    /// C2SP signed note.
    Checkpoint(String),
    /// A leaf; without body and salt once shredded.
    Leaf(Leaf),
}

/// A ledger that holds together and that the country signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLedger {
    /// Which ledger.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Their root.
    pub root: Digest,
    /// Leaves whose body was there and matched.
    pub bodies_present: u64,
    /// Leaves whose body was shredded.
    pub bodies_shredded: u64,
    /// How often each action stands in the bodies present. Actions that this program does not know
    /// count as unspecified.
    pub actions: BTreeMap<Action, u64>,
}

/// Checks an export against the ledger `origin` and the country's `keys`, leaf by leaf in constant
/// memory: only the right edge of the tree is kept. `succession` is what the country's card says of
/// the ledger before, after a restore.
///
/// # Errors
/// The first [`LedgerFault`], which names the leaf where it can be known.
pub fn verify_export<E: Into<ReadError>>(
    lines: impl Iterator<Item = Result<ExportLine, E>>,
    origin: &str,
    keys: &[LedgerKey],
    succession: Option<&Succession>,
) -> Result<VerifiedLedger, LedgerFault> {
    let mut lines = lines.map(|line| line.map_err(Into::into));
    let head = match lines.next() {
        Some(Ok(ExportLine::Checkpoint(note))) => checkpoint::open(&note, origin, keys)?,
        Some(Err(source)) => {
            return Err(LedgerFault::Line {
                expected: 0,
                source,
            });
        }
        Some(Ok(ExportLine::Leaf(_))) | None => return Err(LedgerFault::NoCheckpoint),
    };
    let mut edge = Edge::new();
    let mut watch = Watch::new(succession);
    let mut ledger = VerifiedLedger {
        origin: head.origin,
        size: head.size,
        root: head.root,
        bodies_present: 0,
        bodies_shredded: 0,
        actions: BTreeMap::new(),
    };
    for line in lines {
        let expected = edge.size();
        let leaf = match line {
            Ok(ExportLine::Leaf(leaf)) => leaf,
            Ok(ExportLine::Checkpoint(_)) => {
                return Err(LedgerFault::SecondCheckpoint { before: expected });
            }
            Err(source) => return Err(LedgerFault::Line { expected, source }),
        };
        if leaf.index != expected {
            return Err(LedgerFault::Order {
                expected,
                found: leaf.index,
            });
        }
        if expected >= head.size {
            return Err(LedgerFault::Extra {
                index: expected,
                size: head.size,
            });
        }
        let (digest, body) = check_leaf(&leaf)?;
        watch.reached(expected, || edge.root())?;
        watch.leaf(body.as_ref());
        match body {
            Some(body) => {
                ledger.bodies_present += 1;
                *ledger.actions.entry(body.action()).or_default() += 1;
            }
            None => ledger.bodies_shredded += 1,
        }
        // Cannot be: the size stays below the checkpoint's, which was bounded.
        edge.push(&digest).map_err(|_| LedgerFault::Extra {
            index: expected,
            size: head.size,
        })?;
    }
    if edge.size() != head.size {
        return Err(LedgerFault::Missing {
            first_missing: edge.size(),
            size: head.size,
        });
    }
    let computed = edge.root();
    if computed != head.root {
        return Err(LedgerFault::Root {
            size: head.size,
            computed,
            signed: head.root,
        });
    }
    watch.ended()?;
    Ok(ledger)
}
