//! More requests than a round opens.

use comity::wire::node::RequestEvidenceRequest;

use super::clocks::{agreed, later, request, told};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_a_round_opens_are_each_told_of_once() {
    const REQUESTS: usize = 600;
    let (mut tj, mut uz) = agreed().await;
    tj.start().await;
    uz.start().await;
    let mut client = tj.client().await;
    let mut references = Vec::new();
    for _ in 0..REQUESTS {
        let asked = RequestEvidenceRequest {
            record: Some(request()),
            ..RequestEvidenceRequest::default()
        };
        references.push(client.request_evidence(asked).await.unwrap().reference);
    }
    references.sort();
    for at in [&tj, &uz] {
        eventually("every clock is known", async || {
            let counted = at.status().await.evidence.unwrap();
            (counted.running == REQUESTS as u64).then_some(())
        })
        .await;
    }
    later(&mut tj, &mut uz, 11).await;
    for at in [&tj, &uz] {
        let what = format!("{} tells of every one", at.code);
        let mut late = eventually(&what, async || {
            let late = told(at, "clock-late").await;
            (late.len() >= REQUESTS).then_some(late)
        })
        .await;
        late.sort();
        assert_eq!(late.len(), REQUESTS, "each once");
        assert!(late.iter().map(|(of, _)| of).eq(&references));
        assert!(
            told(at, "clock-warning").await.is_empty(),
            "too late for it"
        );
    }
    tj.stop().await;
    uz.stop().await;
}
