//! Under which terms a request goes to a country: what the agreement with it names, and what the two
//! sides hold of it.

use crate::{
    evidence::terms::{NoTerms, Terms, differences},
    record::Country,
    wire::record::AgreementProfile,
};

use super::super::Node;

/// Why no terms are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsFault {
    /// There is no agreement.
    #[error(
        "there is no agreement with {0} under which evidence is requested; write agreements/{0}.toml with `evidence = [...]`, and `comity agreements reload`"
    )]
    NoAgreement(Country),
    /// The agreement is not in force.
    #[error("the agreement with {country} is not in force today ({file})")]
    NotInForce {
        /// With whom.
        country: Country,
        /// Its file.
        file: String,
    },
    /// The agreement names no profile, or not this one.
    #[error(
        "the agreement with {country} does not let evidence be requested under profile `{profile}`: field `evidence` of {place} {}",
        if .allowed.is_empty() { "names none".to_owned() } else { format!("names {}", .allowed.join(", ")) }
    )]
    NotAgreed {
        /// With whom.
        country: Country,
        /// Which.
        profile: String,
        /// File, and line where there is one.
        place: String,
        /// Profiles that are agreed.
        allowed: Vec<String>,
    },
    /// The node has no profile or calendar.
    #[error(transparent)]
    Missing(#[from] NoTerms),
}

impl Node {
    /// Whether the agreement with a country names a profile.
    fn agrees_to(&self, country: Country, profile: &str) -> Result<(), TermsFault> {
        let (agreements, today) = self.agreements_in_force();
        let agreement = agreements
            .with(country)
            .ok_or(TermsFault::NoAgreement(country))?;
        if !agreement.is_valid(today) {
            return Err(TermsFault::NotInForce {
                country,
                file: agreement.file.clone(),
            });
        }
        let allowed = agreement.evidence.allowed.clone().unwrap_or_default();
        if allowed.iter().any(|id| id == profile) {
            return Ok(());
        }
        let place = match agreement.evidence.line {
            0 => agreement.file.clone(),
            line => format!("{}:{line}", agreement.file),
        };
        Err(TermsFault::NotAgreed {
            country,
            profile: profile
                .chars()
                .take(64)
                .flat_map(char::escape_debug)
                .collect(),
            place,
            allowed,
        })
    }

    /// The profile's clocks with the calendar of the executing country, as this country holds them.
    ///
    /// # Errors
    /// [`TermsFault`] where the agreement does not name the profile, or this node does not have it, or no
    /// calendar of the country.
    pub(super) fn terms_for(
        &self,
        country: Country,
        profile: &str,
    ) -> Result<AgreementProfile, TermsFault> {
        self.agrees_to(country, profile)?;
        Ok(self.agreements.terms().terms(profile, country)?)
    }

    /// What whoever executes a request should know of the terms that came with it: in words, how they
    /// differ from what this country holds under the same id. Nothing of an own request.
    pub(super) fn terms_notices(
        &self,
        issuing: Country,
        executing: Country,
        profile: &str,
        theirs: Option<&AgreementProfile>,
    ) -> Vec<String> {
        let mut notices = Vec::new();
        let Some(theirs) = theirs else {
            return vec!["the request came without the terms of its profile".to_owned()];
        };
        if let Err(fault) = Terms::try_from(theirs) {
            notices.push(format!("no clock counts: {fault}"));
        }
        if executing != self.country {
            return notices;
        }
        if let Err(fault) = self.agrees_to(issuing, profile) {
            notices.push(fault.to_string());
        }
        match self.agreements.terms().terms(profile, executing) {
            Ok(ours) => notices.extend(
                differences(&ours, theirs)
                    .into_iter()
                    .map(|what| format!("the profile that came with it differs from ours: {what}")),
            ),
            Err(missing) => notices.push(missing.to_string()),
        }
        notices
    }
}
