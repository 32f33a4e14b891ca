//! Tables of statistics: what a record releases, and tables put together for export. An export is
//! protected beside everything that was released before, and is a release itself, durably, before it
//! leaves.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    crypto::Digest,
    ledger::Shown,
    record::trend::{
        TableFault, Wanted, as_shown, assemble, disclosures, has_words, sums_of, why, years_of,
    },
    search::{Asked, Query, QueryError},
    statistics::{Disclosures, export::Table},
    wire::record::{Record, Tlp, Trend, TrendDimension, TrendIndicator, situation::Kind},
};

use super::{
    Node, NodeError,
    approvals::{Matter, TableScope},
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::{By, ExportedTable, Proposal, Refusal, Release, refuses_release, released_before},
    search::counts,
};

/// How often a table is protected anew when something is released meanwhile.
const TRIES: usize = 4;

/// Which table an officer exports.
#[derive(Clone, Debug)]
pub struct TableOrder {
    /// Its cells.
    pub wanted: Wanted,
    /// Of exercise records, and only these.
    pub exercise: bool,
    /// Why; into the ledger.
    pub purpose: String,
}

impl TableOrder {
    /// Whose numbers, which indicator, by which dimension.
    fn scope(&self) -> Result<TableScope, TableError> {
        let Wanted {
            country,
            indicator,
            dimension,
            ..
        } = &self.wanted;
        let indicator = TrendIndicator::try_from(*indicator)
            .ok()
            .filter(|code| *code != TrendIndicator::Unspecified);
        let dimension = TrendDimension::try_from(*dimension)
            .ok()
            .filter(|code| *code != TrendDimension::Unspecified);
        Ok(TableScope {
            indicator: indicator.ok_or(TableError::Missing("indicator"))?,
            dimension: dimension.ok_or(TableError::Missing("dimension"))?,
            country: country.parse().map_err(|_| QueryError::Country)?,
        })
    }
}

/// Why a table is not exported.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The country, indicator or dimension.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Indicator or dimension is missing.
    #[error("name the {0} of the table, by its code")]
    Missing(&'static str),
    /// Not every record held is looked at.
    #[error(
        "the search index does not cover every Trend record yet; `comity status` shows how far it is"
    )]
    Incomplete,
    /// The records.
    #[error(transparent)]
    Fault(#[from] TableFault),
    /// A cell would be given away whatever is withheld.
    #[error("the table would give away a cell: {0}")]
    GivesAway(String),
    /// Something was released each time it was protected.
    #[error("other tables of the same numbers are being released; try again")]
    Raced,
    /// The purpose.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// A table that may leave.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What is shown.
    pub table: Table,
    /// Smallest count shown.
    pub k: u32,
    /// References of the records that it is made of.
    pub sources: Vec<String>,
    /// The strictest of their markings.
    pub tlp: Tlp,
}

/// A Trend record that a table is made of.
struct Source {
    number: u64,
    trend: Trend,
    reference: String,
    digest: Digest,
    own: bool,
    tlp: i32,
}

fn trend_of(record: &Record) -> Option<&Trend> {
    match record.situation.as_ref()?.kind.as_ref()? {
        Kind::Trend(trend) => Some(trend),
        _ => None,
    }
}

impl Node {
    /// What a record of this country releases of statistics.
    pub(super) fn releases_of(&self, record: &Record) -> Vec<Release> {
        trend_of(record).map_or_else(Vec::new, |trend| self.releases(trend, record.exercise))
    }

    pub(super) fn releases(&self, trend: &Trend, exercise: bool) -> Vec<Release> {
        let (country, indicator) = (&trend.country, trend.indicator);
        years_of(trend)
            .into_iter()
            .map(|year| {
                let about = format!("{exercise}/{country}/{indicator}/{}", year.year);
                Release {
                    tag: self.keys.index.tag("released", about.as_bytes()),
                    year,
                }
            })
            .collect()
    }

    /// What a record would give away as things stand; the writer decides.
    pub(super) fn gives_away(
        &self,
        record: &Record,
    ) -> Result<Option<crate::record::Violations>, NodeError> {
        let releases = self.releases_of(record);
        Ok(refuses_release(&self.keys.storage, &self.store, &releases)?)
    }

