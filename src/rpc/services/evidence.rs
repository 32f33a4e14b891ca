//! Evidence requests and their steps, for clients.

use std::{sync::Arc, time::Duration};

use tonic::{Code, Request, Response, Status};

use crate::{
    access::{Permit, act},
    evidence::lifecycle::Act,
    node::{
        Node,
        evidence::{EvidenceError, Look, StepOrder, Wanted, party_of, state, state_of},
        read::{MAX_PAGE, Reading},
    },
    record::Country,
    rpc::{
        services::{enter, enter_about, items::item_id, page_token, purpose, reference, refuse},
        status::Refusal,
    },
    wire::node::{
        CheckEvidenceRequest, CheckEvidenceResponse, EvidenceSide, EvidenceState,
        GetEvidenceRequest, GetEvidenceResponse, ListEvidenceRequest, ListEvidenceResponse,
        Refusal as Words, RequestEvidenceRequest, RequestEvidenceResponse, TakeEvidenceStepRequest,
        TakeEvidenceStepResponse, evidence_service_server::EvidenceService,
    },
};

/// Page size when the client names none.
const DEFAULT_PAGE: usize = 50;

pub(super) struct Evidence {
    node: Arc<Node>,
}

impl Evidence {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

fn missing(field: &str) -> Status {
    refuse(Refusal::new(
        Code::InvalidArgument,
        "FIELD_MISSING",
        format!("`{field}` is missing"),
    ))
}

fn unknown(field: &str) -> Status {
    refuse(Refusal::new(
        Code::InvalidArgument,
        "VALUE_UNKNOWN",
        format!("`{field}` has a value that is none of the list"),
    ))
}

fn words(acts: &[Act]) -> Vec<String> {
    acts.iter().map(ToString::to_string).collect()
}

impl Evidence {
    async fn list_due(
        &self,
        wanted: Wanted,
        request: &ListEvidenceRequest,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<Response<ListEvidenceResponse>, Status> {
        let until = match (request.overdue, request.within_hours) {
            (true, _) => Some(Duration::ZERO),
            (false, 0) => None,
            (false, hours) => Some(Duration::from_secs(u64::from(hours).saturating_mul(3600))),
        };
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(due_token(token)?),
        };
        let listed = self
            .node
            .list_evidence_due(wanted, until, after, limit, permit);
        let (cases, next) = listed.await.map_err(refuse)?;
        Ok(Response::new(ListEvidenceResponse {
            cases,
            next_page_token: next
                .map(|of| format!("{}.{}", of.at_us, of.number))
                .unwrap_or_default(),
            complete: true,
        }))
    }
}

/// Where a list by time goes on.
fn due_token(token: &str) -> Result<Look, Status> {
    let parts = token.split_once('.');
    let read = parts.and_then(|(at, number)| {
        Some(Look {
            at_us: at.parse().ok()?,
            number: number.parse().ok()?,
        })
    });
    read.ok_or_else(|| {
        refuse(Refusal::new(
            Code::InvalidArgument,
            "PAGE_TOKEN_INVALID",
            "the page token is not one this node gave; begin again without it",
        ))
    })
}

#[tonic::async_trait]
impl EvidenceService for Evidence {
    async fn check_evidence(
        &self,
        request: Request<CheckEvidenceRequest>,
    ) -> Result<Response<CheckEvidenceResponse>, Status> {
        let (permit, request) = enter::<act::RequestEvidence, _>(&self.node, request)?;
        let record = request.record.ok_or_else(|| missing("record"))?;
        let checked = self
            .node
            .check_evidence(permit, record)
            .await
            .map_err(refuse)?;
        let found: Option<Words> = checked.violations.map(|of| Refusal::from(of).into());
        let found = found.unwrap_or_default();
        Ok(Response::new(CheckEvidenceResponse {
            violations: found.violations,
            more: found.more,
            agreement: checked
                .agreement
                .map(|fault| fault.to_string())
                .unwrap_or_default(),
        }))
    }

    async fn request_evidence(
        &self,
        request: Request<RequestEvidenceRequest>,
    ) -> Result<Response<RequestEvidenceResponse>, Status> {
        let (permit, request) = enter::<act::RequestEvidence, _>(&self.node, request)?;
        let record = request.record.ok_or_else(|| missing("record"))?;
        let accepted = self
            .node
            .request_evidence(permit, record, request.idempotency_key)
            .await
            .map_err(refuse)?;
        Ok(Response::new(RequestEvidenceResponse {
            reference: accepted.reference.to_string(),
            header_digest: accepted.digest.to_vec(),
            repeated: accepted.repeated,
        }))
    }

