//! Lists: filters, pages, and the same again after a start.

use comity::wire::{
    node::{EvidenceSide, EvidenceState, ListEvidenceRequest, ListEvidenceResponse},
    record::RefusalGround,
};

use super::{acknowledged, neighbours, refused, request_to, stands, submit, take};
use crate::support::{Country, eventually};

async fn list(at: &Country, asked: ListEvidenceRequest) -> ListEvidenceResponse {
    at.client().await.list_evidence(asked).await.unwrap()
}

fn references(listed: &ListEvidenceResponse) -> Vec<&str> {
    listed
        .cases
        .iter()
        .map(|of| of.reference.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_listed_by_state_country_and_side_also_after_a_start() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(submit(&tj, request_to("national-police")).await.unwrap());
    }
    for reference in &all {
        uz.receives(reference).await;
    }
    take(&uz, &all[0], refused(RefusalGround::TBSovereignty)).await;
    take(&uz, &all[1], acknowledged()).await;
    stands(&tj, &all[0], EvidenceState::Refused, 1).await;
    stands(&tj, &all[1], EvidenceState::Acknowledged, 1).await;
    for at in [&mut tj, &mut uz] {
        at.restart().await;
        eventually("everything is looked through", async || {
            list(at, ListEvidenceRequest::default())
                .await
                .complete
                .then_some(())
        })
        .await;
        let every = list(at, ListEvidenceRequest::default()).await;
        let newest_first: Vec<&str> = all.iter().rev().map(String::as_str).collect();
        assert_eq!(references(&every), newest_first);
        let open = ListEvidenceRequest {
            open: true,
            ..ListEvidenceRequest::default()
        };
        assert_eq!(references(&list(at, open).await).len(), 4);
        let in_hand = ListEvidenceRequest {
            states: vec![EvidenceState::Acknowledged.into()],
            ..ListEvidenceRequest::default()
        };
        assert_eq!(references(&list(at, in_hand).await), [all[1].as_str()]);
        let with_nobody = ListEvidenceRequest {
            country: "KZ".to_owned(),
            ..ListEvidenceRequest::default()
        };
        assert!(references(&list(at, with_nobody).await).is_empty());
        let mut asked = ListEvidenceRequest {
            page_size: 2,
            ..ListEvidenceRequest::default()
        };
        let mut paged = Vec::new();
        loop {
            let page = list(at, asked.clone()).await;
            paged.extend(references(&page).into_iter().map(str::to_owned));
            asked.page_token = page.next_page_token;
            if asked.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, newest_first);
    }
    let issued = |side: EvidenceSide| ListEvidenceRequest {
        side: side.into(),
        ..ListEvidenceRequest::default()
    };
    assert_eq!(
        list(&tj, issued(EvidenceSide::Issuing)).await.cases.len(),
        5
    );
    assert_eq!(
        list(&tj, issued(EvidenceSide::Executing)).await.cases.len(),
        0
    );
    assert_eq!(
        list(&uz, issued(EvidenceSide::Executing)).await.cases.len(),
        5
    );
    tj.stop().await;
    uz.stop().await;
}
