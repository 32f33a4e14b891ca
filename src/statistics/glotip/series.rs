//! What belongs together, protected.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    codes::k_of,
    finding::{Finding, Why},
    rows::Observation,
};
use crate::statistics::{Cells, Coordinates, Leak, Shown, margins, protect};

/// The counts of one country, indicator and year, as they may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// ISO 3166-1 alpha-2 of the country that counted.
    pub country: &'static str,
    /// What is counted.
    pub indicator: &'static str,
    /// The year.
    pub year: u16,
    /// Smallest count shown.
    pub k: u64,
    /// The cells.
    pub cells: BTreeMap<Coordinates, Shown>,
}

/// Puts observations together by country, indicator and year and protects each such table across
/// all its dimensions at once. `found` is told of every count that is not shown as published.
///
/// # Errors
/// [`Leak`] when a table cannot be protected.
pub fn series(
    observations: &[Observation],
    mut found: impl FnMut(Finding),
) -> Result<Vec<Series>, Leak> {
    type Group<'a> = BTreeMap<&'a Coordinates, &'a Observation>;
    let mut groups: BTreeMap<(&'static str, &'static str, u16), Group<'_>> = BTreeMap::new();
    for observation in observations {
        groups
            .entry((observation.country, observation.indicator, observation.year))
            .or_default()
            .insert(&observation.at, observation);
    }
    let mut all = Vec::with_capacity(groups.len());
    for ((country, indicator, year), group) in groups {
        let name = |at: &Coordinates| format!("{country} {indicator} {year}, {}", at.label());
        let places: BTreeSet<Coordinates> = group.keys().map(|at| (*at).clone()).collect();
        let k = k_of(indicator);
        let mut cells = Cells::new(k);
        for (at, observation) in &group {
            cells.shown.insert(name(at), observation.shown);
        }
        cells.sums = margins(&places, name);
        let protected = protect(cells, &BTreeSet::new())?;
        let protects: BTreeMap<&str, &str> = protected
            .withdrawn
            .iter()
            .map(|withdrawal| (withdrawal.cell.as_str(), withdrawal.protects.as_str()))
            .collect();
        let mut shown_cells = BTreeMap::new();
        for (at, observation) in group {
            let name = name(at);
            let Some(shown) = protected.cells.shown.get(&name).copied() else {
                found(Finding {
                    line: observation.line,
                    column: "txtVALUE",
                    value: observation.shown.to_string(),
                    why: Why::Unprotected,
                    message:
                        "left out: the other counts of the table contradict it or give it away"
                            .to_owned(),
                });
                continue;
            };
            if shown != observation.shown {
                let (why, message) = match protects.get(name.as_str()) {
                    None if observation.shown.count().is_none() => {
                        // A band as published, and a wider one here, say the same to the reader.
                        shown_cells.insert(at.clone(), shown);
                        continue;
                    }
                    Some(other) => (
                        Why::Withheld,
                        format!("shown as {shown}: {other} could be computed from it"),
                    ),
                    None => (
                        Why::BelowK,
                        format!("shown as {shown}: counts below {k} are not shown"),
                    ),
                };
                found(Finding {
                    line: observation.line,
                    column: "txtVALUE",
                    value: observation.shown.to_string(),
                    why,
                    message,
                });
            }
            shown_cells.insert(at.clone(), shown);
        }
        all.push(Series {
            country,
            indicator,
            year,
            k,
            cells: shown_cells,
        });
    }
    Ok(all)
}
