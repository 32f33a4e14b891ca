//! What somebody can compute who has the cells as shown and knows what adds up to what.
//!
//! The reader in mind also knows the rules: that `*` stands for a count of `k` or more, and that a
//! part that is not listed may be none. Where the listed parts cannot add up to their total, there must
//! be others, and what is left for them is a count like any other.

use std::{collections::BTreeMap, fmt};

use super::{
    attack::{Attack, Effort, Verdict},
    cell::{Cells, MOST, Shown},
    system::{Bond, Equation, Failing, Range, System, Work},
};

/// A cell of which too much can be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Name of the cell.
    pub cell: String,
    /// How it is shown; `None` when it is not, but can be computed.
    pub shown: Option<Shown>,
    /// Least it can be.
    pub low: u64,
    /// Most it can be.
    pub high: u64,
    /// False when it could not be shown to be safe within bounded work.
    pub proven: bool,
    /// The total whose parts it was computed from, where the cell is what they leave.
    pub(super) rest_of: Option<usize>,
}

impl Leak {
    /// What is wrong, without the name of the cell.
    pub fn why(&self) -> Why<'_> {
        Why(self)
    }
}

/// What is wrong with a cell; shown behind its name.
#[derive(Clone, Copy, Debug)]
pub struct Why<'a>(&'a Leak);

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cell, self.why())
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(leak) = self;
        match leak.shown {
            Some(shown) => write!(f, "is shown as {shown}, but ")?,
            None => f.write_str("is not shown, but ")?,
        }
        match (leak.proven, leak.low == leak.high) {
            (true, true) => write!(f, "the totals leave only {}", leak.low),
            (true, false) => write!(f, "the totals leave only {} to {}", leak.low, leak.high),
            (false, _) => f.write_str("it cannot be shown that the totals do not give it away"),
        }
    }
}

/// What a variable stands for.
struct Name {
    text: String,
    shown: Option<Shown>,
    rest_of: Option<usize>,
}

/// Every cell that leaks, in the order of names; none when what is shown protects.
pub fn audit(cells: &Cells) -> Vec<Leak> {
    leaks(cells, usize::MAX, Effort::Whole)
}

/// The first `most` cells that leak.
pub(super) fn leaks(cells: &Cells, most: usize, effort: Effort) -> Vec<Leak> {
    let (mut system, mut names) = build(cells);
    relax(&mut system, &mut names, self::most(cells));
    let mut found = Vec::new();
    for part in components(&system) {
        let mut attack = Attack::new(&system, &part, effort, |variable| {
            strongest(&names, variable, cells.k)
        });
        // What is shown comes first: it is what people look for.
        let shown = |variable: &&usize| {
            names
                .get(**variable)
                .is_some_and(|name| name.shown.is_some())
        };
        let in_order = part
            .iter()
            .filter(shown)
            .chain(part.iter().filter(|v| !shown(v)));
        for variable in in_order {
            if found.len() >= most {
                return found;
            }
            let Some(name) = names.get(*variable) else {
                continue;
            };
            let leak = match attack.on(*variable) {
                Verdict::Safe => continue,
                Verdict::Open { low, high, proven } => Leak {
                    cell: name.text.clone(),
                    shown: name.shown,
                    low: u64::try_from(low).unwrap_or(0),
                    high: u64::try_from(high).unwrap_or(0),
                    proven,
                    rest_of: name.rest_of,
                },
            };
            // What is not shown matters only while it is a small number of persons.
            if leak.shown.is_some() || (leak.high > 0 && leak.low < cells.k) {
                found.push(leak);
            }
        }
    }
    found
}

/// Least value of a variable for the reader who knows what `*` stands for.
fn strongest(names: &[Name], variable: usize, k: u64) -> Option<i64> {
    let withheld = names
        .get(variable)
        .is_some_and(|name| name.shown == Some(Shown::Withheld));
    withheld.then(|| i64::try_from(k).unwrap_or(0))
}

/// What a cell can be by itself. Where zeros are shown, a band holds none: `least` is 1.
fn range(shown: Option<Shown>, least: u64, most: i64) -> Range {
    let (low, high) = match shown {
        Some(Shown::Count(count)) => (count.min(MOST), count.min(MOST)),
        Some(Shown::Below(bound)) => {
            let most = bound.clamp(1, MOST) - 1;
            (least.min(most), most)
        }
        Some(Shown::Withheld) | None => return Range { low: 0, high: most },
    };
    Range {
        low: i64::try_from(low).unwrap_or(0),
        high: i64::try_from(high).unwrap_or(0),
    }
}