    /// Exports a table. It is released durably before this answers.
    ///
    /// # Errors
    /// [`TableError`]; nothing left the node then.
    pub async fn export_table(
        self: &Arc<Self>,
        permit: Permit<act::ExportTable>,
        order: TableOrder,
    ) -> Result<Exported, TableError> {
        check_purpose(&order.purpose)?;
        let scope = order.scope()?;
        let warrant = self.leave(&permit, &Matter::Table(&scope), None)?;
        let order = Arc::new(order);
        for _ in 0..TRIES {
            let (node, wanted, by) = (Arc::clone(self), Arc::clone(&order), permit.clone());
            let made = blocking(move || Ok(node.table(&wanted, &by))).await??;
            let (exported, mut released) = made;
            released.by = released.by.under(warrant.as_ref());
            let proposed = self
                .writer
                .propose(Proposal::ExportTable(Box::new(released)));
            match proposed.await.map_err(NodeError::from) {
                Ok(_) => return Ok(exported),
                Err(NodeError::Refused(Refusal::Raced)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TableError::Raced)
    }

    fn table(
        &self,
        order: &TableOrder,
        permit: &Permit<act::ExportTable>,
    ) -> Result<(Exported, ExportedTable), TableError> {
        let sources = self.sources(order, permit)?;
        let mut assembled = assemble(sources.iter().map(|of| &of.trend), &order.wanted)?;
        let mut published = Disclosures::default();
        let mut before: Vec<Trend> = Vec::new();
        let mut plain = !has_words(&assembled.trend);
        for Release { tag, .. } in self.releases(&assembled.trend, order.exercise) {
            let earlier = released_before(&self.keys.storage, &self.store, &tag);
            let earlier = earlier.map_err(NodeError::from)?.ok_or_else(|| {
                TableError::GivesAway("what was released before cannot be read".to_owned())
            })?;
            plain &= !earlier.iter().any(has_words);
            published.merge(disclosures(&earlier));
            before.extend(earlier);
        }
        assembled.grid.cells.sums = sums_of(before.iter().chain([&assembled.trend]));
        let table = assembled.grid.protect(&published);
        let table = table.map_err(|refusal| TableError::GivesAway(why(&refusal, plain)))?;
        let shown = as_shown(&assembled.trend, &table.cells);
        let digests: Vec<u8> = sources.iter().flat_map(|of| of.digest.to_vec()).collect();
        let released = ExportedTable {
            releases: self.releases(&shown, order.exercise),
            sources: Digest::of(&digests),
            count: u64::try_from(sources.len()).unwrap_or(u64::MAX),
            by: By::of(permit).reading_for(None, order.purpose.clone()),
            shown: Shown::of(sources.iter().map(|of| (of.number, of.digest.to_vec()))),
        };
        let tlp = sources.iter().map(|of| of.tlp).max().unwrap_or_default();
        let exported = Exported {
            table,
            k: shown.k,
            sources: sources.into_iter().map(|of| of.reference).collect(),
            tlp: Tlp::try_from(tlp).unwrap_or(Tlp::Red),
        };
        Ok((exported, released))
    }

    /// The Trend records held with values for a table: those of the country that counted first, each
    /// newest first. Superseded, locked and passed-on ones are none.
    fn sources(
        &self,
        order: &TableOrder,
        permit: &Permit<act::ExportTable>,
    ) -> Result<Vec<Source>, TableError> {
        let country = order.scope()?.country;
        let query = Query::read(&Asked {
            kind: "Trend".to_owned(),
            country: country.code().to_owned(),
            ..Asked::default()
        })?;
        let coverage = self.search_coverage()?;
        let (tiers, cut) = self.candidates(&query);
        if !coverage.complete || cut {
            return Err(TableError::Incomplete);
        }
        let mut sources = Vec::new();
        for number in tiers.into_iter().flatten() {
            let Some((stored, record)) = self.answering(number)? else {
                continue;
            };
            if !counts(self.state(&stored)?)
                || !permit
                    .reach(&self.subject_of(&stored, &record)?)
                    .is_allowed()
            {
                continue;
            }
            let Some(trend) = trend_of(&record) else {
                continue;
            };
            if record.exercise == order.exercise && order.wanted.takes(trend) {
                sources.push(Source {
                    number,
                    trend: trend.clone(),
                    reference: record.reference.clone(),
                    digest: stored.digest,
                    own: stored.holding.origin == country.code(),
                    tlp: record.marking.as_ref().map_or(0, |marking| marking.tlp),
                });
            }
        }
        sources.sort_by_key(|of| !of.own);
        Ok(sources)
    }
}
