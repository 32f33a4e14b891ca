//! What was published before, and what can be computed from it together with something new. Every
//! value that a cell ever had stays known: 100, then 120, then 101 tells of one.

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
    /// What each publication showed of a cell, oldest first, with the publication's number.
    shown: BTreeMap<String, Vec<(usize, Shown)>>,
    /// Sums, with the publication in which they stood.
    sums: Vec<(usize, Sum)>,
    /// Sums in which a cell stands.
    of: BTreeMap<String, Vec<usize>>,
    publications: usize,
}

/// Marks a cell as it was published before it changed.
const BEFORE: &str = " (as published before)";

impl Disclosures {
    /// Remembers what was published.
    pub fn add(&mut self, cells: &Cells) {
        let publication = self.publications;
        self.publications += 1;
        for (name, shown) in &cells.shown {
            let history = self.shown.entry(name.clone()).or_default();
            history.push((publication, *shown));
        }
        for sum in &cells.sums {
            for name in sum.parts.iter().chain([&sum.total]) {
                self.of
                    .entry(name.clone())
                    .or_default()
                    .push(self.sums.len());
            }
            self.sums.push((publication, sum.clone()));
        }
    }

    /// Remembers what was published elsewhere of other cells, after what is known here.
    pub fn merge(&mut self, other: Self) {
        let (first, sums) = (self.publications, self.sums.len());
        for (name, history) in other.shown {
            let known = self.shown.entry(name).or_default();
            known.extend(history.into_iter().map(|(of, shown)| (first + of, shown)));
        }
        for (name, numbers) in other.of {
            let known = self.of.entry(name).or_default();
            known.extend(numbers.into_iter().map(|number| sums + number));
        }
        let later = other.sums.into_iter().map(|(of, sum)| (first + of, sum));
        self.sums.extend(later);
        self.publications += other.publications;
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
        let mut past: BTreeMap<&str, Past> = BTreeMap::new();
        for name in &near {
            let Some(history) = self.shown.get(name) else {
                continue;
            };
            let new = cells.shown.get(name).copied();
            if let Some(Shown::Count(now)) = new {
                refusals.extend(changed(name, history, now, cells.k));
            }
            let cell = Past::of(name, history, new);
            joined.shown.insert(name.clone(), cell.now);
            for (before, shown) in &cell.before {
                joined.shown.insert(before.clone(), *shown);
            }
            past.insert(name, cell);
        }
        let numbers: BTreeSet<usize> = near
            .iter()
            .filter_map(|name| self.of.get(name))
            .flatten()
            .copied()
            .collect();
        let mut sums: BTreeSet<Sum> = joined.sums.iter().cloned().collect();
        for (publication, sum) in numbers
            .into_iter()
            .filter_map(|number| self.sums.get(number))
        {
            let then = |name: &String| match past.get(name.as_str()) {
                Some(cell) => cell.at(name, *publication),
                None => name.clone(),
            };
            sums.insert(Sum {
                total: then(&sum.total),
                parts: sum.parts.iter().map(then).collect(),
                complete: sum.complete,
            });
        }
        joined.sums = sums.into_iter().collect();
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
                if let Some((_, sum)) = self.sums.get(*sum) {
                    waiting.extend(sum.parts.iter().chain([&sum.total]));
                }
            }
        }
        near
    }
}

/// Every count that a cell was published as, from which `now` differs by less than may be shown.
fn changed(name: &str, history: &[(usize, Shown)], now: u64, k: u64) -> Vec<Refusal> {
    let before: BTreeSet<u64> = history
        .iter()
        .filter_map(|(_, shown)| shown.count())
        .filter(|before| *before != now && before.abs_diff(now) < k)
        .collect();
    before
        .into_iter()
        .map(|before| Refusal::Changed {
            cell: name.to_owned(),
            before,
            now,
        })
        .collect()
}

/// A cell through all publications: one unknown for what it is now, one more for each value that it
/// was shown as and is no more.
struct Past {
    now: Shown,
    /// Names and values of what it was.
    before: Vec<(String, Shown)>,
    /// Which of them it was in a publication; `None` where it was what it is now.
    at: Vec<(usize, Option<usize>)>,
}

impl Past {
    fn of(name: &str, history: &[(usize, Shown)], new: Option<Shown>) -> Self {
        let newest = |wanted: fn(&Shown) -> bool| {
            let shown = history.iter().rev().map(|(_, shown)| *shown);
            shown.into_iter().find(wanted)
        };
        let now = match new {
            // Withheld here and shown there: the reader has the count.
            Some(Shown::Withheld) => newest(|shown| shown.count().is_some()),
            Some(_) => None,
            None => newest(|shown| *shown != Shown::Withheld),
        };
        let now = now.or(new).unwrap_or(Shown::Withheld);
        let mut before: Vec<(String, Shown)> = Vec::new();
        let mut at = Vec::with_capacity(history.len());
        for (publication, shown) in history {
            let same = *shown == now || (*shown == Shown::Withheld && now.count().is_some());
            let place = (!same).then(|| {
                // Another band, and with it what is counted, is another unknown too.
                let known = before.iter().position(|(_, value)| value == shown);
                known.unwrap_or_else(|| {
                    let earlier = match before.len() {
                        0 => format!("{name}{BEFORE}"),
                        several => format!("{name}{BEFORE} {}", several + 1),
                    };
                    before.push((earlier, *shown));
                    before.len() - 1
                })
            });
            at.push((*publication, place));
        }
        Self { now, before, at }
    }

    /// The name of what the cell was in a publication; one that did not show it is taken to mean
    /// what was last shown before it.
    fn at(&self, name: &str, publication: usize) -> String {
        let shown_before = self.at.iter().rev().find(|(of, _)| *of <= publication);
        let place = shown_before
            .or(self.at.first())
            .and_then(|(_, place)| *place);
        match place.and_then(|place| self.before.get(place)) {
            Some((before, _)) => before.clone(),
            None => name.to_owned(),
        }
    }
}
