//! What a joint case held before somebody joined: shared by each country of its own, and passed on to
//! nobody else without consent.

use std::fs;

use super::{
    POLICE, amendment, change, in_case, joint_case, knows, meeting, member, record, started, titles,
};
use crate::support::{Country, Ended, eventually, json_of, ledger_bodies, show, try_show};
use comity::wire::record::{JointCaseMember, Record, situation::Kind};
use serde_json::{Value, json};

/// Shares records of a case; what became of each, by title.
async fn share(at: &Country, case: &str, with: &str, more: &[&str]) -> Vec<(String, Value)> {
    let fixed = ["case", "share", case, "--with", with, "--output", "json"];
    let said = at.comity(&[&fixed[..], more].concat()).await.fine();
    let lines = said.lines().map(|line| {
        let of: Value = serde_json::from_str(line).unwrap();
        (of["title"].as_str().unwrap().to_owned(), of)
    });
    lines.collect()
}

/// What became of the record whose title has a word.
fn of<'a>(shared: &'a [(String, Value)], word: &str) -> Option<&'a Value> {
    let mut found = shared.iter().filter(|(title, _)| title.contains(word));
    let first = found.next().map(|(_, of)| of);
    assert!(found.next().is_none(), "{shared:?}");
    first
}

fn outcome<'a>(shared: &'a [(String, Value)], word: &str) -> &'a str {
    let of = of(shared, word).map(|of| of["outcome"].as_str().unwrap());
    of.map_or("", |of| of.strip_prefix("CASE_SHARE_OUTCOME_").unwrap())
}

fn shared_as(shared: &[(String, Value)], word: &str) -> String {
    let of = of(shared, word).unwrap();
    of["sharedAs"].as_str().unwrap().to_owned()
}

/// An alert of a case, to these members alone.
fn narrowed(title: &str, case: &str, to: &[&str]) -> Record {
    let mut value = json_of(title, to);
    value["jointCase"] = json!({ "reference": case });
    record(&value)
}

