//! What a search answers, and why it does not.

use crate::{
    node::{NodeError, read::ReadError},
    search::{Answered, QueryError, correlate},
    wire::node::{RecordSummary, SearchCoverage},
};

/// Why nothing is searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The question.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The record whose relations are asked.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<NodeError> for SearchError {
    fn from(error: NodeError) -> Self {
        Self::Read(error.into())
    }
}

/// A record that answers.
#[derive(Debug)]
pub struct Hit {
    /// What the node knows of it.
    pub summary: RecordSummary,
    /// Why it answers.
    pub answered: Answered,
    /// A few other records that share an identifier with it.
    pub related: Vec<Related>,
}

/// A record that has something in common with another.
#[derive(Debug)]
pub struct Related {
    /// What the node knows of it.
    pub summary: RecordSummary,
    /// What they have in common; at least one.
    pub evidence: Vec<correlate::Evidence>,
}

impl Related {
    /// Whether an identifier says that the two speak of the same.
    pub fn is_asserted(&self) -> bool {
        self.evidence.iter().any(|of| of.common.asserts())
    }
}

/// An answer: what was found, whether there is more, how much was searched.
#[derive(Debug)]
pub struct Answer<T> {
    /// The best first.
    pub found: Vec<T>,
    /// Whether there may be more than was asked for.
    pub more: bool,
    /// How much of what is held is in the index.
    pub coverage: SearchCoverage,
    /// Whether only situations were looked into, because no purpose was given.
    pub situations_only: bool,
}
