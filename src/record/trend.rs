//! Trend records as tables of counts: their cells, what adds up to what, and back.

mod cases;
mod released;
mod table;

pub use cases::{METHOD, case};
pub use released::{YearTable, differenced, disclosures, has_words, sums_of, why, years_of};
pub use table::{Assembled, TableFault, Wanted, as_shown, assemble};

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    statistics::{
        Cells, Coordinates, OFFICIAL_K, Shown, Sum, TOTAL, VICTIMS_K,
        glotip::{AGES, DIMENSIONS, FORMS, INDICATORS, NO_COUNTRY, SEXES, Series},
        margins,
    },
    wire::record::{Trend, TrendIndicator, TrendSuppression, TrendUnit, TrendValue},
};

use super::validate::MAX_LIST;

/// Smallest count that a table of this indicator may show.
pub fn least_k(indicator: i32) -> u32 {
    let k = if indicator == TrendIndicator::DetectedTraffickingVictims as i32 {
        VICTIMS_K
    } else {
        OFFICIAL_K
    };
    u32::try_from(k).unwrap_or(u32::MAX)
}

/// The table of a Trend record and, per value, the name of its cell. Names are the same for the same
/// cell in every record; they hold country, indicator, period, category, sex and age.
pub fn cells(trend: &Trend) -> (Cells, Vec<String>) {
    let mut cells = Cells::new(u64::from(trend.k));
    let mut names = Vec::with_capacity(trend.values.len());
    let mut places: BTreeMap<&str, BTreeSet<Coordinates>> = BTreeMap::new();
    for value in &trend.values {
        let at = coordinates(trend, value);
        let name = name(trend, &value.period, &at);
        let shown = match (value.value, TrendSuppression::try_from(value.suppression)) {
            (Some(count), _) => Shown::Count(u64::from(count)),
            (None, Ok(TrendSuppression::Lt5)) => Shown::Below(OFFICIAL_K),
            (None, Ok(TrendSuppression::Complementary)) => Shown::Withheld,
            (None, _) => Shown::Below(cells.k),
        };
        cells.shown.insert(name.clone(), shown);
        places.entry(&value.period).or_default().insert(at);
        names.push(name);
    }
    cells.sums = sums(trend, &places);
    (cells, names)
}

/// What adds up to what between the places of each period.
fn sums(trend: &Trend, places: &BTreeMap<&str, BTreeSet<Coordinates>>) -> Vec<Sum> {
    let mut sums = years(trend, places);
    for (period, places) in places {
        sums.extend(margins(places, |at| name(trend, period, at)));
    }
    sums
}

/// Quarters add up to their year, where all four are shown.
fn years(trend: &Trend, places: &BTreeMap<&str, BTreeSet<Coordinates>>) -> Vec<Sum> {
    let mut sums = Vec::new();
    for (year, of_year) in places.iter().filter(|(period, _)| period.len() == 4) {
        let quarters: Vec<String> = (1..=4)
            .map(|quarter| format!("{year}-Q{quarter}"))
            .collect();
        for at in of_year {
            let parts: Vec<String> = quarters
                .iter()
                .filter(|quarter| {
                    places
                        .get(quarter.as_str())
                        .is_some_and(|places| places.contains(at))
                })
                .map(|quarter| name(trend, quarter, at))
                .collect();
            if !parts.is_empty() {
                sums.push(Sum {
                    total: name(trend, year, at),
                    complete: parts.len() == quarters.len(),
                    parts,
                });
            }
        }
    }
    sums
}

fn name(trend: &Trend, period: &str, at: &Coordinates) -> String {
    let indicator = word(&INDICATORS, trend.indicator);
    format!("{} {indicator} {period}, {}", trend.country, at.label())
}

/// The cell of a value, in the words of the GLOTIP.
pub fn coordinates(trend: &Trend, value: &TrendValue) -> Coordinates {
    let category = if value.form != 0 {
        word(&FORMS, value.form).to_owned()
    } else if !value.country.is_empty() {
        value.country.clone()
    } else if value.reported.is_empty() {
        TOTAL.to_owned()
    } else {
        value.reported.clone()
    };
    Coordinates {
        dimension: word(&DIMENSIONS, trend.dimension).to_owned(),
        category,
        sex: word(&SEXES, value.sex).to_owned(),
        age: word(&AGES, value.age).to_owned(),
    }
}

