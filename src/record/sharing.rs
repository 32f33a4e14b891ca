//! The sharing matrix: which country reads which compartment, and why. An officer can see it before
//! anything is sent.
//!
//! | compartment | origin | transit | destination |
//! |---|---|---|---|
//! | `situation` | always | always | always |
//! | `suspects`, `identifiers` | by default | by default | by default |
//! | `victims` | only where named, with authorities | same | same |
//! | `source` | only where named | same | same |
//! | `evidence` | by default | by default | by default |
//!
//! The columns are roles of the destination's country on the corridor. A destination that names
//! compartments reads those and the situation, and nothing else. Agreements only take away: what
//! they forbid and the submitter named is an error, what a role has by default is withheld. Of all
//! that limits sharing the most restrictive wins, in whatever order it is looked at.

mod agreement;
mod narrow;
#[cfg(test)]
mod tests;

pub use agreement::{Agreement, Agreements, Bar, Barred, Clause, EVERY_OTHER, Side, Terms};
pub use narrow::{Share, ShareError, narrow};

use time::Date;

use super::{
    Country, Rule, Violations,
    compartments::label_name,
    kind_name,
    validate::{At, Checker, destination_reads, victims_go_to_named_authorities},
};
use crate::wire::record::{
    self as wire, CompartmentLabel, CountryRole, Destination, Record, SharingReason,
    TransferPurpose,
};

/// Why a country reads a compartment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Every destination reads the situation.
    SituationAlways,
    /// The default of the country's role.
    DefaultOfRole(CountryRole),
    /// The officer named it in `destinations[].compartments`.
    Named,
}

/// Why a country does not read a compartment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The compartment goes only where it is named.
    OnlyNamed,
    /// The officer named other compartments.
    Narrowed,
    /// An agreement forbids it.
    Agreement(Bar),
}

/// What one country reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixRow {
    /// The country.
    pub country: Country,
    /// Its role on the corridor.
    pub role: CountryRole,
    /// The compartments present in the record that it reads, in the order of their labels.
    pub cells: Vec<(CompartmentLabel, Reason)>,
    /// The compartments present in the record that it does not read, in the order of their labels.
    pub withheld: Vec<(CompartmentLabel, Withheld)>,
    /// The file of the agreement applied.
    pub agreement: Option<String>,
    /// The authorities that read each compartment of `cells`; empty for the country's desk.
    pub authorities: Vec<Vec<String>>,
}

/// Which country reads which compartment of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// One row per destination, in the order of the record.
    pub rows: Vec<MatrixRow>,
}

impl Matrix {
    /// Whether `country` reads the compartment.
    pub fn reads(&self, country: Country, label: CompartmentLabel) -> bool {
        self.rows
            .iter()
            .filter(|row| row.country == country)
            .flat_map(|row| &row.cells)
            .any(|(cell, _)| *cell == label)
    }
}

#[derive(Clone, Copy)]
enum Access {
    Always,
    ByDefault,
    OnlyNamed,
}

use Access::{Always, ByDefault, OnlyNamed};

/// Compartment × role of the reader's country: origin, transit, destination.
const TABLE: &[(CompartmentLabel, [Access; 3])] = &[
    (CompartmentLabel::Situation, [Always, Always, Always]),
    (
        CompartmentLabel::Suspects,
        [ByDefault, ByDefault, ByDefault],
    ),
    (
        CompartmentLabel::Identifiers,
        [ByDefault, ByDefault, ByDefault],
    ),
    (CompartmentLabel::Victims, [OnlyNamed, OnlyNamed, OnlyNamed]),
    (CompartmentLabel::Source, [OnlyNamed, OnlyNamed, OnlyNamed]),
    (
        CompartmentLabel::Evidence,
        [ByDefault, ByDefault, ByDefault],
    ),
];

/// What limits sharing beside the record itself.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The agreements of the submitting country.
    pub agreements: &'a Agreements,
    /// The day on which they must be valid.
    pub day: Date,
}

/// Computes the sharing matrix of a record, without agreements.
///
/// # Errors
/// As [`matrix_within`].
pub fn matrix(record: &Record) -> Result<Matrix, Violations> {
    compute(record, None)
}

