//! Steps that cross while neither side hears of the other.

use comity::wire::node::{EvidenceState, EvidenceStepOutcome};

use super::{
    acknowledged, executed, neighbours, recognised, refused, requested, take, the_same,
    transferred, withdrawn,
};
use comity::wire::record::RefusalGround;

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_while_executed_ends_withdrawn_on_both_sides() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    take(&uz, &reference, acknowledged()).await;
    the_same(&tj, &uz, &reference, 1).await;
    // The link is down both ways: neither hears of the other.
    uz.stop().await;
    let withdrawal = take(&tj, &reference, withdrawn()).await;
    assert_eq!(withdrawal.state(), EvidenceState::Withdrawn);
    tj.stop().await;
    uz.start().await;
    let mut theirs = Vec::new();
    for act in [recognised(), executed(), transferred()] {
        theirs.push(take(&uz, &reference, act).await);
    }
    assert_eq!(theirs[2].state(), EvidenceState::Transferred);
    tj.start().await;
    let end = the_same(&tj, &uz, &reference, 5).await;
    assert_eq!(end.state, EvidenceState::Withdrawn);
    // What was done was done, and is shown before the withdrawal that crossed it.
    let acts: Vec<&str> = end.steps.iter().map(|of| of.1.as_str()).collect();
    assert_eq!(
        acts,
        [
            "acknowledge",
            "recognise",
            "execute",
            "transfer",
            "withdraw"
        ]
    );
    let took = i32::from(EvidenceStepOutcome::Took);
    assert!(end.steps.iter().all(|of| of.2 == took));
    let crossed: Vec<String> = theirs.iter().map(|of| of.reference.clone()).collect();
    assert_eq!(end.steps[4].5, crossed);
    assert_eq!(end.steps[1].5, [withdrawal.reference]);
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_while_refused_stays_refused_on_both_sides() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    the_same(&tj, &uz, &reference, 0).await;
    uz.stop().await;
    take(&tj, &reference, withdrawn()).await;
    tj.stop().await;
    uz.start().await;
    take(&uz, &reference, refused(RefusalGround::EDNeBisInIdem)).await;
    tj.start().await;
    let end = the_same(&tj, &uz, &reference, 2).await;
    assert_eq!(end.state, EvidenceState::Refused);
    let void = i32::from(EvidenceStepOutcome::Void);
    assert_eq!(
        (end.steps[1].1.as_str(), end.steps[1].2),
        ("withdraw", void)
    );
    assert!(
        end.steps[1].4.contains("not allowed in state REFUSED"),
        "{}",
        end.steps[1].4
    );
    tj.stop().await;
    uz.stop().await;
}
