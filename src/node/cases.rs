//! Cases of the own country, counted: protected tables in the layout of the GLOTIP. What they show is
//! released, durably, before it leaves, so that repeated counts cannot be taken from each other.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    crypto::Digest,
    ledger::Shown,
    record::{
        Violations,
        trend::{METHOD, case, trends},
    },
    statistics::{
        Leak,
        cases::{Anonymous, Case, K, anonymise, observations},
        glotip,
    },
    wire::record::{Trend, TrendDimension, TrendIndicator, situation::Kind},
};

use super::{
    Node, NodeError,
    approvals::{Matter, TableScope},
    format_export::Asked,
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::{By, ExportedTable, Proposal, Refusal, refuses_release},
};

/// Cases counted at most.
pub const MAX_CASES: usize = 1_000_000;

/// Which cases are counted.
#[derive(Clone, Debug, Default)]
pub struct CasesOrder {
    /// First year of registration.
    pub from: Option<u16>,
    /// Last year of registration.
    pub until: Option<u16>,
    /// Of exercise records, and only these.
    pub exercise: bool,
    /// Why; into the ledger.
    pub purpose: String,
}

/// Why cases are not counted.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// There are none.
    #[error("no case that this country submitted, that may be read, is of these years")]
    None,
    /// A year has too few.
    #[error("fewer than {K} cases are of each of these years, so nothing is shown of them")]
    TooFew,
    /// More than are counted.
    #[error("more than {MAX_CASES} cases; narrow the years")]
    TooMany,
    /// The tables cannot be protected.
    #[error("the tables cannot be protected: {0}")]
    Leak(String),
    /// Something was released before from which a count could now be computed.
    #[error("the tables would give away a count beside those released before: {0}")]
    GivesAway(Violations),
    /// A purpose, a leave, a record.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<Leak> for CasesError {
    fn from(leak: Leak) -> Self {
        Self::Leak(leak.to_string())
    }
}

/// Cases as they are counted.
#[derive(Clone, Debug, Default)]
pub struct Aggregated {
    /// The tables.
    pub trends: Vec<Trend>,
    /// Cases counted.
    pub cases: u64,
    /// Cases that are no victims, or lack the year.
    pub not_counted: u64,
    /// Cases of which facts were taken away.
    pub generalised: u64,
    /// Cases left out.
    pub left_out: u64,
    /// Cells that are withheld beyond small counts.
    pub withheld: Vec<String>,
}

/// The cases found, and the records they stand in.
#[derive(Default)]
struct Found {
    cases: Vec<Case>,
    not_counted: u64,
    records: Vec<(u64, Vec<u8>)>,
}

impl Node {
    /// Counts the cases that this country submitted and the caller may read. The tables are released
    /// durably before this answers.
    ///
    /// # Errors
    /// [`CasesError`]; nothing left the node then.
    pub async fn aggregate_cases(
        self: &Arc<Self>,
        permit: Permit<act::ExportTable>,
        order: CasesOrder,
    ) -> Result<Aggregated, CasesError> {
        check_purpose(&order.purpose)?;
        let scope = TableScope {
            country: self.country,
            indicator: TrendIndicator::DetectedTraffickingVictims,
            dimension: TrendDimension::Total,
        };
        let warrant = self.leave(&permit, &Matter::Table(&scope), None)?;
        let (node, asked, by) = (Arc::clone(self), order.clone(), permit.clone());
        let (found, made) = blocking(move || {
            let found = node.cases(&asked, &by);
            Ok(found.and_then(|found| Ok((node.tables_of(&found)?, found))))
        })
        .await?
        .map(|(made, found)| (found, made))?;
        let digests: Vec<u8> = found
            .records
            .iter()
            .flat_map(|(_, of)| of.clone())
            .collect();
        for trend in &made.trends {
            let table = ExportedTable {
                releases: self.releases(trend, order.exercise),
                sources: Digest::of(&digests),
                count: u64::try_from(found.records.len()).unwrap_or(u64::MAX),
                by: By::of(&permit)
                    .reading_for(None, order.purpose.clone())
                    .under(warrant.as_ref()),
                shown: Shown::of(
                    found
                        .records
                        .iter()
                        .map(|(number, digest)| (*number, digest)),
                ),
            };
            let releases = table.releases.clone();
            // One table after the other: each is judged beside those before it.
            let proposed = self.writer.propose(Proposal::ExportTable(Box::new(table)));
            match proposed.await.map_err(NodeError::from) {
                Ok(_) => {}
                Err(NodeError::Refused(Refusal::Raced)) => {
                    let refused = refuses_release(&self.keys.storage, &self.store, &releases);
                    return Err(match refused.map_err(NodeError::from)? {
                        Some(violations) => CasesError::GivesAway(violations),
                        None => NodeError::Refused(Refusal::Raced).into(),
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(made)
    }

    fn cases(
        &self,
        order: &CasesOrder,
        permit: &Permit<act::ExportTable>,
    ) -> Result<Found, CasesError> {
        let asked = Asked {
            origins: vec![self.country],
            ..Asked::default()
        };
        let numbers = self.asked_for(&asked, "CaseRecord", permit, MAX_CASES)?;
        let numbers = numbers.ok_or(CasesError::TooMany)?;
        let mut found = Found::default();
        for number in numbers {
            let Some((stored, record)) = self.answering(number)? else {
                continue;
            };
            let subject = self.subject_of(&stored, &record)?;
            let readable = permit.readable(&subject).is_allowed();
            if record.exercise != order.exercise
                || !readable
                || !permit.reach(&subject).is_allowed()
            {
                continue;
            }
            let Some(Kind::CaseRecord(of)) = record.situation.and_then(|of| of.kind) else {
                continue;
            };
            let Some(case) = case(&of) else {
                found.not_counted = found.not_counted.saturating_add(1);
                continue;
            };
            let early = order.from.is_some_and(|from| case.year < from);
            let late = order.until.is_some_and(|until| case.year > until);
            if !early && !late {
                found.cases.push(case);
                found.records.push((number, stored.digest.to_vec()));
            }
        }
        if found.cases.is_empty() {
            return Err(CasesError::None);
        }
        Ok(found)
    }

    fn tables_of(&self, found: &Found) -> Result<Aggregated, CasesError> {
        let Anonymous {
            cases,
            generalised,
            left_out,
        } = anonymise(found.cases.clone(), K);
        if cases.is_empty() {
            return Err(CasesError::TooFew);
        }
        let country = glotip::code_of(self.country.code()).ok_or(CasesError::None)?;
        let mut withheld = Vec::new();
        let series = glotip::series(&observations(country, &cases), |finding| {
            if finding.why == glotip::Why::Withheld {
                withheld.push(finding.message);
            }
        })?;
        Ok(Aggregated {
            trends: trends(&series, METHOD, ""),
            cases: u64::try_from(cases.len()).unwrap_or(u64::MAX),
            not_counted: found.not_counted,
            generalised,
            left_out,
            withheld,
        })
    }
}
