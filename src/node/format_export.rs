//! Export in the formats of other systems: records leave the node in plain text, as CAP, GeoJSON or CSV.
//! Each is in the ledger as disclosed before anything of it leaves; what may not leave is named with the
//! reason and never left out in silence.
//!
//! Who may take a record out is decided record by record: by the permissions (action `export`), by its
//! marking ([`crate::record::handling::file_limit`]), and by what it tells of single persons. What every
//! officer gets at is counted together with what is read ([`Node::gets_at`]).

mod alert;
mod judge;
mod run;

use std::{collections::VecDeque, sync::Arc};

use crate::{
    access::{Permit, Purpose, Verb, act},
    feed::{cap::Unwritable, csv::Table},
    inbox::ask,
    record::{Country, Moment, Reference, handling::Demand, kind_name},
    wire::{node::WithheldCompartment, record::CompartmentLabel},
};

pub use run::FormatExport;

use super::{
    Node, NodeError,
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::DiscloseOrder,
    search::counts,
    steps::ConsentError,
};

/// Records that are named at most.
pub const MAX_NAMED: usize = 1000;
/// Records of one export at most.
pub const MAX_EXPORTED: usize = 10_000;
/// Rows looked at in one go for a query.
const LOOKED_AT: usize = 500;

/// A format.
#[derive(Clone, Debug)]
pub enum Format {
    /// Common Alerting Protocol 1.2.
    Cap,
    /// GeoJSON.
    GeoJson,
    /// CSV, and whether it begins with a byte order mark.
    Csv(Box<Table>, bool),
}

impl Format {
    /// The word by which the ledger names the disclosure.
    pub const fn manner(&self) -> &'static str {
        match self {
            Self::Cap => "cap-export",
            Self::GeoJson => "geojson-export",
            Self::Csv(..) => "csv-export",
        }
    }

    /// The kind of its records.
    pub fn kind(&self) -> &str {
        match self {
            Self::Cap => "Alert",
            Self::GeoJson => "Route",
            Self::Csv(table, _) => table.kind(),
        }
    }
}

/// Which records are exported.
#[derive(Clone, Debug)]
pub enum Which {
    /// These.
    Named(Vec<Reference>),
    /// Those that this asks for.
    Asked(Asked),
}

/// What is asked for; everything stated must hold.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Of these kinds; empty: of any that the format takes.
    pub kinds: Vec<String>,
    /// Of these origins; empty: of any.
    pub origins: Vec<Country>,
    /// Held here since then.
    pub since: Option<Moment>,
}

/// What an officer exports.
#[derive(Clone, Debug)]
pub struct FormatOrder {
    /// The format.
    pub format: Format,
    /// The records.
    pub which: Which,
    /// Why; required.
    pub purpose: Option<Purpose>,
    /// The same in words; into the ledger.
    pub note: String,
}

/// Why nothing is exported at all.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// No purpose.
    #[error("an export is for a purpose and a case: give --purpose and --case")]
    Purpose,
    /// More records than an export may have.
    #[error("more than {0} records; narrow it by kind, origin or time, or name fewer")]
    TooMany(usize),
    /// Records that locks overtook again and again.
    #[error("records were locked while they were exported; try again")]
    Raced,
    /// The permissions, a leave, the store.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Why a record does not leave.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// The format has no place for its kind.
    #[error("is of kind {0}, and the export is of {1}")]
    Kind(String, String),
    /// Tables of statistics are protected beside each other.
    #[error(
        "is a table of statistics; `comity trend table --csv` exports those, protected beside what was released \
         before"
    )]
    Statistics,
    /// It tells of one person.
    #[error(
        "tells of a single person, and leaves as a row for the authority alone that submitted it; cases are \
         counted with `comity trend aggregate`"
    )]
    OnePerson,
    /// Its marking is for nobody's file.
    #[error("is marked {0}, which no file of another format may leave with")]
    Marked(Demand),
    /// Its marking is for an authority that the exporter does not belong to.
    #[error(
        "is marked {0}, and leaves only for an authority that it was sent to or that submitted it"
    )]
    NotNamed(Demand),
    /// Its marking is for the authority that submitted it.
    #[error(
        "is marked {0}, in words that no program can judge, and leaves only for whoever submitted it"
    )]
    NotSubmitter(Demand),
    /// No message of CAP can be made.
    #[error(transparent)]
    Cap(#[from] Unwritable),
    /// It cannot be read, is not the version that counts, or its sender was not heard.
    #[error(transparent)]
    Use(#[from] ConsentError),
}

/// A record that leaves.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Which.
    pub reference: Reference,
    /// Compartments that leave.
    pub compartments: Vec<CompartmentLabel>,
    /// Compartments that it has and that do not.
    pub withheld: Vec<WithheldCompartment>,
}

