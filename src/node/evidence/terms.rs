//! Under which terms a request goes to a country: what the agreement with it names.

use crate::{record::Country, wire::record::AgreementProfile};

use super::super::Node;

/// Why no terms are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsFault {
    /// No agreement with the country names any profile, or not this one.
    #[error(
        "no agreement with {country} lets evidence be requested under profile `{profile}`{}", if .allowed.is_empty() {
            "; name it in the agreement's `evidence` list".to_owned()
        } else {
            format!("; it names {}", .allowed.join(", "))
        }
    )]
    NotAgreed {
        /// With whom.
        country: Country,
        /// Which.
        profile: String,
        /// Profiles that are agreed.
        allowed: Vec<String>,
    },
}

impl Node {
    /// The profile's clocks with the calendar of the executing country, as this country holds them.
    ///
    /// # Errors
    /// [`TermsFault`] where the agreements do not name the profile.
    pub(super) fn terms_for(
        &self,
        country: Country,
        profile: &str,
    ) -> Result<AgreementProfile, TermsFault> {
        super::interim::terms_for(self, country, profile)
    }
}
