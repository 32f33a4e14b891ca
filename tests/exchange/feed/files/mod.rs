//! Files of case systems: pushed, pushed again, corrected, killed and resumed.

mod kill;
mod watch;
mod workbook;

use std::{fs, path::Path};

use comity::exercise::{CaseLayout, case_file};
use serde_json::Value;

use crate::support::{Country, Ended, comity, neighbours};

/// A mapping of a case system whose columns have Cyrillic names.
const MAPPING: &str = r#"
name = "test"
kind = "CaseRecord"
[own_id]
columns = ["номер"]
[deleted]
column = "статус"
values = ["удалено"]
[[destination]]
country = "UZ"
authorities = ["national-police"]
[constants]
authority = "national-police"
urgency = "ROUTINE"
exercise = true
marking.tlp = "AMBER"
situation.language = "ru"
situation.grading.source = "B"
situation.grading.information = "2"
cameToLight = "HOTLINE"
traffickingStatus = "POSSIBLE_VICTIM_OF_TRAFFICKING"
[[field]]
to = "situation.title"
template = "УЧЕНИЯ. Дело {номер}"
[[field]]
to = "yearOfRegistration"
column = "дата"
as = "year"
date = "day.month.year"
[[field]]
to = "gender"
column = "пол"
values = { "Ж" = "WOMAN", "М" = "MAN" }
"#;

const HEADING: &str = "номер;дата;пол;статус";

/// A node, and a folder with the mapping.
pub(super) async fn node() -> (Country, tempfile::TempDir) {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.toml"), MAPPING).unwrap();
    (a, folder)
}

pub(super) fn write(folder: &Path, name: &str, rows: &[&str]) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{HEADING}\n{}\n", rows.join("\n"))).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(super) async fn push(a: &Country, file: &str, more: &[&str]) -> Ended {
    let mapping = Path::new(file).with_file_name("m.toml");
    let push = ["feed", "push", file, "--feed", "test", "--output", "json"];
    let by = ["--mapping", mapping.to_str().unwrap()];
    a.comity(&[&push[..], &by, more].concat()).await
}

/// The report of a push.
fn report(ended: &Ended) -> Value {
    serde_json::from_str(ended.stdout.trim()).unwrap_or_else(|_| panic!("{ended:?}"))
}

fn outcomes(ended: &Ended) -> Value {
    report(ended)["outcomes"].clone()
}

