//! `comity evidence check FILE`: what a request lacks.

use clap::Args;

use crate::wire::{
    json,
    node::{CheckEvidenceRequest, CheckEvidenceResponse},
};

use super::{
    super::{
        Target,
        exit::{DATAERR, Failure, NOPERM},
        input::read_record,
        out::Out,
    },
    request::request_of,
};

/// Say what a request lacks before it is submitted: each field by name, and whether the agreements let
/// it go. Exit code 65 when anything is missing, 77 when it is not agreed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    target: Target,
    /// File with the request as one JSON object; `-` for standard input.
    file: String,
}

impl Check {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let record = request_of(&read_record(&self.file)?)?;
        let mut client = self.target.connect().await?;
        let asked = CheckEvidenceRequest {
            record: Some(record),
        };
        let answer = client.evidence.check_evidence(asked).await?.into_inner();
        let CheckEvidenceResponse {
            violations,
            more,
            agreement,
        } = answer.clone();
        if out.json() {
            out.value(&json::to_json(
                "comity.node.v1.CheckEvidenceResponse",
                &answer,
            )?)?;
        }
        if !violations.is_empty() {
            let mut failure = Failure::new(DATAERR, "the request is not complete")
                .with_violations(violations, more);
            if !agreement.is_empty() {
                failure = failure.and(agreement);
            }
            return Err(failure);
        }
        if !agreement.is_empty() {
            return Err(Failure::new(NOPERM, agreement));
        }
        if out.json() {
            return Ok(());
        }
        out.line("the request is complete and may be sent")
    }
}
