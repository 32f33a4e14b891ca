//! A table put together from Trend records, before it is protected, and back from it.

use std::collections::{BTreeMap, BTreeSet};

use super::{cells, coordinates, least_k, show, word};
use crate::{
    statistics::{
        Cells,
        export::Grid,
        glotip::{DIMENSIONS, INDICATORS},
    },
    wire::record::{Trend, TrendUnit, TrendValue},
};

/// Values of a table at most.
const MAX_TABLE_VALUES: usize = 1000;

/// Which table is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The country that counted, ISO 3166-1 alpha-2.
    pub country: String,
    /// Code of `TrendIndicator`.
    pub indicator: i32,
    /// Code of `TrendDimension`.
    pub dimension: i32,
    /// First period, YYYY; empty: from the beginning.
    pub from: String,
    /// Last period, YYYY; empty: to the end.
    pub until: String,
}

impl Wanted {
    /// Whether a record has values for the table.
    pub fn takes(&self, trend: &Trend) -> bool {
        trend.country == self.country
            && trend.indicator == self.indicator
            && trend.dimension == self.dimension
            && trend.unit == TrendUnit::Counts as i32
    }

    fn takes_period(&self, period: &str) -> bool {
        let year = period.get(..4).unwrap_or(period);
        (self.from.is_empty() || year >= self.from.as_str())
            && (self.until.is_empty() || year <= self.until.as_str())
    }
}

/// A table that is not protected yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembled {
    /// Its values as one record would have them.
    pub trend: Trend,
    /// Its rows and columns.
    pub grid: Grid,
}

/// Why no table can be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// No record has a value for it.
    #[error("no Trend record held here has a value for this table")]
    Empty,
    /// More values than a table may have.
    #[error("the table would have more than {MAX_TABLE_VALUES} values; narrow the years")]
    TooLarge,
}

/// Puts a table together. Of several records that show a cell the first counts: the caller has them
/// in the order of preference.
///
/// # Errors
/// [`TableFault`].
pub fn assemble<'a>(
    trends: impl IntoIterator<Item = &'a Trend>,
    wanted: &Wanted,
) -> Result<Assembled, TableFault> {
    let mut k = least_k(wanted.indicator);
    let mut values: BTreeMap<_, TrendValue> = BTreeMap::new();
    for trend in trends.into_iter().filter(|trend| wanted.takes(trend)) {
        k = k.max(trend.k);
        for value in trend
            .values
            .iter()
            .filter(|of| wanted.takes_period(&of.period))
        {
            let place = (value.period.clone(), coordinates(trend, value));
            values.entry(place).or_insert_with(|| value.clone());
            if values.len() > MAX_TABLE_VALUES {
                return Err(TableFault::TooLarge);
            }
        }
    }
    if values.is_empty() {
        return Err(TableFault::Empty);
    }
    let periods: BTreeSet<String> = values.keys().map(|(period, _)| period.clone()).collect();
    let columns: Vec<String> = periods.into_iter().collect();
    let places: Vec<(String, String)> = values
        .keys()
        .map(|(period, at)| (period.clone(), at.label()))
        .collect();
    let trend = Trend {
        indicator: wanted.indicator,
        dimension: wanted.dimension,
        country: wanted.country.clone(),
        unit: TrendUnit::Counts.into(),
        k,
        values: values.into_values().collect(),
        ..Trend::default()
    };
    let (cells, names) = cells(&trend);
    let mut rows: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for ((period, row), name) in places.into_iter().zip(names) {
        let cells = rows.entry(row).or_insert_with(|| vec![None; columns.len()]);
        if let Some(column) = columns.iter().position(|column| *column == period)
            && let Some(cell) = cells.get_mut(column)
        {
            *cell = Some(name);
        }
    }
    let grid = Grid {
        title: format!(
            "{}, {}, {}",
            wanted.country,
            word(&INDICATORS, wanted.indicator),
            word(&DIMENSIONS, wanted.dimension)
        ),
        corner: "category, sex, age".to_owned(),
        columns,
        rows: rows.into_iter().collect(),
        cells,
    };
    Ok(Assembled { trend, grid })
}

/// The values as they are shown once the table is protected; what was left out is not there.
pub fn as_shown(trend: &Trend, protected: &Cells) -> Trend {
    let (_, names) = cells(trend);
    let values = trend.values.iter().zip(&names).filter_map(|(value, name)| {
        let mut value = value.clone();
        show(&mut value, *protected.shown.get(name)?);
        Some(value)
    });
    Trend {
        values: values.collect(),
        ..trend.clone()
    }
}
