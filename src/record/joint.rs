//! Who belongs to a joint case, and when.
//!
//! A joint case is what its newest version says. A membership is the time from `from` up to, and not
//! including, `until`; an authority may have several, one after the other. What holds at a moment is a
//! pure function of the version and the moment.

use std::sync::OnceLock;

use jiff::{
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{Country, Moment, sharing::labels};
use crate::wire::record::{
    CompartmentLabel, CountryRole, Destination, FollowType, JointCase, JointCaseMember,
    JointCaseReference, Record, situation::Kind,
};

/// Most members of a joint case, those who left among them.
pub const MAX_MEMBERS: usize = 64;

/// How long ago an end may lie that is given now, in microseconds: five minutes, as clocks of one country
/// may be apart.
const TOLERANCE_US: i64 = 300_000_000;

/// The joint case that a record is a version of.
pub fn joint_case(record: &Record) -> Option<&JointCase> {
    match record.situation.as_ref()?.kind.as_ref()? {
        Kind::JointCase(of) => Some(of),
        _ => None,
    }
}

/// Whether a record amends another.
pub fn is_amendment(record: &Record) -> bool {
    let follows = record.follows.as_ref();
    follows.is_some_and(|of| of.r#type == FollowType::Amendment as i32)
}

/// One membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Country of the authority.
    pub country: Country,
    /// The authority.
    pub authority: String,
    /// From when on.
    pub from: Moment,
    /// Until when; `None`: without an end.
    pub until: Option<Moment>,
}

impl Membership {
    /// Whether it holds at a moment.
    pub fn holds(&self, at: Moment) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// How an authority, or a country, stands to a joint case at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is a member.
    Member,
    /// It will be, and was not before.
    ToCome(Moment),
    /// It was, until then.
    Ended(Moment),
    /// It never was.
    Stranger,
}

/// The members of a joint case, as one of its versions says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// Which version.
    pub edition: u32,
    /// The convening authority.
    pub convener: String,
    list: Vec<Membership>,
}

impl Members {
    /// The members that a version names. A membership without `from` counts from the version's
    /// submission; one whose country is none counts nowhere.
    pub fn read(record: &Record) -> Option<Self> {
        let joint = joint_case(record)?;
        let submitted = record.submitted_at.as_ref().map(Moment::from);
        let list = joint.members.iter().filter_map(|of| {
            Some(Membership {
                country: of.country.parse().ok()?,
                authority: of.authority.clone(),
                from: of.from.as_ref().map(Moment::from).or(submitted)?,
                until: of.until.as_ref().map(Moment::from),
            })
        });
        Some(Self {
            edition: joint.edition,
            convener: record.authority.clone(),
            list: list.collect(),
        })
    }

    /// Every membership, in the order of the version.
    pub fn list(&self) -> &[Membership] {
        &self.list
    }

    fn standing(&self, of: impl Fn(&&Membership) -> bool, at: Moment) -> Standing {
        let all = || self.list.iter().filter(|one| of(one));
        if all().any(|one| one.holds(at)) {
            return Standing::Member;
        }
        // Whoever left is out, whether it comes again or not.
        let ended = all()
            .filter_map(|one| one.until)
            .filter(|until| *until <= at);
        if let Some(until) = ended.max() {
            return Standing::Ended(until);
        }
        match all().map(|one| one.from).min() {
            Some(from) => Standing::ToCome(from),
            None => Standing::Stranger,
        }
    }

    /// How an authority stands.
    pub fn of_authority(&self, country: Country, authority: &str, at: Moment) -> Standing {
        self.standing(
            |one| one.country == country && one.authority == authority,
            at,
        )
    }

    /// How a country stands: it belongs to the case while any of its authorities does.
    pub fn of_country(&self, country: Country, at: Moment) -> Standing {
        self.standing(|one| one.country == country, at)
    }

    /// The authorities of a country that are members.
    pub fn authorities(&self, country: Country, at: Moment) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for one in &self.list {
            if one.country == country && one.holds(at) && !names.contains(&one.authority) {
                names.push(one.authority.clone());
            }
        }
        names
    }

    /// The countries that are members, in the order of the version.
    pub fn countries(&self, at: Moment) -> Vec<Country> {
        let mut countries = Vec::new();
        for one in &self.list {
            if one.holds(at) && !countries.contains(&one.country) {
                countries.push(one.country);
            }
        }
        countries
    }

    /// The authorities that belong to the case at a moment or later, by country, without `own`'s.
    fn awaited(&self, own: Country, at: Moment) -> Vec<(Country, String)> {
        let mut found: Vec<(Country, String)> = Vec::new();
        for one in &self.list {
            let over = one.until.is_some_and(|until| until <= at);
            let name = (one.country, one.authority.clone());
            if one.country != own && !over && !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }

    /// Where a record of the case goes when its submitter names nobody: to every other country's
    /// members.
    pub fn destinations(&self, own: Country, at: Moment) -> Vec<Destination> {
        let others = self.countries(at).into_iter().filter(|of| *of != own);
        others
            .map(|country| destination(country, self.authorities(country, at)))
            .collect()
    }

    /// Where this version goes: to all who belong to the case now or later, and to those whom the version
    /// before still counted, so that they learn that it is over.
    pub fn told(&self, before: Option<&Self>, own: Country, at: Moment) -> Vec<Destination> {
        let mut names = self.awaited(own, at);
        for name in before.map(|of| of.awaited(own, at)).unwrap_or_default() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut destinations: Vec<Destination> = Vec::new();
        for (country, authority) in names {
            let known = destinations
                .iter_mut()
                .find(|of| of.country == country.code());
            match known {
                Some(of) => of.authorities.push(authority),
                None => destinations.push(destination(country, vec![authority])),
            }
        }
        destinations
    }

    /// Why this version may not come after `before`; `None` when it may. History stays: whoever was a
    /// member is still in the list, and no end that has come is moved.
    pub fn unlike(&self, before: &Self, at: Moment) -> Option<Change> {
        for old in &before.list {
            let who = || (old.country, old.authority.clone());
            let same = |new: &&Membership| {
                new.country == old.country && new.authority == old.authority && new.from == old.from
            };
            let Some(new) = self.list.iter().find(same) else {
                return Some(Change::Gone(who()));
            };
            let over = |until: Option<Moment>| until.is_some_and(|until| until < at);
            let backdated = new
                .until
                .is_some_and(|until| until.micros().saturating_add(TOLERANCE_US) < at.micros());
            if new.until != old.until && (backdated || over(old.until)) {
                return Some(Change::Past(who()));
            }
        }
        None
    }
}

