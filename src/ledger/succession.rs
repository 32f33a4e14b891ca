//! A ledger that goes on under a new origin after its node was restored: what its country's root
//! says of the one before must be found in it.

use super::{LedgerFault, RENEWED};
use crate::{crypto::Digest, wire::ledger::LeafBody};

/// What the root says of the ledger before, and by which statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Leaves that were kept.
    pub size: u64,
    /// Their RFC 6962 root.
    pub root: Digest,
    /// SHA-256 of the encoded renewal, which a leaf names.
    pub statement: Digest,
}

/// Watches for a succession while a ledger is read leaf by leaf.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    expected: Option<&'a Succession>,
    kept: bool,
    named: bool,
    shredded: bool,
}

impl<'a> Watch<'a> {
    pub(super) const fn new(expected: Option<&'a Succession>) -> Self {
        Self {
            expected,
            kept: false,
            named: false,
            shredded: false,
        }
    }

    /// The tree has `size` leaves now, with this root.
    pub(super) fn reached(
        &mut self,
        size: u64,
        root: impl FnOnce() -> Digest,
    ) -> Result<(), LedgerFault> {
        let Some(expected) = self.expected.filter(|expected| expected.size == size) else {
            return Ok(());
        };
        let computed = root();
        if computed != expected.root {
            return Err(LedgerFault::Predecessor {
                size,
                computed,
                signed: expected.root,
            });
        }
        self.kept = true;
        Ok(())
    }

    /// A leaf after what was kept, with its body where it is still there.
    pub(super) fn leaf(&mut self, body: Option<&LeafBody>) {
        let Some(expected) = self.expected.filter(|_| self.kept) else {
            return;
        };
        match body {
            Some(body) => {
                self.named |=
                    body.detail == RENEWED && body.subject == expected.statement.as_bytes();
            }
            None => self.shredded = true,
        }
    }

    /// The ledger ended.
    pub(super) fn ended(&self) -> Result<(), LedgerFault> {
        match self.expected {
            // A leaf without its body may have been the one.
            Some(expected) if !self.kept || !(self.named || self.shredded) => {
                Err(LedgerFault::Unnamed {
                    size: expected.size,
                })
            }
            _ => Ok(()),
        }
    }
}
