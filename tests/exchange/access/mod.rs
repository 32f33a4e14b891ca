//! Who may do what: roles at every call, compartments, purposes, and attempts that were refused.

mod bulk;
mod calls;
mod cards;
mod court;
mod permissions;
mod reading;
mod victims;

use comity::{
    client::Client,
    wire::{
        ledger::ReadingPurpose,
        node::{
            ApprovalState, ApproveRequest, GetApprovalRequest, PendingApproval,
            RefuseApprovalRequest, RequestApprovalRequest,
        },
    },
};

use crate::support::{CASE, Country, Settings, refusal_of};

/// A country that asks for a second person wherever the built-in permissions do.
fn of_two(code: &'static str) -> Country {
    let settings = Settings {
        two_persons: true,
        desk: (code == "AE").then_some("victim-support"),
        ..Settings::default()
    };
    Country::with(code, settings)
}

/// Asks for a leave; answers its id, or the refusal's reason.
async fn ask(by: &mut Client, request: RequestApprovalRequest) -> Result<String, String> {
    let request = RequestApprovalRequest {
        reading_purpose: ReadingPurpose::VictimProtection.into(),
        case_reference: CASE.to_owned(),
        note: "EXERCISE".to_owned(),
        ..request
    };
    let answer = by.life.request_approval(request).await;
    answer
        .map(|answer| answer.into_inner().id)
        .map_err(|refused| refusal_of(&refused))
}

/// Approves; answers how it stands then, or the refusal's reason.
async fn approve(by: &mut Client, id: &str) -> Result<ApprovalState, String> {
    let answer = by.life.approve(ApproveRequest { id: id.to_owned() }).await;
    let answer = answer.map_err(|refused| refusal_of(&refused))?;
    Ok(answer.into_inner().approval.unwrap().state())
}

async fn refuse(by: &mut Client, id: &str) -> Result<(), String> {
    let request = RefuseApprovalRequest {
        id: id.to_owned(),
        reason: "EXERCISE: not needed".to_owned(),
    };
    let answer = by.life.refuse_approval(request).await;
    answer.map(|_| ()).map_err(|refused| refusal_of(&refused))
}

async fn stands(by: &mut Client, id: &str) -> PendingApproval {
    let request = GetApprovalRequest { id: id.to_owned() };
    let answer = by.life.get_approval(request).await.unwrap();
    answer.into_inner().approval.unwrap()
}
