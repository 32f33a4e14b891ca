//! Every way in which something is shown to a caller, and the word of its leaf.

use comity::{
    client::Client,
    record::Reference,
    wire::{
        ledger::ReadingPurpose,
        node::{
            DownloadItemRequest, ExportFormat, ExportLedgerRequest, ExportRecordRequest,
            ExportRecordsRequest, ExportTableRequest, FollowRequest, GetEvidenceRequest,
            GetRecallStatusRequest, GetRecordRequest, GetSharingRequest, ListActsOfPersonRequest,
            ListActsOnRecordRequest, ListChargesRequest, ListDueRequest, ListEvidenceRequest,
            ListHoldsRequest, ListItemsRequest, ListJointCaseEventsRequest, ListJointCasesRequest,
            ListLeavesRequest, ListReceiptsRequest, ListRecordsRequest, ListRelatedRequest,
            MakeReportRequest, ProveRecordRequest, PullRequest, SearchRequest,
            ShareCaseRecordsRequest, ShowCustodyRequest, WatchRecordsRequest,
        },
        record::{TrendDimension, TrendIndicator},
    },
};
use futures_util::StreamExt as _;
use tonic::{Response, Status};

use crate::support::CASE;

/// Ways in which something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Show,
    History,
    List,
    Due,
    Cases,
    Timeline,
    CaseShare,
    Holds,
    Watch,
    Search,
    Related,
    Receipts,
    Sharing,
    Charges,
    RecallStatus,
    Follow,
    Pull,
    ExportCourt,
    ExportTable,
    ExportFormats,
    EvidenceList,
    EvidenceSteps,
    ItemList,
    ItemDownload,
    Custody,
    AuditList,
    AuditProof,
    AuditExport,
    AuditRecord,
    AuditPerson,
    AuditReport,
}

use Way::{
    AuditExport, AuditList, AuditPerson, AuditProof, AuditRecord, AuditReport, CaseShare, Cases,
    Charges, Custody, Due, EvidenceList, EvidenceSteps, ExportCourt, ExportFormats, ExportTable,
    Follow, History, Holds, ItemDownload, ItemList, List, Pull, RecallStatus, Receipts, Related,
    Search, Sharing, Show, Timeline, Watch,
};

pub(super) const WAYS: [Way; 31] = [
    Show,
    History,
    List,
    Due,
    Cases,
    Timeline,
    CaseShare,
    Holds,
    Watch,
    Search,
    Related,
    Receipts,
    Sharing,
    Charges,
    RecallStatus,
    Follow,
    Pull,
    ExportCourt,
    ExportTable,
    ExportFormats,
    EvidenceList,
    EvidenceSteps,
    ItemList,
    ItemDownload,
    Custody,
    AuditList,
    AuditProof,
    AuditExport,
    AuditRecord,
    AuditPerson,
    AuditReport,
];