impl Members {
    /// Where a record goes when it goes to `new` as well, at a moment: to those whom it went to who are members
    /// still, with what they read, and to every member of the new one.
    pub fn and(&self, record: &Record, new: Country, at: Moment) -> Vec<Destination> {
        let present = labels(record);
        let mut destinations: Vec<Destination> = Vec::new();
        let mut added = destination(new, Vec::new());
        for old in &record.destinations {
            let Ok(country) = old.country.parse::<Country>() else {
                continue;
            };
            let mut kept = old.clone();
            keep(&mut kept, &self.authorities(country, at), &present);
            if country == new {
                added = kept;
            } else if !kept.authorities.is_empty() {
                destinations.push(kept);
            }
        }
        added.authorities = self.authorities(new, at);
        destinations.push(added);
        destinations
    }
}

/// Leaves in a destination those who are members, and takes away with its last reader each compartment that
/// went to single authorities: without an entry every authority of the destination would read it.
fn keep(of: &mut Destination, members: &[String], present: &[CompartmentLabel]) {
    of.authorities.retain(|name| members.contains(name));
    let mut gone: Vec<i32> = Vec::new();
    of.readers.retain_mut(|readers| {
        readers.authorities.retain(|name| members.contains(name));
        let last_left = readers.authorities.is_empty();
        if last_left {
            gone.push(readers.compartment);
        }
        !last_left
    });
    if gone.is_empty() {
        return;
    }
    if of.compartments.is_empty() {
        // What its role reads where nothing is named.
        let named_alone = [CompartmentLabel::Victims, CompartmentLabel::Source];
        let read = present.iter().filter(|label| !named_alone.contains(label));
        of.compartments = read.map(|label| (*label).into()).collect();
    }
    of.compartments.retain(|label| !gone.contains(label));
    if of.compartments.is_empty() {
        // None at all would be those of the role.
        of.compartments.push(CompartmentLabel::Situation.into());
    }
}

fn destination(country: Country, authorities: Vec<String>) -> Destination {
    Destination {
        country: country.code().to_owned(),
        role: CountryRole::Destination.into(),
        authorities,
        ..Destination::default()
    }
}

/// What a version may not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A membership of the version before is missing, or begins at another time.
    Gone((Country, String)),
    /// A membership ends in the past, or its end that has come was moved.
    Past((Country, String)),
}

/// Adds members to a joint case and says of others until when they belong to it.
///
/// # Errors
/// The first that is ended and is no member.
pub fn change(
    joint: &mut JointCase,
    add: Vec<JointCaseMember>,
    end: Vec<JointCaseMember>,
    now: Moment,
) -> Result<(), JointCaseMember> {
    for leaving in end {
        let until = leaving.until.unwrap_or_else(|| now.into());
        let open = |one: &&mut JointCaseMember| {
            let ended = one.until.as_ref().map(Moment::from);
            one.country == leaving.country
                && one.authority == leaving.authority
                && ended.is_none_or(|ended| ended > now)
        };
        match joint.members.iter_mut().find(open) {
            Some(one) => one.until = Some(until),
            None => return Err(leaving),
        }
    }
    joint.members.extend(add);
    Ok(())
}

/// The end of a day, YYYY-MM-DD, in a time zone of the IANA database; in UTC where the zone is unknown
/// here. `None` for what is no day.
pub fn end_of_day(day: &str, zone: &str) -> Option<Moment> {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    let zone = DATABASE
        .get_or_init(TimeZoneDatabase::bundled)
        .get(zone)
        .unwrap_or(TimeZone::UTC);
    let next = day.parse::<Date>().ok()?.tomorrow().ok()?;
    let midnight = next.to_zoned_datetime(zone).ok()?;
    Some(Moment::from_micros(midnight.timestamp().as_microsecond()))
}

/// Whether two references name one joint case.
pub fn is_same(one: &JointCaseReference, other: &JointCaseReference) -> bool {
    one.header_digest == other.header_digest && one.reference == other.reference
}

#[cfg(test)]
mod tests;
