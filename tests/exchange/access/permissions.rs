//! The permissions in force are those that two persons put there, and no file changes them.

use comity::{
    access::{Action, Guarded, PrincipalKind, Role, Table},
    client::Client,
    wire::node::{
        ApprovalState, ExplainDecisionRequest, ExplainDecisionResponse, GetPermissionsRequest,
        GetPermissionsResponse, ProposePermissionsRequest, ProposePermissionsResponse,
        WatchRecordsRequest,
    },
};

use super::{approve, of_two};
use crate::support::{Country, alert, befriend, client_as, comity, ledger_bodies, refusal_of};

async fn in_force(at: &Country) -> GetPermissionsResponse {
    let mut operator = at.operating().await;
    let answer = operator
        .access
        .get_permissions(GetPermissionsRequest {})
        .await;
    answer.unwrap().into_inner()
}

async fn propose(at: &Country, table: &Table) -> Result<ProposePermissionsResponse, String> {
    let request = ProposePermissionsRequest {
        table: table.to_toml(),
        note: "EXERCISE".to_owned(),
    };
    let mut operator = at.operating().await;
    let answer = operator.access.propose_permissions(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|refused| refusal_of(&refused))
}

/// The built-in table, in which analysts watch nothing.
fn without_watching() -> Table {
    let mut table = Table::default();
    for row in &mut table.rows {
        if row.role == Role::Analyst {
            row.actions.remove(&Action::Watch);
        }
    }
    table
}

async fn auditor(at: &Country) -> Client {
    client_as(at, PrincipalKind::Auditor, "auditor", "", &[Role::Auditor]).await
}