impl Way {
    /// The word of its leaf.
    pub(super) const fn detail(self) -> &'static str {
        match self {
            Show | History => "read",
            List | Due | Holds => "listed",
            Cases => "joint-cases",
            Timeline => "joint-case-events",
            CaseShare => "joint-case-shared",
            Watch => "watched",
            Search => "searched",
            Related => "related",
            Receipts => "receipts",
            Sharing => "sharing",
            Charges => "charges",
            RecallStatus => "recall-status",
            Follow | Pull => "delivered",
            ExportCourt => "court-export",
            ExportTable => "table-export",
            ExportFormats => "cap-export",
            EvidenceList => "evidence-listed",
            EvidenceSteps => "evidence-shown",
            ItemList => "items-listed",
            ItemDownload => "item-downloaded",
            Custody => "custody-shown",
            AuditList => "audit-list",
            AuditProof => "audit-proof",
            AuditExport => "audit-export",
            AuditRecord => "audit-record",
            AuditPerson => "audit-person",
            AuditReport => "audit-report",
        }
    }

    /// How many syncs go before the leaf's: a watch says first that it begins, the text of a request
    /// is read before its steps are shown, and an item is looked for before it is downloaded.
    pub(super) const fn before(self) -> u64 {
        match self {
            Watch | EvidenceSteps | ItemDownload => 1,
            _ => 0,
        }
    }

    /// Asks; whatever was shown, or the refusal.
    pub(super) async fn ask(self, by: &mut Callers, reference: &str) -> Result<String, Status> {
        let reference = reference.to_owned();
        let reading_purpose = ReadingPurpose::Investigation.into();
        let case_reference = CASE.to_owned();
        let Callers { officer, operator } = by;
        match self {
            Show | History => {
                let request = GetRecordRequest {
                    reference,
                    reading_purpose,
                    case_reference,
                    thread: self == History,
                    ..GetRecordRequest::default()
                };
                said(officer.records.get_record(request).await)
            }
            List => said(
                officer
                    .records
                    .list_records(ListRecordsRequest::default())
                    .await,
            ),
            Due => said(officer.threads.list_due(ListDueRequest::default()).await),
            Cases => {
                let request = ListJointCasesRequest::default();
                said(officer.joint_cases.list_joint_cases(request).await)
            }
            Timeline => {
                // The case was opened fifth after the record.
                let request = ListJointCaseEventsRequest {
                    reference: after(&reference, 5),
                    ..ListJointCaseEventsRequest::default()
                };
                said(officer.joint_cases.list_joint_case_events(request).await)
            }
            CaseShare => {
                let request = ShareCaseRecordsRequest {
                    reference: after(&reference, 5),
                    country: "UZ".to_owned(),
                    dry_run: true,
                    ..ShareCaseRecordsRequest::default()
                };
                said(officer.joint_cases.share_case_records(request).await)
            }
            Holds => said(officer.life.list_holds(ListHoldsRequest {}).await),
            Watch => {
                let watch = officer
                    .records
                    .watch_records(WatchRecordsRequest::default());
                match watch.await?.into_inner().next().await {
                    Some(first) => Ok(format!("{:?}", first?)),
                    None => Err(Status::unknown("the watch ended")),
                }
            }
            Search => {
                let request = SearchRequest {
                    text: "Namuna".to_owned(),
                    reading_purpose,
                    case_reference,
                    ..SearchRequest::default()
                };
                said(officer.search.search(request).await)
            }
            Related => {
                let request = ListRelatedRequest {
                    reference,
                    reading_purpose,
                    case_reference,
                    ..ListRelatedRequest::default()
                };
                said(officer.search.list_related(request).await)
            }
            Receipts => said(
                officer
                    .records
                    .list_receipts(ListReceiptsRequest { reference })
                    .await,
            ),
            Sharing => said(
                officer
                    .sharing
                    .get_sharing(GetSharingRequest { reference })
                    .await,
            ),
            Charges => said(
                officer
                    .threads
                    .list_charges(ListChargesRequest { reference })
                    .await,
            ),
            RecallStatus => said(
                officer
                    .life
                    .get_recall_status(GetRecallStatusRequest { reference })
                    .await,
            ),
            Follow => {
                let request = FollowRequest {
                    name: "cases".to_owned(),
                    ..FollowRequest::default()
                };
                let mut stream = officer.subscriptions.follow(request).await?.into_inner();
                // First it is said where it begins.
                stream.message().await?;
                match stream.message().await? {
                    Some(first) => Ok(format!("{first:?}")),
                    None => Err(Status::unknown("the stream ended")),
                }
            }
            Pull => {
                let request = PullRequest {
                    name: "cases".to_owned(),
                    ..PullRequest::default()
                };
                said(officer.subscriptions.pull(request).await)
            }
            ExportCourt => {
                let request = ExportRecordRequest {
                    reference,
                    beneficiary: "EXERCISE City Court".to_owned(),
                    reading_purpose,
                    case_reference,
                    ..ExportRecordRequest::default()
                };
                said(officer.consents.export_record(request).await)
            }
            ExportTable => {
                let request = ExportTableRequest {
                    country: "TJ".to_owned(),
                    indicator: TrendIndicator::DetectedTraffickingVictims.into(),
                    dimension: TrendDimension::Total.into(),
                    exercise: true,
                    purpose: "EXERCISE".to_owned(),
                    ..ExportTableRequest::default()
                };
                said(officer.trends.export_table(request).await)
            }
            ExportFormats => {
                let request = ExportRecordsRequest {
                    format: ExportFormat::Cap.into(),
                    references: vec![reference],
                    reading_purpose,
                    case_reference,
                    ..ExportRecordsRequest::default()
                };
                let answers = officer.formats.export_records(request).await?;
                match answers.into_inner().next().await {
                    Some(first) => Ok(format!("{:?}", first?)),
                    None => Err(Status::unknown("the export ended")),
                }
            }
            EvidenceList => said(
                officer
                    .evidence
                    .list_evidence(ListEvidenceRequest::default())
                    .await,
            ),
            EvidenceSteps => {
                // The request was submitted third after the record.
                let request = GetEvidenceRequest {
                    reference: after(&reference, 3),
                    ..GetEvidenceRequest::default()
                };
                said(officer.evidence.get_evidence(request).await)
            }
            ItemList => said(officer.items.list_items(items_of(&reference)).await),
            ItemDownload => {
                let request = items_of(&reference);
                let reference = request.reference.clone();
                let listed = officer.items.list_items(request).await?.into_inner();
                let request = DownloadItemRequest {
                    reference,
                    item: listed.items[0].id.clone(),
                    purpose: reading_purpose,
                    case_reference,
                    ..DownloadItemRequest::default()
                };
                let answers = officer.items.download_item(request).await?;
                match answers.into_inner().next().await {
                    Some(first) => Ok(format!("{:?}", first?)),
                    None => Err(Status::unknown("the download ended")),
                }
            }
            Custody => {
                let request = ShowCustodyRequest {
                    reference,
                    purpose: reading_purpose,
                    case_reference,
                    ..ShowCustodyRequest::default()
                };
                said(officer.custody.show_custody(request).await)
            }
            AuditList => said(
                operator
                    .audit
                    .list_leaves(ListLeavesRequest::default())
                    .await,
            ),
            AuditProof => said(
                operator
                    .audit
                    .prove_record(ProveRecordRequest { reference })
                    .await,
            ),
            AuditExport => {
                let lines = operator.audit.export_ledger(ExportLedgerRequest {}).await?;
                match lines.into_inner().next().await {
                    Some(first) => Ok(format!("{:?}", first?)),
                    None => Err(Status::unknown("the export ended")),
                }
            }
            AuditRecord => {
                let request = ListActsOnRecordRequest {
                    reference,
                    ..ListActsOnRecordRequest::default()
                };
                said(operator.audit.list_acts_on_record(request).await)
            }
            AuditPerson => {
                let request = ListActsOfPersonRequest {
                    person: "local".to_owned(),
                    ..ListActsOfPersonRequest::default()
                };
                said(operator.audit.list_acts_of_person(request).await)
            }
            AuditReport => {
                let request = MakeReportRequest {
                    from_us: 0,
                    to_us: i64::MAX,
                    ..MakeReportRequest::default()
                };
                said(operator.audit.make_report(request).await)
            }
        }
    }
}

/// The reference of what was submitted so many records after another.
fn after(reference: &str, more: u32) -> String {
    let of: Reference = reference.parse().unwrap();
    let number = of.number + more;
    Reference { number, ..of }.to_string()
}

/// The items of the request, which was submitted third after the record.
fn items_of(reference: &str) -> ListItemsRequest {
    ListItemsRequest {
        reference: after(reference, 3),
        purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
    }
}

fn said<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Result<String, Status> {
    Ok(format!("{:?}", answer?.into_inner()))
}

/// An officer with every role, and the operator.
pub(super) struct Callers {
    pub(super) officer: Client,
    pub(super) operator: Client,
}
