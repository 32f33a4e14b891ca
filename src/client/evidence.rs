//! Evidence requests: submitted, answered step by step, listed and shown.

use super::{Client, ClientError};
use crate::wire::node::{
    GetEvidenceRequest, GetEvidenceResponse, ListEvidenceRequest, ListEvidenceResponse,
    RequestEvidenceRequest, RequestEvidenceResponse, TakeEvidenceStepRequest,
    TakeEvidenceStepResponse,
};

impl Client {
    /// Submits an evidence request; answers when it is durable. Without an idempotency key it gets one,
    /// so that a repeat makes no second request.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `RECORD_INVALID` with every violation, `EVIDENCE_NOT_AGREED`,
    /// `ACCESS_DENIED`.
    pub async fn request_evidence(
        &mut self,
        mut asked: RequestEvidenceRequest,
    ) -> Result<RequestEvidenceResponse, ClientError> {
        if asked.idempotency_key.is_empty() {
            asked.idempotency_key = super::submit::new_key();
        }
        self.repeat(|client| {
            let (mut evidence, asked) = (client.evidence.clone(), asked.clone());
            async move { evidence.request_evidence(asked).await }
        })
        .await
    }

    /// Takes a step of a request; answers when it is durable. Without an idempotency key it gets one.
    ///
    /// ```no_run
    /// use comity::wire::{
    ///     node::TakeEvidenceStepRequest,
    ///     record::{EvidenceAcknowledged, EvidenceStep, evidence_step::Act},
    /// };
    ///
    /// # async fn example(client: &mut comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let contact = "N. Karimova, +998 71 200 00 00".to_owned();
    /// let taken = client
    ///     .take_evidence_step(TakeEvidenceStepRequest {
    ///         reference: "KZ-26-000412-H".to_owned(),
    ///         step: Some(EvidenceStep {
    ///             act: Some(Act::Acknowledged(EvidenceAcknowledged { contact })),
    ///             ..Default::default()
    ///         }),
    ///         ..Default::default()
    ///     })
    ///     .await?;
    /// println!("{} is step {}", taken.reference, taken.number);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `EVIDENCE_WRONG_PARTY`, `EVIDENCE_WRONG_AUTHORITY`,
    /// `EVIDENCE_WRONG_STATE`, `RECORD_INVALID`, `ACCESS_DENIED`.
    pub async fn take_evidence_step(
        &mut self,
        mut asked: TakeEvidenceStepRequest,
    ) -> Result<TakeEvidenceStepResponse, ClientError> {
        if asked.idempotency_key.is_empty() {
            asked.idempotency_key = super::submit::new_key();
        }
        self.repeat(|client| {
            let (mut evidence, asked) = (client.evidence.clone(), asked.clone());
            async move { evidence.take_evidence_step(asked).await }
        })
        .await
    }

    /// Lists requests, own and received, newest first, page by page.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_evidence(
        &mut self,
        asked: ListEvidenceRequest,
    ) -> Result<ListEvidenceResponse, ClientError> {
        self.repeat(|client| {
            let (mut evidence, asked) = (client.evidence.clone(), asked.clone());
            async move { evidence.list_evidence(asked).await }
        })
        .await
    }

    /// Opens a request with its steps and where it stands. The reading is in the ledger before the
    /// answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `RECORD_UNKNOWN`, `EVIDENCE_NOT_A_REQUEST`, `RECORD_LOCKED`,
    /// `ACCESS_DENIED`.
    pub async fn evidence(
        &mut self,
        asked: GetEvidenceRequest,
    ) -> Result<GetEvidenceResponse, ClientError> {
        self.repeat(|client| {
            let (mut evidence, asked) = (client.evidence.clone(), asked.clone());
            async move { evidence.get_evidence(asked).await }
        })
        .await
    }
}
