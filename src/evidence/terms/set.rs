//! The profiles and calendars that a node holds: those built in, and those of its home.

use std::collections::BTreeMap;

use super::{
    builtin::{builtin_calendars, builtin_profiles},
    calendar_file::CalendarFile,
    reader::TermsError,
};
use crate::{
    record::Country,
    wire::record::{AgreementProfile, WorkingCalendar},
};

/// Where something held comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    BuiltIn,
    /// A file of the home.
    File {
        /// The file, as `profiles/eio-2014-41.toml`.
        file: String,
        /// Whether it takes the place of one built in.
        replaces: bool,
    },
}

/// Something held, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Held<T> {
    /// The thing.
    pub is: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// Why there are no terms for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTerms {
    /// No such profile.
    #[error(
        "there is no agreement profile `{0}`; `comity evidence profiles list` names those there are, and `profiles/` of the home takes others"
    )]
    Profile(String),
    /// No calendar.
    #[error(
        "there is no calendar of {0}; write calendars/{0}.toml in the home, with its time zone, rest days and holidays"
    )]
    Calendar(Country),
}

/// The profiles and calendars of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TermsSet {
    profiles: BTreeMap<String, Held<AgreementProfile>>,
    calendars: BTreeMap<String, Held<CalendarFile>>,
}

impl TermsSet {
    /// Those built in.
    ///
    /// # Errors
    /// As [`builtin_profiles`].
    pub fn built_in() -> Result<Self, TermsError> {
        let held = |is| Held {
            is,
            origin: Origin::BuiltIn,
        };
        let profiles = builtin_profiles()?.into_iter();
        let calendars = builtin_calendars()?.into_iter();
        Ok(Self {
            profiles: profiles.map(|is| (is.id.clone(), held(is))).collect(),
            calendars: calendars
                .map(|is| {
                    let origin = Origin::BuiltIn;
                    (is.calendar.country.clone(), Held { is, origin })
                })
                .collect(),
        })
    }

    /// Takes a profile of the home, in place of one built in with its id. Answers the file that gave
    /// the id already.
    ///
    /// # Errors
    /// The name of the other file, when one of the home has the id already.
    pub fn add_profile(&mut self, file: &str, profile: AgreementProfile) -> Result<(), String> {
        let id = profile.id.clone();
        add(&mut self.profiles, id, file, profile)
    }

    /// Takes a calendar of the home, in place of the country's built in.
    ///
    /// # Errors
    /// The name of the other file, when one of the home is the country's already.
    pub fn add_calendar(&mut self, file: &str, calendar: CalendarFile) -> Result<(), String> {
        let country = calendar.calendar.country.clone();
        add(&mut self.calendars, country, file, calendar)
    }

    /// Every profile, by id.
    pub fn profiles(&self) -> impl Iterator<Item = &Held<AgreementProfile>> {
        self.profiles.values()
    }

    /// Every calendar, by country.
    pub fn calendars(&self) -> impl Iterator<Item = &Held<CalendarFile>> {
        self.calendars.values()
    }

    /// A profile by id.
    pub fn profile(&self, id: &str) -> Option<&Held<AgreementProfile>> {
        self.profiles.get(id)
    }

    /// A country's calendar.
    pub fn calendar(&self, country: Country) -> Option<&Held<CalendarFile>> {
        self.calendars.get(country.code())
    }

    /// The terms of a request to a country by a profile: what the issuing node puts into it.
    ///
    /// # Errors
    /// [`NoTerms`] saying which is missing and what to write.
    pub fn terms(&self, id: &str, executing: Country) -> Result<AgreementProfile, NoTerms> {
        let missing = || NoTerms::Profile(super::calendar::shown(id));
        let profile = &self.profile(id).ok_or_else(missing)?.is;
        let calendar = self.calendar(executing);
        let calendar: WorkingCalendar = calendar
            .map(|held| held.is.calendar.clone())
            .ok_or(NoTerms::Calendar(executing))?;
        Ok(AgreementProfile {
            calendar: Some(calendar),
            ..profile.clone()
        })
    }
}

fn add<T>(
    all: &mut BTreeMap<String, Held<T>>,
    key: String,
    file: &str,
    is: T,
) -> Result<(), String> {
    let replaces = match all.get(&key).map(|held| &held.origin) {
        Some(Origin::File { file, .. }) => return Err(file.clone()),
        Some(Origin::BuiltIn) => true,
        None => false,
    };
    let origin = Origin::File {
        file: file.to_owned(),
        replaces,
    };
    all.insert(key, Held { is, origin });
    Ok(())
}
