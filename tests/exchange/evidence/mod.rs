//! Evidence requests between two countries: TJ asks, UZ executes.

mod access;
mod again;
mod clocks;
mod command;
mod court;
mod crossing;
mod forged;
mod lists;
mod many;
mod refused;
mod whole;

use std::fs;

use comity::{
    catalogue,
    client::{Client, ClientError},
    node::system_clock,
    wire::{
        ledger::ReadingPurpose,
        node::{
            EvidenceState, GetEvidenceRequest, GetEvidenceResponse, RequestEvidenceRequest,
            TakeEvidenceStepRequest, TakeEvidenceStepResponse,
        },
        record::{
            CountryRole, Destination, EvidenceAcknowledged, EvidenceStep, EvidenceTransferred,
            ExecutionBegun, InformationAnswered, InformationRequested, ProgressNote, Record,
            RefusalGround, RequestClosed, RequestExecuted, RequestRecognised, RequestRefused,
            RequestWithdrawn, evidence_step::Act,
        },
    },
};

use serde_json::Value;

use crate::support::{CASE, Country, comity, eventually};

/// TJ and UZ, whose agreements let evidence be requested from each other.
pub(super) async fn neighbours() -> (Country, Country) {
    let (tj, uz) = crate::support::neighbours().await;
    agree(&tj, "UZ", &["untoc-art18"]);
    agree(&uz, "TJ", &["untoc-art18"]);
    (tj, uz)
}

