//! The rules against somebody who simply tries every table there is.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn cells(k: u64, shown: &[(&str, Shown)], sums: &[(&str, &[&str])]) -> Cells {
    Cells {
        k,
        shown: shown
            .iter()
            .map(|(name, shown)| ((*name).to_owned(), *shown))
            .collect(),
        sums: sums
            .iter()
            .map(|(total, parts)| Sum {
                total: (*total).to_owned(),
                parts: parts.iter().map(|part| (*part).to_owned()).collect(),
                complete: true,
            })
            .collect(),
    }
}

#[test]
fn a_single_band_beside_its_total_leaks() {
    let table = cells(
        5,
        &[
            ("all", Shown::Count(30)),
            ("female", Shown::Count(28)),
            ("male", Shown::Below(5)),
        ],
        &[("all", &["female", "male"])],
    );
    let leaks = audit(&table);
    assert_eq!(leaks.len(), 1);
    assert_eq!(
        (leaks[0].cell.as_str(), leaks[0].low, leaks[0].high),
        ("male", 2, 2)
    );
    assert!(leaks[0].proven);
    assert_eq!(
        leaks[0].to_string(),
        "male is shown as <5, but the totals leave only 2"
    );
}

#[test]
fn bands_whose_sum_is_at_the_edge_leak_though_there_are_two() {
    let table = cells(
        5,
        &[
            ("all", Shown::Count(8)),
            ("a", Shown::Below(5)),
            ("b", Shown::Below(5)),
        ],
        &[("all", &["a", "b"])],
    );
    let names: Vec<String> = audit(&table).into_iter().map(|leak| leak.cell).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn what_no_row_shows_but_the_total_leaves_is_a_count_too() {
    let table = cells(
        5,
        &[("all", Shown::Count(30)), ("female", Shown::Count(28))],
        &[("all", &["female"])],
    );
    let leaks = audit(&table);
    assert_eq!(leaks.len(), 1);
    assert_eq!(
        leaks[0].to_string(),
        "the rest of all is not shown, but the totals leave only 2"
    );
    // A rest of five is not small where five may be shown.
    let table = cells(
        5,
        &[("all", Shown::Count(33)), ("female", Shown::Count(28))],
        &[("all", &["female"])],
    );
    assert!(audit(&table).is_empty());
}

#[test]
fn parts_counted_twice_are_no_margin() {
    let table = cells(
        5,
        &[
            ("all", Shown::Count(60)),
            ("female", Shown::Count(26)),
            ("male", Shown::Count(34)),
            ("other", Shown::Count(10)),
            ("unknown", Shown::Below(5)),
        ],
        &[("all", &["female", "male", "other", "unknown"])],
    );
    assert!(audit(&table).is_empty());
}

#[test]
fn a_leak_through_three_sums_is_found() {
    // No row or column has a single suppressed cell, yet a+b = 9 and c+d = 9, a+c = 8: all of <5.
    let table = cells(
        5,
        &[
            ("r1", Shown::Count(20)),
            ("r2", Shown::Count(20)),
            ("c1", Shown::Count(6)),
            ("c2", Shown::Count(7)),
            ("a", Shown::Below(5)),
            ("b", Shown::Below(5)),
            ("x", Shown::Count(14)),
            ("c", Shown::Below(5)),
            ("d", Shown::Below(5)),
            ("y", Shown::Count(13)),
        ],
        &[
            ("r1", &["a", "b", "x"]),
            ("r2", &["c", "d", "y"]),
            ("c1", &["a", "c"]),
            ("c2", &["b", "d"]),
        ],
    );
    // a+b=6, c+d=7, a+c=6, b+d=7: a is 2 to 4, d is 3 or 4.
    let leaks = audit(&table);
    let d = leaks.iter().find(|leak| leak.cell == "d").unwrap();
    assert!(d.high - d.low < 2, "{d:?}");
}

#[test]
fn an_earlier_table_gives_a_later_one_away() {
    let mut published = Disclosures::default();
    published.add(&cells(
        5,
        &[("all", Shown::Count(50)), ("female", Shown::Count(30))],
        &[],
    ));
    let later = cells(
        5,
        &[
            ("female", Shown::Withheld),
            ("male", Shown::Count(18)),
            ("other", Shown::Below(5)),
        ],
        &[("all", &["female", "male", "other"])],
    );
    assert!(audit(&later).is_empty(), "on its own it is harmless");
    let refusals = published.check(&later).unwrap_err();
    assert_eq!(
        refusals[0].to_string(),
        "other is shown as <5, but the totals leave only 2"
    );
    // Withholding one more count helps; where every count is published already, nothing does.
    let protected = published.protect(&later).unwrap();
    assert_eq!(protected.cells.shown["male"], Shown::Withheld);
    published.add(&cells(5, &[("male", Shown::Count(18))], &[]));
    assert!(published.protect(&later).is_err());
}

#[test]
fn every_earlier_value_of_a_cell_counts_not_the_last_alone() {
    let mut published = Disclosures::default();
    for count in [100, 120] {
        let table = cells(11, &[("all", Shown::Count(count))], &[]);
        published.check(&table).unwrap();
        published.add(&table);
    }
    let refusals = published.check(&cells(11, &[("all", Shown::Count(101))], &[]));
    let (cell, before, now) = ("all".to_owned(), 100, 101);
    assert_eq!(
        refusals.unwrap_err(),
        [Refusal::Changed { cell, before, now }]
    );
}

#[test]
fn margins_run_through_totals_that_are_not_shown() {
    let place = |category: &str, sex: &str, age: &str| Coordinates {
        dimension: if category == TOTAL {
            TOTAL
        } else {
            "by form of exploitation"
        }
        .to_owned(),
        category: category.to_owned(),
        sex: sex.to_owned(),
        age: age.to_owned(),
    };
    let shown = BTreeMap::from([
        (
            place("Forced labour", "Male", "18 years or over"),
            Shown::Count(5),
        ),
        (
            place("Forced labour", "Female", "18 years or over"),
            Shown::Below(5),
        ),
        (place("Forced labour", TOTAL, TOTAL), Shown::Count(6)),
    ]);
    let places: BTreeSet<Coordinates> = shown.keys().cloned().collect();
    let table = Cells {
        k: 5,
        shown: shown
            .iter()
            .map(|(at, shown)| (at.label(), *shown))
            .collect(),
        sums: margins(&places, Coordinates::label),
    };
    let leaks = audit(&table);
    assert_eq!(
        leaks[0].cell,
        "by form of exploitation: Forced labour, Female, 18 years or over"
    );
    let protected = protect(table, &BTreeSet::new()).unwrap();
    assert!(audit(&protected.cells).is_empty());
}

/// The attacker: every filling of the suppressed inner cells of a small table that fits its
/// margins; shares nothing with the rules but what is shown.
struct Attacker {
    rows: usize,
    columns: usize,
    shown: Vec<Shown>,
}

impl Attacker {
    fn at(&self, row: usize, column: usize) -> Shown {
        self.shown[row * (self.columns + 1) + column]
    }

    fn may_be(shown: Shown, k: u64, count: u64) -> bool {
        match shown {
            Shown::Count(known) => count == known,
            Shown::Below(bound) => count < bound,
            Shown::Withheld => count >= k,
        }
    }

    /// Every value that each cell can have, margins included.
    fn values(&self, k: u64, most: u64) -> Vec<BTreeSet<u64>> {
        let mut found = vec![BTreeSet::new(); self.shown.len()];
        let mut inner = vec![0; self.rows * self.columns];
        self.fill(&mut inner, 0, k, most, &mut found);
        found
    }

    fn fill(
        &self,
        inner: &mut Vec<u64>,
        next: usize,
        k: u64,
        most: u64,
        found: &mut [BTreeSet<u64>],
    ) {
        if next < inner.len() {
            let (row, column) = (next / self.columns, next % self.columns);
            for count in 0..=most {
                if Self::may_be(self.at(row, column), k, count) {
                    inner[next] = count;
                    let row_done = column + 1 == self.columns;
                    let sum: u64 = inner[row * self.columns..=next].iter().sum();
                    if !row_done || Self::may_be(self.at(row, self.columns), k, sum) {
                        self.fill(inner, next + 1, k, most, found);
                    }
                }
            }
            return;
        }
        let column_sum = |column: usize| {
            (0..self.rows)
                .map(|row| inner[row * self.columns + column])
                .sum::<u64>()
        };
        let row_sum = |row: usize| {
            inner[row * self.columns..(row + 1) * self.columns]
                .iter()
                .sum::<u64>()
        };
        let all: u64 = inner.iter().sum();
        let fits = (0..self.columns).all(|c| Self::may_be(self.at(self.rows, c), k, column_sum(c)))
            && Self::may_be(self.at(self.rows, self.columns), k, all);
        if !fits {
            return;
        }
        let wide = self.columns + 1;
        for row in 0..=self.rows {
            for column in 0..=self.columns {
                let count = match (row == self.rows, column == self.columns) {
                    (false, false) => inner[row * self.columns + column],
                    (false, true) => row_sum(row),
                    (true, false) => column_sum(column),
                    (true, true) => all,
                };
                found[row * wide + column].insert(count);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whoever tries every table finds at least three values apart by two for each suppressed cell,
    /// and the truth among them.
    #[test]
    fn no_suppressed_cell_can_be_recovered(
        (rows, columns) in prop_oneof![Just((2_usize, 2_usize)), Just((1, 4)), Just((2, 3)), Just((3, 2))],
        counts in prop::collection::vec(prop_oneof![3 => 0_u64..5, 2 => 5_u64..11, 2 => 11_u64..14], 6),
        k in prop_oneof![Just(5_u64), Just(11_u64)],
    ) {
        let counts: BTreeMap<(String, String), u64> = (0..rows * columns)
            .map(|n| ((format!("r{}", n / columns), format!("c{}", n % columns)), counts[n % counts.len()]))
            .collect();
        let grid = export::Grid::of_counts("t", "r", k, &counts);
        let truth = grid.cells.clone();
        let table = grid.protect(&Disclosures::default()).unwrap();
        prop_assert!(audit(&table.cells).is_empty());
        let shown: Vec<Shown> = table.rows.iter().flat_map(|(_, row)| row.iter().map(|c| c.unwrap())).collect();
        let names: Vec<String> = (0..=rows).flat_map(|r| (0..=columns).map(move |c| {
            let row = if r == rows { TOTAL.to_owned() } else { format!("r{r}") };
            let column = if c == columns { TOTAL.to_owned() } else { format!("c{c}") };
            format!("t: {row}, {column}")
        })).collect();
        for (name, shown) in names.iter().zip(&shown) {
            let count = truth.shown[name].count().unwrap();
            prop_assert!(*shown != Shown::Count(count) || count >= k, "{name}: {count} shown");
        }
        // Widened bands may hold any count; then the attacker of this test does not know the rule.
        let widened = names.iter().zip(&shown).any(|(name, shown)| {
            *shown == Shown::Withheld && truth.shown[name].count().unwrap() < k
        });
        let attacker = Attacker { rows, columns, shown: shown.clone() };
        if !widened {
            for ((name, shown), values) in names.iter().zip(&shown).zip(attacker.values(k, 17)) {
                let count = truth.shown[name].count().unwrap();
                let inner = !name.contains(TOTAL);
                if inner || matches!(shown, Shown::Count(_)) {
                    prop_assert!(values.contains(&count), "{name}: {count} not in {values:?}");
                }
                if !matches!(shown, Shown::Count(_)) {
                    let width = values.last().unwrap() - values.first().unwrap();
                    prop_assert!(width >= 2, "{name} is {shown}, but can only be {values:?}");
                }
            }
        }
    }

    /// Whatever is published in whatever order: no two counts of a cell are closer than may be shown.
    #[test]
    fn no_two_published_counts_of_a_cell_are_closer_than_k(
        counts in prop::collection::vec(0_u64..60, 1..12),
        k in prop_oneof![Just(5_u64), Just(11_u64)],
    ) {
        let mut published = Disclosures::default();
        let mut shown: Vec<u64> = Vec::new();
        for count in counts {
            let table = cells(k, &[("all", Shown::of(count, k))], &[]);
            if published.check(&table).is_ok() {
                published.add(&table);
                shown.extend(Shown::of(count, k).count());
            }
        }
        for (place, one) in shown.iter().enumerate() {
            for other in &shown[place..] {
                prop_assert!(one == other || one.abs_diff(*other) >= k, "{one} and {other}");
            }
        }
    }

    /// What the audit calls a leak, the attacker finds as well: it does not cry wolf.
    #[test]
    fn a_proven_leak_is_one(
        counts in prop::collection::vec(prop_oneof![3 => 0_u64..5, 1 => 5_u64..9], 4),
        hidden in prop::collection::vec(any::<bool>(), 9),
    ) {
        let named: BTreeMap<(String, String), u64> = (0..4)
            .map(|n| ((format!("r{}", n / 2), format!("c{}", n % 2)), counts[n]))
            .collect();
        let grid = export::Grid::of_counts("t", "r", 5, &named);
        let mut cells = grid.cells.clone();
        let mut shown = Vec::new();
        for (n, name) in grid.rows.iter().flat_map(|(_, names)| names.iter().flatten()).enumerate() {
            let count = cells.shown[name].count().unwrap();
            let as_shown = if hidden[n] && count >= 5 { Shown::Withheld } else { Shown::of(count, 5) };
            cells.shown.insert(name.clone(), as_shown);
            shown.push(as_shown);
        }
        let values = Attacker { rows: 2, columns: 2, shown }.values(5, 34);
        let names: Vec<&String> = grid.rows.iter().flat_map(|(_, names)| names.iter().flatten()).collect();
        for leak in audit(&cells).iter().filter(|leak| leak.proven) {
            let n = names.iter().position(|name| **name == leak.cell).unwrap();
            let width = values[n].last().unwrap() - values[n].first().unwrap();
            prop_assert!(width < 2, "{leak} but it can be {:?}", values[n]);
        }
    }
}
