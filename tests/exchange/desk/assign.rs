//! A record is put into an officer's hands, with its history.

use comity::wire::node::ListChargesRequest;

use crate::support::{
    acknowledge, alert, assign, colleague, comity, ledger_bodies, listed, neighbours, refusal_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_is_assigned_and_the_history_stays() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("assigned")).await;
    b.receives(&reference).await;
    let mut chief = b.client().await;
    let mut karimova = colleague(&b, "n.karimova").await;
    colleague(&b, "a.rahimov").await;

    let assigned = assign(&mut chief, &reference, "n.karimova", "")
        .await
        .unwrap();
    let charge = assigned.charge.unwrap();
    assert_eq!(charge.officer, "UZ/officer/n.karimova");
    assert_eq!(charge.acknowledged_us, 0, "assigned is not acknowledged");
    let again = assign(&mut chief, &reference, "UZ/officer/n.karimova", "").await;
    assert!(again.unwrap().repeated);
    acknowledge(&mut karimova, &reference, "").await.unwrap();
    let moved = assign(&mut karimova, &reference, "a.rahimov", "")
        .await
        .unwrap();
    let charge = moved.charge.unwrap();
    assert_eq!(charge.officer, "UZ/officer/a.rahimov");
    assert!(charge.acknowledged_us > 0, "the authority acknowledged it");

    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    assert_eq!(listed(&b, &reference).await.charges, [charge]);
    let request = ListChargesRequest {
        reference: reference.clone(),
    };
    let steps = b.client().await.threads.list_charges(request).await;
    let steps = steps.unwrap().into_inner().steps;
    let told: Vec<_> = steps
        .iter()
        .map(|of| (&*of.officer, &*of.by, of.acknowledged))
        .collect();
    let (local, karimova) = ("UZ/officer/local", "UZ/officer/n.karimova");
    assert_eq!(
        told,
        [
            (karimova, local, false),
            (karimova, karimova, true),
            ("UZ/officer/a.rahimov", karimova, false),
        ]
    );
    let details: Vec<_> = ledger_bodies(&b).await;
    let details = details.iter().filter(|leaf| leaf.detail == "assigned");
    assert_eq!(details.count(), 2);
    let shown = comity(&["records", "show", &reference, "--home", b.at()])
        .await
        .fine();
    assert!(shown.contains("assigned by UZ/officer/local"), "{shown}");
    assert!(shown.contains("a.rahimov (liaison desk)"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_unknown_is_assigned_and_no_authority_elsewhere() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut record = alert("for the police");
    record.destinations[0].authorities = vec!["national-police".to_owned()];
    let reference = a.submit(record).await;
    b.receives(&reference).await;
    let mut chief = b.client().await;
    for name in [
        "nobody",
        "",
        "../operator",
        "TJ/officer/local",
        "UZ/node/local",
    ] {
        let refused = assign(&mut chief, &reference, name, "").await.unwrap_err();
        assert_eq!(refusal_of(&refused), "OFFICER_UNKNOWN", "{name}");
    }
    // An officer and an operator have this name; operators are in charge of nothing.
    let operator = assign(&mut chief, &reference, "UZ/operator/local", "").await;
    assert_eq!(refusal_of(&operator.unwrap_err()), "OFFICER_UNKNOWN");
    let refused = assign(&mut chief, &reference, "local", "border-guard").await;
    let refused = refused.unwrap_err();
    assert_eq!(refusal_of(&refused), "AUTHORITY_NOT_A_DESTINATION");
    assert!(refused.message().contains("national-police"), "{refused}");
    let assigned = assign(&mut chief, &reference, "local", "").await.unwrap();
    assert_eq!(assigned.charge.unwrap().authority, "national-police");
    comity(&["assign", &reference, "--to", "nobody", "--home", b.at()])
        .await
        .fails(
            65,
            &[
                "no valid certificate was issued to `nobody`",
                "comity officer add nobody",
            ],
        );
}
