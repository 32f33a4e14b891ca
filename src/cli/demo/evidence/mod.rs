//! Evidence between two countries: TJ asks KZ for a file and gets it whole, over an upload that breaks
//! off, a node that is killed in the middle and a node that is down when it is handed over; it goes to
//! court as a bundle, which verifies until somebody tampers with it; another request is refused, and
//! one is overdue. What should come out is taken from what the nodes answer and
//! from the bytes of the files.

mod court;
mod file;
mod others;
mod tampered;
mod whole;

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    catalogue::{self, Party},
    client::Client,
    node::system_clock,
    record::Country,
    wire::{
        ledger::ReadingPurpose,
        node::{
            EvidenceCase, EvidenceState, GetEvidenceRequest, GetEvidenceResponse,
            RequestEvidenceRequest, TakeEvidenceStepRequest, TakeEvidenceStepResponse,
        },
        record::{EvidenceStep, Record, Urgency, evidence_step::Act, situation::Kind},
    },
};

use super::{
    super::{
        exit::{Failure, SOFTWARE},
        out::Out,
    },
    country::CountryNode,
    story::eventually,
};

use self::{
    court::Court,
    others::{Overdue, Refused},
    whole::Whole,
};

/// Who asks, and who is asked.
const ISSUING: &str = "TJ";
const EXECUTING: &str = "KZ";
/// The agreement profile of the requests.
pub(super) const PROFILE: &str = "untoc-art18";
/// The case of the requests.
const CASE: &str = "EXERCISE-2";
/// Why they are opened; into the ledgers.
const PURPOSE: &str = "exercise: evidence requests";

/// What came of the requests.
#[derive(Debug)]
pub(super) struct Evidence {
    whole: Whole,
    court: Court,
    refused: Refused,
    overdue: Overdue,
}

impl Evidence {
    /// Plays the requests on nodes that run and are linked, with a file of so many bytes.
    pub(super) async fn play(
        nodes: &mut [CountryNode],
        folder: &Path,
        size: u64,
        out: &mut Out,
    ) -> Result<Self, Failure> {
        out.note(&format!(
            "evidence: {ISSUING} asks {EXECUTING} for a file of {}",
            file::in_words(size)
        ));
        let whole = Whole::play(nodes, folder, size, out).await?;
        out.note(&format!(
            "{ISSUING} exports the request for court; the bundle is verified, and so are copies with something tampered"
        ));
        let court = Court::play(nodes, folder, whole.reference()).await?;
        out.note(&format!(
            "{EXECUTING} refuses another request; a third is overdue"
        ));
        let refused = Refused::play(nodes).await?;
        let overdue = Overdue::play(nodes).await?;
        Ok(Self {
            whole,
            court,
            refused,
            overdue,
        })
    }

    /// What is not as it should be; empty when everything is.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.whole.faults();
        faults.extend(self.court.faults());
        faults.extend(self.refused.faults());
        faults.extend(self.overdue.faults());
        faults
    }

    /// The requests in figures.
    pub(super) fn json(&self) -> Value {
        let faults = self.faults();
        json!({
            "as_it_should_be": faults.is_empty(),
            "faults": faults,
            "whole": self.whole.json(),
            "court": self.court.json(),
            "refused": self.refused.json(),
            "overdue": self.overdue.json(),
        })
    }

    /// The requests for people.
    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        self.whole.write(out)?;
        self.court.write(out)?;
        self.refused.write(out)?;
        self.overdue.write(out)
    }
}

fn of<'a>(nodes: &'a mut [CountryNode], code: &str) -> Result<&'a mut CountryNode, Failure> {
    nodes
        .iter_mut()
        .find(|node| node.country.code() == code)
        .ok_or_else(|| Failure::new(SOFTWARE, format!("{code} is not in the demo")))
}

/// A desk of one country: its officer's connection.
struct Desk {
    country: Country,
    client: Client,
}

impl Desk {
    async fn at(nodes: &mut [CountryNode], code: &str) -> Result<Self, Failure> {
        let node = of(nodes, code)?;
        Ok(Self {
            country: node.country,
            client: node.client().await?,
        })
    }

    /// Submits a request and answers its reference.
    async fn request(&mut self, record: Record) -> Result<String, Failure> {
        let asked = RequestEvidenceRequest {
            record: Some(record),
            ..RequestEvidenceRequest::default()
        };
        Ok(self.client.request_evidence(asked).await?.reference)
    }

    /// Takes a step, with items uploaded to the request.
    async fn take(
        &mut self,
        reference: &str,
        act: Act,
        items: Vec<Vec<u8>>,
    ) -> Result<TakeEvidenceStepResponse, Failure> {
        let asked = TakeEvidenceStepRequest {
            reference: reference.to_owned(),
            step: Some(EvidenceStep {
                act: Some(act),
                ..EvidenceStep::default()
            }),
            items,
            ..TakeEvidenceStepRequest::default()
        };
        Ok(self.client.take_evidence_step(asked).await?)
    }

    async fn open(&mut self, reference: &str) -> Result<GetEvidenceResponse, Failure> {
        let asked = GetEvidenceRequest {
            reference: reference.to_owned(),
            reading_purpose: ReadingPurpose::Investigation.into(),
            case_reference: CASE.to_owned(),
            purpose: PURPOSE.to_owned(),
            ..GetEvidenceRequest::default()
        };
        Ok(self.client.evidence(asked).await?)
    }

    async fn case(&mut self, reference: &str) -> Result<EvidenceCase, Failure> {
        Ok(self.open(reference).await?.case.unwrap_or_default())
    }

    /// Waits until this country knows the request in a state.
    async fn stands(&mut self, reference: &str, state: EvidenceState) -> Result<(), Failure> {
        let what = format!(
            "{} to know {reference} as {}",
            self.country,
            state.as_str_name()
        );
        eventually(&what, async || {
            // Not there yet, or not in that state.
            Ok(match self.case(reference).await {
                Ok(case) if case.state() == state => Some(()),
                Ok(_) | Err(_) => None,
            })
        })
        .await
    }
}

/// An exercise request from one country to the other.
fn request(nodes: &mut [CountryNode], title: &str) -> Result<Record, Failure> {
    let no_example = |error: catalogue::UnknownKind| Failure::new(SOFTWARE, error.to_string());
    let mut record = catalogue::example("EvidenceRequest", system_clock()()).map_err(no_example)?;
    let [own, other] = [ISSUING, EXECUTING].map(|code| party(nodes, code));
    catalogue::address(&mut record, &own?, &[other?])
        .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
    // Nobody's name is needed for what follows.
    record.evidence = None;
    record.urgency = Urgency::Routine.into();
    if let Some(situation) = &mut record.situation {
        title.clone_into(&mut situation.title);
        if let Some(Kind::EvidenceRequest(request)) = &mut situation.kind {
            PROFILE.clone_into(&mut request.profile);
            request.urgency_ground = 0;
            request.urgency_reason.clear();
            request.execute_by.clear();
        }
    }
    Ok(record)
}

fn party(nodes: &mut [CountryNode], code: &str) -> Result<Party, Failure> {
    let node = of(nodes, code)?;
    Ok(Party {
        country: node.country,
        authorities: node.card.authorities.clone(),
    })
}

/// `yes` or `NO`.
fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "NO" }
}