/// Computes the sharing matrix of a record within what agreements allow.
///
/// # Errors
/// [`Violations`] when destinations, their roles or the compartments they name are not valid, when
/// `victims` would go to a country without a named authority, or when an agreement forbids a
/// destination or a compartment that is named; each violation names file and line. A record that
/// passed [`super::validate`] has a matrix where no agreement forbids what it names.
pub fn matrix_within(record: &Record, limits: Limits<'_>) -> Result<Matrix, Violations> {
    compute(record, Some(limits))
}

fn compute(record: &Record, limits: Option<Limits<'_>>) -> Result<Matrix, Violations> {
    let mut checker = Checker::default();
    let mut rows: Vec<MatrixRow> = Vec::new();
    let at = At::RECORD.field("destinations");
    checker.at_most(at, record.destinations.len(), super::MAX_DESTINATIONS);
    let destinations = record.destinations.iter().take(super::MAX_DESTINATIONS);
    for (index, destination) in destinations.enumerate() {
        let item = at.item(index);
        destination_reads(&mut checker, item, destination);
        let country = checker.country(item.field("country"), &destination.country, true);
        let Some(country) = country else { continue };
        if rows.iter().any(|row| row.country == country) {
            checker.found(
                item.field("country"),
                Rule::Duplicate,
                format!("{country} is given twice"),
            );
            continue;
        }
        let agreement = limits.and_then(|limits| limits.agreements.with(country));
        if let (Some(agreement), Some(limits)) = (agreement, limits)
            && let Err(bar) = agreement.sends(shared_kind(record), purpose_of(record), limits.day)
        {
            checker.found(
                item.field("country"),
                Rule::AgreementForbids,
                format!("{country} cannot be a destination: {bar}"),
            );
            continue;
        }
        rows.push(row(
            &mut checker,
            item,
            record,
            destination,
            country,
            agreement,
        ));
    }
    if record.victims.is_some() {
        victims_go_to_named_authorities(&mut checker, &record.destinations);
    }
    checker.finish()?;
    Ok(Matrix { rows })
}

/// The kind of a record, as far as agreements limit it: what carries no situation of its own, such
/// as a recall, has none.
pub fn shared_kind(record: &Record) -> Option<&'static str> {
    record.situation.as_ref().and_then(|_| kind_name(record))
}

fn purpose_of(record: &Record) -> TransferPurpose {
    TransferPurpose::try_from(record.purpose).unwrap_or_default()
}

fn row(
    checker: &mut Checker,
    at: At<'_>,
    record: &Record,
    destination: &Destination,
    country: Country,
    agreement: Option<&Agreement>,
) -> MatrixRow {
    let role = CountryRole::try_from(destination.role).unwrap_or_default();
    let mut row = MatrixRow {
        country,
        role,
        cells: Vec::new(),
        withheld: Vec::new(),
        agreement: agreement.map(|agreement| agreement.file.clone()),
        authorities: Vec::new(),
    };
    for (label, access) in TABLE {
        if !is_present(record, *label) {
            continue;
        }
        let Some(granted) = granted(*access, role, *label, &destination.compartments) else {
            continue;
        };
        let limited = match (granted, agreement.map(|of| of.sends_compartment(*label))) {
            (Ok(reason), Some(Err(bar))) => {
                if reason == Reason::Named {
                    let named = destination.compartments.iter();
                    let place = named.take_while(|each| **each != *label as i32).count();
                    checker.found(
                        at.field("compartments").item(place),
                        Rule::AgreementForbids,
                        format!(
                            "{country} cannot read it: {bar}; leave it out (`--share {}=none`)",
                            label_name(*label)
                        ),
                    );
                }
                Err(Withheld::Agreement(bar))
            }
            (granted, _) => granted,
        };
        match limited {
            Ok(reason) => {
                row.cells.push((*label, reason));
                row.authorities
                    .push(readers_of(destination, *label).to_vec());
            }
            Err(why) => row.withheld.push((*label, why)),
        }
    }
    row
}

