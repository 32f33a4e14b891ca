//! Nobody takes a country's records out alone, in one listing or in many.

use comity::{
    access::{Guarded, Table},
    client::Client,
    wire::{
        node::{
            ApprovalState, ExportTableRequest, ListRecordsRequest, RequestApprovalRequest,
            TableScope, WatchRecordsRequest,
        },
        record::{TrendDimension, TrendIndicator},
    },
};

use super::{approve, ask, of_two};
use crate::support::{Country, alert, befriend, colleague, ledger_bodies, refusal_of};

async fn list(by: &mut Client, page_size: u32, token: &str) -> Result<(usize, String), String> {
    let request = ListRecordsRequest {
        page_size,
        page_token: token.to_owned(),
        ..ListRecordsRequest::default()
    };
    let answer = by.records.list_records(request).await;
    let page = answer.map_err(|refused| refusal_of(&refused))?.into_inner();
    Ok((page.records.len(), page.next_page_token))
}

/// TJ, where an officer gets at three records within an hour alone, and holds five.
async fn five() -> Country {
    let (mut tj, uz) = (of_two("TJ"), of_two("UZ"));
    let mut table = Table::default();
    table.second.get_mut(&Guarded::ExportBulk).unwrap().records = 3;
    tj.permit(&table);
    befriend(&[&tj, &uz]).await;
    tj.start().await;
    for n in 0..5 {
        tj.submit(alert(&format!("number {n}"))).await;
    }
    tj
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_need_a_second_person_in_one_page_or_in_many() {
    let tj = five().await;
    let (mut first, mut second) = (tj.client().await, colleague(&tj, "second").await);
    let denied = list(&mut first, 5, "").await.unwrap_err();
    assert_eq!(denied, "ACCESS_DENIED");
    let (shown, next) = list(&mut first, 3, "").await.unwrap();
    assert_eq!(shown, 3);
    // The same again is no more; what comes next is.
    assert_eq!(list(&mut first, 3, "").await.unwrap().0, 3);
    let denied = list(&mut first, 1, &next).await.unwrap_err();
    assert_eq!(denied, "ACCESS_DENIED");
    // Watching what was there before is no way round.
    let watch = WatchRecordsRequest::default();
    let mut watch = first
        .records
        .watch_records(watch)
        .await
        .unwrap()
        .into_inner();
    let refused = watch.message().await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    let request = RequestApprovalRequest {
        act: "export-bulk".to_owned(),
        records: 10,
        ..RequestApprovalRequest::default()
    };
    let id = ask(&mut first, request).await.unwrap();
    assert_eq!(approve(&mut first, &id).await.unwrap_err(), "APPROVAL_OWN");
    let state = approve(&mut second, &id).await;
    assert_eq!(state, Ok(ApprovalState::Granted));
    assert_eq!(list(&mut first, 5, "").await.unwrap().0, 5);
    let leaves = ledger_bodies(&tj).await;
    let listed = leaves.iter().find(|leaf| leaf.detail == "listed").unwrap();
    assert_eq!(hex::encode(&listed.approvals[0]), id);
    // Others have an hour of their own.
    assert!(list(&mut second, 5, "").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_statistics_leaves_by_two_persons() {
    let mut tj = of_two("TJ");
    tj.start().await;
    let (mut first, mut second) = (tj.client().await, colleague(&tj, "second").await);
    let (indicator, dimension) = (
        TrendIndicator::DetectedTraffickingVictims.into(),
        TrendDimension::Total.into(),
    );
    let export = ExportTableRequest {
        country: "TJ".to_owned(),
        indicator,
        dimension,
        ..ExportTableRequest::default()
    };
    let denied = first.trends.export_table(export.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&denied), "ACCESS_DENIED");
    let request = RequestApprovalRequest {
        act: "export-bulk".to_owned(),
        table: Some(TableScope {
            country: "tj".to_owned(),
            indicator,
            dimension,
        }),
        ..RequestApprovalRequest::default()
    };
    let id = ask(&mut first, request).await.unwrap();
    approve(&mut second, &id).await.unwrap();
    // There is nothing to make a table of; nobody's leave is missing any more.
    let refused = first.trends.export_table(export.clone()).await.unwrap_err();
    assert_ne!(refusal_of(&refused), "ACCESS_DENIED");
    let other = ExportTableRequest {
        country: "UZ".to_owned(),
        ..export
    };
    let denied = first.trends.export_table(other).await.unwrap_err();
    assert_eq!(refusal_of(&denied), "ACCESS_DENIED");
}
