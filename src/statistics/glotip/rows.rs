//! Reading the rows, one after the other.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    io::{self, Read},
    rc::Rc,
};

use super::{
    category::{Category, category},
    codes::{AGES, DIMENSIONS, INDICATORS, SEXES, UNIT, alpha2, word},
    finding::{Finding, Why},
    value::{Value, value},
};
use crate::statistics::{Coordinates, Shown};

/// Most rows of a file.
const MAX_ROWS: u64 = 2_000_000;
/// Most cells kept of a file: three times the whole GLOTIP.
const MAX_CELLS: usize = 200_000;
/// Most bytes of a row.
const MAX_ROW_BYTES: u64 = 64 * 1024;
/// Longest value repeated in a finding, in characters.
const MAX_SHOWN: usize = 80;
/// Years that can be meant.
const YEARS: std::ops::RangeInclusive<u16> = 1990..=2100;

/// The columns that are read; `Country`, `Region`, `Subregion` and `Source` are not.
const COLUMNS: [&str; 9] = [
    "Iso3_code",
    "Indicator",
    "Dimension",
    "Category",
    "Sex",
    "Age",
    "Year",
    "Unit of measurement",
    "txtVALUE",
];

/// The file cannot be read as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading or decoding failed.
    #[error("line {line}: the file cannot be read: {why}")]
    Broken {
        /// Where.
        line: u64,
        /// What failed.
        why: String,
    },
    /// A column is missing.
    #[error(
        "the heading lacks the column {missing}; this is not the layout of the GLOTIP, which has {}",
        COLUMNS.join(", ")
    )]
    Column {
        /// Which.
        missing: &'static str,
    },
    /// There is more than is read at once.
    #[error("the file has more than {0}; split it by country")]
    TooLarge(&'static str),
}

/// One count that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// ISO 3166-1 alpha-2 of the country that counted.
    pub country: &'static str,
    /// What is counted.
    pub indicator: &'static str,
    /// The year.
    pub year: u16,
    /// Which cell.
    pub at: Coordinates,
    /// The count or band as published.
    pub shown: Shown,
    /// Line of the file.
    pub line: u64,
}

/// What a file gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Rows read, without the heading.
    pub rows: u64,
    /// Rows of countries that were not asked for.
    pub not_selected: u64,
    /// Rows that are not used.
    pub unused: u64,
    /// The counts used.
    pub observations: Vec<Observation>,
}

/// Lets no row grow beyond [`MAX_ROW_BYTES`], however its quotes are placed.
struct Bounded<R> {
    inner: R,
    since_row: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let since = self.since_row.get().saturating_add(read as u64);
        self.since_row.set(since);
        if since > MAX_ROW_BYTES + 64 * 1024 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a row has more than {MAX_ROW_BYTES} bytes; a quote may be left open"),
            ));
        }
        Ok(read)
    }
}

/// Reads UTF-8 text in the layout of the GLOTIP; only rows of the countries in `only`, or all when
/// it is empty. `found` is told of every row that is not used as it stands.
///
/// # Errors
/// [`ReadError`] when the file as a whole cannot be read; single rows are found, not errors.
pub fn read(
    text: impl Read,
    only: &BTreeSet<String>,
    mut found: impl FnMut(Finding),
) -> Result<Import, ReadError> {
    let since_row = Rc::new(Cell::new(0));
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(Bounded {
            inner: text,
            since_row: Rc::clone(&since_row),
        });
    let mut row = csv::StringRecord::new();
    let broken = |line: u64, error: &csv::Error| ReadError::Broken {
        line,
        why: error.to_string(),
    };
    reader
        .read_record(&mut row)
        .map_err(|error| broken(1, &error))?;
    let heading = Heading::of(&row)?;
    let mut import = Import::default();
    let mut seen: HashMap<(&'static str, &'static str, u16, Coordinates), (Shown, u64)> =
        HashMap::new();
    loop {
        since_row.set(0);
        let line = reader.position().line();
        if !reader
            .read_record(&mut row)
            .map_err(|error| broken(line, &error))?
        {
            return Ok(import);
        }
        let line = row.position().map_or(line, csv::Position::line);
        import.rows += 1;
        if import.rows > MAX_ROWS {
            return Err(ReadError::TooLarge("2,000,000 rows"));
        }
        let observed = match heading.observation(&row, line, only, &mut found) {
            Ok(Some(observed)) => observed,
            Ok(None) => {
                import.not_selected += 1;
                continue;
            }
            Err(finding) => {
                import.unused += 1;
                found(finding);
                continue;
            }
        };
        let key = (
            observed.country,
            observed.indicator,
            observed.year,
            observed.at.clone(),
        );
        if let Some((shown, first)) = seen.get(&key) {
            import.unused += 1;
            let (why, message) = if *shown == observed.shown {
                (Why::Repeated, format!("says what line {first} says"))
            } else {
                (
                    Why::Contradicts,
                    format!("line {first} says {shown} of the same; the first is used"),
                )
            };
            found(Finding {
                line,
                column: "txtVALUE",
                value: observed.shown.to_string(),
                why,
                message,
            });
            continue;
        }
        if import.observations.len() >= MAX_CELLS {
            return Err(ReadError::TooLarge("200,000 cells"));
        }
        seen.insert(key, (observed.shown, line));
        import.observations.push(observed);
    }
}