async fn count(at: &Country, case: &str, word: &str) -> usize {
    let titles = titles(at, case).await;
    titles.iter().filter(|of| of.contains(word)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_country_shares_its_earlier_records_with_who_joins() {
    let mut all = started(&["TJ", "UZ", "KZ", "KG"]).await;
    let [tj, uz, kz, kg] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    // UZ agreed to send KG no alerts.
    let agreements = uz.layout().agreements();
    fs::create_dir_all(&agreements).unwrap();
    let agreed = "country = \"KG\"\n[they_accept]\nkinds = [\"JointCase\", \"Meeting\"]\n";
    fs::write(agreements.join("KG.toml"), agreed).unwrap();
    uz.restart().await;

    let case = tj.submit(joint_case("route", &["TJ", "UZ", "KZ"])).await;
    uz.receives(&case).await;
    kz.receives(&case).await;
    let first = tj.submit(in_case("ours, first", &case)).await;
    let second = amendment(tj, &first, in_case("ours", &case)).await;
    let ours = tj.submit(second).await;
    let whispered = tj.submit(narrowed("whispered", &case, &["UZ"])).await;
    let theirs = uz.submit(in_case("theirs", &case)).await;
    let planned = tj.submit(meeting(&case, &[], false)).await;
    for reference in [&ours, &theirs, &planned] {
        kz.receives(reference).await;
    }
    tj.receives(&theirs).await;

    // Who joins gets the case and its convener's meetings, and nothing else.
    let member = format!("KG/{POLICE}");
    let added = tj.comity(&["case", "add", &case, &member]).await;
    assert!(added.stderr.contains("comity case share"), "{added:?}");
    assert!(added.stdout.contains("planning"), "{added:?}");
    added.fine();
    eventually("KG has the meeting", async || {
        let events = super::events(kg, &case).await.ok()?;
        let meetings = events
            .iter()
            .filter(|of| matches!(of.event, Some(super::Event::Meeting(_))));
        (meetings.count() == 1).then_some(())
    })
    .await;
    tj.drained().await;
    assert_eq!(count(kg, &case, "ours").await, 0);

    // What would go is said, and nothing goes.
    let held = kg.references().await.len();
    let would = share(tj, &case, "KG", &["--dry-run"]).await;
    assert_eq!(outcome(&would, "ours"), "WOULD_SHARE", "{would:?}");
    assert_eq!(outcome(&would, "theirs"), "FOREIGN");
    assert_eq!(outcome(&would, "whispered"), "NARROWED");
    assert_eq!(would.len(), 3, "{would:?}");
    let says = of(&would, "theirs").unwrap()["says"].as_str().unwrap();
    assert!(says.contains("a record of UZ"), "{says}");
    tj.drained().await;
    assert_eq!(kg.references().await.len(), held);

    // It goes, is the newest version for everybody, and is amended for everybody.
    let shared = share(tj, &case, "KG", &[]).await;
    assert_eq!(outcome(&shared, "ours"), "SHARED", "{shared:?}");
    let version = shared_as(&shared, "ours");
    for at in [&*uz, &*kz, &*kg] {
        at.receives(&version).await;
        assert_eq!(count(at, &case, "ours").await, 1, "{}", at.code);
    }
    let text = show(kg, &version).await.record.unwrap();
    let before = show(kz, &ours).await.record.unwrap();
    let situation = text.situation.unwrap();
    assert_eq!(situation.title, before.situation.unwrap().title);
    assert_eq!(text.marking, before.marking);
    let again = share(tj, &case, "KG", &[]).await;
    assert_eq!(of(&again, "ours"), None, "{again:?}");
    let next = amendment(tj, &version, in_case("ours, amended", &case)).await;
    let next = tj.submit(next).await;
    for at in [&*uz, &*kz, &*kg] {
        at.receives(&next).await;
        assert_eq!(count(at, &case, "ours").await, 1, "{}", at.code);
    }

    // What went to some alone goes where it is named, and to nobody else.
    let named = ["--record", whispered.as_str()];
    let shared = share(tj, &case, "KG", &named).await;
    assert_eq!(outcome(&shared, "whispered"), "SHARED");
    let version = shared_as(&shared, "whispered");
    kg.receives(&version).await;
    uz.receives(&version).await;
    tj.drained().await;
    assert!(kz.node().find(&version.parse().unwrap()).is_err());

    // UZ may not give it its alert, and says under which agreement.
    let refused = share(uz, &case, "KG", &[]).await;
    assert_eq!(outcome(&refused, "theirs"), "REFUSED", "{refused:?}");
    let says = of(&refused, "theirs").unwrap()["says"].as_str().unwrap();
    assert!(says.contains("agreements/KG.toml"), "{says}");
    uz.drained().await;
    assert!(kg.node().find(&theirs.parse().unwrap()).is_err());

    // With members alone, and others.
    for (with, reason) in [
        ("AE", "JOINT_CASE_NOT_A_MEMBER"),
        ("TJ", "JOINT_CASE_OWN_COUNTRY"),
        ("XX", "COUNTRY_UNKNOWN"),
    ] {
        let refused = tj.comity(&["case", "share", &case, "--with", with]).await;
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains(reason), "{with}: {refused:?}");
    }
    let told = ledger_bodies(tj).await;
    let told = told
        .iter()
        .filter(|leaf| leaf.detail == "joint-case-shared");
    // The meeting, the dry run, the two that were shared, and what was asked again.
    assert_eq!(told.count(), 5);
}

async fn onward(at: &Country, reference: &str, to: &str) -> Ended {
    let ground = ["--ground", "EXERCISE: the same group"];
    at.comity(&[&["onward", reference, "--to", to][..], &ground[..]].concat())
        .await
}

/// A record that its markings let go anywhere.
fn free(mut of: Record) -> Record {
    of.marking.as_mut().unwrap().tlp = comity::wire::record::Tlp::Green.into();
    of
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_case_goes_to_no_other_country_without_its_origins_consent() {
    let mut all = started(&["TJ", "UZ", "KZ", "KG"]).await;
    let [tj, uz, kz, kg] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    let case = tj.submit(joint_case("route", &["TJ", "UZ", "KZ"])).await;
    uz.receives(&case).await;
    kz.receives(&case).await;
    knows(uz, &case, &["TJ", "UZ", "KZ"]).await;
    let inside = tj.submit(free(narrowed("inside", &case, &["UZ"]))).await;
    let outside = tj.submit(free(record(&json_of("outside", &["UZ"])))).await;
    uz.receives(&inside).await;
    uz.receives(&outside).await;

    // The same markings: what is of no case goes, and so does what goes to a member.
    let passed = onward(uz, &outside, "KG").await.fine();
    kg.receives(passed.trim()).await;
    let passed = onward(uz, &inside, "KZ").await.fine();
    kz.receives(passed.trim()).await;
    let blocked = onward(uz, &inside, "KG").await;
    blocked.fails(77, &["CONSENT_NEEDED", "joint case"]);

    // The origin may consent to this very use.
    let asked = uz
        .comity(&[
            "consent",
            "request",
            &inside,
            "--use",
            "onward",
            "--beneficiary",
            "KG",
            "--ground",
            "EXERCISE: the same group",
        ])
        .await
        .fine();
    let asked = asked.trim();
    tj.receives(asked).await;
    tj.comity(&["consent", "grant", asked]).await.fine();
    let passed = eventually("UZ has the consent", async || {
        let passed = onward(uz, &inside, "KG").await;
        (passed.code == 0).then_some(passed.stdout)
    })
    .await;
    kg.receives(passed.trim()).await;
    try_show(kg, passed.trim()).await.unwrap();
    // It is the origin's to send, not to pass on.
    let own = onward(tj, &inside, "KG").await;
    own.fails(77, &["RECORD_OWN"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_join_at_once_both_get_what_was_put_in_before() {
    let mut all = started(&["TJ", "UZ", "KZ", "KG"]).await;
    let [tj, uz, kz, kg] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    let case = tj.submit(joint_case("route", &["TJ", "UZ"])).await;
    uz.receives(&case).await;
    let ours = tj.submit(in_case("ours", &case)).await;
    let planned = tj.submit(meeting(&case, &[], false)).await;
    uz.receives(&ours).await;
    uz.receives(&planned).await;
    let joined = change(tj, &case, &["KZ", "KG"], &[]).await.unwrap();
    kz.receives(&joined).await;
    kg.receives(&joined).await;
    // The version for the first of them is of a time at which the second was a member.
    for at in [&*kz, &*kg] {
        let shared = share(tj, &case, at.code, &[]).await;
        for word in ["ours", "planning"] {
            assert_eq!(outcome(&shared, word), "SHARED", "{}: {shared:?}", at.code);
            at.receives(&shared_as(&shared, word)).await;
        }
        assert_eq!(count(at, &case, "ours").await, 1, "{}", at.code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_to_one_authority_of_a_country_or_in_part_goes_on_where_it_is_named() {
    let mut all = started(&["TJ", "UZ", "KG"]).await;
    let [tj, uz, kg] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    let mut opened = joint_case("route", &["TJ", "UZ"]);
    let kind = opened.situation.as_mut().unwrap().kind.as_mut();
    let Some(Kind::JointCase(joint)) = kind else {
        panic!("it was made otherwise")
    };
    let prosecutor = "prosecutor-general".to_owned();
    joint.members.push(JointCaseMember {
        authority: prosecutor.clone(),
        ..member("UZ")
    });
    let case = tj.submit(opened).await;
    uz.receives(&case).await;
    let to = |title: &str, authorities: &[&str], compartments: &[&str]| {
        let mut value = json_of(title, &[]);
        value["jointCase"] = json!({ "reference": case });
        value["destinations"] = json!([{
            "country": "UZ",
            "role": "COUNTRY_ROLE_DESTINATION",
            "authorities": authorities,
            "compartments": compartments,
        }]);
        record(&value)
    };
    let both = [POLICE, prosecutor.as_str()];
    let whole = tj.submit(to("whole", &both, &[])).await;
    let whispered = tj.submit(to("whispered", &[POLICE], &[])).await;
    let situation = "COMPARTMENT_LABEL_SITUATION";
    let partial = tj.submit(to("partial", &both, &[situation])).await;
    for reference in [&whole, &whispered, &partial] {
        uz.receives(reference).await;
    }
    let joined = change(tj, &case, &["KG"], &[]).await.unwrap();
    kg.receives(&joined).await;

    let shared = share(tj, &case, "KG", &[]).await;
    assert_eq!(outcome(&shared, "whole"), "SHARED", "{shared:?}");
    for (word, reference) in [("whispered", &whispered), ("partial", &partial)] {
        assert_eq!(outcome(&shared, word), "NARROWED", "{shared:?}");
        let named = share(tj, &case, "KG", &["--record", reference.as_str()]).await;
        assert_eq!(outcome(&named, word), "SHARED", "{named:?}");
        kg.receives(&shared_as(&named, word)).await;
    }
}
