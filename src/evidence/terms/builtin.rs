//! The profiles and calendars that the binary carries.

use super::{
    calendar_file::{self, CalendarFile},
    profile_file,
    reader::TermsError,
};
use crate::wire::record::AgreementProfile;

macro_rules! files {
    ($dir:literal: $($name:literal)*) => {
        &[$((
            concat!($dir, "/", $name, ".toml"),
            include_str!(concat!("../", $dir, "/", $name, ".toml")),
        )),*]
    };
}

const PROFILES: &[(&str, &str)] = files!("profiles":
    "e-evidence-2023-1543"
    "e-evidence-2023-1543-preservation"
    "eio-2014-41"
    "eu-2023-977"
    "untoc-art18"
);

const CALENDARS: &[(&str, &str)] = files!("calendars":
    "AE" "AT" "DE" "FR" "GE" "KG" "KZ" "PL" "RU" "TJ" "TM" "TR" "UZ"
);

/// The profiles built in, by id.
///
/// # Errors
/// [`TermsError`] only if the binary was built from broken files, which a test rules out.
pub fn builtin_profiles() -> Result<Vec<AgreementProfile>, TermsError> {
    let read = |(file, text): &(&str, &str)| profile_file::parse(file, text);
    PROFILES.iter().map(read).collect()
}

/// The calendars built in, by country.
///
/// # Errors
/// As [`builtin_profiles`].
pub fn builtin_calendars() -> Result<Vec<CalendarFile>, TermsError> {
    let read = |(file, text): &(&str, &str)| calendar_file::parse(file, text);
    CALENDARS.iter().map(read).collect()
}
