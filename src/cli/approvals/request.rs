//! `comity approvals request …`: leave to do one thing that needs two persons.

use clap::{Args, Subcommand};

use crate::{
    access::Guarded,
    record::{Country, Moment},
    wire::{
        json,
        node::{RequestApprovalRequest, RequestApprovalResponse, TableScope},
    },
};

use super::super::{
    Target,
    exit::Failure,
    out::{Out, moment},
    trend::code,
    why::Why,
};

/// Ask a second person for leave to do something.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Request {
    /// To open the victims' compartment of records.
    OpenVictims(OpenVictims),
    /// To export a record for court.
    ExportCourt(ExportCourt),
    /// To get at many records within an hour, or to export a table of statistics.
    ExportBulk(ExportBulk),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OpenVictims {
    #[command(flatten)]
    target: Target,
    /// References of the records, 20 at most.
    #[arg(required = true, num_args = 1..=20)]
    references: Vec<String>,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportCourt {
    #[command(flatten)]
    target: Target,
    /// Reference of the record.
    reference: String,
    /// The court, in words, exactly as the export will name it.
    #[arg(long, value_name = "COURT")]
    for_court: String,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportBulk {
    #[command(flatten)]
    target: Target,
    /// How many records within an hour.
    #[arg(long, required_unless_present = "country", conflicts_with = "country",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    records: Option<u32>,
    /// Of a table: the country that counted (ISO 3166-1 alpha-2).
    #[arg(long, requires = "indicator")]
    country: Option<Country>,
    /// Of a table: what is counted, such as detected-trafficking-victims.
    #[arg(long, value_name = "CODE", requires = "country")]
    indicator: Option<String>,
    /// Of a table: how it is divided, such as by-form-of-exploitation.
    #[arg(long, value_name = "CODE", default_value = "total")]
    dimension: String,
    #[command(flatten)]
    why: Why,
}

impl Request {
    pub(in crate::cli) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let of = |guarded: Guarded| RequestApprovalRequest {
            act: guarded.as_str().to_owned(),
            ..RequestApprovalRequest::default()
        };
        let (target, why, request) = match self {
            Self::OpenVictims(open) => {
                let request = RequestApprovalRequest {
                    references: open.references,
                    ..of(Guarded::OpenVictims)
                };
                (open.target, open.why, request)
            }
            Self::ExportCourt(export) => {
                let request = RequestApprovalRequest {
                    references: vec![export.reference],
                    beneficiary: export.for_court,
                    ..of(Guarded::ExportCourt)
                };
                (export.target, export.why, request)
            }
            Self::ExportBulk(export) => {
                let table = match (export.country, &export.indicator) {
                    (Some(country), Some(indicator)) => Some(TableScope {
                        country: country.code().to_owned(),
                        indicator: code(
                            "indicator",
                            "TrendIndicator",
                            "TREND_INDICATOR_",
                            indicator,
                        )?,
                        dimension: code(
                            "dimension",
                            "TrendDimension",
                            "TREND_DIMENSION_",
                            &export.dimension,
                        )?,
                    }),
                    _ => None,
                };
                let request = RequestApprovalRequest {
                    records: export.records.unwrap_or_default(),
                    table,
                    ..of(Guarded::ExportBulk)
                };
                (export.target, export.why, request)
            }
        };
        let mut client = target.connect().await?;
        let request = RequestApprovalRequest {
            reading_purpose: why.code(),
            case_reference: why.case(),
            note: why.note(),
            ..request
        };
        let answer = client.life.request_approval(request).await?.into_inner();
        waits(&answer, out)
    }
}

/// Says under which id something waits for a second person.
pub(in crate::cli) fn waits(
    answer: &RequestApprovalResponse,
    out: &mut Out,
) -> Result<(), Failure> {
    if out.json() {
        let value = json::to_json("comity.node.v1.RequestApprovalResponse", answer)?;
        return out.value(&value);
    }
    out.line(&answer.id)?;
    out.note(&format!(
        "a second person approves it until {}: comity approvals approve {}",
        moment(Moment::from_micros(answer.expires_us)),
        answer.id
    ));
    Ok(())
}
