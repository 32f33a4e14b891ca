//! Primary and complementary suppression.

use std::collections::{BTreeSet, VecDeque};

use super::{
    attack::Effort,
    audit::{Leak, leaks},
    cell::{Cells, Shown},
};

/// A count that is not shown although it is large enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Name of the cell.
    pub cell: String,
    /// Name of the cell that could be computed from it.
    pub protects: String,
}

/// Cells that protect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// As they may be shown; [`super::audit()`] finds nothing in them.
    pub cells: Cells,
    /// What was withheld beyond small counts, and for whose sake.
    pub withdrawn: Vec<Withdrawal>,
    /// Cells left out altogether: what is said elsewhere leaves them no room.
    pub dropped: Vec<String>,
}

/// Shows `cells` so that no suppressed one can be computed: small counts become bands, then others
/// are withheld, the smallest near the leak first, until an audit finds nothing; a cell that can be
/// computed whatever is withheld is left out. `fixed` names cells that are known already, so that withholding them would protect nobody.
///
/// # Errors
/// The [`Leak`] that remains when everything that could be withheld is: only with `fixed` cells.
pub fn protect(mut cells: Cells, fixed: &BTreeSet<String>) -> Result<Protected, Leak> {
    for (name, shown) in &mut cells.shown {
        if fixed.contains(name) {
            continue;
        }
        *shown = match *shown {
            Shown::Count(count) => Shown::of(count, cells.k),
            Shown::Below(bound) => Shown::Below(bound.max(cells.k)),
            Shown::Withheld => Shown::Withheld,
        };
    }
    let mut withdrawn = Vec::new();
    let mut dropped = Vec::new();
    // Each round withholds or drops one cell, so there are at most three times as many as cells.
    loop {
        // Most leaks are plain; the long search is for what is left.
        let leak = leaks(&cells, 1, Effort::Quick).pop();
        let Some(leak) = leak.or_else(|| leaks(&cells, 1, Effort::Whole).pop()) else {
            return Ok(Protected {
                cells,
                withdrawn,
                dropped,
            });
        };
        if let Some(cell) = complement(&cells, &leak, fixed) {
            if let Some(shown) = cells.shown.get_mut(&cell) {
                *shown = Shown::Withheld;
            }
            withdrawn.push(Withdrawal {
                cell,
                protects: leak.cell,
            });
        } else if let Some(cell) = superfluous(&cells, &leak, fixed) {
            cells.shown.remove(&cell);
            withdrawn.retain(|withdrawal| withdrawal.cell != cell);
            dropped.push(cell);
        } else {
            return Err(leak);
        }
    }
}

/// The cell to leave out where nothing is left to withhold: the leak itself, or one of the sum that
/// it was computed from.
fn superfluous(cells: &Cells, leak: &Leak, fixed: &BTreeSet<String>) -> Option<String> {
    let may_go = |name: &&String| cells.shown.contains_key(*name) && !fixed.contains(*name);
    if may_go(&&leak.cell) {
        return Some(leak.cell.clone());
    }
    let sums = match leak.rest_of {
        Some(sum) => vec![sum],
        None => sums_of(cells, &leak.cell),
    };
    sums.into_iter()
        .filter_map(|sum| cells.sums.get(sum))
        .flat_map(|sum| sum.parts.iter().chain([&sum.total]))
        .find(may_go)
        .cloned()
}

/// The count to withhold so that `leak` may close: in the sums nearest to it, a part before a
/// total, the smallest first; where no count is left, a band is widened.
fn complement(cells: &Cells, leak: &Leak, fixed: &BTreeSet<String>) -> Option<String> {
    let first: Vec<usize> = match leak.rest_of {
        Some(sum) => vec![sum],
        None => sums_of(cells, &leak.cell),
    };
    let mut seen: BTreeSet<usize> = first.iter().copied().collect();
    let mut level: VecDeque<usize> = first.into();
    let mut bands = None;
    while !level.is_empty() {
        let mut counts: Vec<(usize, u64, &String)> = Vec::new();
        let mut next = BTreeSet::new();
        for number in level.drain(..) {
            let Some(sum) = cells.sums.get(number) else {
                continue;
            };
            for name in sum.parts.iter().chain([&sum.total]) {
                match cells.shown.get(name) {
                    Some(Shown::Count(count)) if !fixed.contains(name) => {
                        counts.push((totals(cells, name), *count, name));
                    }
                    Some(Shown::Below(_)) if *name != leak.cell && !fixed.contains(name) => {
                        bands.get_or_insert_with(|| name.clone());
                        next.extend(sums_of(cells, name));
                    }
                    _ => next.extend(sums_of(cells, name)),
                }
            }
        }
        if let Some((.., name)) = counts.into_iter().min() {
            return Some(name.clone());
        }
        level.extend(next.into_iter().filter(|number| seen.insert(*number)));
    }
    let own = || {
        let narrow = matches!(leak.shown, Some(Shown::Below(_)));
        (narrow && !fixed.contains(&leak.cell)).then(|| leak.cell.clone())
    };
    bands.or_else(own)
}

/// Of how many sums a cell is the total.
fn totals(cells: &Cells, name: &str) -> usize {
    cells.sums.iter().filter(|sum| sum.total == name).count()
}

/// The sums in which a cell stands.
fn sums_of(cells: &Cells, name: &str) -> Vec<usize> {
    cells
        .sums
        .iter()
        .enumerate()
        .filter(|(_, sum)| sum.total == name || sum.parts.iter().any(|part| part == name))
        .map(|(number, _)| number)
        .collect()
}