/// What comes next of an export.
#[derive(Debug)]
pub enum Part {
    /// A record that leaves in what follows.
    Leaving(Leaving),
    /// A record of which nothing leaves.
    Stays(Reference, NotExported),
    /// Bytes of the file of a record, or of the one file.
    Piece(Option<Reference>, Vec<u8>),
    /// The end: records that left, records that did not.
    End(u64, u64),
}

/// A record that is ready to leave.
struct Ready {
    leaving: Leaving,
    order: DiscloseOrder,
    content: Vec<u8>,
}

impl Node {
    /// Begins an export. Nothing leaves before [`FormatExport::next`].
    ///
    /// # Errors
    /// [`FormatError`].
    pub async fn export_formats(
        self: &Arc<Self>,
        permit: Permit<act::Export>,
        order: FormatOrder,
    ) -> Result<FormatExport, FormatError> {
        check_purpose(&order.note)?;
        if order.purpose.is_none() {
            return Err(FormatError::Purpose);
        }
        let order = Arc::new(order);
        let (node, asked, by) = (Arc::clone(self), Arc::clone(&order), permit.clone());
        let (numbers, left, unknown) = blocking(move || Ok(node.selected(&asked, &by))).await??;
        let warrant = self.gets_at(&permit, &numbers)?;
        let begun = FormatExport::begin(Arc::clone(self), permit, order, warrant);
        Ok(begun.of(left, unknown))
    }

    /// Numbers and references of the records that an order is about, oldest first or as named, and the
    /// references of which nothing is here.
    #[allow(clippy::type_complexity, reason = "named where it is taken apart")]
    fn selected(
        &self,
        order: &FormatOrder,
        permit: &Permit<act::Export>,
    ) -> Result<
        (
            Vec<u64>,
            VecDeque<Reference>,
            VecDeque<(Reference, NotExported)>,
        ),
        FormatError,
    > {
        let (mut numbers, mut left, mut unknown) = (Vec::new(), VecDeque::new(), VecDeque::new());
        match &order.which {
            Which::Named(references) => {
                if references.len() > MAX_NAMED {
                    return Err(FormatError::TooMany(MAX_NAMED));
                }
                for reference in references {
                    if left.contains(reference) {
                        continue;
                    }
                    match self.find(reference) {
                        Ok(number) => {
                            numbers.push(number);
                            left.push_back(*reference);
                        }
                        Err(error @ ReadError::Unknown(_)) => {
                            unknown.push_back((*reference, ConsentError::from(error).into()));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Which::Asked(asked) => {
                let found = self.asked_for(asked, order.format.kind(), permit, MAX_EXPORTED)?;
                let found = found.ok_or(FormatError::TooMany(MAX_EXPORTED))?;
                for number in found {
                    numbers.push(number);
                    let stored = self.stored(number)?;
                    left.push_back(self.reference_of(&stored)?);
                }
            }
        }
        Ok((numbers, left, unknown))
    }

    /// The records that a query asks for and that whoever asks may see, oldest first: versions that count,
    /// and no steps. `None` where there are more than `most`.
    pub(super) fn asked_for<A: Verb>(
        &self,
        asked: &Asked,
        kind: &str,
        permit: &Permit<A>,
        most: usize,
    ) -> Result<Option<Vec<u64>>, NodeError> {
        let wanted = |of: &str| match asked.kinds.as_slice() {
            [] => of == kind,
            kinds => kinds.iter().any(|kind| kind == of),
        };
        let mut found = Vec::new();
        let mut before = u64::MAX;
        loop {
            let rows = ask::newest(&self.store, before, LOOKED_AT)?;
            let Some((oldest, _)) = rows.last() else {
                break;
            };
            before = *oldest;
            for (number, row) in rows {
                if !asked.origins.is_empty() && !asked.origins.contains(&row.origin) {
                    continue;
                }
                let Some((stored, record)) = self.answering(number)? else {
                    continue;
                };
                if asked.since.is_some_and(|since| stored.time < since) {
                    // Numbers are given in the order of time.
                    found.reverse();
                    return Ok(Some(found));
                }
                let subject = self.subject_of(&stored, &record)?;
                let is_kind = subject.kind.as_deref().is_some_and(wanted);
                if is_kind && counts(self.state(&stored)?) && permit.sees(&subject) {
                    found.push(number);
                }
                if found.len() > most {
                    return Ok(None);
                }
            }
        }
        found.reverse();
        Ok(Some(found))
    }
}

/// The kind of a record's content, as a refusal names it.
fn kind_of(record: &crate::wire::record::Record) -> String {
    kind_name(record).unwrap_or("Step").to_owned()
}