/// Where each column stands.
struct Heading {
    places: [usize; COLUMNS.len()],
    fields: usize,
}

impl Heading {
    fn of(row: &csv::StringRecord) -> Result<Self, ReadError> {
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = row
                .iter()
                .position(|field| field.trim().eq_ignore_ascii_case(name))
                .ok_or(ReadError::Column { missing: name })?;
        }
        Ok(Self {
            places,
            fields: row.len(),
        })
    }

    /// The count of a row; `None` when its country was not asked for.
    fn observation(
        &self,
        row: &csv::StringRecord,
        line: u64,
        only: &BTreeSet<String>,
        found: &mut impl FnMut(Finding),
    ) -> Result<Option<Observation>, Finding> {
        let finding = |column: &'static str, value: &str, why, message: String| Finding {
            line,
            column,
            value: value.chars().take(MAX_SHOWN).collect(),
            why,
            message,
        };
        if row.len() != self.fields {
            let message = format!("{} fields where the heading has {}", row.len(), self.fields);
            return Err(finding("", "", Why::Fields, message));
        }
        let field = |column: &'static str| {
            let place = COLUMNS
                .iter()
                .zip(self.places)
                .find(|(name, _)| **name == column)
                .map_or(usize::MAX, |(_, place)| place);
            row.get(place).unwrap_or_default().trim()
        };
        let one_of = |column: &'static str, list: &[&'static str], why| {
            let text = field(column);
            word(list, text).ok_or_else(|| {
                finding(
                    column,
                    text,
                    why,
                    format!("must be one of {}", list.join(", ")),
                )
            })
        };

        let code = field("Iso3_code");
        let country = alpha2(code).ok_or_else(|| {
            let message = "not an ISO 3166-1 alpha-3 code".to_owned();
            finding("Iso3_code", code, Why::Country, message)
        })?;
        if !only.is_empty() && !only.contains(country) {
            return Ok(None);
        }
        let indicator = one_of("Indicator", &INDICATORS, Why::Indicator)?;
        let dimension = one_of("Dimension", &DIMENSIONS, Why::Dimension)?;
        let category = category(dimension, field("Category"))
            .map_err(|(why, message)| finding("Category", field("Category"), why, message))?;
        let sex = one_of("Sex", &SEXES, Why::Sex)?;
        let age = one_of("Age", &AGES, Why::Age)?;
        let year = field("Year");
        let year = year
            .parse()
            .ok()
            .filter(|year| YEARS.contains(year))
            .ok_or_else(|| {
                let message = "not a year from 1990 to 2100".to_owned();
                finding("Year", year, Why::Year, message)
            })?;
        one_of("Unit of measurement", &[UNIT], Why::Unit)?;
        let text = field("txtVALUE");
        let shown = match value(text) {
            Value::Is(shown) => shown,
            Value::Missing => {
                let message = "nothing was reported".to_owned();
                return Err(finding("txtVALUE", text, Why::ValueMissing, message));
            }
            Value::Invalid => {
                let message = "neither a whole number nor <5".to_owned();
                return Err(finding("txtVALUE", text, Why::Value, message));
            }
        };
        if let Category::InWords(words) = &category {
            found(finding(
                "Category",
                words,
                Why::KeptInWords,
                "no country by a name that is known here; kept in words".to_owned(),
            ));
        }
        Ok(Some(Observation {
            country,
            indicator,
            year,
            at: Coordinates {
                dimension: dimension.to_owned(),
                category: category.into_text(),
                sex: sex.to_owned(),
                age: age.to_owned(),
            },
            shown,
            line,
        }))
    }
}
