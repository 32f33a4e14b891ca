//! Who looks into records, and what they may look into.

use crate::{
    access::{Compartments, Permit, Purpose, Subject, Verb},
    node::access::for_purpose,
};

use super::SEARCHED;

/// Who looks, and whether a purpose lets the look go beyond situations.
pub(super) struct Looker<A> {
    pub(super) permit: Permit<A>,
    pub(super) purpose: Option<Purpose>,
}

impl<A: Verb> Looker<A> {
    /// The compartments of a record that are looked into; none of one that is not there for whoever
    /// looks.
    pub(super) fn reads(&self, subject: &Subject) -> Compartments {
        if !self.permit.sees(subject) {
            return Compartments::NONE;
        }
        let reached = self.permit.reach(subject).allowed;
        // Nothing is found in what could not be read.
        let readable = self.permit.readable(subject).allowed;
        for_purpose(reached.and(readable), self.purpose.as_ref())
    }

    /// What was looked into, as leaves have it.
    pub(super) fn compartments(&self) -> Vec<u32> {
        match self.purpose {
            Some(_) => SEARCHED.map(|label| label as u32).to_vec(),
            None => Compartments::situation().numbers(),
        }
    }
}
