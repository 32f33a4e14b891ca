//! Submitting records.

use futures_util::{Stream, StreamExt as _};
use tonic::Streaming;

use super::{Client, ClientError, Refused};
use crate::{
    crypto::random_bytes,
    wire::{
        node::{
            SubmitRecordRequest, SubmitRecordResponse, SubmitRecordsRequest, SubmitRecordsResponse,
            submit_records_response::Outcome,
        },
        record::Record,
    },
};

/// An idempotency key by chance. Without chance there is no key, and the node's answer decides alone.
pub(super) fn new_key() -> String {
    random_bytes::<16>().map(hex::encode).unwrap_or_default()
}

impl Client {
    /// Submits a record; the answer comes once it is durable. It is given an idempotency key by
    /// chance, so that a repeat after a broken connection makes no second record.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with every violation; [`ClientError::Deadline`] when nobody knows
    /// what became of it: whoever must know submits with a key of their own.
    pub async fn submit(&mut self, record: Record) -> Result<SubmitRecordResponse, ClientError> {
        self.submit_with_key(record, new_key()).await
    }

    /// As [`Self::submit`], with a key of 1 to 128 characters: whoever submits the same record with
    /// the same key, at whatever time, gets the first answer again. With an empty key nothing is
    /// repeated.
    ///
    /// ```no_run
    /// # async fn example(client: &mut comity::client::Client, record: comity::wire::record::Record)
    /// # -> Result<(), comity::client::ClientError> {
    /// let first = client.submit_with_key(record.clone(), "case-4711/1").await?;
    /// let again = client.submit_with_key(record, "case-4711/1").await?;
    /// assert!(again.repeated && again.reference == first.reference);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::submit`]; `IDEMPOTENCY_CONFLICT` when the key was used for another record.
    pub async fn submit_with_key(
        &mut self,
        record: Record,
        key: impl Into<String>,
    ) -> Result<SubmitRecordResponse, ClientError> {
        let request = SubmitRecordRequest {
            record: Some(record),
            idempotency_key: key.into(),
        };
        if request.idempotency_key.is_empty() {
            return Ok(self.records.submit_record(request).await?.into_inner());
        }
        self.repeat(|client| {
            let (mut records, request) = (client.records.clone(), request.clone());
            async move { records.submit_record(request).await }
        })
        .await
    }

    /// Submits what a stream yields and answers each, in the same order, once it is durable. A record
    /// that is refused does not end it. Nothing is repeated: after a broken connection, submit again
    /// what was not answered, with the same keys.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the node takes no stream.
    pub async fn submit_all(
        &mut self,
        submissions: impl Stream<Item = SubmitRecordRequest> + Send + 'static,
    ) -> Result<Outcomes, ClientError> {
        let requests = submissions.map(|submission| SubmitRecordsRequest {
            submission: Some(submission),
        });
        let answers = self.records.submit_records(requests).await?.into_inner();
        Ok(Outcomes { answers })
    }
}

/// What became of the submissions of a stream.
#[derive(Debug)]
pub struct Outcomes {
    answers: Streaming<SubmitRecordsResponse>,
}

impl Outcomes {
    /// What became of the next submission: durable, or refused. `None` after the last one.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the stream broke: what was not answered may be durable or not.
    pub async fn next(
        &mut self,
    ) -> Option<Result<Result<SubmitRecordResponse, Refused>, ClientError>> {
        loop {
            return Some(match self.answers.next().await? {
                Ok(answer) => match answer.outcome {
                    Some(Outcome::Accepted(accepted)) => Ok(Ok(accepted)),
                    Some(Outcome::Refused(refusal)) => Ok(Err(refusal.into())),
                    None => continue,
                },
                Err(status) => Err(status.into()),
            });
        }
    }
}
