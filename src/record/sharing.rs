//! The sharing matrix: which country reads which compartment, and why. An officer can see it before
//! anything is sent.
//!
//! | compartment | origin | transit | destination |
//! |---|---|---|---|
//! | `situation` | always | always | always |
//! | `suspects`, `identifiers` | by default | by default | by default |
//! | `victims` | only where named, with authorities | same | same |
//! | `source` | only where named | same | same |
//!
//! The columns are roles of the destination's country on the corridor. A destination that names
//! compartments reads those and the situation, and nothing else.

use super::{
    Country, Rule, Violations,
    validate::{At, Checker, destination_reads, victims_go_to_named_authorities},
};
use crate::wire::record::{CompartmentLabel, CountryRole, Destination, Record};

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

/// What one country reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixRow {
    /// The country.
    pub country: Country,
    /// Its role on the corridor.
    pub role: CountryRole,
    /// The compartments present in the record that it reads, in the order of their labels.
    pub cells: Vec<(CompartmentLabel, Reason)>,
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
];

/// Computes the sharing matrix of a record.
///
/// # Errors
/// [`Violations`] when destinations, their roles or the compartments they name are not valid, or
/// when `victims` would go to a country without a named authority. A record that passed
/// [`super::validate`] has a matrix.
pub fn matrix(record: &Record) -> Result<Matrix, Violations> {
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
        let role = CountryRole::try_from(destination.role).unwrap_or_default();
        rows.push(MatrixRow {
            country,
            role,
            cells: cells(record, destination, role),
        });
    }
    if record.victims.is_some() {
        victims_go_to_named_authorities(&mut checker, &record.destinations);
    }
    checker.finish()?;
    Ok(Matrix { rows })
}

fn cells(
    record: &Record,
    destination: &Destination,
    role: CountryRole,
) -> Vec<(CompartmentLabel, Reason)> {
    let named = &destination.compartments;
    TABLE
        .iter()
        .filter(|(label, _)| is_present(record, *label))
        .filter_map(|(label, [origin, transit, at_destination])| {
            let access = match role {
                CountryRole::Unspecified => return None,
                CountryRole::Origin => origin,
                CountryRole::Transit => transit,
                CountryRole::Destination => at_destination,
            };
            let is_named = named.contains(&(*label as i32));
            let reason = match access {
                Always => Reason::SituationAlways,
                ByDefault if named.is_empty() => Reason::DefaultOfRole(role),
                ByDefault | OnlyNamed if is_named => Reason::Named,
                ByDefault | OnlyNamed => return None,
            };
            Some((*label, reason))
        })
        .collect()
}

fn is_present(record: &Record, label: CompartmentLabel) -> bool {
    match label {
        CompartmentLabel::Situation => true,
        CompartmentLabel::Suspects => record.suspects.is_some(),
        CompartmentLabel::Identifiers => record.identifiers.is_some(),
        CompartmentLabel::Victims => record.victims.is_some(),
        CompartmentLabel::Source => record.source.is_some(),
        CompartmentLabel::Unspecified | CompartmentLabel::Evidence => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::{Identifiers, Source, Suspects, Victims};

    fn destination(country: &str, role: CountryRole, named: &[CompartmentLabel]) -> Destination {
        Destination {
            country: country.to_owned(),
            role: role as i32,
            authorities: vec!["victim-support".to_owned()],
            compartments: named.iter().map(|label| *label as i32).collect(),
        }
    }

    fn record(destinations: Vec<Destination>) -> Record {
        Record {
            destinations,
            suspects: Some(Suspects::default()),
            identifiers: Some(Identifiers::default()),
            victims: Some(Victims::default()),
            source: Some(Source::default()),
            ..Default::default()
        }
    }

    #[test]
    fn roles_read_their_defaults_and_never_victims_or_source() {
        use CompartmentLabel::{Identifiers, Situation, Suspects};
        for role in [
            CountryRole::Origin,
            CountryRole::Transit,
            CountryRole::Destination,
        ] {
            let matrix = matrix(&record(vec![destination("UZ", role, &[])])).unwrap();
            let default = Reason::DefaultOfRole(role);
            assert_eq!(
                matrix.rows[0].cells,
                [
                    (Situation, Reason::SituationAlways),
                    (Suspects, default),
                    (Identifiers, default)
                ]
            );
        }
    }

    #[test]
    fn naming_narrows_and_opens() {
        use CompartmentLabel::{Identifiers, Situation, Source, Suspects, Victims};
        let (uz, ae): (Country, Country) = ("UZ".parse().unwrap(), "AE".parse().unwrap());
        let matrix = matrix(&record(vec![
            destination("UZ", CountryRole::Transit, &[Suspects]),
            destination("AE", CountryRole::Destination, &[Victims, Source]),
        ]))
        .unwrap();
        assert_eq!(
            matrix.rows[0].cells,
            [
                (Situation, Reason::SituationAlways),
                (Suspects, Reason::Named)
            ]
        );
        assert!(
            matrix.reads(ae, Situation) && matrix.reads(ae, Victims) && matrix.reads(ae, Source)
        );
        assert!(!matrix.reads(ae, Suspects) && !matrix.reads(ae, Identifiers));
        assert!(!matrix.reads(uz, Victims) && !matrix.reads(uz, Identifiers));
        assert!(!matrix.reads("KZ".parse().unwrap(), Situation));
    }

    #[test]
    fn what_a_record_lacks_is_in_no_row() {
        let mut record = record(vec![destination(
            "UZ",
            CountryRole::Transit,
            &[CompartmentLabel::Victims],
        )]);
        record.victims = None;
        let matrix = matrix(&record).unwrap();
        assert!(!matrix.reads("UZ".parse().unwrap(), CompartmentLabel::Victims));
    }

    #[test]
    fn a_matrix_is_refused_rather_than_guessed() {
        let find = |record: &Record| -> Vec<(String, Rule)> {
            let violations = matrix(record).unwrap_err();
            violations.into_iter().map(|v| (v.field, v.rule)).collect()
        };
        let mut nameless = destination("AE", CountryRole::Transit, &[CompartmentLabel::Victims]);
        nameless.authorities.clear();
        assert_eq!(
            find(&record(vec![nameless])),
            [("destinations[0].authorities".to_owned(), Rule::Required)]
        );
        let roleless = destination("UZ", CountryRole::Unspecified, &[]);
        assert_eq!(
            find(&record(vec![roleless])),
            [("destinations[0].role".to_owned(), Rule::Required)]
        );
        let twice = destination("UZ", CountryRole::Transit, &[]);
        assert_eq!(
            find(&record(vec![twice.clone(), twice])),
            [("destinations[1].country".to_owned(), Rule::Duplicate)]
        );
    }
}
