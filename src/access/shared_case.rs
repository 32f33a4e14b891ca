//! What a joint case does to access: a record that belongs to one is read by those who are members now,
//! and by the authority that submitted it.
//!
//! Whatever the table and the destinations allow, this narrows it:
//!
//! - an authority whose membership ended reaches nothing of the case, by no row, and is told since when;
//! - a country none of whose authorities is a member now reaches nothing of it;
//! - a row for the own authority reaches what the record names the authority for while it is a member; a row
//!   for the whole country, such as the liaison desk's, reaches it while any authority of the country is;
//! - nothing is reached while nobody here knows who the members are, because the case, or the version of it
//!   that the record names, is not here;
//! - the country's own submissions stay with the authority that made them, and with its desk. The other
//!   members of the country read them, but for victims and source, which go to whom they name.
//!
//! Ending access destroys nothing and is undone by the next version, so where it is uncertain whether a
//! membership is over, what follows is decided by whoever gives the moment.

use super::decide::Missing;
use crate::record::{
    Country, Moment,
    joint::{Members, Standing},
};

/// How this country stands to the joint case of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedCase {
    /// Nobody here knows who belongs to it.
    Unknown,
    /// Its submitter did not belong to it.
    Foreign,
    /// Known.
    Known(Box<Known>),
}

/// Who of this country belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Authorities that are members now.
    members: Vec<String>,
    /// Authorities that are not any more, and since when.
    ended: Vec<(String, Moment)>,
    /// How the country as a whole stands.
    country: Standing,
}

impl SharedCase {
    /// How `country` stands at a moment.
    pub fn of(members: &Members, country: Country, at: Moment) -> Self {
        let mut ended: Vec<(String, Moment)> = Vec::new();
        for one in members.list().iter().filter(|one| one.country == country) {
            let known = ended.iter().any(|(name, _)| *name == one.authority);
            if let (false, Standing::Ended(until)) =
                (known, members.of_authority(country, &one.authority, at))
            {
                ended.push((one.authority.clone(), until));
            }
        }
        Self::Known(Box::new(Known {
            members: members.authorities(country, at),
            ended,
            country: members.of_country(country, at),
        }))
    }

    /// The authorities of this country that are members now.
    pub(super) fn members(&self) -> &[String] {
        match self {
            Self::Known(known) => &known.members,
            Self::Unknown | Self::Foreign => &[],
        }
    }

    /// Why somebody of an authority, or of none, reaches nothing by any row.
    pub(super) fn bars(&self, authority: Option<&str>) -> Option<Missing> {
        let known = match self {
            Self::Unknown => return Some(Missing::CaseUnknown),
            Self::Foreign => return Some(Missing::CaseForeign),
            Self::Known(known) => known,
        };
        let own = known
            .ended
            .iter()
            .find(|(name, _)| Some(name.as_str()) == authority);
        match (own, known.country) {
            (Some((name, until)), _) => Some(Missing::MembershipEnded(Some(name.clone()), *until)),
            (None, Standing::Member) => None,
            (None, Standing::Ended(until)) => Some(Missing::MembershipEnded(None, until)),
            (None, Standing::ToCome(_) | Standing::Stranger) => Some(Missing::NotAMember),
        }
    }
}

#[cfg(test)]
mod tests;
