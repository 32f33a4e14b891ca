//! A second person's leave: who asked may do one thing, for one purpose and case, until its time is
//! over.

use super::table::Guarded;

/// Names something that waits, or waited, for a second person.
pub type ApprovalId = [u8; 16];

/// A leave in hand: it was approved, counts now, and is for the very thing that is being done.
///
/// The node makes one once it has compared the approval in its store with who does what; nothing
/// that a client sends can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warrant {
    guarded: Guarded,
    approval: ApprovalId,
}

impl Warrant {
    /// The leave of an approval that was found to count.
    pub(crate) const fn found(guarded: Guarded, approval: ApprovalId) -> Self {
        Self { guarded, approval }
    }

    /// For what.
    pub const fn guarded(&self) -> Guarded {
        self.guarded
    }

    /// The approval, as the leaf of what is done under it names it.
    pub const fn approval(&self) -> ApprovalId {
        self.approval
    }
}
