//! What is released of statistics, year by year, and what a new table gives away beside what was
//! released before. Two harmless tables can make a harmful difference: 30 victims in all and, in
//! another record, 28 of them by form, leave 2.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use super::{
    super::{Rule, Violation},
    cells, coordinates, sums,
};
use crate::{
    statistics::{Coordinates, Disclosures, Leak, Refusal, Sum},
    wire::record::{Trend, TrendValue},
};

/// Most bytes of a year's table as it is kept, so that it stays one row of an index.
const MAX_BYTES: usize = 60 * 1024;

/// The values of a Trend record that are of one year or its quarters. Sums never join two years.
#[derive(Clone, Debug, PartialEq)]
pub struct YearTable {
    /// YYYY.
    pub year: String,
    /// The record with these values alone, and without its texts.
    pub table: Trend,
    /// Place in the record of each value.
    places: Vec<usize>,
}

/// A Trend record, year by year.
pub fn years_of(trend: &Trend) -> Vec<YearTable> {
    let mut years: BTreeMap<&str, (Vec<TrendValue>, Vec<usize>)> = BTreeMap::new();
    for (place, value) in trend.values.iter().enumerate() {
        let year = value.period.get(..4).unwrap_or(&value.period);
        let (values, places) = years.entry(year).or_default();
        values.push(value.clone());
        places.push(place);
    }
    years
        .into_iter()
        .map(|(year, (values, places))| YearTable {
            year: year.to_owned(),
            table: Trend {
                indicator: trend.indicator,
                dimension: trend.dimension,
                country: trend.country.clone(),
                unit: trend.unit,
                k: trend.k,
                values,
                ..Trend::default()
            },
            places,
        })
        .collect()
}

/// What was released before, as [`Disclosures`]. What adds up to what depends on all tables
/// together: [`sums_of`].
pub fn disclosures<'a>(earlier: impl IntoIterator<Item = &'a Trend>) -> Disclosures {
    let mut released = Disclosures::default();
    for table in earlier {
        let (mut cells, _) = cells(table);
        cells.sums.clear();
        released.add(&cells);
    }
    released
}

/// What adds up to what in tables of one country and indicator that are read side by side.
pub fn sums_of<'a>(tables: impl IntoIterator<Item = &'a Trend>) -> Vec<Sum> {
    let mut side_by_side: Option<(&Trend, BTreeMap<&str, BTreeSet<Coordinates>>)> = None;
    for table in tables {
        let (_, places) = side_by_side.get_or_insert_with(|| (table, BTreeMap::new()));
        for value in &table.values {
            let at = coordinates(table, value);
            places.entry(&value.period).or_default().insert(at);
        }
    }
    side_by_side.map_or_else(Vec::new, |(table, places)| sums(table, &places))
}

/// What a table gives away beside the tables of the same country, indicator and year that were
/// released before, oldest first; nothing when it may be released.
pub fn differenced(new: &YearTable, earlier: &[Trend]) -> Vec<Violation> {
    let list = "situation.trend.values";
    if new.table.encoded_len() > MAX_BYTES {
        return vec![Violation {
            field: list.to_owned(),
            rule: Rule::TooLarge,
            message: format!(
                "the values of {} take more than {MAX_BYTES} bytes",
                new.year
            ),
            value: None,
            allowed: vec![format!("at most {MAX_BYTES} bytes")],
        }];
    }
    // What was released once more says nothing new.
    if earlier.is_empty() || earlier.contains(&new.table) {
        return Vec::new();
    }
    let (mut cells, names) = cells(&new.table);
    cells.sums = sums_of(earlier.iter().chain([&new.table]));
    let Err(refusals) = disclosures(earlier).check(&cells) else {
        return Vec::new();
    };
    let tables = earlier.iter().chain([&new.table]);
    let plain = !tables.into_iter().any(has_words);
    refusals
        .iter()
        .map(|refusal| {
            let (Refusal::Leak(Leak { cell, .. }) | Refusal::Changed { cell, .. }) = refusal;
            let place = names.iter().position(|name| name == cell);
            let place = place.and_then(|at| new.places.get(at));
            Violation {
                field: match place {
                    Some(place) => format!("{list}[{place}]"),
                    None => list.to_owned(),
                },
                rule: Rule::CanBeComputed,
                message: why(refusal, plain),
                value: None,
                allowed: Vec::new(),
            }
        })
        .collect()
}

