//! Replies go to the readers of a record, in its thread.

use comity::wire::{
    node::{ReplyToRecordRequest, ReplyToRecordResponse},
    record::{Record, situation::Kind},
};

use crate::support::{
    Country, alert, alert_to, befriend, comity, comity_reading, json_of, neighbours, refusal_of,
    show, take_back,
};

fn text(reference: &str, text: &str) -> ReplyToRecordRequest {
    ReplyToRecordRequest {
        reference: reference.to_owned(),
        text: text.to_owned(),
        authority: "national-police".to_owned(),
        ..ReplyToRecordRequest::default()
    }
}

async fn reply(
    at: &Country,
    request: ReplyToRecordRequest,
) -> Result<ReplyToRecordResponse, tonic::Status> {
    let answer = at.client().await.threads.reply_to_record(request).await?;
    Ok(answer.into_inner())
}

fn said(record: &Record) -> String {
    match record.situation.as_ref().unwrap().kind.as_ref().unwrap() {
        Kind::Message(message) => message.text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_to_every_reader_and_is_answered_back() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("KZ");
    befriend(&[&a, &b, &c]).await;
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let asked = a.submit(alert_to(&["UZ", "KZ"], "a question")).await;
    b.receives(&asked).await;
    c.receives(&asked).await;
    let answer = reply(&b, text(&asked, "EXERCISE: seen at the border"))
        .await
        .unwrap();
    let mut to = answer.countries.clone();
    to.sort();
    assert_eq!(
        (to, &answer.follows),
        (vec!["KZ".into(), "TJ".into()], &asked)
    );
    assert!(answer.left_out.is_empty());
    for at in [&a, &c] {
        at.receives(&answer.reference).await;
        let shown = show(at, &answer.reference).await.record.unwrap();
        assert_eq!(said(&shown), "EXERCISE: seen at the border");
        let title = shown.situation.unwrap().title;
        assert_eq!(title, format!("Re: {asked}"));
        // Under the markings of what it answers.
        let question = show(at, &asked).await.record.unwrap();
        assert_eq!((shown.marking, shown.exercise), (question.marking, true));
    }
    // The origin answers back, to one of them alone.
    let back = ReplyToRecordRequest {
        countries: vec!["UZ".to_owned()],
        ..text(&answer.reference, "EXERCISE: thank you")
    };
    let back = reply(&a, back).await.unwrap();
    assert_eq!(back.countries, ["UZ"]);
    b.receives(&back.reference).await;
    // Readings have been told of meanwhile; receipts do not stand in a thread.
    for at in [&a, &b] {
        let thread = show(at, &back.reference).await.thread;
        let references: Vec<_> = thread.iter().map(|of| &of.reference).collect();
        assert_eq!(references, [&asked, &answer.reference, &back.reference]);
    }
    assert_eq!(show(&c, &asked).await.thread.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_reply_is_refused_by_name() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("a question")).await;
    let recalled = a.submit(alert("wrong")).await;
    b.receives(&recalled).await;
    let refused = |status: Result<ReplyToRecordResponse, tonic::Status>| {
        let status = status.unwrap_err();
        (refusal_of(&status), status.message().to_owned())
    };
    let stranger = ReplyToRecordRequest {
        countries: vec!["KZ".to_owned()],
        ..text(&reference, "EXERCISE")
    };
    let (word, why) = refused(reply(&b, stranger).await);
    assert_eq!(word, "REPLY_TO_NO_READER");
    assert!(why.contains("only TJ"), "{why}");
    let nowhere = ReplyToRecordRequest {
        countries: vec!["XX".to_owned()],
        ..text(&reference, "EXERCISE")
    };
    assert_eq!(refused(reply(&b, nowhere).await).0, "COUNTRY_UNKNOWN");
    assert_eq!(
        refused(reply(&b, text(&reference, "")).await).0,
        "REPLY_CONTENT"
    );
    let both = ReplyToRecordRequest {
        record: Some(alert_to(&["TJ"], "both")),
        ..text(&reference, "EXERCISE")
    };
    assert_eq!(refused(reply(&b, both).await).0, "REPLY_CONTENT");
    // Which authority speaks is not guessed.
    let nameless = ReplyToRecordRequest {
        authority: String::new(),
        ..text(&reference, "EXERCISE")
    };
    let (word, why) = refused(reply(&b, nameless).await);
    assert_eq!(word, "RECORD_INVALID");
    assert!(why.contains("authority"), "{why}");
    take_back(&a, &[&recalled]).await.unwrap();
    assert_eq!(
        refused(reply(&a, text(&recalled, "EXERCISE")).await).0,
        "RECORD_LOCKED"
    );
    // A record that is held only elsewhere.
    let elsewhere = b.submit(alert_to(&["TJ"], "elsewhere")).await;
    let number = elsewhere.replace("UZ", "KZ");
    let (word, _) = refused(reply(&a, text(&number, "EXERCISE")).await);
    assert!(["RECORD_UNKNOWN", "REFERENCE_INVALID"].contains(&&*word));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_replies_with_a_text_or_a_file() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let asked = a.submit(alert("a question")).await;
    b.receives(&asked).await;
    let home = ["--home", b.at()];
    let arguments = |rest: &[&str]| -> Vec<String> {
        let all = [&["reply", &asked], rest, &home[..]].concat();
        all.iter().map(|of| (*of).to_owned()).collect()
    };
    let run = async |rest: &[&str], input: &str| {
        let arguments = arguments(rest);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        comity_reading(&arguments, input).await
    };
    let text = ["--text", "EXERCISE: yes", "--authority", "national-police"];
    let said = run(&text, "").await.fine();
    assert!(
        said.contains(&format!("replies to {asked}, to TJ")),
        "{said}"
    );
    // A record of any kind, without destinations of its own.
    let mut record = json_of("what we know", &[]);
    record.as_object_mut().unwrap().remove("destinations");
    let said = run(&["-"], &record.to_string()).await.fine();
    let reference = said.split_whitespace().next().unwrap().to_owned();
    a.receives(&reference).await;
    let thread = comity(&["records", "show", &asked, "--thread", "--home", a.at()])
        .await
        .fine();
    assert!(thread.contains(&reference), "{thread}");
    run(&[], "").await.fails(64, &["<FILE>"]);
    run(&["--text", "x", "--urgency", "soon"], "")
        .await
        .fails(64, &["no urgency"]);
    run(&["-"], "{\"nonsense\": 1}")
        .await
        .fails(65, &["nonsense"]);
}
