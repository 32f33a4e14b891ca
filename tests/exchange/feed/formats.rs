//! Records leave in the formats of other systems: in the ledger first, as far as their markings go, and none
//! left out in silence.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use comity::{
    access::{Guarded, PrincipalKind, Role, Table},
    catalogue,
    client::Client,
    feed::cap::{Content, Defaults, read},
    node::system_clock,
    wire::{
        ledger::{Action, ReadingPurpose},
        node::{
            AggregateCasesRequest, ExportFormat, ExportQuery, ExportRecordsRequest,
            export_records_response::Part,
        },
        record::{AgeRange, CaseGender, HandlingCode, Record, Tlp, situation::Kind},
    },
};
use tonic::Status;

use crate::support::{
    CASE, Country, Settings, alert, amendment, befriend, client_as, comity, eventually,
    ledger_bodies, neighbours, recall, refusal_of,
};

/// What came of an export.
#[derive(Debug, Default)]
struct Exported {
    files: BTreeMap<String, Vec<u8>>,
    records: Vec<String>,
    /// Reference and word of each that stays.
    stays: Vec<(String, String)>,
}

impl Exported {
    fn text(&self) -> String {
        String::from_utf8(self.files[""].clone()).unwrap()
    }
}

fn request(format: ExportFormat, references: &[&str]) -> ExportRecordsRequest {
    ExportRecordsRequest {
        format: format.into(),
        references: references.iter().map(|of| (*of).to_owned()).collect(),
        query: Some(ExportQuery::default()),
        reading_purpose: ReadingPurpose::Analysis.into(),
        case_reference: CASE.to_owned(),
        purpose: "EXERCISE".to_owned(),
        ..ExportRecordsRequest::default()
    }
}

fn csv(kind: &str, references: &[&str]) -> ExportRecordsRequest {
    ExportRecordsRequest {
        kind: kind.to_owned(),
        ..request(ExportFormat::Csv, references)
    }
}

async fn export(by: &mut Client, request: ExportRecordsRequest) -> Result<Exported, Status> {
    let mut stream = by.formats.export_records(request).await?.into_inner();
    let mut exported = Exported::default();
    let mut ended = None;
    while let Some(answer) = stream.message().await? {
        match answer.part.unwrap() {
            Part::Record(record) => exported.records.push(record.reference),
            Part::Refused(of) => exported.stays.push((of.reference, of.reason)),
            Part::Piece(piece) => exported
                .files
                .entry(piece.reference)
                .or_default()
                .extend(piece.content),
            Part::End(end) => ended = Some(end),
        }
    }
    let end = ended.expect("an export has an end");
    assert_eq!(end.records, exported.records.len() as u64);
    assert_eq!(end.refused, exported.stays.len() as u64);
    Ok(exported)
}

fn stays(reference: &str, word: &str) -> (String, String) {
    (reference.to_owned(), word.to_owned())
}

/// The references that the ledger has as disclosed in a manner, in that order.
async fn disclosed(at: &Country, manner: &str) -> Vec<String> {
    let leaves = ledger_bodies(at).await.into_iter();
    let leaves = leaves.filter(|leaf| leaf.detail == manner);
    // The ledger lists the newest first.
    let mut references: Vec<String> = leaves
        .map(|leaf| {
            assert_eq!(leaf.action(), Action::Disclosure);
            assert_eq!(leaf.case_reference, CASE);
            leaf.reference
        })
        .collect();
    references.reverse();
    references
}

fn marked(mut record: Record, tlp: Tlp, handling: &[HandlingCode]) -> Record {
    let marking = record.marking.as_mut().unwrap();
    marking.tlp = tlp.into();
    marking.handling = handling.iter().map(|code| (*code).into()).collect();
    if handling.contains(&HandlingCode::H3) {
        marking.handling_note = "EXERCISE: ask first".to_owned();
    }
    record
}

