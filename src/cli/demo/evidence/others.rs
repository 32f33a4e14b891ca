//! A request that is refused with its ground, and one whose agreed day has passed.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::format_description};

use crate::{
    cli::{
        exit::{Failure, SOFTWARE},
        out::Out,
    },
    wire::{
        node::{EvidenceState, ListEvidenceRequest},
        record::{RefusalGround, RequestRefused, evidence_step::Act, situation::Kind},
    },
};

use super::{CountryNode, Desk, EXECUTING, ISSUING, eventually, request, yes};

/// What came of a request that is refused.
#[derive(Debug)]
pub(super) struct Refused {
    reference: String,
    ground: String,
    /// State at both ends.
    states: [EvidenceState; 2],
}

impl Refused {
    pub(super) async fn play(nodes: &mut [CountryNode]) -> Result<Self, Failure> {
        let mut issuing = Desk::at(nodes, ISSUING).await?;
        let mut executing = Desk::at(nodes, EXECUTING).await?;
        let record = request(nodes, "EXERCISE request that is refused")?;
        let reference = issuing.request(record).await?;
        executing
            .stands(&reference, EvidenceState::Delivered)
            .await?;
        let refused = RequestRefused {
            ground: RefusalGround::TCDomesticLaw.into(),
            reasons: "EXERCISE. Such records may not be seized for this offence.".to_owned(),
        };
        executing
            .take(&reference, Act::Refused(refused), Vec::new())
            .await?;
        issuing.stands(&reference, EvidenceState::Refused).await?;
        let seen = issuing.open(&reference).await?;
        let ground = seen.steps.iter().find_map(|of| {
            match of.step.as_ref().and_then(|step| step.act.as_ref()) {
                Some(Act::Refused(of)) => Some(of.ground().as_str_name().to_owned()),
                _ => None,
            }
        });
        Ok(Self {
            states: [
                seen.case.unwrap_or_default().state(),
                executing.case(&reference).await?.state(),
            ],
            ground: ground.unwrap_or_default(),
            reference,
        })
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let as_told = self.ground == RefusalGround::TCDomesticLaw.as_str_name();
        if as_told && self.states == [EvidenceState::Refused; 2] {
            return Vec::new();
        }
        vec!["the refusal and its ground are not the same at both ends".to_owned()]
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "request": self.reference,
            "ground": self.ground,
            "states": self.states.map(|state| state.as_str_name()),
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!(
            "  {} is refused: {}; the same at both ends: {}",
            self.reference,
            self.ground,
            yes(self.faults().is_empty())
        ))
    }
}

/// What came of a request that is not executed by the day agreed on.
#[derive(Debug)]
pub(super) struct Overdue {
    reference: String,
    day: String,
    /// Whether each end lists it among what is overdue.
    listed: [bool; 2],
}

impl Overdue {
    pub(super) async fn play(nodes: &mut [CountryNode]) -> Result<Self, Failure> {
        let mut issuing = Desk::at(nodes, ISSUING).await?;
        let mut executing = Desk::at(nodes, EXECUTING).await?;
        let mut record = request(nodes, "EXERCISE request that is overdue")?;
        let day = (OffsetDateTime::now_utc() - Duration::days(2))
            .format(format_description!("[year]-[month]-[day]"))
            .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
        if let Some(Kind::EvidenceRequest(of)) =
            record.situation.as_mut().and_then(|of| of.kind.as_mut())
        {
            of.execute_by.clone_from(&day);
        }
        let reference = issuing.request(record).await?;
        executing
            .stands(&reference, EvidenceState::Delivered)
            .await?;
        let mut listed = [false; 2];
        for (desk, listed) in [&mut issuing, &mut executing].into_iter().zip(&mut listed) {
            *listed = overdue(desk, &reference).await?;
        }
        Ok(Self {
            reference,
            day,
            listed,
        })
    }

    pub(super) fn faults(&self) -> Vec<String> {
        if self.listed == [true; 2] {
            return Vec::new();
        }
        vec!["the overdue request is not overdue at both ends".to_owned()]
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "request": self.reference,
            "execute_by": self.day,
            "listed_overdue": self.listed,
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!(
            "  {} was to be executed by {}; overdue at both ends: {}",
            self.reference,
            self.day,
            yes(self.listed == [true; 2])
        ))
    }
}

/// Waits until a country lists the request among what is overdue.
async fn overdue(desk: &mut Desk, reference: &str) -> Result<bool, Failure> {
    let what = format!("{} to list {reference} as overdue", desk.country);
    eventually(&what, async || {
        let asked = ListEvidenceRequest {
            due: true,
            overdue: true,
            ..ListEvidenceRequest::default()
        };
        let listed = desk.client.list_evidence(asked).await?;
        let there = listed.cases.iter().any(|case| case.reference == reference);
        Ok(there.then_some(true))
    })
    .await
}
