//! What each role sees of a record, and for what purpose.

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    wire::{
        ledger::{Action, ReadingPurpose},
        node::{GetRecordRequest, GetRecordResponse, ListRecordsRequest, SearchRequest},
        record::CompartmentLabel::{self, Situation, Suspects, Victims},
    },
};

use crate::support::{
    CASE, Country, befriend, client_as, eventually, ledger_bodies, refusal_of, with_everything,
};

/// TJ and AE, where a record with suspects and victims lies for the victim support.
async fn held() -> (Country, Country, String) {
    let (mut tj, uz, mut ae) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("AE"),
    );
    befriend(&[&tj, &uz, &ae]).await;
    tj.start().await;
    ae.start().await;
    let reference = tj.submit(with_everything()).await;
    ae.receives(&reference).await;
    (tj, ae, reference)
}

async fn officer(at: &Country, name: &str, authority: &str, role: Role) -> Client {
    client_as(at, PrincipalKind::Officer, name, authority, &[role]).await
}

fn asking(reference: &str) -> GetRecordRequest {
    GetRecordRequest {
        reference: reference.to_owned(),
        reading_purpose: ReadingPurpose::VictimProtection.into(),
        case_reference: CASE.to_owned(),
        ..GetRecordRequest::default()
    }
}

async fn get(by: &mut Client, request: GetRecordRequest) -> Result<GetRecordResponse, String> {
    let answer = by.records.get_record(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|refused| refusal_of(&refused))
}

fn shown(answer: &GetRecordResponse) -> Vec<CompartmentLabel> {
    let record = answer.record.as_ref().unwrap();
    let parts = comity::record::compartments::split(record);
    parts.into_iter().map(|(label, _)| label).collect()
}