/// The word that a code stands for; the lists are in the order of the codes.
fn word(list: &[&'static str], code: i32) -> &'static str {
    usize::try_from(code)
        .ok()
        .and_then(|code| list.get(code.checked_sub(1)?))
        .copied()
        .unwrap_or("?")
}

fn code(list: &[&str], word: &str) -> i32 {
    let place = list.iter().position(|listed| *listed == word);
    place
        .and_then(|place| i32::try_from(place + 1).ok())
        .unwrap_or(0)
}

/// Trend records of protected series: one per country, indicator and dimension, and more where
/// there are more values than a record holds; a year is never divided.
pub fn trends(series: &[Series], method: &str, publication: &str) -> Vec<Trend> {
    let mut tables: BTreeMap<(&str, i32, i32), Vec<Vec<TrendValue>>> = BTreeMap::new();
    let mut k_of: BTreeMap<i32, u32> = BTreeMap::new();
    for of in series {
        let indicator = code(&INDICATORS, of.indicator);
        k_of.insert(indicator, u32::try_from(of.k).unwrap_or(u32::MAX));
        let mut by_dimension: BTreeMap<i32, Vec<TrendValue>> = BTreeMap::new();
        for (at, shown) in &of.cells {
            let dimension = code(&DIMENSIONS, &at.dimension);
            by_dimension
                .entry(dimension)
                .or_default()
                .push(value(at, *shown, of));
        }
        for (dimension, values) in by_dimension {
            tables
                .entry((of.country, indicator, dimension))
                .or_default()
                .push(values);
        }
    }
    let mut trends = Vec::new();
    for ((country, indicator, dimension), years) in tables {
        let trend = |values: Vec<TrendValue>| Trend {
            indicator,
            dimension,
            country: country.to_owned(),
            values,
            unit: TrendUnit::Counts.into(),
            k: k_of.get(&indicator).copied().unwrap_or_default(),
            method: method.to_owned(),
            publication: publication.to_owned(),
        };
        let mut values: Vec<TrendValue> = Vec::new();
        for year in years {
            if !values.is_empty() && values.len() + year.len() > MAX_LIST {
                trends.push(trend(std::mem::take(&mut values)));
            }
            values.extend(year);
        }
        trends.push(trend(values));
    }
    trends
}

/// Puts how a cell is shown into a value.
fn show(value: &mut TrendValue, shown: Shown) {
    value.value = shown.count().and_then(|count| u32::try_from(count).ok());
    value.suppression = match shown {
        Shown::Count(_) => TrendSuppression::None,
        Shown::Below(bound) if bound <= OFFICIAL_K => TrendSuppression::Lt5,
        Shown::Below(_) => TrendSuppression::K11,
        Shown::Withheld => TrendSuppression::Complementary,
    }
    .into();
}

fn value(at: &Coordinates, shown: Shown, of: &Series) -> TrendValue {
    let form = code(&FORMS, &at.category);
    let in_words = at.category != TOTAL
        && form == 0
        && (NO_COUNTRY.contains(&at.category.as_str())
            || at.category.parse::<super::Country>().is_err());
    let by_country = at.category != TOTAL && form == 0;
    let mut value = TrendValue {
        form,
        country: if by_country && !in_words {
            at.category.clone()
        } else {
            String::new()
        },
        reported: if in_words {
            at.category.clone()
        } else {
            String::new()
        },
        sex: code(&SEXES, &at.sex),
        age: code(&AGES, &at.age),
        period: of.year.to_string(),
        ..TrendValue::default()
    };
    show(&mut value, shown);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        statistics::{audit, glotip},
        wire::{json::enum_codes, record::TrendSex},
    };

    #[test]
    fn the_words_stand_in_the_order_of_the_codes() {
        let lists: [(&str, &[&str]); 5] = [
            ("TrendIndicator", &INDICATORS),
            ("TrendDimension", &DIMENSIONS),
            ("TrendForm", &FORMS),
            ("TrendSex", &SEXES),
            ("TrendAge", &AGES),
        ];
        for (name, words) in lists {
            let codes: Vec<String> = enum_codes(&format!("comity.record.v1.{name}"))
                .into_iter()
                .map(|(code, _)| code)
                .filter(|code| !code.ends_with("_UNSPECIFIED"))
                .collect();
            assert_eq!(codes.len(), words.len(), "{name}");
            for (code, word) in codes.iter().zip(words) {
                let upper = word.to_uppercase().replace(' ', "_");
                assert!(code.ends_with(&upper), "{code} is not {word}");
            }
        }
    }

    #[test]
    fn a_record_gives_the_cells_that_a_series_gave_it() {
        let text = "Iso3_code,Indicator,Dimension,Category,Sex,Age,Year,Unit of measurement,txtVALUE\n\
            UZB,Detected trafficking victims,by citizenship,Uzbecki,Total,Total,2019,Counts,120\n\
            UZB,Detected trafficking victims,by citizenship,Abroad,Female,Total,2019,Counts,31\n\
            UZB,Detected trafficking victims,by citizenship,Atlantis,Total,Total,2020,Counts,<5\n\
            UZB,Persons convicted,Total,Total,Total,Total,2020,Counts,7\n";
        let import = glotip::read(text.as_bytes(), &BTreeSet::new(), |_| {}).unwrap();
        let series = glotip::series(&import.observations, |_| {}).unwrap();
        let trends = trends(&series, "", "");
        assert_eq!(trends.len(), 2);
        assert_eq!((trends[0].k, trends[1].k), (11, 5));
        let (cells, names) = cells(&trends[0]);
        assert_eq!(names.len(), 3);
        assert!(audit(&cells).is_empty());
        assert_eq!(
            cells.shown["UZ Detected trafficking victims 2019, by citizenship: UZ, Total, Total"],
            Shown::Count(120)
        );
        assert_eq!(trends[0].values[2].reported, "Atlantis");
        assert_eq!(trends[0].values[2].suppression(), TrendSuppression::K11);
    }

    #[test]
    fn quarters_give_their_year_away() {
        let value = |period: &str, value: Option<u32>| TrendValue {
            sex: TrendSex::Total.into(),
            age: 1,
            period: period.to_owned(),
            value,
            suppression: if value.is_some() {
                TrendSuppression::None.into()
            } else {
                TrendSuppression::Lt5.into()
            },
            ..TrendValue::default()
        };
        let trend = Trend {
            indicator: TrendIndicator::PersonsConvicted.into(),
            dimension: 1,
            country: "UZ".to_owned(),
            k: 5,
            values: vec![
                value("2025", Some(40)),
                value("2025-Q1", Some(10)),
                value("2025-Q2", Some(17)),
                value("2025-Q3", Some(11)),
                value("2025-Q4", None),
            ],
            ..Trend::default()
        };
        let leaks = audit(&cells(&trend).0);
        assert_eq!(leaks.len(), 1);
        assert!(leaks[0].cell.contains("2025-Q4"), "{}", leaks[0]);
        assert_eq!((leaks[0].low, leaks[0].high), (2, 2));
    }
}
