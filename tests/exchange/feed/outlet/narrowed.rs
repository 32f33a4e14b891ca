//! What a subscription shows is what its caller may read, as the permissions are at each record.

use comity::{
    access::{Action, PrincipalKind, Role, Table},
    wire::{
        json,
        ledger::ReadingPurpose,
        node::{
            ApproveRequest, CreateSubscriptionRequest, ProposePermissionsRequest, delivered::What,
        },
        record::CompartmentLabel,
    },
};

use super::{ends, listed, next, reason, record, subscribed};
use crate::support::{CASE, alert, client_as, json_of, neighbours};

#[tokio::test(flavor = "multi_thread")]
async fn compartments_are_narrowed_and_other_authorities_see_nothing() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let system = PrincipalKind::CaseSystem;
    let mut own = client_as(&a, system, "case-1", "national-police", &[]).await;
    let mut other = client_as(&a, system, "case-2", "border-guard", &[]).await;
    subscribed(&mut own, "situations").await;
    let request = CreateSubscriptionRequest {
        name: "whole".to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..CreateSubscriptionRequest::default()
    };
    own.subscribe(request).await.unwrap();
    subscribed(&mut other, "situations").await;
    let mut value = json_of("with a suspect", &["UZ"]);
    value["suspects"] = serde_json::json!({ "suspects": [{
        "names": [{ "text": "EXERCISE Namuna", "language": "en" }],
    }]});
    value["source"] = serde_json::json!({ "description": "EXERCISE: a caller" });
    let whole = json::from_json("comity.record.v1.Record", &value.to_string()).unwrap();
    let reference = a.submit(whole).await;

    let mut following = own.follow("situations").await.unwrap();
    let received = next(&mut following).await;
    let Some(What::Record(of)) = received.delivered.what else {
        panic!("a record")
    };
    let opened = of.record.unwrap();
    assert_eq!(opened.reference, reference);
    assert!(opened.situation.is_some() && opened.suspects.is_none() && opened.source.is_none());
    let suspects = of
        .withheld
        .iter()
        .find(|of| of.compartment() == CompartmentLabel::Suspects);
    assert!(suspects.unwrap().reason.contains("purpose"));
    let mut following = own.follow("whole").await.unwrap();
    let received = next(&mut following).await;
    let Some(What::Record(of)) = received.delivered.what else {
        panic!("a record")
    };
    let opened = of.record.unwrap();
    // No case system reads sources.
    assert!(opened.suspects.is_some() && opened.source.is_none());

    // Another authority has subscriptions of its own, and gets nothing of this one's.
    let mut following = other.follow("situations").await.unwrap();
    super::nothing(&mut following).await;
    assert_eq!(
        reason(&other.follow("whole").await.unwrap_err()),
        "SUBSCRIPTION_UNKNOWN"
    );
    assert_eq!(listed(&mut other).await.len(), 1);
    assert_eq!(listed(&mut own).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_less_gets_less_from_then_on() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let system = PrincipalKind::CaseSystem;
    let mut own = client_as(&a, system, "case-1", "national-police", &[]).await;
    subscribed(&mut own, "cases").await;
    let first = a.submit(alert("first")).await;
    let mut following = own.follow("cases").await.unwrap();
    assert_eq!(record(&next(&mut following).await.delivered), first);
    let mut table = Table::default();
    for row in &mut table.rows {
        if row.role == Role::CaseSystem {
            row.actions.remove(&Action::Subscribe);
        }
    }
    let request = ProposePermissionsRequest {
        table: table.to_toml(),
        note: "EXERCISE".to_owned(),
    };
    let mut operator = a.operating().await;
    let asked = operator.access.propose_permissions(request).await;
    let id = asked.unwrap().into_inner().approval_id;
    let kind = PrincipalKind::Auditor;
    let mut auditor = client_as(&a, kind, "auditor", "", &[Role::Auditor]).await;
    auditor.life.approve(ApproveRequest { id }).await.unwrap();
    a.submit(alert("second")).await;
    assert_eq!(ends(&mut following).await, "ACCESS_DENIED");
    assert_eq!(
        reason(&own.follow("cases").await.unwrap_err()),
        "ACCESS_DENIED"
    );
}