/// Custody of a thread's items, as a country sees it.
pub(super) async fn custody(at: &Country, reference: &str) -> Vec<Value> {
    let said = comity(&[
        "evidence",
        "custody",
        reference,
        "--purpose",
        "investigation",
        "--case",
        CASE,
        "--home",
        at.at(),
        "--output",
        "json",
    ])
    .await
    .fine();
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Who did what with an item, in order.
pub(super) fn acts(chain: &Value) -> Vec<String> {
    let entries = chain["entries"].as_array().unwrap().iter();
    entries
        .map(|of| {
            format!(
                "{} {}",
                of["country"].as_str().unwrap(),
                of["act"].as_str().unwrap()
            )
        })
        .collect()
}

/// Writes an agreement that names these profiles into a home.
fn agree(at: &Country, with: &str, profiles: &[&str]) {
    let dir = at.layout().agreements();
    fs::create_dir_all(&dir).unwrap();
    let text = format!("country = \"{with}\"\nevidence = {profiles:?}\n");
    fs::write(dir.join(format!("{with}.toml")), text).unwrap();
}

/// A request of TJ to the police of UZ; to the country where `authority` is empty.
pub(super) fn request_to(authority: &str) -> Record {
    let mut record = catalogue::example("EvidenceRequest", system_clock()()).unwrap();
    record.destinations = vec![Destination {
        country: "UZ".to_owned(),
        role: CountryRole::Destination.into(),
        authorities: Some(authority.to_owned())
            .filter(|name| !name.is_empty())
            .into_iter()
            .collect(),
        ..Destination::default()
    }];
    record
}

pub(super) async fn submit(at: &Country, record: Record) -> Result<String, ClientError> {
    let asked = RequestEvidenceRequest {
        record: Some(record),
        idempotency_key: String::new(),
    };
    let answer = at.client().await.request_evidence(asked).await?;
    Ok(answer.reference)
}

/// A request of TJ that UZ holds.
async fn requested(tj: &Country, uz: &Country) -> String {
    let reference = submit(tj, request_to("national-police")).await.unwrap();
    uz.receives(&reference).await;
    reference
}

async fn take_by(
    by: &mut Client,
    reference: &str,
    act: Act,
) -> Result<TakeEvidenceStepResponse, ClientError> {
    by.take_evidence_step(TakeEvidenceStepRequest {
        reference: reference.to_owned(),
        step: Some(EvidenceStep {
            act: Some(act),
            ..EvidenceStep::default()
        }),
        ..TakeEvidenceStepRequest::default()
    })
    .await
}

pub(super) async fn take(at: &Country, reference: &str, act: Act) -> TakeEvidenceStepResponse {
    let mut client = at.client().await;
    take_by(&mut client, reference, act).await.unwrap()
}

/// The stable word of a refusal, and its sentence.
fn refusal<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> (String, String) {
    match outcome.unwrap_err() {
        ClientError::Refused(refused) => (refused.reason().to_owned(), refused.to_string()),
        other => panic!("{other}"),
    }
}

async fn shown(at: &Country, reference: &str) -> GetEvidenceResponse {
    let asked = GetEvidenceRequest {
        reference: reference.to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetEvidenceRequest::default()
    };
    at.client().await.evidence(asked).await.unwrap()
}

/// Waits until a country knows so many steps and is in that state.
async fn stands(at: &Country, reference: &str, state: EvidenceState, steps: usize) {
    let what = format!("{} has {reference} in {}", at.code, state.as_str_name());
    eventually(&what, async || {
        let shown = shown(at, reference).await;
        let there = shown.case.unwrap().state() == state && shown.steps.len() == steps;
        there.then_some(())
    })
    .await;
}

/// What both countries have to agree about: the state, and each step with what became of it.
#[derive(Debug, PartialEq)]
struct Standing {
    state: EvidenceState,
    executing: String,
    delivered_us: i64,
    steps: Vec<(String, String, i32, i32, String, Vec<String>)>,
    may: [Vec<String>; 2],
}

async fn standing(at: &Country, reference: &str) -> Standing {
    let shown = shown(at, reference).await;
    let case = shown.case.unwrap();
    Standing {
        state: case.state(),
        executing: case.executing_authority,
        delivered_us: case.delivered_us,
        steps: shown
            .steps
            .into_iter()
            .map(|of| {
                (
                    of.reference,
                    of.act,
                    of.outcome,
                    of.to,
                    of.reason,
                    of.crossed,
                )
            })
            .collect(),
        may: [shown.issuing_may, shown.executing_may],
    }
}

/// Waits until both countries have so many steps, and holds them to be the same.
async fn the_same(tj: &Country, uz: &Country, reference: &str, steps: usize) -> Standing {
    for at in [tj, uz] {
        let what = format!("{} has {steps} steps", at.code);
        eventually(&what, async || {
            let standing = standing(at, reference).await;
            let there = standing.steps.len() == steps && standing.delivered_us != 0;
            there.then_some(())
        })
        .await;
    }
    let both = [standing(tj, reference).await, standing(uz, reference).await];
    let [one, other] = both;
    assert_eq!(one, other);
    one
}

pub(super) fn acknowledged() -> Act {
    Act::Acknowledged(EvidenceAcknowledged {
        contact: "EXERCISE: the desk".to_owned(),
    })
}

fn recognised() -> Act {
    Act::Recognised(RequestRecognised::default())
}

pub(super) fn begun() -> Act {
    Act::ExecutionBegun(ExecutionBegun::default())
}

fn executed() -> Act {
    Act::Executed(RequestExecuted {
        outcome: "EXERCISE: the register was copied".to_owned(),
        ..RequestExecuted::default()
    })
}

fn transferred() -> Act {
    Act::Transferred(EvidenceTransferred {
        complete: true,
        ..EvidenceTransferred::default()
    })
}

fn asked(question: &str) -> Act {
    Act::InformationRequested(InformationRequested {
        questions: vec![question.to_owned()],
        answer_by: None,
    })
}

fn answered(answer: &str) -> Act {
    Act::InformationAnswered(InformationAnswered {
        answer: answer.to_owned(),
    })
}

fn refused(ground: RefusalGround) -> Act {
    Act::Refused(RequestRefused {
        ground: ground.into(),
        reasons: "EXERCISE: judged before".to_owned(),
    })
}

fn withdrawn() -> Act {
    Act::Withdrawn(RequestWithdrawn {
        reason: "EXERCISE: found elsewhere".to_owned(),
    })
}

fn closed() -> Act {
    Act::Closed(RequestClosed::default())
}

fn note(text: &str) -> Act {
    Act::Note(ProgressNote {
        text: text.to_owned(),
    })
}
