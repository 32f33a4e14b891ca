//! `comity case add|end`.

use clap::Args;

use crate::{
    record::Moment,
    wire::{
        json,
        node::{CaseShareOutcome, ChangeMembersRequest, ShareCaseRecordsRequest},
        record::{JointCaseMember, JointCaseRole},
    },
};

use super::{
    super::{Target, evidence::until, exit::Failure, out::Out},
    share::{shared, show},
};

/// Add members to a joint case.
///
/// They get the case as it is, and own meetings of it. What else it held before, each country shares of its
/// own: `comity case share`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    target: Target,
    /// Reference of any version of the joint case.
    reference: String,
    /// Who joins, such as KZ/national-police; several for several.
    #[arg(required = true, value_parser = authority)]
    member: Vec<Authority>,
    /// They lead the case, alone or with others.
    #[arg(long)]
    lead: bool,
    /// Until when they belong to it: a moment with its offset, or the end of a day in UTC.
    #[arg(long, value_parser = until)]
    until: Option<Moment>,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
}

/// Say until when a member belongs to a joint case.
#[derive(Debug, Args)]
pub(in crate::cli) struct End {
    #[command(flatten)]
    target: Target,
    /// Reference of any version of the joint case.
    reference: String,
    /// Who leaves, such as KZ/national-police; several for several.
    #[arg(required = true, value_parser = authority)]
    member: Vec<Authority>,
    /// Until when: a moment with its offset, or the end of a day in UTC. Now when left out.
    #[arg(long, value_parser = until)]
    until: Option<Moment>,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
}

/// An authority of a country.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    country: String,
    name: String,
}

/// Reads `COUNTRY/authority`.
fn authority(typed: &str) -> Result<Authority, String> {
    match typed.split_once('/') {
        Some((country, name)) if country.len() == 2 && !name.is_empty() => Ok(Authority {
            country: country.to_uppercase(),
            name: name.to_owned(),
        }),
        _ => Err("a country and an authority, such as KZ/national-police, are needed".to_owned()),
    }
}

fn members(of: Vec<Authority>, role: JointCaseRole, until: Option<Moment>) -> Vec<JointCaseMember> {
    let members = of.into_iter().map(|of| JointCaseMember {
        country: of.country,
        authority: of.name,
        role: role.into(),
        from: None,
        until: until.map(Into::into),
    });
    members.collect()
}

impl Add {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let role = match self.lead {
            true => JointCaseRole::Lead,
            false => JointCaseRole::Participant,
        };
        let mut countries: Vec<String> = self.member.iter().map(|of| of.country.clone()).collect();
        countries.sort_unstable();
        countries.dedup();
        let request = ChangeMembersRequest {
            reference: self.reference.clone(),
            add: members(self.member, role, self.until),
            end: Vec::new(),
            idempotency_key: self.key,
        };
        change(&self.target, request, out).await?;
        let mut client = self.target.connect().await?;
        let mut meetings = Vec::new();
        for country in countries {
            let request = ShareCaseRecordsRequest {
                reference: self.reference.clone(),
                country: country.clone(),
                meetings: true,
                ..ShareCaseRecordsRequest::default()
            };
            match shared(&mut client, request).await {
                Ok(shared) => meetings.extend(shared),
                // Another authority of this country, or one that joins later: nothing is to be sent now.
                Err(failure) => out.note(&format!(
                    "meetings are not shared with {country}: {}",
                    failure.message()
                )),
            }
        }
        meetings.retain(|of| of.outcome() != CaseShareOutcome::Foreign);
        if !out.json() && !meetings.is_empty() {
            show(&meetings, out)?;
        }
        out.note(
            "what else the case held before, each country shares of its own: `comity case share`",
        );
        Ok(())
    }
}

impl End {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let request = ChangeMembersRequest {
            reference: self.reference,
            add: Vec::new(),
            end: members(self.member, JointCaseRole::Unspecified, self.until),
            idempotency_key: self.key,
        };
        change(&self.target, request, out).await
    }
}

async fn change(
    target: &Target,
    request: ChangeMembersRequest,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let answer = client.joint_cases.change_members(request).await?;
    let answer = answer.into_inner();
    if out.json() {
        let name = "comity.node.v1.ChangeMembersResponse";
        return out.value(&json::to_json(name, &answer)?);
    }
    out.line(&format!("{}  version {}", answer.reference, answer.edition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_typed() {
        let police = Authority {
            country: "KZ".to_owned(),
            name: "national-police".to_owned(),
        };
        assert_eq!(authority("kz/national-police"), Ok(police));
        for wrong in ["KZ", "KZ/", "/police", "Kazakhstan/police"] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }
}