/// One variable for each cell that is shown or named by a sum.
fn build(cells: &Cells) -> (System, Vec<Name>) {
    let most = most(cells);
    let zeros = cells.shown.values().any(|shown| *shown == Shown::Count(0));
    let least = u64::from(zeros);
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let named = cells
        .sums
        .iter()
        .flat_map(|sum| sum.parts.iter().chain([&sum.total]));
    for name in cells.shown.keys().chain(named) {
        numbers.entry(name).or_default();
    }
    let mut names = Vec::with_capacity(numbers.len());
    let mut ranges = Vec::with_capacity(numbers.len());
    for (text, number) in &mut numbers {
        *number = names.len();
        let shown = cells.shown.get(*text).copied();
        ranges.push(range(shown, least, most));
        names.push(Name {
            text: (*text).to_owned(),
            shown,
            rest_of: None,
        });
    }
    let number = |name: &String| numbers.get(name.as_str()).copied().unwrap_or(usize::MAX);
    let equations = cells
        .sums
        .iter()
        .map(|sum| Equation {
            total: number(&sum.total),
            parts: sum.parts.iter().map(number).collect(),
            bond: Bond::Adds,
        })
        .collect();
    let mut system = System::new(ranges, equations, Work::default());
    for (number, sum) in cells.sums.iter().enumerate() {
        if !sum.complete {
            give_rest(&mut system, &mut names, number, most);
        }
    }
    (system, names)
}

/// Adds a part that is not listed to a sum.
fn give_rest(system: &mut System, names: &mut Vec<Name>, equation: usize, most: i64) {
    let total = system
        .equations
        .get(equation)
        .and_then(|equation| names.get(equation.total))
        .map(|name| name.text.clone())
        .unwrap_or_default();
    system.add_rest(equation, Range { low: 0, high: most });
    names.push(Name {
        text: format!("the rest of {total}"),
        shown: None,
        rest_of: Some(equation),
    });
}

/// More than any cell that is not shown needs to be, so that examples are found soon.
fn most(cells: &Cells) -> i64 {
    let counts = cells.shown.values().filter_map(|shown| shown.count());
    let all = counts.fold(16 * (cells.shown.len() as u64 + 1), |all, count| {
        all.saturating_add(count.min(MOST))
    });
    i64::try_from(all.saturating_mul(2)).unwrap_or(i64::MAX / 4)
}

/// Gives every sum that cannot hold as it stands what it lacks: a rest, or a weaker bond.
fn relax(system: &mut System, names: &mut Vec<Name>, most: i64) {
    // Each equation is relaxed at most three times.
    for _ in 0..=3 * system.equations.len() {
        let mut ranges = system.ranges.clone();
        let Err((number, failing)) = system.propagate(&mut ranges) else {
            return;
        };
        let Some(bond) = system.equations.get(number).map(|equation| equation.bond) else {
            return;
        };
        let has_rest = names.iter().any(|name| name.rest_of == Some(number));
        if bond == Bond::Adds && failing == Failing::Under && !has_rest {
            give_rest(system, names, number, most);
        } else if let Some(equation) = system.equations.get_mut(number) {
            equation.bond = match bond {
                Bond::Adds => Bond::Each,
                Bond::Each | Bond::Nothing => Bond::Nothing,
            };
        }
    }
}

/// Variables that are not fixed, in groups that no equation joins.
fn components(system: &System) -> Vec<Vec<usize>> {
    let open = |variable: &usize| {
        system
            .ranges
            .get(*variable)
            .is_some_and(|range| range.width() > 0)
    };
    let mut seen = vec![false; system.ranges.len()];
    let mut groups = Vec::new();
    for first in (0..system.ranges.len()).filter(open) {
        let mut group = Vec::new();
        let mut waiting = vec![first];
        while let Some(variable) = waiting.pop() {
            match seen.get_mut(variable) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            group.push(variable);
            for equation in system.equations_of(variable) {
                if let Some(equation) = system.equations.get(*equation)
                    && equation.bond != Bond::Nothing
                {
                    waiting.extend(
                        equation
                            .parts
                            .iter()
                            .chain([&equation.total])
                            .filter(|v| open(v)),
                    );
                }
            }
        }
        if !group.is_empty() {
            group.sort_unstable();
            groups.push(group);
        }
    }
    groups
}
