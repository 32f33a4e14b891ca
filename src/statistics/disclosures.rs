//! What was published before, and what can be computed from it together with something new.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    audit::{Leak, audit},
    cell::{Cells, Shown, Sum},
    protect::{Protected, protect},
};

/// Why something may not be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A count would be given away.
    Leak(Leak),
    /// A published count changed by less than may be shown.
    Changed {
        /// Name of the cell.
        cell: String,
        /// As published before.
        before: u64,
        /// As it would be published now.
        now: u64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leak(leak) => write!(f, "{leak}"),
            Self::Changed { cell, before, now } => write!(
                f,
                "{cell} was published as {before} and would now be {now}: the difference is too small to be shown"
            ),
        }
    }
}

/// Everything published so far.
#[derive(Clone, Debug, Default)]
pub struct Disclosures {
    shown: BTreeMap<String, Shown>,
    sums: Vec<Sum>,
    /// Sums in which a cell stands.
    of: BTreeMap<String, Vec<usize>>,
}

/// Marks a cell as it was published before it changed.
const BEFORE: &str = " (as published before)";

impl Disclosures {
    /// Remembers what was published.
    pub fn add(&mut self, cells: &Cells) {
        for (name, shown) in &cells.shown {
            self.shown.insert(name.clone(), *shown);
        }
        for sum in &cells.sums {
            if self.sums.contains(sum) {
                continue;
            }
            for name in sum.parts.iter().chain([&sum.total]) {
                self.of
                    .entry(name.clone())
                    .or_default()
                    .push(self.sums.len());
            }
            self.sums.push(sum.clone());
        }
    }

    /// Whether nothing was published.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Checks what would be published as it stands.
    ///
    /// # Errors
    /// Every [`Refusal`], at least one.
    pub fn check(&self, cells: &Cells) -> Result<(), Vec<Refusal>> {
        let (joined, mut refusals) = self.join(cells);
        refusals.extend(audit(&joined).into_iter().map(Refusal::Leak));
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    /// Withholds in `cells` what must not be published beside what was.
    ///
    /// # Errors
    /// [`Refusal`] when withholding cannot help, because too much was published before.
    pub fn protect(&self, cells: &Cells) -> Result<Protected, Refusal> {
        let (joined, refusals) = self.join(cells);
        if let Some(refusal) = refusals.into_iter().next() {
            return Err(refusal);
        }
        let known: BTreeSet<String> = joined
            .shown
            .keys()
            .filter(|name| !cells.shown.contains_key(*name) || self.shown.contains_key(*name))
            .cloned()
            .collect();
        let protected = protect(joined, &known).map_err(Refusal::Leak)?;
        let mut own = cells.clone();
        own.shown
            .retain(|name, _| protected.cells.shown.contains_key(name));
        for (name, shown) in &mut own.shown {
            // What was published as a count may be withheld in this table; it protects nothing.
            if let Some(protected) = protected.cells.shown.get(name) {
                *shown = *protected;
            }
        }
        Ok(Protected {
            cells: own,
            withdrawn: protected.withdrawn,
            dropped: protected.dropped,
        })
    }

    /// The new cells and every published one that sums join to them.
    fn join(&self, cells: &Cells) -> (Cells, Vec<Refusal>) {
        let near = self.near(cells);
        let mut joined = cells.clone();
        let mut refusals = Vec::new();
        let mut renamed = BTreeSet::new();
        for name in &near {
            let Some(before) = self.shown.get(name) else {
                continue;
            };
            let Some(now) = joined.shown.get_mut(name) else {
                joined.shown.insert(name.clone(), *before);
                continue;
            };
            match (*before, *now) {
                (Shown::Count(before), Shown::Count(now)) if before != now => {
                    if before.abs_diff(now) < cells.k {
                        refusals.push(Refusal::Changed {
                            cell: name.clone(),
                            before,
                            now,
                        });
                    }
                    renamed.insert(name.clone());
                }
                (before, now) if before == now => {}
                // Withheld here and shown there: the reader has the count.
                (Shown::Count(_), Shown::Withheld) => *now = *before,
                (Shown::Withheld, Shown::Count(_)) => {}
                // The band changed, and with it what is counted.
                _ => {
                    renamed.insert(name.clone());
                }
            }
        }
        for name in &renamed {
            if let Some(before) = self.shown.get(name) {
                joined.shown.insert(format!("{name}{BEFORE}"), *before);
            }
        }
        let numbers: BTreeSet<usize> = near
            .iter()
            .filter_map(|name| self.of.get(name))
            .flatten()
            .copied()
            .collect();
        let rename = |name: &String| {
            if renamed.contains(name) {
                format!("{name}{BEFORE}")
            } else {
                name.clone()
            }
        };
        for sum in numbers
            .into_iter()
            .filter_map(|number| self.sums.get(number))
        {
            let sum = Sum {
                total: rename(&sum.total),
                parts: sum.parts.iter().map(rename).collect(),
                complete: sum.complete,
            };
            if !joined.sums.contains(&sum) {
                joined.sums.push(sum);
            }
        }
        (joined, refusals)
    }

    /// Names of cells that the sums, old and new, join to `cells`.
    fn near(&self, cells: &Cells) -> BTreeSet<String> {
        let named = cells
            .sums
            .iter()
            .flat_map(|sum| sum.parts.iter().chain([&sum.total]));
        let mut waiting: Vec<&String> = cells.shown.keys().chain(named).collect();
        let mut near = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if !near.insert(name.clone()) {
                continue;
            }
            for sum in self.of.get(name).into_iter().flatten() {
                if let Some(sum) = self.sums.get(*sum) {
                    waiting.extend(sum.parts.iter().chain([&sum.total]));
                }
            }
        }
        near
    }
}
