//! The rules of a record that passes another country's on, as far as its own fields tell. Whether the
//! original verifies, and may be passed on, the node finds out.

use super::{At, Checker, MAX_NOTE, Text};
use crate::wire::record::Onward;

/// Most compartments passed on.
const MAX_OPENINGS: usize = 16;

pub(super) fn check(checker: &mut Checker, onward: &Onward) {
    let at = At::RECORD.field("onward");
    let ground = Text::lines(MAX_NOTE).required();
    checker.text(at.field("ground"), &onward.ground, ground);
    let compartments = onward.original.as_ref().map(|of| of.compartments.len());
    match compartments {
        None | Some(0) => checker.required(at.field("original"), "the record that is passed on"),
        Some(count) => checker.at_most(at.field("original"), count, MAX_OPENINGS),
    }
    checker.at_most(at.field("openings"), onward.openings.len(), MAX_OPENINGS);
}