/// Whether a table has a category in words. These are text of a record, and messages hold none.
pub fn has_words(table: &Trend) -> bool {
    table.values.iter().any(|value| !value.reported.is_empty())
}

/// What a refusal says; the cell is named where no category is in words (`plain`).
pub fn why(refusal: &Refusal, plain: bool) -> String {
    let named = |cell: &str| {
        if plain {
            cell.to_owned()
        } else {
            "a cell".to_owned()
        }
    };
    match refusal {
        Refusal::Leak(leak) => format!(
            "{} {} beside what was released before; withhold another value of the same sum (COMPLEMENTARY)",
            named(&leak.cell),
            leak.why()
        ),
        Refusal::Changed { cell, .. } => format!(
            "{} was released with another count before, and the difference is too small to be shown",
            named(cell)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::{TrendDimension, TrendForm, TrendIndicator, TrendUnit};

    fn trend(dimension: TrendDimension, values: &[(TrendForm, &str, u32)]) -> Trend {
        Trend {
            indicator: TrendIndicator::DetectedTraffickingVictims.into(),
            dimension: dimension.into(),
            country: "TJ".to_owned(),
            unit: TrendUnit::Counts.into(),
            k: 11,
            values: values
                .iter()
                .map(|(form, period, count)| TrendValue {
                    form: (*form).into(),
                    sex: 1,
                    age: 1,
                    period: (*period).to_owned(),
                    value: Some(*count),
                    ..TrendValue::default()
                })
                .collect(),
            method: "in words".to_owned(),
            ..Trend::default()
        }
    }

    fn one(trend: &Trend) -> YearTable {
        years_of(trend).remove(0)
    }

    #[test]
    fn years_stand_apart_and_their_quarters_with_them() {
        let none = TrendForm::Unspecified;
        let all = trend(
            TrendDimension::Total,
            &[
                (none, "2024", 40),
                (none, "2025-Q1", 12),
                (none, "2025", 50),
            ],
        );
        let years = years_of(&all);
        let shown: Vec<_> = years.iter().map(|of| (&*of.year, &of.places)).collect();
        assert_eq!(shown, [("2024", &vec![0]), ("2025", &vec![1, 2])]);
        assert!(years[0].table.method.is_empty());
    }

    #[test]
    fn two_harmless_tables_make_no_harmful_difference() {
        let all = trend(
            TrendDimension::Total,
            &[(TrendForm::Unspecified, "2025", 30)],
        );
        let forms = trend(
            TrendDimension::ByFormOfExploitation,
            &[(TrendForm::ForcedLabour, "2025", 28)],
        );
        assert!(differenced(&one(&forms), &[]).is_empty(), "alone it may be");
        for (first, second) in [(&all, &forms), (&forms, &all)] {
            let earlier = [one(first).table];
            let found = differenced(&one(second), &earlier);
            assert!(!found.is_empty());
            assert!(found.iter().all(|of| of.rule == Rule::CanBeComputed));
            let text = &found[0].message;
            assert!(
                text.contains("the rest of TJ") && text.contains("only 2"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_value_amended_by_one_is_refused_at_its_place_and_the_same_again_is_not() {
        let of = |count| {
            trend(
                TrendDimension::Total,
                &[(TrendForm::Unspecified, "2025", count)],
            )
        };
        let earlier = [one(&of(30)).table];
        let found = differenced(&one(&of(31)), &earlier);
        assert_eq!(found[0].field, "situation.trend.values[0]");
        assert!(found[0].message.contains("too small to be shown"));
        assert!(!found[0].message.contains("30"));
        assert!(differenced(&one(&of(30)), &earlier).is_empty());
        assert!(differenced(&one(&of(45)), &earlier).is_empty());
    }
}