/// The dead letters of a file: row, field, value, reason.
fn letters(path: &str) -> Vec<[String; 4]> {
    let mut reader = csv::Reader::from_path(format!("{path}.dead-letters.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| [0, 1, 2, 3].map(|at| row[at].to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_pushed_once_changed_and_deleted() {
    let (a, folder) = node().await;
    let rows = ["1;01.03.2024;Ж;", "2;02.03.2024;М;", "3;03.03.2024;Ж;"];
    let file = write(folder.path(), "cases.csv", &rows);

    let dry = push(&a, &file, &["--dry-run"]).await;
    assert_eq!(outcomes(&dry), serde_json::json!({"submitted": 3}));
    assert!(a.records().await.is_empty());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "a dry run leaves nothing"
    );

    let first = push(&a, &file, &[]).await;
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(outcomes(&first), serde_json::json!({"submitted": 3}));
    assert_eq!(a.records().await.len(), 3);
    let kept: Value =
        serde_json::from_slice(&fs::read(format!("{file}.report.json")).unwrap()).unwrap();
    assert_eq!(
        (&kept["complete"], &kept["rows"]),
        (&true.into(), &3.into())
    );
    assert!(!Path::new(&format!("{file}.progress")).exists());

    let again = push(&a, &file, &[]).await;
    assert_eq!(outcomes(&again), serde_json::json!({"unchanged": 3}));
    assert_eq!(a.records().await.len(), 3);

    let rows = [
        "1;01.03.2024;Ж;",
        "2;02.03.2024;Ж;",
        "3;03.03.2024;Ж;удалено",
    ];
    write(folder.path(), "cases.csv", &rows);
    let changed = push(&a, &file, &[]).await;
    assert_eq!(
        outcomes(&changed),
        serde_json::json!({"unchanged": 1, "amended": 1, "recalled": 1}),
        "{changed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_name_each_row_once_and_are_corrected_and_pushed_again() {
    let (a, folder) = node().await;
    let rows = [
        "1;01.03.2024;Ж;",
        "2;03/02/2024;М;",
        "3;03.03.2024;Х;",
        "4;04.03.2024",
        ";05.03.2024;Ж;",
        "6;06.03.1990;Ж;",
        "7;07.03.2024;Ж;",
        "7;08.03.2025;М;",
    ];
    let file = write(folder.path(), "cases.csv", &rows);
    let pushed = push(&a, &file, &[]).await;
    assert_eq!(pushed.code, 65, "{pushed:?}");
    assert_eq!(
        outcomes(&pushed),
        serde_json::json!({"submitted": 1, "failed": 7})
    );
    let found = letters(&file);
    let found: Vec<[&str; 4]> = found
        .iter()
        .map(|of| of.each_ref().map(String::as_str))
        .collect();
    assert_eq!(
        found,
        [
            ["3", "дата", "03/02/2024", "DATE_AMBIGUOUS"],
            ["4", "пол", "Х", "UNKNOWN_CODE"],
            ["5", "", "", "FIELD_COUNT"],
            ["6", "номер", "", "OWN_ID_INVALID"],
            // The node's own refusal, in the words of the file.
            ["7", "дата", "06.03.1990", "OUT_OF_RANGE"],
            ["8", "own id", "7", "DUPLICATE_ID"],
            ["9", "own id", "7", "DUPLICATE_ID"],
        ]
    );
    let name = format!("{file}.dead-letters.csv");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(
        fs::metadata(&name).unwrap().permissions().mode() & 0o777,
        0o600
    );

    // As they are they fail again, in a list of their own; corrected they are taken.
    let again = push(&a, &name, &[]).await;
    assert_eq!(outcomes(&again), serde_json::json!({"failed": 7}));
    let text = fs::read_to_string(&name).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.truncate(8);
    let corrected: Vec<String> = lines
        .iter()
        .map(|line| {
            line.replace(",2,03/02/2024,", ",2,03.02.2024,")
                .replace(",3,03.03.2024,Х,", ",3,03.03.2024,Ж,")
                .replace(",6,06.03.1990,", ",6,06.03.2019,")
                .replace(",7,08.03.2025,", ",8,08.03.2025,")
        })
        .filter(|line| !line.starts_with("5,") && !line.starts_with("6,"))
        .collect();
    fs::write(&name, corrected.join("\n")).unwrap();
    let corrected = push(&a, &name, &[]).await;
    assert_eq!(corrected.code, 0, "{corrected:?}");
    assert_eq!(outcomes(&corrected), serde_json::json!({"submitted": 5}));
    // The list of the push before was kept aside.
    assert!(Path::new(&format!("{name}.dead-letters.1.csv")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn encodings_are_told_or_refused() {
    let (a, folder) = node().await;
    let text = format!("{HEADING}\n1;01.03.2024;Ж;\n2;02.03.2024;М;\n");
    let (cp1251, _, _) = encoding_rs::WINDOWS_1251.encode(&text);
    let file = folder.path().join("cases.csv");
    fs::write(&file, &cp1251).unwrap();
    let file = file.to_str().unwrap();
    let pushed = push(&a, file, &[]).await;
    assert_eq!(
        outcomes(&pushed),
        serde_json::json!({"submitted": 2}),
        "{pushed:?}"
    );
    assert_eq!(report(&pushed)["encoding"], "windows-1251");

    let utf_16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    fs::write(file, utf_16).unwrap();
    let pushed = push(&a, file, &[]).await;
    assert_eq!(
        outcomes(&pushed),
        serde_json::json!({"unchanged": 2}),
        "{pushed:?}"
    );

    fs::write(file, b"\xe9t\xe9;b\n1;2\n").unwrap();
    push(&a, file, &[])
        .await
        .fails(65, &["--encoding", "offset 0"]);
    let old = folder.path().join("old.xlsx");
    fs::write(&old, b"\xd0\xcf\x11\xe0 an old workbook").unwrap();
    push(&a, old.to_str().unwrap(), &[])
        .await
        .fails(65, &["no Excel workbook"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_fit_sends_nothing() {
    let (a, folder) = node().await;
    let file = write(folder.path(), "cases.csv", &["1;01.03.2024;Ж;"]);
    fs::write(&file, "номер;дата\n1;01.03.2024\n").unwrap();
    push(&a, &file, &[]).await.fails(
        65,
        &["does not fit", "no column `статус`", "no column `пол`"],
    );
    // Broken in its middle: not a row of it is sent.
    fs::write(
        &file,
        [
            format!("{HEADING}\n1;01.03.2024;Ж;\n").as_bytes(),
            b"2;\xff\xfe;;\n",
        ]
        .concat(),
    )
    .unwrap();
    push(&a, &file, &["--encoding", "utf-8"])
        .await
        .fails(65, &["not UTF-8"]);
    assert!(a.records().await.is_empty());
    fs::write(
        folder.path().join("m.toml"),
        MAPPING.replace("gender", "gendr"),
    )
    .unwrap();
    push(&a, &file, &[]).await.fails(78, &["no field `gendr`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_are_listed_shown_and_checked() {
    let list = comity(&["feed", "mapping", "list"]).await.fine();
    for name in ["ctdc", "ctdc-63", "glotip", "htcds"] {
        assert!(list.contains(name), "{list}");
    }
    let shown = comity(&["feed", "mapping", "show", "ctdc"]).await.fine();
    let template = comity(&["feed", "mapping", "template", "case-record"])
        .await
        .fine();
    let folder = tempfile::tempdir().unwrap();
    let (mine, file) = (folder.path().join("mine.toml"), folder.path().join("c.csv"));
    let lines: Vec<String> = case_file(CaseLayout::Ctdc, 3, 20, false).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    fs::write(&mine, template).unwrap();
    comity(&[
        "feed",
        "mapping",
        "check",
        "--mapping",
        mine.to_str().unwrap(),
    ])
    .await
    .fine();
    fs::write(&mine, shown).unwrap();
    let check = [
        "feed",
        "mapping",
        "check",
        "--mapping",
        mine.to_str().unwrap(),
    ];
    comity(&check)
        .await
        .fails(78, &["nobody receives the records"]);
    let with_file = [
        &check[..],
        &["--to", "UZ/national-police", file.to_str().unwrap()],
    ]
    .concat();
    comity(&with_file).await.fine();
    comity(&["feed", "mapping", "show", "nothing"])
        .await
        .fails(66, &["no mapping `nothing`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statistics_of_the_glotip_become_trends() {
    let (a, folder) = node().await;
    let file = folder.path().join("glotip.csv");
    let mut lines: Vec<String> = case_file(CaseLayout::Glotip, 3, 60, false).collect();
    lines.push(
        "XXX,Nowhere,,,Persons convicted,Total,Total,Total,Total,2020,Counts,5,EXERCISE".to_owned(),
    );
    fs::write(&file, lines.join("\n")).unwrap();
    let push = [
        "feed",
        "push",
        file.to_str().unwrap(),
        "--mapping",
        "glotip",
        "--to",
        "UZ",
        "--authority",
        "national-police",
        "--exercise",
        "--feed",
        "statistics",
        "--output",
        "json",
    ];
    let pushed = a.comity(&push).await;
    assert_eq!(pushed.code, 65, "{pushed:?}");
    assert_eq!(
        outcomes(&pushed),
        serde_json::json!({"submitted": 3, "failed": 1})
    );
    let found = letters(file.to_str().unwrap());
    assert_eq!(
        found[0],
        ["62", "Iso3_code", "XXX", "UNKNOWN_COUNTRY"].map(str::to_owned)
    );
    let again = a.comity(&push).await;
    assert_eq!(
        outcomes(&again),
        serde_json::json!({"unchanged": 3, "failed": 1})
    );
}