/// An example of a kind, from the police of one country to the police of another.
fn example(kind: &str, to: &str) -> Record {
    let mut record = catalogue::example(kind, system_clock()()).unwrap();
    record.destinations.truncate(1);
    let destination = &mut record.destinations[0];
    destination.country = to.to_owned();
    destination.authorities = vec!["national-police".to_owned()];
    destination.readers.clear();
    record.authority = "national-police".to_owned();
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_goes_out_as_cap_and_its_recall_as_a_cancellation() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let first = a.submit(alert("first")).await;
    b.receives(&first).await;
    let mut officer = b.client().await;
    let cap = |references: &[&str]| request(ExportFormat::Cap, references);
    let taken = |exported: &Exported, reference: &str| {
        read(&exported.files[reference], &Defaults::default()).unwrap()
    };

    // Without a purpose nothing leaves.
    let without = ExportRecordsRequest {
        reading_purpose: 0,
        case_reference: String::new(),
        ..cap(&[&first])
    };
    let refused = export(&mut officer, without).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "PURPOSE_MISSING");
    assert!(disclosed(&b, "cap-export").await.is_empty());

    let exported = export(&mut officer, cap(&[&first])).await.unwrap();
    assert_eq!(exported.records, std::slice::from_ref(&first));
    let item = taken(&exported, &first);
    let own_id = format!("TJ/national-police,{first}");
    assert_eq!(item.own_id, own_id);
    let Content::Record(record) = item.content else {
        panic!("an alert is a record");
    };
    assert!(record.exercise);
    assert_eq!(record.situation.unwrap().title, "EXERCISE first");
    assert_eq!(
        disclosed(&b, "cap-export").await,
        std::slice::from_ref(&first)
    );

    // The version that counts is an update of the one before, which leaves no more.
    let second = amendment(&a, &first, alert("second")).await;
    let second = a.submit(second).await;
    b.receives(&second).await;
    let exported = export(&mut officer, cap(&[&first, &second, &first]))
        .await
        .unwrap();
    assert_eq!(exported.stays, [stays(&first, "RECORD_SUPERSEDED")]);
    let item = taken(&exported, &second);
    assert_eq!(item.own_id, own_id);
    let xml = String::from_utf8(exported.files[&second].clone()).unwrap();
    assert!(xml.contains("<msgType>Update</msgType>"), "{xml}");

    let step = recall(&a, &second, &["UZ"]).await.unwrap();
    b.receives(&step).await;
    let exported = export(&mut officer, cap(&[&second, &step])).await.unwrap();
    assert_eq!(exported.stays, [stays(&second, "RECORD_LOCKED")]);
    let item = taken(&exported, &step);
    assert!(matches!(item.content, Content::Deleted { .. }), "{item:?}");
    let xml = String::from_utf8(exported.files[&step].clone()).unwrap();
    assert!(
        xml.contains(&format!("TJ/national-police,{second},")),
        "{xml}"
    );

    // What is not here, and what is of another kind, is said.
    let exported = export(&mut officer, cap(&["TJ-26-999999-9"])).await;
    assert!(exported.is_err(), "the check character is wrong");
    let route = a.submit(example("route", "UZ")).await;
    b.receives(&route).await;
    let exported = export(&mut officer, cap(&[&route])).await.unwrap();
    assert_eq!(exported.stays, [stays(&route, "KIND_NOT_OF_FORMAT")]);
    assert!(exported.files.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn markings_decide_who_takes_a_record_out() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let to_police = |title: &str| {
        let mut record = alert(title);
        record.destinations[0].authorities = vec!["national-police".to_owned()];
        record
    };
    let mut of = BTreeMap::new();
    for (name, tlp, handling) in [
        (
            "free",
            Tlp::Amber,
            &[HandlingCode::H0, HandlingCode::H1][..],
        ),
        ("strict", Tlp::AmberStrict, &[]),
        ("kept", Tlp::Green, &[HandlingCode::H2]),
        ("other", Tlp::Green, &[HandlingCode::H3]),
        ("red", Tlp::Red, &[]),
    ] {
        let reference = a.submit(marked(to_police(name), tlp, handling)).await;
        b.receives(&reference).await;
        of.insert(name, reference);
    }
    let everything = csv("alert", &[]);
    let roles = [Role::Analyst];
    let mut police = client_as(&b, PrincipalKind::Officer, "one", "national-police", &roles).await;
    let exported = export(&mut police, everything.clone()).await.unwrap();
    let expected = [&of["free"], &of["strict"], &of["kept"]].map(Clone::clone);
    assert_eq!(exported.records, expected);
    let red = stays(&of["red"], "MARKED_FOR_NOBODY");
    let other = stays(&of["other"], "MARKED_FOR_SUBMITTER");
    assert_eq!(exported.stays, [other.clone(), red.clone()]);
    let text = exported.text();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(!text.contains("EXERCISE red") && text.contains("EXERCISE kept"));
    assert_eq!(disclosed(&b, "csv-export").await, expected);

    // Another authority of the country, whose analyst sees all of it.
    let mut court = client_as(
        &b,
        PrincipalKind::Officer,
        "two",
        "prosecutor-general",
        &roles,
    )
    .await;
    let exported = export(&mut court, everything.clone()).await.unwrap();
    assert_eq!(exported.records, [of["free"].clone()]);
    assert_eq!(
        exported.stays,
        [
            stays(&of["strict"], "MARKED_FOR_NAMED"),
            stays(&of["kept"], "MARKED_FOR_NAMED"),
            other,
            red
        ]
    );

    // Who submitted it is bound by its own red alone.
    let mut own = client_as(
        &a,
        PrincipalKind::Officer,
        "three",
        "national-police",
        &roles,
    )
    .await;
    let exported = export(&mut own, everything).await.unwrap();
    assert_eq!(exported.records.len(), 4);
    assert_eq!(exported.stays, [stays(&of["red"], "MARKED_FOR_NOBODY")]);

    // An auditor may not at all.
    let auditor = client_as(&b, PrincipalKind::Auditor, "four", "", &[]).await;
    let refused = export(&mut { auditor }, csv("alert", &[]))
        .await
        .unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_go_out_as_a_map_and_as_tables() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut references = Vec::new();
    for _ in 0..2 {
        let reference = a.submit(example("route", "UZ")).await;
        b.receives(&reference).await;
        references.push(reference);
    }
    a.submit(alert("not a route")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let why = ["--purpose", "analysis", "--case", CASE, "--home", b.at()];
    let run = async |arguments: &[&str]| {
        let all = [&["export"][..], arguments, &why].concat();
        comity(&all).await
    };
    let map = file("routes.geojson");
    run(&[
        "geojson",
        "--origin",
        "TJ",
        "--since",
        "2020-01-01",
        "--out",
        &map,
    ])
    .await
    .fine();
    let mode = fs::metadata(&map).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&map).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["type"], "FeatureCollection");
    let features = value["features"].as_array().unwrap();
    let Some(Kind::Route(route)) = example("route", "UZ").situation.unwrap().kind else {
        panic!("it is a route");
    };
    assert_eq!(features.len(), 2 * route.legs.len());
    assert_eq!(
        features[0]["properties"]["reference"],
        references[0].as_str()
    );
    assert!(
        !text.contains("Namuna") && !text.contains("victim"),
        "{text}"
    );
    // A file that is there is not touched, and nothing is disclosed for it.
    let before = disclosed(&b, "geojson-export").await;
    assert_eq!(before, references);
    run(&["geojson", "--out", &map])
        .await
        .fails(73, &["is there already"]);
    assert_eq!(disclosed(&b, "geojson-export").await, before);

    let table = file("legs.csv");
    run(&["csv", "--kind", "route", "--long", "--bom", "--out", &table])
        .await
        .fine();
    let text = fs::read_to_string(&table).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<BTreeMap<String, String>> =
        reader.deserialize().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 2 * route.legs.len());
    assert_eq!(rows[0]["reference"], references[0]);
    assert_eq!(rows[0]["leg"], "1");

    // On standard output, of one record; and an empty answer is no file.
    let said = run(&["csv", "--kind", "route", &references[1]])
        .await
        .fine();
    assert!(said.contains(&references[1]) && !said.contains(&references[0]));
    run(&["csv", "--kind", "network", "--out", &file("none.csv")])
        .await
        .fails(77, &["no record held here"]);
    assert!(!folder.path().join("none.csv").exists());
    run(&["csv", "--kind", "alert", "--long"])
        .await
        .fails(65, &["only routes have legs"]);
    run(&["cap", "--origin", "KZ", "--output-dir", &file("alerts")])
        .await
        .fails(77, &["no record held here"]);
    run(&["cap", &references[0]])
        .await
        .fails(77, &["KIND_NOT_OF_FORMAT"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_leave_by_two_persons() {
    let settings = Settings {
        two_persons: true,
        ..Settings::default()
    };
    let (mut a, b) = (Country::with("TJ", settings), Country::set_up("UZ"));
    let mut table = Table::default();
    table.second.get_mut(&Guarded::ExportBulk).unwrap().records = 2;
    a.permit(&table);
    befriend(&[&a, &b]).await;
    a.start().await;
    for n in 0..3 {
        a.submit(alert(&format!("number {n}"))).await;
    }
    let mut officer = a.client().await;
    let refused = export(&mut officer, csv("alert", &[])).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ACCESS_DENIED");
    assert!(disclosed(&a, "csv-export").await.is_empty());
}

/// A case of the police of TJ.
fn case(gender: CaseGender, citizenship: &str) -> Record {
    let mut record = example("case-record", "UZ");
    let kind = record.situation.as_mut().unwrap().kind.as_mut();
    let Some(Kind::CaseRecord(of)) = kind else {
        panic!("it is a case");
    };
    of.year_of_registration = 2025;
    of.gender = gender.into();
    of.age = AgeRange::From21To23.into();
    of.citizenship = citizenship.to_owned();
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_leave_counted_and_row_by_row_for_their_own_authority_alone() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut last = String::new();
    for (gender, citizenship, count) in [
        (CaseGender::Woman, "TJ", 14),
        (CaseGender::Man, "TJ", 12),
        (CaseGender::Woman, "KG", 3),
    ] {
        for _ in 0..count {
            last = a.submit(case(gender, citizenship)).await;
        }
    }
    b.receives(&last).await;
    let rows = csv("case-record", &[&last]);
    let roles = [Role::Analyst];
    let mut own = client_as(&a, PrincipalKind::Officer, "one", "national-police", &roles).await;
    let exported = export(&mut own, rows.clone()).await.unwrap();
    assert_eq!(exported.records, [last.clone()]);
    let mut other = client_as(
        &a,
        PrincipalKind::Officer,
        "two",
        "prosecutor-general",
        &roles,
    )
    .await;
    let mut reader = b.client().await;
    for by in [&mut other, &mut reader] {
        let exported = export(by, rows.clone()).await.unwrap();
        assert_eq!(exported.stays, [stays(&last, "TELLS_OF_ONE_PERSON")]);
        assert_eq!(exported.text().lines().count(), 1);
    }

    let count = AggregateCasesRequest {
        exercise: true,
        purpose: "EXERCISE".to_owned(),
        ..AggregateCasesRequest::default()
    };
    let made = own
        .formats
        .aggregate_cases(count.clone())
        .await
        .unwrap()
        .into_inner();
    // Three of Kyrgyz citizenship are fewer than 11, alone and among those of no known one.
    assert_eq!((made.cases, made.left_out), (26, 3), "{made:?}");
    for value in made.trends.iter().flat_map(|of| &of.values) {
        assert!(value.value.is_none_or(|count| count >= 11), "{value:?}");
        assert_ne!(value.country, "KG");
    }
    let said = ["trend", "aggregate", "--exercise", "--home", a.at()];
    let submit = ["--authority", "national-police", "--to", "UZ"];
    let said = comity(&[&said[..], &submit].concat()).await.fine();
    let trends: Vec<String> = said
        .lines()
        .filter(|line| line.starts_with("TJ-"))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(trends.len(), made.trends.len(), "{said}");
    b.receives(&trends[0]).await;
    // A table of statistics is no row of a file.
    let exported = export(&mut own, csv("trend", &[&trends[0]])).await.unwrap();
    assert_eq!(exported.stays, [stays(&trends[0], "STATISTICS")]);

    // One case more would tell of one person beside what was released.
    a.submit(case(CaseGender::Woman, "TJ")).await;
    let refused = eventually("the count is refused", async || {
        let mut own = own.clone();
        own.formats.aggregate_cases(count.clone()).await.err()
    })
    .await;
    assert_eq!(refusal_of(&refused), "TABLE_GIVES_AWAY", "{refused}");
    // Who holds another country's cases does not count them.
    let refused = reader.formats.aggregate_cases(count).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "CASES_NONE");
}

/// A message of CAP as another system writes it.
fn foreign(identifier: &str, kind: &str, sent: &str, references: &str, info: bool) -> String {
    let info = if info {
        format!(
            "<info><category>Security</category><event>EXERCISE {identifier}</event>\
             <urgency>Expected</urgency><severity>Minor</severity><certainty>Likely</certainty>\
             <eventCode><valueName>INTERPOL notice</valueName><value>Green</value></eventCode>\
             <resource><resourceDesc>map</resourceDesc><mimeType>image/png</mimeType></resource>\
             <area><areaDesc>Tashkent</areaDesc><circle>41.31,69.28 5</circle></area></info>"
        )
    } else {
        "".to_owned()
    };
    format!(
        "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>{identifier}</identifier>\
         <sender>hub@example.org</sender><sent>{sent}</sent><status>Exercise</status>\
         <msgType>{kind}</msgType><scope>Restricted</scope>{references}{info}</alert>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_cap_are_fed_updated_and_taken_back() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let folder = tempfile::tempdir().unwrap();
    let push = async |name: &str, message: String| {
        let path = folder.path().join(name);
        fs::write(&path, message).unwrap();
        let file = path.to_str().unwrap();
        let push = ["feed", "push", file, "--feed", "hub", "--mapping", "cap"];
        let to = [
            "--to",
            "UZ/national-police",
            "--authority",
            "national-police",
        ];
        let how = ["--output", "json", "--home", a.at()];
        comity(&[&push[..], &to, &how].concat()).await
    };
    let first = "2026-11-01T12:00:00+05:00";
    let references = format!("<references>hub@example.org,1,{first}</references>");
    let alert = foreign("1", "Alert", first, "", true);
    let said = push("one.xml", alert.clone()).await.fine();
    assert!(said.contains("\"submitted\":1"), "{said}");
    let said = push("again.xml", alert.replace("Tashkent", "Tashkent "))
        .await
        .fine();
    assert!(said.contains("\"unchanged\":1"), "{said}");
    let update = foreign(
        "2",
        "Update",
        "2026-11-02T12:00:00+05:00",
        &references,
        true,
    );
    let said = push("two.cap", update).await.fine();
    assert!(said.contains("\"amended\":1"), "{said}");
    let records = a.records().await;
    let titles: Vec<&str> = records.iter().map(|of| of.title.as_str()).collect();
    assert!(titles.contains(&"EXERCISE 2"), "{titles:?}");
    let cancel = foreign(
        "3",
        "Cancel",
        "2026-11-03T12:00:00+05:00",
        &references,
        false,
    );
    let said = push("three.xml", cancel).await.fine();
    assert!(said.contains("\"recalled\":1"), "{said}");
    // What is wrong is named by its element.
    let wrong = alert.replace("+05:00", "Z");
    let ended = push("four.xml", wrong).await;
    ended.fails(65, &[]);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(
        said.contains("alert/sent") && said.contains("TIME"),
        "{said}"
    );
}
