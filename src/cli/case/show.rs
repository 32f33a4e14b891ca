//! `comity case list|show|members`.

use clap::Args;

use crate::{
    record::Moment,
    wire::{
        json,
        node::{
            GetJointCaseRequest, GetJointCaseResponse, JointCaseMemberState, JointCaseSummary,
            ListJointCasesRequest, MembershipState,
        },
        record::{JointCaseMember, JointCaseRole, LegalInstrument},
    },
};

use super::super::{Target, exit::Failure, out::Out, out::moment, why::Why};

/// Joint cases asked for at a time.
const PAGE: u32 = 200;

/// List the joint cases that you may see.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    target: Target,
}

/// Show a joint case.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    target: Target,
    /// Reference of any of its versions.
    reference: String,
    #[command(flatten)]
    why: Why,
}

/// List the members of a joint case.
#[derive(Debug, Args)]
pub(in crate::cli) struct Members {
    #[command(flatten)]
    target: Target,
    /// Reference of any of its versions.
    reference: String,
    #[command(flatten)]
    why: Why,
}

impl List {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let (mut rows, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListJointCasesRequest {
                page_size: PAGE,
                page_token,
            };
            let page = client.joint_cases.list_joint_cases(request).await?;
            let page = page.into_inner();
            for of in &page.joint_cases {
                if out.json() {
                    out.value(&json::to_json("comity.node.v1.JointCaseSummary", of)?)?;
                } else {
                    rows.push(row(of));
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if out.json() {
            return Ok(());
        }
        let headings = [
            "REFERENCE",
            "VERSION",
            "CONVENER",
            "MEMBERS",
            "RECORDS",
            "CHANGED",
            "TITLE",
        ];
        out.table(&headings, rows)
    }
}

fn row(of: &JointCaseSummary) -> Vec<String> {
    let marked = if of.exercise { "EXERCISE " } else { "" };
    vec![
        of.reference.clone(),
        of.edition.to_string(),
        format!("{}/{}", of.country, of.authority),
        of.members.to_string(),
        of.records.to_string(),
        moment(Moment::from_micros(of.submitted_us)),
        format!("{marked}{}", of.title),
    ]
}

async fn opened(
    target: &Target,
    reference: String,
    why: &Why,
) -> Result<GetJointCaseResponse, Failure> {
    let mut client = target.connect().await?;
    let request = GetJointCaseRequest {
        reference,
        reading_purpose: why.code(),
        case_reference: why.case(),
    };
    Ok(client
        .joint_cases
        .get_joint_case(request)
        .await?
        .into_inner())
}

impl Show {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let case = opened(&self.target, self.reference, &self.why).await?;
        if out.json() {
            let mut value = json::to_json("comity.node.v1.GetJointCaseResponse", &case)?;
            if let Some(object) = value.as_object_mut() {
                let digest = hex::encode(&case.header_digest);
                object.insert("headerDigest".to_owned(), digest.into());
            }
            return out.value(&value);
        }
        let summary = case.summary.unwrap_or_default();
        let joint = case.joint_case.unwrap_or_default();
        let basis = joint.legal_basis.unwrap_or_default();
        let instrument = LegalInstrument::try_from(basis.instrument).unwrap_or_default();
        let instrument = instrument.as_str_name();
        let instrument = instrument
            .strip_prefix("LEGAL_INSTRUMENT_")
            .unwrap_or(instrument);
        out.line(&format!("{}  {}", summary.reference, summary.title))?;
        out.line(&format!(
            "convened by {}/{}; version {} of {}, {}",
            summary.country,
            summary.authority,
            summary.edition,
            moment(Moment::from_micros(summary.submitted_us)),
            summary.newest,
        ))?;
        out.line(&format!("rests on {instrument} {}", basis.provision))?;
        out.line(&joint.purpose)?;
        members_table(&case.members, out)
    }
}

impl Members {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let case = opened(&self.target, self.reference, &self.why).await?;
        if !out.json() {
            return members_table(&case.members, out);
        }
        for member in &case.members {
            out.value(&json::to_json(
                "comity.node.v1.JointCaseMemberState",
                member,
            )?)?;
        }
        Ok(())
    }
}

fn members_table(members: &[JointCaseMemberState], out: &mut Out) -> Result<(), Failure> {
    let rows = members.iter().map(|state| {
        let none = JointCaseMember::default();
        let of = state.member.as_ref().unwrap_or(&none);
        let at = |stamp: &Option<prost_types::Timestamp>| {
            let stamp = stamp.as_ref().map(Moment::from);
            stamp.map(moment).unwrap_or_default()
        };
        let role = match of.role() {
            JointCaseRole::Lead => "lead",
            JointCaseRole::Participant => "participant",
            JointCaseRole::Unspecified => "",
        };
        let word = match state.state() {
            MembershipState::Member => "member",
            MembershipState::ToCome => "to come",
            MembershipState::Ended => "ended",
            MembershipState::Unspecified => "",
        };
        vec![
            format!("{}/{}", of.country, of.authority),
            role.to_owned(),
            word.to_owned(),
            at(&of.from),
            at(&of.until),
        ]
    });
    out.table(
        &["MEMBER", "ROLE", "STATE", "FROM", "UNTIL"],
        rows.collect(),
    )
}
