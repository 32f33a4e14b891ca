//! What the node puts into a record of a joint case, or a version of one, when it is prepared: which case,
//! which edition, and where it goes.

use std::sync::Arc;

use crate::{
    crypto::Digest,
    inbox::ask,
    record::{
        Country, Moment, Reference,
        joint::{Change, Members, Standing, is_amendment, is_same, joint_case},
    },
    wire::record::{Destination, FollowType, JointCaseReference, Record, situation::Kind},
};

use super::{
    super::{Node, NodeError, evidence::is_request, steps::followed, submit::SubmitError},
    JointFault,
    cases::Version,
};

impl Node {
    /// Completes a record that belongs to a joint case. What else is wrong with it, validation says.
    ///
    /// # Errors
    /// [`SubmitError::JointCase`] when it cannot belong to the case, or not go where it is to go.
    pub(in crate::node) fn complete_joint_case(
        &self,
        record: &mut Record,
        now: Moment,
    ) -> Result<(), SubmitError> {
        if record.step.is_some() || record.onward.is_some() {
            return Ok(());
        }
        let inherited = self.inherited(record)?;
        if joint_case(record).is_some() {
            return self.complete_version(record, inherited, now);
        }
        let Some(given) = record.joint_case.clone().or(inherited.clone()) else {
            return Ok(());
        };
        let Ok(reference) = given.reference.parse::<Reference>() else {
            return Ok(());
        };
        let authority = record.authority.clone();
        let unknown = || JointFault::Unknown {
            reference,
            authority: authority.clone(),
        };
        let version = match self.case_named(&reference)? {
            Some((_, number)) => self.case_version(number)?.ok_or_else(unknown)?,
            None => return Err(unknown().into()),
        };
        if !given.header_digest.is_empty() && given.header_digest != version.first.header_digest {
            return Err(JointFault::Mismatch.into());
        }
        match &inherited {
            Some(of) if !is_same(of, &version.first) => {
                return Err(JointFault::Elsewhere(of.reference.clone()).into());
            }
            None if is_amendment(record) => return Err(JointFault::Nowhere.into()),
            _ => {}
        }
        let at = self.membership_now();
        match version.members.of_authority(self.country, &authority, at) {
            Standing::Member => {}
            Standing::Ended(until) => return Err(JointFault::Ended { authority, until }.into()),
            Standing::ToCome(_) | Standing::Stranger => return Err(unknown().into()),
        }
        record.joint_case = Some(JointCaseReference {
            edition: version.members.edition,
            ..version.first.clone()
        });
        self.to_members(record, &version.members, at)
            .map_err(SubmitError::from)
    }

    /// The joint case of what a record amends or answers.
    fn inherited(&self, record: &Record) -> Result<Option<JointCaseReference>, NodeError> {
        let kind = record.follows.as_ref().map(|follows| follows.r#type());
        let follows = matches!(kind, Some(FollowType::Amendment | FollowType::Reply));
        let Some(followed) = followed(record).filter(|_| follows) else {
            return Ok(None);
        };
        let Some(number) = ask::by_digest(&self.store, &followed)? else {
            return Ok(None);
        };
        if self.held(number)?.holding.joint_case_tag.is_empty() {
            return Ok(None);
        }
        let stored = self.stored(number)?;
        let target = match self.open_stored(&stored) {
            Ok(target) => target,
            // That nothing follows it any more is said where that is checked.
            Err(NodeError::Holding(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(first_of(&target, &stored.digest)))
    }

    /// The authorities that a record goes to, where it names none, or that they are members.
    fn to_members(
        &self,
        record: &mut Record,
        members: &Members,
        at: Moment,
    ) -> Result<(), JointFault> {
        let request = is_request(record);
        if record.destinations.is_empty() && !request {
            record.destinations = members.destinations(self.country, at);
            if record.destinations.is_empty() {
                return Err(JointFault::Nobody);
            }
        }
        for destination in &mut record.destinations {
            // One that is none, validation refuses.
            if let Ok(country) = destination.country.parse::<Country>() {
                to_members(
                    destination,
                    country,
                    members.authorities(country, at),
                    request,
                )?;
            }
        }
        Ok(())
    }

    fn complete_version(
        &self,
        record: &mut Record,
        inherited: Option<JointCaseReference>,
        now: Moment,
    ) -> Result<(), SubmitError> {
        let before = self.version_before(record, inherited)?;
        let edition = before.as_ref().map_or(0, |of| of.members.edition);
        if let Some(Kind::JointCase(joint)) =
            record.situation.as_mut().and_then(|of| of.kind.as_mut())
        {
            joint.edition = edition.saturating_add(1);
            for member in &mut joint.members {
                member.from.get_or_insert_with(|| now.into());
            }
        }
        let Some(members) = Members::read(record) else {
            return Ok(());
        };
        if let Some(before) = &before {
            match members.unlike(&before.members, now) {
                None => {}
                Some(Change::Gone((country, name))) => {
                    return Err(JointFault::Gone(country, name).into());
                }
                Some(Change::Past((country, name))) => {
                    return Err(JointFault::Past(country, name).into());
                }
            }
            record.joint_case = Some(JointCaseReference {
                edition: members.edition,
                ..before.first.clone()
            });
        }
        let before = before.as_ref().map(|of| &of.members);
        record.destinations = members.told(before, self.country, self.membership_now());
        Ok(())
    }

    /// The version that an amendment comes after: the newest.
    fn version_before(
        &self,
        record: &Record,
        inherited: Option<JointCaseReference>,
    ) -> Result<Option<Arc<Version>>, SubmitError> {
        let Some(first) = inherited.filter(|_| is_amendment(record)) else {
            return Ok(None);
        };
        let before = self.newest_case(&self.case_tag(&first.reference))?;
        match before {
            Some(before) if before.members.convener != record.authority => {
                Err(JointFault::NotTheConvener(before.members.convener.clone()).into())
            }
            before => Ok(before),
        }
    }
}

/// The joint case of a record that belongs to one, or is a version of one.
fn first_of(record: &Record, digest: &Digest) -> JointCaseReference {
    record
        .joint_case
        .clone()
        .unwrap_or_else(|| JointCaseReference {
            header_digest: digest.to_vec(),
            reference: record.reference.clone(),
            ..JointCaseReference::default()
        })
}

fn to_members(
    destination: &mut Destination,
    country: Country,
    members: Vec<String>,
    request: bool,
) -> Result<(), JointFault> {
    if members.is_empty() {
        return Err(JointFault::Country(country));
    }
    let readers = destination.readers.iter().flat_map(|of| &of.authorities);
    let mut named = destination.authorities.iter().chain(readers);
    if let Some(stranger) = named.find(|name| !members.contains(name)) {
        // What is no line of text, validation says.
        let authority = stranger
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .collect();
        return Err(JointFault::Authority {
            country,
            authority,
            members,
        });
    }
    if destination.authorities.is_empty() {
        if request && members.len() > 1 {
            return Err(JointFault::NameOne { country, members });
        }
        destination.authorities = members;
    }
    Ok(())
}
