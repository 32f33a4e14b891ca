//! Statistics across tables: what one table does not give away, two must not either, whichever way
//! they leave.

use std::fs;

use comity::wire::{json, node::PreviewSharingRequest, record::Record};
use serde_json::{Value, json};

use crate::support::{
    Country, amendment, comity, eventually, json_of, ledger_bodies, lies_in, neighbours, refusal_of,
};

/// A table of victims that TJ counted.
fn trend(title: &str, dimension: &str, values: &[Value]) -> Record {
    let mut value = json_of(title, &["UZ"]);
    let situation = value["situation"].as_object_mut().unwrap();
    situation.remove("alert");
    situation.insert(
        "trend".to_owned(),
        json!({
            "indicator": "TREND_INDICATOR_DETECTED_TRAFFICKING_VICTIMS",
            "dimension": dimension,
            "country": "TJ",
            "unit": "TREND_UNIT_COUNTS",
            "k": 11,
            "values": values,
        }),
    );
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

fn value(period: &str, count: u32) -> Value {
    json!({ "sex": "TREND_SEX_TOTAL", "age": "TREND_AGE_TOTAL", "period": period, "value": count })
}

fn in_all(period: &str, count: u32) -> Record {
    trend("in all", "TREND_DIMENSION_TOTAL", &[value(period, count)])
}

fn labour(period: &str, count: u32) -> Record {
    let mut value = value(period, count);
    value["form"] = json!("TREND_FORM_FORCED_LABOUR");
    trend(
        "by form",
        "TREND_DIMENSION_BY_FORM_OF_EXPLOITATION",
        &[value],
    )
}

async fn refused(at: &Country, record: Record) -> String {
    let status = at.try_submit(record, "").await.unwrap_err();
    assert_eq!(refusal_of(&status), "RECORD_INVALID", "{status}");
    status.message().to_owned()
}

async fn indexed(at: &Country) {
    eventually("the index is complete", async || {
        at.status().await.search.unwrap().complete.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_harmless_tables_and_an_amendment_make_no_harmful_difference() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let first = a.submit(in_all("2025", 30)).await;
    let said = refused(&a, labour("2025", 28)).await;
    assert!(
        said.contains("`situation.trend.values`") && said.contains("CAN_BE_COMPUTED"),
        "{said}"
    );
    assert!(said.contains("the rest of TJ"), "the cell is named: {said}");
    // A preview says the same, and another year is another table.
    let mut client = a.client().await;
    let preview = PreviewSharingRequest {
        record: Some(labour("2025", 28)),
    };
    let status = client.sharing.preview_sharing(preview).await.unwrap_err();
    assert!(status.message().contains("CAN_BE_COMPUTED"), "{status}");
    a.submit(labour("2024", 28)).await;
    a.submit(labour("2025", 12)).await;

    // 30, then 45, then 31: the last differs from the first by one.
    let nearer = amendment(&a, &first, in_all("2025", 31)).await;
    let said = refused(&a, nearer).await;
    assert!(
        said.contains("`situation.trend.values[0]`") && said.contains("too small to be shown"),
        "{said}"
    );
    let second = amendment(&a, &first, in_all("2025", 45)).await;
    let second = a.submit(second).await;
    // After a restart and with a new index, too.
    a.stop().await;
    for words in ["Detected trafficking", "2025-", "FORCED_LABOUR"] {
        assert!(!lies_in(&a.layout().data(), words.as_bytes()), "{words}");
    }
    fs::remove_dir_all(a.layout().index()).unwrap();
    a.start().await;
    let back = amendment(&a, &second, in_all("2025", 31)).await;
    refused(&a, back).await;
    // The same once more says nothing new; exercises tell nothing of what is real.
    a.submit(in_all("2025", 45)).await;
    let mut real = in_all("2025", 31);
    real.exercise = false;
    a.submit(real).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tables_at_the_same_time_do_not_slip_past_each_other() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let (one, other) = tokio::join!(
        a.try_submit(in_all("2025", 30), ""),
        a.try_submit(labour("2025", 28), "")
    );
    assert_eq!(
        [one.is_ok(), other.is_ok()]
            .iter()
            .filter(|ok| **ok)
            .count(),
        1,
        "{one:?} {other:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_table_protects_is_in_the_ledger_and_counts_as_released() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let table = |at: &Country, more: &[&str]| {
        let fixed = [
            "trend",
            "table",
            "--country",
            "TJ",
            "--indicator",
            "detected-trafficking-victims",
            "--exercise",
            "--home",
            at.at(),
        ];
        let all: Vec<String> = fixed
            .iter()
            .chain(more)
            .map(|of| (*of).to_owned())
            .collect();
        async move {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            comity(&all).await
        }
    };
    indexed(&b).await;
    table(&b, &[]).await.fails(77, &["TABLE_IMPOSSIBLE"]);
    let by_citizenship = |category: &str, period: &str, count: u32| {
        let mut value = value(period, count);
        if category.len() == 2 {
            value["country"] = json!(category);
        } else {
            value["reported"] = json!(category);
        }
        value
    };
    let values = [
        by_citizenship("UZ", "2024", 40),
        by_citizenship("=cmd()", "2024", 25),
        by_citizenship("UZ", "2025", 44),
    ];
    let sent = a
        .submit(trend("citizens", "TREND_DIMENSION_BY_CITIZENSHIP", &values))
        .await;
    b.receives(&sent).await;
    indexed(&b).await;
    let csv = ["--dimension", "by-citizenship", "--csv"];
    let text = table(&b, &csv).await.fine();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines[0], "\"category, sex, age\",2024,2025");
    assert!(
        text.contains("\"by citizenship: UZ, Total, Total\",40,44"),
        "{text}"
    );
    assert!(
        text.contains("by citizenship: =cmd(), Total, Total"),
        "{text}"
    );
    let of = [
        "--dimension",
        "by-citizenship",
        "--until",
        "2024",
        "--output",
        "json",
    ];
    let said = table(&b, &of).await.fine();
    let shown: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(shown["columns"], json!(["2024"]));
    assert_eq!(shown["sources"], json!([sent]));
    assert_eq!(
        (&shown["k"], &shown["tlp"]),
        (&json!(11), &json!("TLP_AMBER"))
    );
    let leaves = ledger_bodies(&b).await;
    let exports = leaves.iter().filter(|leaf| leaf.detail == "table-export");
    assert_eq!(exports.count(), 2);

    // What was exported binds what this country submits: UZ gives nothing of TJ away.
    let mut all = in_all("2024", 67);
    all.destinations[0].country = "TJ".to_owned();
    let said = refused(&b, all).await;
    assert!(
        said.contains("a cell "),
        "words of a record are not repeated: {said}"
    );
    table(&b, &["--dimension", "by-colour"])
        .await
        .fails(64, &["by-citizenship"]);
    table(&b, &["--from", "last"]).await.fails(64, &["YYYY"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_two_records_is_protected_where_each_alone_is_harmless() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    // Two countries report of TJ; only together do they tell of two persons.
    let quarters: Vec<Value> = ["2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"]
        .iter()
        .zip([20, 20, 20])
        .map(|(period, count)| value(period, count))
        .collect();
    let theirs = a
        .submit(trend("by quarter", "TREND_DIMENSION_TOTAL", &quarters))
        .await;
    let mut year = in_all("2025", 62);
    year.destinations[0].country = "TJ".to_owned();
    b.submit(year).await;
    b.receives(&theirs).await;
    indexed(&b).await;
    let export = [
        "trend",
        "table",
        "--country",
        "TJ",
        "--indicator",
        "detected-trafficking-victims",
        "--exercise",
        "--csv",
        "--home",
        b.at(),
    ];
    let ended = comity(&export).await;
    assert!(ended.stderr.contains("is withheld"), "{ended:?}");
    assert!(ended.stdout.contains('*'), "{ended:?}");
}

/// A file in the layout of the GLOTIP with its dirt: bands, separators, categories in words and in
/// several languages, a category left out, rows twice. The numbers are made up.
fn dirty() -> String {
    let mut text = String::from(
        "\u{feff}Iso3_code,Country,Region,Subregion,Indicator,Dimension,Category,Sex,Age,Year,Unit of measurement,txtVALUE,Source\n",
    );
    let mut seed = 7_u32;
    let mut next = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let indicators = [
        "Detected trafficking victims",
        "Persons convicted",
        "Persons prosecuted",
        "Persons brought into formal contact",
        "Offences of trafficking in persons",
    ];
    let categories = [
        ("Total", "Total"),
        ("by form of exploitation", "Sexual exploitation"),
        ("by form of exploitation", "Forced labour"),
        ("by form of exploitation", "Other forms of exploitation"),
        ("by citizenship", "Uzbekistan"),
        ("by citizenship", "Uzbecki"),
        ("by citizenship", "Таджикистан"),
        ("by citizenship", ""),
        ("by country of repatriation", "Abroad"),
    ];
    for (iso, country) in [("TJK", "Tajikistan"), ("UZB", "Uzbekistan")] {
        for year in [2022] {
            for indicator in indicators {
                for (dimension, category) in categories {
                    for sex in ["Total", "Female", "Male", "Other"] {
                        for age in ["Total", "0 to 17 years", "18 years or over"] {
                            if next(8) != 0 {
                                continue;
                            }
                            let count = match next(6) {
                                0..=2 => "<5".to_owned(),
                                3 => format!("\"1,{:03}\"", next(1000)),
                                _ => (5 + next(60)).to_string(),
                            };
                            let row = format!(
                                "{iso},{country},Asia,Central Asia,{indicator},{dimension},{category},{sex},{age},{year},Counts,{count},GLOTIP\n"
                            );
                            text.push_str(&row);
                            if next(40) == 0 {
                                text.push_str(&row);
                            }
                        }
                    }
                }
            }
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_a_dirty_file_is_accepted_and_no_row_passed_over() {
    let (mut a, b) = neighbours().await;
    a.start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("glotip.csv");
    let text = dirty();
    fs::write(&path, &text).unwrap();
    let import = [
        "trend",
        "import",
        path.to_str().unwrap(),
        "--mapping",
        "glotip",
        "--output",
        "json",
        "--home",
        a.at(),
        "--authority",
        "national-police",
        "--to",
        b.code,
    ];
    let ended = comity(&import).await;
    let said = ended.fine();
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = lines.iter().find(|line| line["rows"].is_number()).unwrap();
    let number = |field: &str| summary[field].as_u64().unwrap();
    let rows = text.lines().count() as u64 - 1;
    assert_eq!(number("rows"), rows);
    assert_eq!(number("used") + number("unused"), rows);
    assert!(number("used") > rows / 2, "{summary}");
    let accepted = lines.iter().filter(|line| line["reference"].is_string());
    assert_eq!(accepted.count() as u64, number("records"));
}
