//! `comity case share REF --with COUNTRY`.

use clap::Args;

use crate::{
    client::Client,
    wire::{
        json,
        node::{CaseRecordShare, CaseShareOutcome, ShareCaseRecordsRequest},
    },
};

use super::super::{Target, exit::Failure, out::Out};

/// Records of the case that are looked at for one answer.
const PAGE: u32 = 50;

/// Share what a joint case held before somebody joined.
///
/// Every own record that went to all members of its time goes to the new member too, as a version with the
/// same content and markings. Records of other countries are theirs to share. What may not go is named with
/// the reason.
#[derive(Debug, Args)]
pub(in crate::cli) struct Share {
    #[command(flatten)]
    target: Target,
    /// Reference of any version of the joint case.
    reference: String,
    /// The country that joined, such as KZ.
    #[arg(long = "with", value_name = "COUNTRY")]
    country: String,
    /// Only this record, though it went to some members alone; any of its versions, several for several.
    #[arg(long = "record", value_name = "REF")]
    records: Vec<String>,
    /// Only meetings.
    #[arg(long)]
    meetings: bool,
    /// Say what would go, and send nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Share {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = ShareCaseRecordsRequest {
            reference: self.reference,
            country: self.country.to_uppercase(),
            records: self.records,
            meetings: self.meetings,
            dry_run: self.dry_run,
            page_size: PAGE,
            ..ShareCaseRecordsRequest::default()
        };
        let shared = shared(&mut client, request).await?;
        if out.json() {
            for of in &shared {
                out.value(&json::to_json("comity.node.v1.CaseRecordShare", of)?)?;
            }
            return Ok(());
        }
        if shared.is_empty() {
            return out.line("nothing to share: the other country has it all");
        }
        show(&shared, out)
    }
}

/// Shares page by page.
pub(super) async fn shared(
    client: &mut Client,
    mut request: ShareCaseRecordsRequest,
) -> Result<Vec<CaseRecordShare>, Failure> {
    let mut shared = Vec::new();
    loop {
        let page = client.joint_cases.share_case_records(request.clone());
        let page = page.await?.into_inner();
        shared.extend(page.records);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(shared);
        }
    }
}

/// What became of each, as a table.
pub(super) fn show(shared: &[CaseRecordShare], out: &mut Out) -> Result<(), Failure> {
    let rows = shared.iter().map(|of| {
        let word = match of.outcome() {
            CaseShareOutcome::Shared => "shared",
            CaseShareOutcome::WouldShare => "would go",
            CaseShareOutcome::Foreign => "another country's",
            CaseShareOutcome::Narrowed => "not named",
            CaseShareOutcome::Refused => "refused",
            CaseShareOutcome::Unspecified => "",
        };
        vec![
            of.reference.clone(),
            word.to_owned(),
            of.shared_as.clone(),
            of.title.clone(),
            of.says.clone(),
        ]
    });
    out.table(&["RECORD", "WHAT", "AS", "TITLE", "WHY"], rows.collect())
}
