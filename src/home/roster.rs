//! Whom the country's CA issued client certificates to that count, by the register of what was
//! issued and the list of what was revoked.

use super::{Home, HomeError, Layout, Revocations, revocation::issued};
use crate::{
    access::Principal,
    record::{Country, Moment},
};

/// Whom certificates were issued to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    country: Country,
    layout: Layout,
    ca: Vec<u8>,
}

impl Roster {
    /// The roster of a home.
    pub fn of(home: &Home) -> Self {
        Self {
            country: home.country(),
            layout: home.layout().clone(),
            ca: home.own_card().issuing_ca_der.clone(),
        }
    }

    /// Principals of a name, whatever their kind, of whom a certificate counts at `now`.
    ///
    /// # Errors
    /// [`HomeError`] when the register or the list of revocations cannot be read.
    pub fn named(&self, name: &str, now: Moment) -> Result<Vec<Principal>, HomeError> {
        let revoked = Revocations::read(&self.layout, &self.ca)?.serials;
        let mut named = Vec::new();
        for of in issued(&self.layout)? {
            let counts = of.counts(now) && !revoked.contains(&of.serial);
            let Some(principal) = of.principal().filter(|_| counts) else {
                continue;
            };
            if principal.name() != name || principal.country() != self.country {
                continue;
            }
            // The newest certificate says what somebody's authority and roles are.
            named.retain(|other: &Principal| other.to_string() != principal.to_string());
            named.push(principal);
        }
        Ok(named)
    }
}
