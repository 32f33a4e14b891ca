//! What belongs together, protected.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    codes::{DIMENSIONS, k_of},
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
/// all its dimensions at once, and each dimension by itself, as a record holds it. `found` is told of every count that is not shown as published.
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
        let k = k_of(indicator);
        let published = group
            .iter()
            .map(|(at, observation)| ((*at).clone(), observation.shown))
            .collect();
        let Settled { shown, protects } = settle(published, k, name)?;
        let mut shown_cells = BTreeMap::new();
        for (at, observation) in group {
            let Some(shown) = shown.get(at).copied() else {
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
                let (why, message) = match protects.get(&name(at)) {
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

/// A table as it may be shown, and per withheld cell the one that it protects.
struct Settled {
    shown: BTreeMap<Coordinates, Shown>,
    protects: BTreeMap<String, String>,
}

/// Protects a table until nothing changes any more: what is left out changes what adds up.
fn settle(
    mut shown: BTreeMap<Coordinates, Shown>,
    k: u64,
    name: impl Fn(&Coordinates) -> String,
) -> Result<Settled, Leak> {
    let held: BTreeSet<&String> = shown.keys().map(|at| &at.dimension).collect();
    let dimensions: Vec<String> = DIMENSIONS
        .iter()
        .filter(|dimension| held.iter().any(|of| of == *dimension))
        .map(|dimension| (*dimension).to_owned())
        .collect();
    // Each dimension alone, as a record holds it; and with those released before it, all at last.
    let ahead = (2..=dimensions.len())
        .rev()
        .filter_map(|count| dimensions.get(..count));
    let groups: Vec<&[String]> = ahead.chain(dimensions.chunks(1)).collect();
    let mut protects = BTreeMap::new();
    loop {
        let before = shown.clone();
        for group in &groups {
            let places: BTreeSet<Coordinates> = shown
                .keys()
                .filter(|at| group.contains(&at.dimension))
                .cloned()
                .collect();
            let mut cells = Cells::new(k);
            for at in &places {
                if let Some(shown) = shown.get(at) {
                    cells.shown.insert(name(at), *shown);
                }
            }
            cells.sums = margins(&places, &name);
            let protected = protect(cells, &BTreeSet::new())?;
            for at in places {
                match protected.cells.shown.get(&name(&at)) {
                    Some(now) => shown.insert(at, *now),
                    None => shown.remove(&at),
                };
            }
            for withdrawal in protected.withdrawn {
                protects.insert(withdrawal.cell, withdrawal.protects);
            }
        }
        if shown == before {
            return Ok(Settled { shown, protects });
        }
    }
}