fn withheld(answer: &GetRecordResponse) -> Vec<CompartmentLabel> {
    let withheld = answer.withheld.iter();
    withheld.map(|of| of.compartment()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_its_compartments_and_is_told_what_is_withheld() {
    let (_tj, ae, reference) = held().await;
    for (name, authority, role, sees, lacks) in [
        (
            "liaison",
            "national-police",
            Role::LiaisonOfficer,
            vec![Situation, Suspects],
            vec![Victims],
        ),
        (
            "protector",
            "victim-support",
            Role::VictimProtectionOfficer,
            vec![Situation, Victims],
            vec![Suspects],
        ),
        (
            "judge",
            "victim-support",
            Role::JudicialAuthority,
            vec![Situation, Suspects],
            vec![Victims],
        ),
    ] {
        let mut by = officer(&ae, name, authority, role).await;
        let answer = get(&mut by, asking(&reference)).await.unwrap();
        assert_eq!((shown(&answer), withheld(&answer)), (sees, lacks), "{name}");
        let summary = answer.summary.unwrap();
        assert_eq!(summary.compartments.len(), 3);
        assert_eq!(summary.withheld.len(), 1);
        // The list says the same.
        let listed = by.records.list_records(ListRecordsRequest::default()).await;
        let listed = listed.unwrap().into_inner().records;
        assert_eq!(listed[0].withheld, summary.withheld);
    }
    let leaves = ledger_bodies(&ae).await;
    let leaf = leaves
        .iter()
        .find(|leaf| leaf.actor == "AE/officer/protector" && leaf.detail == "read")
        .unwrap();
    assert_eq!(leaf.action(), Action::Consultation);
    assert_eq!(leaf.compartments, [Situation as u32, Victims as u32]);
    assert_eq!(leaf.withheld, [Suspects as u32]);
    assert_eq!(leaf.reading_purpose(), ReadingPurpose::VictimProtection);
    assert_eq!(leaf.case_reference, CASE);
    assert!(leaf.from.starts_with("127.0.0.1:"), "{}", leaf.from);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_authority_is_not_there() {
    let (_tj, ae, reference) = held().await;
    // Victim protection and courts see their own authority's records alone.
    for role in [Role::VictimProtectionOfficer, Role::JudicialAuthority] {
        let mut by = officer(&ae, role.as_str(), "prosecutor-general", role).await;
        assert_eq!(
            get(&mut by, asking(&reference)).await.unwrap_err(),
            "RECORD_UNKNOWN"
        );
        let unknown = "TJ-26-999999-F";
        let nothing = get(&mut by, asking(unknown)).await.unwrap_err();
        assert!(["RECORD_UNKNOWN", "REFERENCE_INVALID"].contains(&&*nothing));
        let listed = by.records.list_records(ListRecordsRequest::default()).await;
        assert!(listed.unwrap().into_inner().records.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_situation_there_is_no_reading_without_a_purpose() {
    let (_tj, ae, reference) = held().await;
    let mut by = officer(&ae, "liaison", "", Role::LiaisonOfficer).await;
    let reads = async |at: &Country| {
        let leaves = ledger_bodies(at).await;
        leaves.iter().filter(|leaf| leaf.detail == "read").count()
    };
    for (purpose, case, reason) in [
        (0, "", "PURPOSE_MISSING"),
        (0, CASE, "PURPOSE_INVALID"),
        (2, "", "PURPOSE_INVALID"),
        (77, CASE, "PURPOSE_INVALID"),
        (2, "a\u{202e}b", "PURPOSE_INVALID"),
    ] {
        let request = GetRecordRequest {
            reading_purpose: purpose,
            case_reference: case.to_owned(),
            ..asking(&reference)
        };
        assert_eq!(get(&mut by, request).await.unwrap_err(), reason);
    }
    assert_eq!(reads(&ae).await, 0);
    let request = GetRecordRequest {
        reading_purpose: 0,
        case_reference: String::new(),
        situation_only: true,
        ..asking(&reference)
    };
    let answer = get(&mut by, request).await.unwrap();
    assert_eq!(shown(&answer), [Situation]);
    assert_eq!(reads(&ae).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_looks_only_into_what_its_caller_may_read() {
    let (_tj, ae, reference) = held().await;
    let ask = |purpose: i32| SearchRequest {
        text: "Namuna".to_owned(),
        reading_purpose: purpose,
        case_reference: if purpose == 0 { "" } else { CASE }.to_owned(),
        ..SearchRequest::default()
    };
    let found = async |by: &mut Client, purpose: i32| {
        let answer = by.search.search(ask(purpose)).await.unwrap().into_inner();
        (answer.hits.len(), answer.situations_only)
    };
    let mut liaison = officer(&ae, "liaison", "", Role::LiaisonOfficer).await;
    eventually("the suspect is in the index", async || {
        (found(&mut liaison, 2).await == (1, false)).then_some(())
    })
    .await;
    // Without a purpose situations alone are searched, and the answer says so.
    assert_eq!(found(&mut liaison, 0).await, (0, true));
    // Whoever may not read suspects finds none.
    let role = Role::VictimProtectionOfficer;
    let mut protector = officer(&ae, "protector", "victim-support", role).await;
    assert_eq!(found(&mut protector, 5).await, (0, false));
    // A reference typed as a question is no way round.
    let mut elsewhere = officer(&ae, "elsewhere", "prosecutor-general", role).await;
    let request = SearchRequest {
        text: reference,
        ..ask(5)
    };
    let answer = elsewhere.search.search(request).await.unwrap();
    assert!(answer.into_inner().hits.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_submitted_is_ones_own_authoritys() {
    let mut tj = Country::set_up("TJ");
    let uz = Country::set_up("UZ");
    befriend(&[&tj, &uz]).await;
    tj.start().await;
    let mut judge = officer(&tj, "judge", "prosecutor-general", Role::JudicialAuthority).await;
    let submit = |record| comity::wire::node::SubmitRecordRequest {
        record: Some(record),
        ..Default::default()
    };
    let police = crate::support::alert("of the police");
    let refused = judge.records.submit_record(submit(police.clone())).await;
    let refused = refused.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    assert!(
        refused.message().contains("another authority's"),
        "{refused}"
    );
    let own = comity::wire::record::Record {
        authority: "prosecutor-general".to_owned(),
        ..police
    };
    judge.records.submit_record(submit(own)).await.unwrap();
    // An analyst submits nothing at all.
    let mut analyst = officer(&tj, "analyst", "", Role::Analyst).await;
    let refused = analyst
        .records
        .submit_record(submit(crate::support::alert("x")))
        .await
        .unwrap_err();
    assert!(
        refused.message().contains("no role allows `submit`"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_asks_is_told_the_purpose() {
    let (mut tj, mut uz) = crate::support::neighbours().await;
    tj.start().await;
    uz.start().await;
    let mut record = crate::support::alert("asks for the purpose");
    record.marking.as_mut().unwrap().tell_purpose = true;
    let asks = tj.submit(record).await;
    let plain = tj.submit(crate::support::alert("does not ask")).await;
    uz.receives(&asks).await;
    uz.receives(&plain).await;
    let mut by = uz.client().await;
    // Though it is a situation alone.
    let without = GetRecordRequest {
        reference: asks.clone(),
        ..GetRecordRequest::default()
    };
    assert_eq!(get(&mut by, without).await.unwrap_err(), "PURPOSE_MISSING");
    for reference in [&asks, &plain] {
        get(&mut by, asking(reference)).await.unwrap();
    }
    for (reference, told) in [(&asks, "victim-protection"), (&plain, "")] {
        let receipt = eventually("UZ says that it was opened", async || {
            let receipts = crate::support::receipts_of(&tj, reference).await;
            let mut receipts = receipts.into_iter();
            receipts.find(|of| of.r#type() == comity::wire::envelope::ReceiptType::Retrieval)
        })
        .await;
        assert_eq!(receipt.purpose, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_writes_its_own_permissions() {
    let mut at = Country::set_up("TJ");
    let path = at.layout().access();
    std::fs::write(&path, "[[allow]]\nrole = \"king\"\nactions = [\"read\"]\n").unwrap();
    let refused = at.refuses_to_open().await.to_string();
    assert!(
        refused.contains("line 2") && refused.contains("`king` is no role"),
        "{refused}"
    );
    // Analysts of this country list messages alone.
    let own = "[[allow]]\nrole = \"analyst\"\nactions = [\"list\"]\nkinds = [\"Message\"]\n\
               compartments = [\"situation\"]\nscope = \"country\"\n\
               [[allow]]\nrole = \"liaison-officer\"\nactions = [\"submit\"]\n\
               compartments = [\"situation\"]\nscope = \"country\"\n\
               [[allow]]\nrole = \"operator\"\nactions = [\"see-ledger\", \"approve\", \"change-permissions\"]\n";
    std::fs::write(&path, own).unwrap();
    at.start().await;
    let mut analyst = officer(&at, "analyst", "", Role::Analyst).await;
    let listed = analyst
        .records
        .list_records(ListRecordsRequest::default())
        .await;
    assert!(listed.unwrap().into_inner().records.is_empty());
    let refused = get(&mut analyst, asking("TJ-26-000001-A"))
        .await
        .unwrap_err();
    assert_eq!(refused, "ACCESS_DENIED");
    let leaf = ledger_bodies(&at).await;
    let leaf = leaf.iter().find(|leaf| leaf.detail == "permissions");
    let digest = comity::crypto::Digest::of(own.as_bytes());
    assert_eq!(leaf.unwrap().subject, digest.to_vec());
}