/// What role and naming alone give; `None` without a role.
fn granted(
    [origin, transit, at_destination]: [Access; 3],
    role: CountryRole,
    label: CompartmentLabel,
    named: &[i32],
) -> Option<Result<Reason, Withheld>> {
    let access = match role {
        CountryRole::Unspecified => return None,
        CountryRole::Origin => origin,
        CountryRole::Transit => transit,
        CountryRole::Destination => at_destination,
    };
    let is_named = named.contains(&(label as i32));
    Some(match access {
        Always => Ok(Reason::SituationAlways),
        ByDefault if named.is_empty() => Ok(Reason::DefaultOfRole(role)),
        ByDefault | OnlyNamed if is_named => Ok(Reason::Named),
        ByDefault => Err(Withheld::Narrowed),
        OnlyNamed => Err(Withheld::OnlyNamed),
    })
}

/// The authorities of a destination that read a compartment; empty for the country's desk.
pub fn readers_of(destination: &Destination, label: CompartmentLabel) -> &[String] {
    destination
        .readers
        .iter()
        .find(|readers| readers.compartment == label as i32)
        .map_or(&destination.authorities, |readers| &readers.authorities)
}

/// The compartments present in a record, by label.
pub fn labels(record: &Record) -> Vec<CompartmentLabel> {
    TABLE
        .iter()
        .map(|(label, _)| *label)
        .filter(|label| is_present(record, *label))
        .collect()
}

fn is_present(record: &Record, label: CompartmentLabel) -> bool {
    match label {
        CompartmentLabel::Situation => true,
        CompartmentLabel::Suspects => record.suspects.is_some(),
        CompartmentLabel::Identifiers => record.identifiers.is_some(),
        CompartmentLabel::Victims => record.victims.is_some(),
        CompartmentLabel::Source => record.source.is_some(),
        CompartmentLabel::Evidence => record.evidence.is_some(),
        CompartmentLabel::Unspecified => false,
    }
}

/// Whether a record, as `reader` opened it, holds nothing but what its own destinations give
/// `reader`: role and naming must give every compartment, and victim data needs an authority by
/// name. What the origin's agreements withheld makes it less, never more.
pub fn entitled(record: &Record, reader: Country) -> bool {
    let Some(destination) = record
        .destinations
        .iter()
        .find(|destination| destination.country == reader.code())
    else {
        return false;
    };
    let role = CountryRole::try_from(destination.role).unwrap_or_default();
    TABLE
        .iter()
        .filter(|(label, _)| is_present(record, *label))
        .all(|(label, access)| {
            matches!(
                granted(*access, role, *label, &destination.compartments),
                Some(Ok(_))
            ) && (*label != CompartmentLabel::Victims
                || !readers_of(destination, *label).is_empty())
        })
}

impl From<&Matrix> for wire::SharingMatrix {
    fn from(matrix: &Matrix) -> Self {
        Self {
            rows: matrix.rows.iter().map(Into::into).collect(),
        }
    }
}

impl From<&MatrixRow> for wire::SharingRow {
    fn from(row: &MatrixRow) -> Self {
        let read = row
            .cells
            .iter()
            .zip(&row.authorities)
            .map(|((label, reason), authorities)| wire::SharingCell {
                compartment: (*label).into(),
                reads: true,
                reason: match reason {
                    Reason::SituationAlways => SharingReason::SituationAlways,
                    Reason::DefaultOfRole(_) => SharingReason::DefaultOfRole,
                    Reason::Named => SharingReason::Named,
                }
                .into(),
                authorities: authorities.clone(),
                place: String::new(),
            });
        let withheld = row.withheld.iter().map(|(label, why)| {
            let (reason, place) = match why {
                Withheld::OnlyNamed => (SharingReason::OnlyNamed, ""),
                Withheld::Narrowed => (SharingReason::Narrowed, ""),
                Withheld::Agreement(bar) => match bar.side {
                    Side::TheyAccept => (SharingReason::NotAccepted, bar.place.as_str()),
                    Side::WeSend | Side::WeAccept => (SharingReason::NotSent, bar.place.as_str()),
                },
            };
            wire::SharingCell {
                compartment: (*label).into(),
                reads: false,
                reason: reason.into(),
                authorities: Vec::new(),
                place: place.to_owned(),
            }
        });
        let mut cells: Vec<_> = read.chain(withheld).collect();
        cells.sort_by_key(|cell| cell.compartment);
        Self {
            country: row.country.code().to_owned(),
            role: row.role.into(),
            cells,
            agreement: row.agreement.clone().unwrap_or_default(),
        }
    }
}
