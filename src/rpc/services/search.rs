//! Search and correlation for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node,
        search::{Hit, Related},
        subject::{ScanError, ScanRequest},
    },
    record::Reference,
    rpc::{
        services::{enter, enter_about, purpose, refuse},
        status::Refusal,
    },
    search::{
        Asked, Found, Reason, Same,
        correlate::{Common, Evidence},
        text::How,
    },
    wire::node::{
        ListRelatedRequest, ListRelatedResponse, MatchHow, MatchReason, RelatedRecord,
        RelationEvidence, ScanForSubjectRequest, ScanForSubjectResponse, SearchHit, SearchRequest,
        SearchResponse, search_service_server::SearchService,
    },
};

/// Steps of a scan that wait for its client.
const SCAN_AHEAD: usize = 64;

pub(super) struct Search {
    node: Arc<Node>,
}

impl Search {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

type Steps = Pin<Box<dyn Stream<Item = Result<ScanForSubjectResponse, Status>> + Send>>;

#[tonic::async_trait]
impl SearchService for Search {
    type ScanForSubjectStream = Steps;

    async fn scan_for_subject(
        &self,
        request: Request<ScanForSubjectRequest>,
    ) -> Result<Response<Self::ScanForSubjectStream>, Status> {
        let (permit, request) = enter::<act::AnswerDataSubject, _>(&self.node, request)?;
        let asked = ScanRequest {
            names: request.names,
            identifiers: request.identifiers,
            born: request.born,
            purpose: purpose(request.reading_purpose, &request.case_reference)?,
            note: request.purpose,
        };
        let scan = self.node.begin_scan(permit, asked).await.map_err(refuse)?;
        let (steps, to_send) = mpsc::channel(SCAN_AHEAD);
        let (ends, ended) = mpsc::channel(1);
        tokio::spawn(async move {
            match scan.carry_out(steps).await {
                Ok(()) | Err(ScanError::Gone) => {}
                Err(error) => {
                    let _ = ends.send(refuse(error)).await;
                }
            }
        });
        let steps = ReceiverStream::new(to_send)
            .map(|step| Ok(ScanForSubjectResponse { step: Some(step) }))
            .chain(ReceiverStream::new(ended).map(Err));
        Ok(Response::new(Box::pin(steps)))
    }

    async fn search(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<SearchResponse>, Status> {
        let (permit, request) = enter::<act::Search, _>(&self.node, request)?;
        let asked = Asked {
            text: request.text,
            kind: request.kind,
            country: request.country,
            from: request.from,
            to: request.to,
            codes: request.codes,
            entity: request.entity,
            limit: limit(request.limit),
        };
        let why = purpose(request.reading_purpose, &request.case_reference)?;
        let answer = self.node.search(permit, asked, why, request.purpose);
        let answer = answer.await.map_err(refuse)?;
        Ok(Response::new(SearchResponse {
            hits: answer.found.into_iter().map(hit).collect(),
            coverage: Some(answer.coverage),
            more: answer.more,
            situations_only: answer.situations_only,
        }))
    }

    async fn list_related(
        &self,
        request: Request<ListRelatedRequest>,
    ) -> Result<Response<ListRelatedResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Correlate, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let limit = limit(request.limit);
        let why = purpose(request.reading_purpose, &request.case_reference)?;
        let answer = self
            .node
            .related(permit, reference, limit, why, request.purpose);
        let answer = answer.await.map_err(refuse)?;
        Ok(Response::new(ListRelatedResponse {
            related: answer.found.into_iter().map(related).collect(),
            coverage: Some(answer.coverage),
            more: answer.more,
            situations_only: answer.situations_only,
        }))
    }
}

fn limit(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn hit(hit: Hit) -> SearchHit {
    SearchHit {
        record: Some(hit.summary),
        score: hit.answered.score,
        reasons: hit.answered.reasons.into_iter().map(reason).collect(),
        missing: hit.answered.missing,
        related: hit.related.into_iter().map(related).collect(),
    }
}

fn reason(reason: Reason) -> MatchReason {
    let how = match reason.found {
        Found::Word(how) => of_word(how),
        Found::Entity(same) => of_identifier(same),
        Found::Code => MatchHow::Code,
    };
    MatchReason {
        field: reason.field,
        compartment: reason.compartment.into(),
        written: reason.written,
        how: how.into(),
        asked: reason.asked,
    }
}

fn related(related: Related) -> RelatedRecord {
    RelatedRecord {
        asserted: related.is_asserted(),
        record: Some(related.summary),
        evidence: related.evidence.into_iter().map(evidence).collect(),
    }
}

fn evidence(evidence: Evidence) -> RelationEvidence {
    let (class, how) = match evidence.common {
        Common::Identifier(same, class) => (class, of_identifier(same)),
        Common::Name(how) => ("name", of_word(how)),
    };
    RelationEvidence {
        class: class.to_owned(),
        key: evidence.key,
        how: how.into(),
        here_field: evidence.here.field,
        here_written: evidence.here.written,
        there_field: evidence.there.field,
        there_written: evidence.there.written,
    }
}

const fn of_word(how: How) -> MatchHow {
    match how {
        How::Exact => MatchHow::Exact,
        How::Transliterated => MatchHow::Transliterated,
        How::Sound => MatchHow::Sound,
        How::Misspelt => MatchHow::Misspelt,
    }
}

const fn of_identifier(same: Same) -> MatchHow {
    match same {
        Same::Asserted => MatchHow::Identifier,
        Same::Suggested => MatchHow::IdentifierPerhaps,
    }
}

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        let (code, reason) = match error {
            ScanError::Read(error) => return error.into(),
            ScanError::Subject(_) => (Code::InvalidArgument, "SUBJECT_INVALID"),
            ScanError::Purpose => (Code::InvalidArgument, "PURPOSE_INVALID"),
            ScanError::Busy => (Code::ResourceExhausted, "SCAN_BUSY"),
            ScanError::Gone => (Code::Cancelled, "SCAN_LEFT"),
        };
        Self::new(code, reason, error.to_string())
    }
}