async fn explain(
    by: &mut Client,
    who: &str,
    action: &str,
    reference: &str,
) -> Result<ExplainDecisionResponse, String> {
    let request = ExplainDecisionRequest {
        principal: who.to_owned(),
        action: action.to_owned(),
        reference: reference.to_owned(),
    };
    let answer = by.access.explain_decision(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|refused| refusal_of(&refused))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_change_the_permissions_of_a_running_node() {
    let (mut tj, uz) = (of_two("TJ"), of_two("UZ"));
    befriend(&[&tj, &uz]).await;
    tj.start().await;
    let before = in_force(&tj).await;
    assert_eq!(before.table, Table::default().to_toml());
    let officer = PrincipalKind::Officer;
    let mut analyst = client_as(&tj, officer, "analyst", "", &[Role::Analyst]).await;
    let watch = WatchRecordsRequest::default();
    let mut watch = analyst
        .records
        .watch_records(watch)
        .await
        .unwrap()
        .into_inner();
    tj.submit(alert("first")).await;
    watch.message().await.unwrap();

    assert_eq!(
        propose(&tj, &Table::default()).await.unwrap_err(),
        "APPROVAL_INVALID"
    );
    let asked = propose(&tj, &without_watching()).await.unwrap();
    let loses = "analyst loses `watch` of every record: situation, suspects, identifiers";
    assert_eq!(asked.changes, [loses]);
    let rival = Table::default().by_one(&[Guarded::Shred]);
    let rival = propose(&tj, &rival).await.unwrap();
    assert_eq!(in_force(&tj).await.digest, before.digest);
    let mut alone = tj.operating().await;
    let own = approve(&mut alone, &asked.approval_id).await;
    assert_eq!(own.unwrap_err(), "APPROVAL_OWN");
    let denied = approve(&mut tj.client().await, &asked.approval_id).await;
    assert_eq!(denied.unwrap_err(), "ACCESS_DENIED");
    let mut auditor = auditor(&tj).await;
    let state = approve(&mut auditor, &asked.approval_id).await;
    assert_eq!(state, Ok(ApprovalState::Done));
    let after = in_force(&tj).await;
    assert_eq!(after.table, without_watching().to_toml());
    assert_eq!(after.proposed_by, "TJ/operator/local");
    assert_eq!(after.approved_by, "TJ/auditor/auditor");
    let leaves = ledger_bodies(&tj).await;
    let leaf = leaves
        .iter()
        .find(|leaf| leaf.detail == "permissions")
        .unwrap();
    assert_eq!(leaf.subject, after.digest);
    assert_eq!(hex::encode(&leaf.approvals[0]), asked.approval_id);
    // Open streams are told no more.
    tj.submit(alert("second")).await;
    let refused = watch.message().await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    // What was compared with another table is not put in force.
    let state = approve(&mut auditor, &rival.approval_id).await;
    assert_eq!(state, Ok(ApprovalState::Failed));
    assert_eq!(in_force(&tj).await.digest, after.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_the_home_changes_no_permissions() {
    let mut tj = of_two("TJ");
    tj.start().await;
    let before = in_force(&tj).await;
    assert!(before.note.is_empty());
    for text in [
        Table::default().by_one(Guarded::ALL).to_toml(),
        "[[".to_owned(),
    ] {
        tj.stop().await;
        std::fs::write(tj.layout().access(), text).unwrap();
        tj.start().await;
        let after = in_force(&tj).await;
        assert_eq!(after.digest, before.digest);
        assert!(after.note.contains("takes no effect"), "{}", after.note);
        let said = comity(&["status", "--home", tj.at()]).await.fine();
        assert!(said.contains("IGNORED  access.toml in the home"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_to_whom_it_concerns() {
    let (mut tj, uz) = (of_two("TJ"), of_two("UZ"));
    befriend(&[&tj, &uz]).await;
    tj.start().await;
    let reference = tj.submit(alert("explained")).await;
    let judge = Role::JudicialAuthority;
    let officer = PrincipalKind::Officer;
    let mut judge = client_as(&tj, officer, "judge", "prosecutor-general", &[judge]).await;
    let own = explain(&mut judge, "", "export-court", "").await.unwrap();
    assert!(own.allowed && own.second_person[0].contains("`export-court`"));
    assert_eq!(own.principal, "TJ/officer/judge");
    for own in ["judge", "officer/judge", "TJ/officer/judge"] {
        explain(&mut judge, own, "read", "").await.unwrap();
    }
    // A record that one may not know of is not there, but for auditors.
    let unknown = explain(&mut judge, "", "read", &reference).await;
    assert_eq!(unknown.unwrap_err(), "RECORD_UNKNOWN");
    let others = explain(&mut judge, "officer/local", "read", "").await;
    assert_eq!(others.unwrap_err(), "ACCESS_DENIED");
    let mut auditor = auditor(&tj).await;
    let said = explain(&mut auditor, "officer/judge", "read", &reference).await;
    let said = said.unwrap();
    assert!(
        !said.allowed && said.missing.contains("another authority's"),
        "{said:?}"
    );
    let said = explain(&mut auditor, "local", "read", &reference)
        .await
        .unwrap();
    assert!(said.allowed && said.rows[0].says.contains("liaison-officer may `read`"));
    assert_eq!(said.digest, in_force(&tj).await.digest);
    let nobody = explain(&mut auditor, "officer/nobody", "read", "").await;
    assert_eq!(nobody.unwrap_err(), "PRINCIPAL_UNKNOWN");
    let nothing = explain(&mut auditor, "", "fly", "").await;
    assert_eq!(nothing.unwrap_err(), "ACTION_UNKNOWN");
    let mut operator = tj.operating().await;
    let hidden = explain(&mut operator, "officer/local", "read", &reference).await;
    assert_eq!(hidden.unwrap_err(), "RECORD_UNKNOWN");
    let check = [
        "access",
        "check",
        "--as",
        "local",
        "--action",
        "shred",
        "--home",
        tj.at(),
    ];
    let said = comity(&check).await.fine();
    assert!(
        said.contains("may `shred`") && said.contains("second person"),
        "{said}"
    );
    // Of a record, by the key of whom it is about.
    let check = [
        "access",
        "check",
        "--as",
        "officer/local",
        "--action",
        "read",
        &reference,
        "--home",
        tj.at(),
    ];
    let said = comity(&check).await.fine();
    assert!(
        said.contains("may `read`") && said.contains("situation: by row"),
        "{said}"
    );
}
