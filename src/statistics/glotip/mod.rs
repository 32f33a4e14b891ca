//! Statistics as UNODC publishes them: the file behind the Global Report on Trafficking in Persons.
//!
//! One row is one count of one country, indicator, category, sex, age and year. [`read()`] takes every row
//! or says why it does not; [`series()`] puts together what belongs together and protects it: the
//! published file leaves small counts computable.

mod category;
mod codes;
mod encoding;
mod finding;
mod rows;
mod series;
#[cfg(test)]
mod tests;
mod value;

pub use codes::{
    AGES, DIMENSIONS, FORMS, INDICATORS, NO_COUNTRY, SEXES, UNIT, code_of, country_named, k_of,
};
pub use encoding::{AsUtf8, Detector, Encoding, UnknownEncoding};
pub use finding::{Finding, Why};
pub use rows::{Import, Observation, ReadError, read};
pub use series::{Series, series};
