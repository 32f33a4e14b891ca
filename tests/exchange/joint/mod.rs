//! Joint cases: opened, joined, met about, left.

mod races;
mod share;

use comity::wire::{
    json,
    node::{
        ChangeMembersRequest, GetJointCaseRequest, JointCaseEvent, ListJointCaseEventsRequest,
        ListJointCasesRequest, MembershipState, joint_case_event::Event,
    },
    record::{JointCaseMember, JointCaseRole, Record},
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    CASE, Country, amendment, befriend, comity, eventually, json_of, refusal_of, try_show,
};

const POLICE: &str = "national-police";

fn record(value: &Value) -> Record {
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

/// A record of another kind than the alert that it is made of.
fn of_kind(title: &str, kind: &str, content: Value) -> Value {
    let mut value = json_of(title, &[]);
    let situation = value["situation"].as_object_mut().unwrap();
    situation.remove("alert");
    situation.insert(kind.to_owned(), content);
    value
}

/// A joint case of the police of these countries, of which the first leads.
fn joint_case(title: &str, countries: &[&str]) -> Record {
    let members = countries.iter().enumerate().map(|(index, country)| {
        let role = if index == 0 { "LEAD" } else { "PARTICIPANT" };
        json!({
            "country": country,
            "authority": POLICE,
            "role": format!("JOINT_CASE_ROLE_{role}"),
        })
    });
    record(&of_kind(
        title,
        "jointCase",
        json!({
            "legalBasis": { "instrument": "LEGAL_INSTRUMENT_UNTOC", "provision": "Art. 19" },
            "purpose": "EXERCISE: who organises the route",
            "members": members.collect::<Vec<_>>(),
        }),
    ))
}

/// An alert that belongs to a joint case, to all its members.
fn in_case(title: &str, case: &str) -> Record {
    let mut value = json_of(title, &[]);
    value["jointCase"] = json!({ "reference": case });
    record(&value)
}

fn meeting(case: &str, decisions: &[&str], done: bool) -> Record {
    let mut value = of_kind(
        "planning",
        "meeting",
        json!({
            "start": "2031-02-03T04:00:00Z",
            "end": "2031-02-03T06:00:00Z",
            "timeZone": "Asia/Tashkent",
            "place": "EXERCISE: Tashkent",
            "agenda": ["EXERCISE: who does what"],
            "participants": [{ "country": "KZ", "authority": POLICE, "role": "chair" }],
            "decisions": decisions,
            "followUps": [{
                "what": "EXERCISE: translate",
                "country": "UZ",
                "authority": POLICE,
                "due": "2031-02-28",
                "done": done,
            }],
        }),
    );
    value["jointCase"] = json!({ "reference": case });
    record(&value)
}

fn member(country: &str) -> JointCaseMember {
    JointCaseMember {
        country: country.to_owned(),
        authority: POLICE.to_owned(),
        role: JointCaseRole::Participant.into(),
        ..JointCaseMember::default()
    }
}

/// Changes the members; the amendment's reference.
async fn change(
    at: &Country,
    case: &str,
    add: &[&str],
    end: &[&str],
) -> Result<String, tonic::Status> {
    let request = ChangeMembersRequest {
        reference: case.to_owned(),
        add: add.iter().map(|country| member(country)).collect(),
        end: end.iter().map(|country| member(country)).collect(),
        idempotency_key: String::new(),
    };
    let mut client = at.client().await;
    let answer = client.joint_cases.change_members(request).await?;
    Ok(answer.into_inner().reference)
}

/// The timeline, as the node answers it.
async fn events(at: &Country, case: &str) -> Result<Vec<JointCaseEvent>, tonic::Status> {
    let mut client = at.client().await;
    let request = ListJointCaseEventsRequest {
        reference: case.to_owned(),
        page_size: 500,
        page_token: String::new(),
    };
    let answer = client.joint_cases.list_joint_case_events(request).await?;
    Ok(answer.into_inner().events)
}

/// Titles of the records on a timeline.
async fn titles(at: &Country, case: &str) -> Vec<String> {
    let events = events(at, case).await.unwrap();
    let titles = events.into_iter().filter_map(|of| match of.event? {
        Event::Record(record) => Some(record.title),
        _ => None,
    });
    titles.collect()
}

/// Countries of the members now.
async fn members(at: &Country, case: &str) -> Vec<String> {
    let mut client = at.client().await;
    let request = GetJointCaseRequest {
        reference: case.to_owned(),
        ..GetJointCaseRequest::default()
    };
    let answer = client.joint_cases.get_joint_case(request).await.unwrap();
    let members = answer.into_inner().members.into_iter();
    members
        .filter(|of| of.state() == MembershipState::Member)
        .map(|of| of.member.unwrap().country)
        .collect()
}

/// Waits until a country knows as many members.
async fn knows(at: &Country, case: &str, countries: &[&str]) {
    eventually(&format!("{} knows {countries:?}", at.code), async || {
        (members(at, case).await == countries).then_some(())
    })
    .await;
}

async fn started(codes: &[&'static str]) -> Vec<Country> {
    let mut all: Vec<Country> = codes.iter().map(|code| Country::set_up(code)).collect();
    befriend(&all.iter().collect::<Vec<_>>()).await;
    for country in &mut all {
        country.start().await;
    }
    all
}

/// Nothing of a joint case is reached here any more, by any door, and why.
async fn is_out(at: &Country, case: &str, record: &str) {
    let refused = try_show(at, record).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED", "{refused}");
    let why = format!("the membership of {POLICE} in the joint case ended at ");
    assert!(refused.message().contains(&why), "{refused}");
    for reference in [case, record] {
        assert!(!at.references().await.contains(&reference.to_owned()));
    }
    let refused = events(at, case).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    let mut client = at.client().await;
    let listed = client
        .joint_cases
        .list_joint_cases(ListJointCasesRequest::default())
        .await
        .unwrap();
    assert!(listed.into_inner().joint_cases.is_empty());
    for command in [
        &["search", "secretword"][..],
        &["receipts", record],
        &["sharing", record],
        &["records", "list"],
        &["records", "list", "--steps"],
    ] {
        let arguments = [command, &["--home", at.at(), "--output", "json"]].concat();
        let said = comity(&arguments).await;
        assert!(!said.stdout.contains("secretword"), "{command:?}: {said:?}");
    }
    let purpose = ["--purpose", "investigation", "--case", CASE];
    let related = [&["related", record, "--home", at.at()][..], &purpose[..]].concat();
    assert_ne!(comity(&related).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joint_case_is_opened_met_about_and_left() {
    let mut all = started(&["TJ", "UZ", "KZ", "KG"]).await;
    let [tj, uz, kz, kg] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    let case = tj.submit(joint_case("route", &["TJ", "UZ", "KZ"])).await;
    for at in [&*uz, &*kz] {
        at.receives(&case).await;
        assert_eq!(members(at, &case).await, ["TJ", "UZ", "KZ"]);
    }

    // Records both ways go to every member and to nobody else.
    let ours = tj.submit(in_case("ours secretword", &case)).await;
    let theirs = kz.submit(in_case("theirs", &case)).await;
    let third = uz.submit(in_case("third secretword", &case)).await;
    for at in [&*tj, &*uz, &*kz] {
        for reference in [&ours, &theirs, &third] {
            at.receives(reference).await;
        }
        try_show(at, &ours).await.unwrap();
    }
    // A stranger puts nothing into it, and a member sends nothing of it elsewhere.
    let refused = kg.try_submit(in_case("strange", &case), "").await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "JOINT_CASE_UNKNOWN");
    let mut elsewhere = json_of("elsewhere", &["KG"]);
    elsewhere["jointCase"] = json!({ "reference": case });
    let refused = uz.try_submit(record(&elsewhere), "").await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "JOINT_CASE_NOT_A_MEMBER");
    // Only the convener changes its members.
    let refused = change(uz, &case, &["KG"], &[]).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "JOINT_CASE_NOT_THE_CONVENER");

    // A meeting, planned and then held.
    let planned = uz.submit(meeting(&case, &[], false)).await;
    let held = amendment(
        uz,
        &planned,
        meeting(&case, &["EXERCISE: on one day"], true),
    )
    .await;
    let held = uz.submit(held).await;
    kz.receives(&held).await;
    let timeline = eventually("KZ has what was decided", async || {
        let events = events(kz, &case).await.unwrap();
        let decided = events
            .iter()
            .any(|of| matches!(of.event, Some(Event::Decision(_))));
        decided.then_some(events)
    })
    .await;
    let about: Vec<&JointCaseEvent> = timeline.iter().filter(|of| of.reference == held).collect();
    assert_eq!(about.len(), 3, "{timeline:?}");
    assert!(timeline.iter().all(|of| of.reference != planned));
    assert!(about.iter().any(|of| {
        matches!(&of.event, Some(Event::FollowUp(of)) if of.done && of.due == "2031-02-28")
    }));
    let calendar = comity(&["case", "ics", &case, "--home", kz.at()])
        .await
        .fine();
    assert!(calendar.contains("DTSTART:20310203T040000Z"), "{calendar}");
    assert!(calendar.contains("DUE;VALUE=DATE:20310228"), "{calendar}");
    assert!(!calendar.contains("translate"), "{calendar}");
    let shown = [
        "case",
        "timeline",
        &case,
        "--home",
        kz.at(),
        "--output",
        "json",
    ];
    let shown = comity(&shown).await.fine();
    let times: Vec<i64> = shown
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| event["timeUs"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(times.len() > 5 && times.is_sorted(), "{shown}");

    // KZ leaves; a watch that runs shows nothing of the case from then on.
    let client = kz.client().await;
    let mut watch = client
        .watch(comity::client::Start::Now, false)
        .await
        .unwrap();
    let left = comity(&[
        "case",
        "end",
        &case,
        &format!("KZ/{POLICE}"),
        "--home",
        tj.at(),
    ])
    .await;
    assert!(left.fine().contains("version 2"));
    knows(uz, &case, &["TJ", "UZ"]).await;
    eventually("KZ is told", async || {
        let refused = events(kz, &case).await.err()?;
        (refused.code() == Code::PermissionDenied).then_some(())
    })
    .await;
    is_out(kz, &case, &ours).await;
    let apart = tj.submit(record(&json_of("of no case", &["KZ"]))).await;
    assert_eq!(watch.next().await.unwrap().record.reference, apart);
    // What it gave is still its own, and what is put in now does not go there.
    try_show(kz, &theirs).await.unwrap();
    let refused = kz.try_submit(in_case("too late", &case), "").await;
    let refused = refused.unwrap_err();
    assert_eq!(refusal_of(&refused), "JOINT_CASE_MEMBERSHIP_ENDED");
    let after = tj.submit(in_case("after", &case)).await;
    uz.receives(&after).await;
    tj.drained().await;
    assert!(kz.node().find(&after.parse().unwrap()).is_err());

    // All of it stays so after a restart.
    kz.restart().await;
    uz.restart().await;
    is_out(kz, &case, &ours).await;
    try_show(kz, &theirs).await.unwrap();
    let titles = titles(uz, &case).await;
    for title in ["ours", "theirs", "third", "after"] {
        assert!(titles.iter().any(|of| of.contains(title)), "{titles:?}");
    }

    // Whoever is back reads again what it had.
    change(tj, &case, &["KZ"], &[]).await.unwrap();
    eventually("KZ is back", async || try_show(kz, &ours).await.ok()).await;
    assert!(
        try_show(kz, &after).await.is_err(),
        "it was never sent there"
    );
}
