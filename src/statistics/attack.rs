//! The attack on one group of cells that sums join.

use super::system::{Bond, Equation, Example, Found, Range, System};

/// How far apart two values of a suppressed cell must be, both of them possible: three values or
/// more remain.
pub(super) const SPREAD: i64 = 2;

/// What the attack on a cell gave.
pub(super) enum Verdict {
    /// Values that are [`SPREAD`] apart are possible.
    Safe,
    /// They are not, or none were found.
    Open { low: i64, high: i64, proven: bool },
}

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Only what follows sum by sum: finds leaks, and shows nothing to be safe.
    Quick,
    /// Everything.
    Whole,
}

/// Whether there is an example at all.
enum Start {
    Possible,
    Impossible,
    Unknown,
}

/// A group of cells under attack.
pub(super) struct Attack {
    system: System,
    ranges: Vec<Range>,
    /// Number in the whole of each variable here.
    whole: Vec<usize>,
    examples: Vec<Example>,
    /// The search for a first example was too long.
    blind: bool,
    effort: Effort,
}

impl Attack {
    /// Cuts `part` out of the whole. Where values above `least` explain what is shown, the reader
    /// takes them for granted.
    pub(super) fn new(
        whole: &System,
        part: &[usize],
        effort: Effort,
        least: impl Fn(usize) -> Option<i64>,
    ) -> Self {
        let mut equations: Vec<usize> = part
            .iter()
            .flat_map(|variable| whole.equations_of(*variable).iter().copied())
            .collect();
        equations.sort_unstable();
        equations.dedup();
        let equations: Vec<&Equation> = equations
            .iter()
            .filter_map(|number| whole.equations.get(*number))
            .filter(|equation| equation.bond != Bond::Nothing)
            .collect();
        let mut numbers: Vec<usize> = part.to_vec();
        for equation in &equations {
            numbers.extend(equation.parts.iter().chain([&equation.total]));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let here = |variable: &usize| numbers.binary_search(variable).unwrap_or(usize::MAX);
        let equations = equations
            .into_iter()
            .map(|equation| Equation {
                total: here(&equation.total),
                parts: equation.parts.iter().map(here).collect(),
                bond: equation.bond,
            })
            .collect();
        let ranges: Vec<Range> = numbers
            .iter()
            .map(|number| {
                whole
                    .ranges
                    .get(*number)
                    .copied()
                    .unwrap_or(Range { low: 0, high: 0 })
            })
            .collect();
        let strong: Vec<Range> = numbers
            .iter()
            .zip(&ranges)
            .map(|(number, range)| Range {
                low: range.low.max(least(*number).unwrap_or(range.low)),
                high: range.high,
            })
            .collect();
        let mut attack = Self {
            system: System::new(ranges, equations, whole.part_of_work()),
            ranges: Vec::new(),
            whole: numbers,
            examples: Vec::new(),
            blind: false,
            effort,
        };
        match effort {
            Effort::Whole => attack.prepare(strong),
            Effort::Quick => attack.narrow(strong),
        }
        attack
    }

    /// Finds a first example: with what the reader takes for granted, then without; and where the
    /// sums contradict each other, with one of them given up, or as many as must be.
    fn prepare(&mut self, strong: Vec<Range>) {
        if matches!(self.begin(strong), Start::Possible) {
            return;
        }
        let weak = self.system.ranges.clone();
        match self.begin(weak.clone()) {
            Start::Possible => return,
            Start::Unknown => {
                self.blind = true;
                return;
            }
            Start::Impossible => {}
        }
        let before: Vec<Bond> = self.system.equations.iter().map(|e| e.bond).collect();
        for one in 0..before.len() {
            self.bond(one, Bond::Each);
            if matches!(self.begin(weak.clone()), Start::Possible) {
                return;
            }
            if let Some(bond) = before.get(one) {
                self.bond(one, *bond);
            }
        }
        for bond in [Bond::Each, Bond::Nothing] {
            for one in 0..before.len() {
                self.bond(one, bond);
                if matches!(self.begin(weak.clone()), Start::Possible) {
                    return;
                }
            }
        }
        self.blind = true;
    }

    /// Narrows the ranges only.
    fn narrow(&mut self, strong: Vec<Range>) {
        for ranges in [strong, self.system.ranges.clone()] {
            self.ranges = ranges;
            if self.system.propagate(&mut self.ranges).is_ok() {
                return;
            }
        }
        // The sums contradict each other: nothing follows from them here.
        self.ranges = self.system.ranges.clone();
    }

    fn bond(&mut self, equation: usize, bond: Bond) {
        if let Some(equation) = self.system.equations.get_mut(equation) {
            equation.bond = bond;
        }
    }

    /// Narrows the ranges and finds a first example.
    fn begin(&mut self, ranges: Vec<Range>) -> Start {
        self.ranges = ranges;
        if self.system.propagate(&mut self.ranges).is_err() {
            return Start::Impossible;
        }
        match self.system.example(&self.ranges, None, false) {
            Found::Example(example) => {
                self.examples.push(example);
                Start::Possible
            }
            Found::None => Start::Impossible,
            Found::Unknown => Start::Unknown,
        }
    }

    /// Attacks a variable, by its number in the whole.
    pub(super) fn on(&mut self, variable: usize) -> Verdict {
        let Ok(variable) = self.whole.binary_search(&variable) else {
            return Verdict::Safe;
        };
        let Some(outer) = self.ranges.get(variable).copied() else {
            return Verdict::Safe;
        };
        if outer.width() < SPREAD {
            return Verdict::Open {
                low: outer.low,
                high: outer.high,
                proven: true,
            };
        }
        if self.effort == Effort::Quick {
            return Verdict::Safe;
        }
        if self.blind {
            return Verdict::Open {
                low: outer.low,
                high: outer.high,
                proven: false,
            };
        }
        let (low, high) = self.reached(variable);
        let mut proven = true;
        // Far from what is reached, on either side; then the few values near it.
        let mut tries = vec![
            (low + SPREAD, outer.high, true),
            (low + SPREAD, outer.high, false),
            (outer.low, high - SPREAD, false),
        ];
        tries.extend((high - SPREAD + 1..low + SPREAD).map(|value| (value, value, false)));
        for (from, to, upper) in tries {
            let (low, high) = self.reached(variable);
            if high - low >= SPREAD {
                return Verdict::Safe;
            }
            if from > to || (from == to && (low..=high).contains(&from)) {
                continue;
            }
            let within = Range {
                low: from,
                high: to,
            };
            match self
                .system
                .example(&self.ranges, Some((variable, within)), upper)
            {
                Found::Example(example) => self.examples.push(example),
                Found::None => {}
                Found::Unknown => proven = false,
            }
        }
        let (low, high) = self.reached(variable);
        if high - low >= SPREAD {
            return Verdict::Safe;
        }
        Verdict::Open { low, high, proven }
    }

    /// Least and greatest value in the examples.
    fn reached(&self, variable: usize) -> (i64, i64) {
        let values = || {
            self.examples
                .iter()
                .filter_map(|example| example.get(variable))
        };
        (
            values().min().copied().unwrap_or(0),
            values().max().copied().unwrap_or(0),
        )
    }
}
