//! Whole numbers bound by sums: what they can be at least and at most, and examples of what they can be.
//!
//! Bounds come from propagation and are always true: nobody can compute less from the sums than
//! they say, though perhaps more. Examples come from a search and are exact. Between the two a cell
//! is called safe only on examples, and leaking where there are none.

use std::{cell::Cell, rc::Rc};

/// How many steps of one search; a search that needs more counts as having found nothing.
const STEPS: usize = 600;

/// How many sums are looked at for one group of cells, and in a whole audit; what is not decided by
/// then counts as open.
const WORK_OF_PART: u64 = 500_000;
const WORK_OF_WHOLE: u64 = 10_000_000;

/// How often each sum is looked at in one propagation, on average.
const ROUNDS: usize = 40;

/// What a variable can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Range {
    pub(super) const fn width(self) -> i64 {
        self.high - self.low
    }
}

/// What is known of a total and its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    /// The parts add up to the total.
    Adds,
    /// They do not, because some are counted twice; none is larger than the total.
    Each,
    /// Not even that: the source contradicts itself.
    Nothing,
}

/// A total and its parts, by the numbers of their variables.
#[derive(Clone, Debug)]
pub(super) struct Equation {
    pub(super) total: usize,
    pub(super) parts: Vec<usize>,
    pub(super) bond: Bond,
}

/// How an equation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// The parts are more than the total.
    Over,
    /// The parts are less than the total.
    Under,
}

/// Values of every variable that obey every equation.
pub(super) type Example = Vec<i64>;

/// What a search found.
pub(super) enum Found {
    Example(Example),
    /// There is none.
    None,
    /// The search was too long.
    Unknown,
}

/// The variables and equations.
pub(super) struct System {
    pub(super) ranges: Vec<Range>,
    pub(super) equations: Vec<Equation>,
    /// Equations of each variable.
    of: Vec<Vec<usize>>,
    work: Work,
}

/// Work left, shared by the systems of one audit.
#[derive(Clone, Debug)]
pub(super) struct Work {
    part: Rc<Cell<u64>>,
    whole: Rc<Cell<u64>>,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            part: Rc::new(Cell::new(WORK_OF_PART)),
            whole: Rc::new(Cell::new(WORK_OF_WHOLE)),
        }
    }
}

impl Work {
    /// Takes one look at a sum; false when none is left.
    fn take(&self) -> bool {
        if self.is_done() {
            return false;
        }
        for left in [&self.part, &self.whole] {
            left.set(left.get().saturating_sub(1));
        }
        true
    }

    fn is_done(&self) -> bool {
        self.part.get() == 0 || self.whole.get() == 0
    }
}

impl System {
    pub(super) fn new(ranges: Vec<Range>, equations: Vec<Equation>, work: Work) -> Self {
        let mut system = Self {
            work,
            of: Vec::new(),
            ranges,
            equations,
        };
        system.index();
        system
    }

    /// The work of a part of this.
    pub(super) fn part_of_work(&self) -> Work {
        Work {
            part: Rc::new(Cell::new(WORK_OF_PART)),
            whole: Rc::clone(&self.work.whole),
        }
    }

    /// Adds a part nobody shows to an equation.
    pub(super) fn add_rest(&mut self, equation: usize, range: Range) -> usize {
        let rest = self.ranges.len();
        self.ranges.push(range);
        if let Some(equation) = self.equations.get_mut(equation) {
            equation.parts.push(rest);
        }
        self.index();
        rest
    }

    fn index(&mut self) {
        self.of = vec![Vec::new(); self.ranges.len()];
        for (number, equation) in self.equations.iter().enumerate() {
            for variable in equation.parts.iter().chain([&equation.total]) {
                if let Some(of) = self.of.get_mut(*variable) {
                    of.push(number);
                }
            }
        }
    }

    /// Equations in which a variable stands.
    pub(super) fn equations_of(&self, variable: usize) -> &[usize] {
        self.of.get(variable).map_or(&[], Vec::as_slice)
    }

    /// Narrows `ranges` as far as single equations do.
    pub(super) fn propagate(&self, ranges: &mut [Range]) -> Result<(), (usize, Failing)> {
        let all: Vec<usize> = (0..self.equations.len()).collect();
        self.propagate_from(all, ranges)
    }