    async fn take_evidence_step(
        &self,
        request: Request<TakeEvidenceStepRequest>,
    ) -> Result<Response<TakeEvidenceStepResponse>, Status> {
        // The reference says whose request it is, and so which side the caller is on.
        let asked = reference(&request.get_ref().reference);
        let own = asked.is_ok_and(|of| of.country == self.node.country());
        let named = |of: &TakeEvidenceStepRequest| -> Result<StepOrder, Status> {
            Ok(StepOrder {
                reference: reference(&of.reference)?,
                step: of.step.clone().ok_or_else(|| missing("step"))?,
                evidence: of.evidence.clone(),
                items: of
                    .items
                    .iter()
                    .map(|id| item_id(id))
                    .collect::<Result<_, _>>()?,
                authority: of.authority.clone(),
                key: of.idempotency_key.clone(),
            })
        };
        let taken = if own {
            let (permit, request) =
                enter_about::<act::RequestEvidence, _>(&self.node, request, |of| &of.reference)?;
            self.node.take_issuing_step(permit, named(&request)?).await
        } else {
            let (permit, request) =
                enter_about::<act::ExecuteEvidence, _>(&self.node, request, |of| &of.reference)?;
            self.node
                .take_executing_step(permit, named(&request)?)
                .await
        };
        let taken = taken.map_err(refuse)?;
        Ok(Response::new(TakeEvidenceStepResponse {
            reference: taken.accepted.reference.to_string(),
            header_digest: taken.accepted.digest.to_vec(),
            state: state(taken.state).into(),
            number: taken.number,
            repeated: taken.accepted.repeated,
        }))
    }

    async fn list_evidence(
        &self,
        request: Request<ListEvidenceRequest>,
    ) -> Result<Response<ListEvidenceResponse>, Status> {
        let (permit, request) = enter::<act::List, _>(&self.node, request)?;
        let states = request.states.iter().map(|of| {
            EvidenceState::try_from(*of)
                .ok()
                .and_then(state_of)
                .ok_or_else(|| unknown("states"))
        });
        let country = match request.country.as_str() {
            "" => None,
            code => Some(code.parse::<Country>().map_err(|error| {
                refuse(Refusal::new(
                    Code::InvalidArgument,
                    "COUNTRY_UNKNOWN",
                    error.to_string(),
                ))
            })?),
        };
        let side = EvidenceSide::try_from(request.side).map_err(|_| unknown("side"))?;
        let wanted = Wanted {
            states: states.collect::<Result<_, _>>()?,
            open: request.open,
            country,
            side: party_of(side),
        };
        let limit = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => DEFAULT_PAGE,
            Ok(limit) => limit.min(MAX_PAGE),
        };
        if request.due {
            return self.list_due(wanted, &request, limit, permit).await;
        }
        let before = page_token(&request.page_token)?.unwrap_or(u64::MAX);
        let listed = self.node.list_evidence(wanted, before, limit, permit).await;
        let (cases, next, complete) = listed.map_err(refuse)?;
        Ok(Response::new(ListEvidenceResponse {
            cases,
            next_page_token: next.map(|of| of.to_string()).unwrap_or_default(),
            complete,
        }))
    }

    async fn get_evidence(
        &self,
        request: Request<GetEvidenceRequest>,
    ) -> Result<Response<GetEvidenceResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Read, _>(&self.node, request, |of| &of.reference)?;
        let purpose = purpose(request.reading_purpose, &request.case_reference)?;
        let reading = Reading {
            note: request.purpose,
            exact: true,
            // Beyond the situation there has to be a reason.
            situation_only: purpose.is_none(),
            ..Reading::of(reference(&request.reference)?, purpose)
        };
        let from = page_token(&request.page_token)?.unwrap_or(0);
        let shown: Result<_, EvidenceError> = self.node.show_evidence(permit, reading, from).await;
        let shown = shown.map_err(refuse)?;
        Ok(Response::new(GetEvidenceResponse {
            case: Some(shown.case),
            record: Some(shown.record),
            steps: shown.steps,
            next_page_token: shown.next.map(|of| of.to_string()).unwrap_or_default(),
            issuing_may: words(&shown.issuing_may),
            executing_may: words(&shown.executing_may),
        }))
    }
}