    fn propagate_from(
        &self,
        mut waiting: Vec<usize>,
        ranges: &mut [Range],
    ) -> Result<(), (usize, Failing)> {
        let mut queued = vec![false; self.equations.len()];
        for number in &waiting {
            if let Some(queued) = queued.get_mut(*number) {
                *queued = true;
            }
        }
        let mut left = ROUNDS * self.equations.len().max(1);
        while let Some(number) = waiting.pop() {
            if let Some(queued) = queued.get_mut(number) {
                *queued = false;
            }
            if left == 0 || !self.work.take() {
                // What is narrowed so far is true; it only could be narrower.
                return Ok(());
            }
            left -= 1;
            let Some(equation) = self.equations.get(number) else {
                continue;
            };
            let changed = narrow(equation, ranges).map_err(|failing| (number, failing))?;
            for variable in changed {
                for other in self.equations_of(variable) {
                    if let Some(queued) = queued.get_mut(*other)
                        && !*queued
                    {
                        *queued = true;
                        waiting.push(*other);
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks for an example in which a variable, where one is given, is within a range; among great
    /// values first when `upper`.
    pub(super) fn example(
        &self,
        ranges: &[Range],
        within: Option<(usize, Range)>,
        upper: bool,
    ) -> Found {
        let mut start = ranges.to_vec();
        if let Some((variable, range)) = within {
            let Some(slot) = start.get_mut(variable) else {
                return Found::None;
            };
            slot.low = slot.low.max(range.low);
            slot.high = slot.high.min(range.high);
            if slot.low > slot.high {
                return Found::None;
            }
            if self
                .propagate_from(self.equations_of(variable).to_vec(), &mut start)
                .is_err()
            {
                return Found::None;
            }
        }
        let mut left = STEPS;
        match self.descend(start, upper, &mut left) {
            Some(example) => Found::Example(example),
            None if left == 0 => Found::Unknown,
            None => Found::None,
        }
    }

    /// Halves the narrowest open range, the lower half first unless `upper`.
    fn descend(&self, ranges: Vec<Range>, upper: bool, left: &mut usize) -> Option<Example> {
        let mut stack = vec![ranges];
        while let Some(ranges) = stack.pop() {
            if *left == 0 || self.work.is_done() {
                *left = 0;
                return None;
            }
            *left -= 1;
            let open = ranges
                .iter()
                .enumerate()
                .filter(|(_, range)| range.width() > 0)
                .min_by_key(|(_, range)| range.width());
            let Some((variable, range)) = open else {
                return self
                    .holds(&ranges)
                    .then(|| ranges.iter().map(|range| range.low).collect());
            };
            let middle = range.low + range.width() / 2;
            let lower_half = Range {
                low: range.low,
                high: middle,
            };
            let upper_half = Range {
                low: middle + 1,
                high: range.high,
            };
            // The one pushed last is tried first.
            let order = if upper {
                [lower_half, upper_half]
            } else {
                [upper_half, lower_half]
            };
            for half in order {
                let mut next = ranges.clone();
                if let Some(slot) = next.get_mut(variable) {
                    *slot = half;
                }
                let equations = self.equations_of(variable).to_vec();
                if self.propagate_from(equations, &mut next).is_ok() {
                    stack.push(next);
                }
            }
        }
        None
    }

    /// Whether fixed values obey every equation.
    fn holds(&self, ranges: &[Range]) -> bool {
        let value = |variable: usize| ranges.get(variable).map_or(0, |range| range.low);
        self.equations.iter().all(|equation| {
            let total = value(equation.total);
            match equation.bond {
                Bond::Adds => equation.parts.iter().map(|part| value(*part)).sum::<i64>() == total,
                Bond::Each => equation.parts.iter().all(|part| value(*part) <= total),
                Bond::Nothing => true,
            }
        })
    }
}

/// Narrows the ranges of one equation; answers which changed.
fn narrow(equation: &Equation, ranges: &mut [Range]) -> Result<Vec<usize>, Failing> {
    let mut changed = Vec::new();
    let of = |ranges: &[Range], variable: usize| {
        ranges
            .get(variable)
            .copied()
            .unwrap_or(Range { low: 0, high: 0 })
    };
    let mut set = |ranges: &mut [Range], variable: usize, to: Range| {
        if let Some(slot) = ranges.get_mut(variable)
            && *slot != to
        {
            *slot = to;
            changed.push(variable);
        }
    };
    match equation.bond {
        Bond::Nothing => {}
        Bond::Each => {
            let mut total = of(ranges, equation.total);
            for part in &equation.parts {
                let mut range = of(ranges, *part);
                total.low = total.low.max(range.low);
                if total.low > total.high {
                    return Err(Failing::Over);
                }
                range.high = range.high.min(total.high);
                set(ranges, *part, range);
            }
            set(ranges, equation.total, total);
        }
        Bond::Adds => {
            let low: i64 = equation
                .parts
                .iter()
                .map(|part| of(ranges, *part).low)
                .sum();
            let high: i64 = equation
                .parts
                .iter()
                .map(|part| of(ranges, *part).high)
                .sum();
            let mut total = of(ranges, equation.total);
            if low > total.high {
                return Err(Failing::Over);
            }
            if high < total.low {
                return Err(Failing::Under);
            }
            total.low = total.low.max(low);
            total.high = total.high.min(high);
            set(ranges, equation.total, total);
            for part in &equation.parts {
                let range = of(ranges, *part);
                let to = Range {
                    low: range.low.max(total.low - (high - range.high)),
                    high: range.high.min(total.high - (low - range.low)),
                };
                if to.low > to.high {
                    return Err(Failing::Under);
                }
                set(ranges, *part, to);
            }
        }
    }
    Ok(changed)
}
