//! Statistics: imported from files as they are, protected, exchanged.

use std::fs;

use serde_json::Value;

use crate::support::{comity, neighbours};

const HEADING: &str = "Iso3_code,Country,Region,Subregion,Indicator,Dimension,Category,Sex,Age,Year,Unit of measurement,txtVALUE,Source";

/// A file in the layout of the GLOTIP; the numbers are made up.
fn file(rows: &[&str]) -> String {
    let mut text = format!("{HEADING}\n");
    for row in rows {
        text.push_str(&format!(
            "TJK,Tajikistan,Asia,Central Asia,Detected trafficking victims,{row},GLOTIP\n"
        ));
    }
    text
}

const ROWS: [&str; 8] = [
    "Total,Total,Total,Total,2019,Counts,\"1,137\"",
    "Total,Total,Female,Total,2019,Counts,1109",
    "Total,Total,Male,Total,2019,Counts,28",
    "by citizenship,Узбекистан,Total,Total,2019,Counts,40",
    "by citizenship,,Total,Total,2019,Counts,12",
    "by form of exploitation,Forced labour,Total,Total,2019,Counts,<5",
    "by form of exploitation,Sexual exploitation,Total,Total,2019,Counts,1095",
    "by form of exploitation,Other forms of exploitation,Total,Total,2019,Counts,41",
];

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_once_and_every_row_is_used_or_explained() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("glotip.csv");
    fs::write(&path, file(&ROWS)).unwrap();
    let path = path.to_str().unwrap();
    let import = ["trend", "import", path, "--mapping", "glotip"];
    let dry = [&import[..], &["--dry-run", "--output", "json"]].concat();
    let lines = json_lines(&comity(&dry).await.fine());
    let (summary, findings) = lines.split_last().unwrap();
    assert_eq!(summary["rows"], 8);
    assert_eq!(summary["used"], 7);
    assert_eq!(summary["records"], 3);
    assert_eq!(summary["submitted"], false);
    let unused: Vec<&Value> = findings.iter().filter(|of| of["used"] == false).collect();
    assert_eq!(unused.len(), 1);
    assert_eq!(unused[0]["row"], 6);
    assert_eq!(unused[0]["column"], "Category");
    assert_eq!(unused[0]["reason"], "CATEGORY_MISSING");
    assert!(
        findings.iter().any(|of| of["reason"] == "WITHHELD"),
        "1137 - 1095 - 41 is computable"
    );

    let authority = ["--authority", "national-police", "--to", b.code];
    let submit = [&import[..], &["--home", a.at(), "--exercise"], &authority].concat();
    let said = comity(&submit).await.fine();
    let references: Vec<String> = said
        .lines()
        .filter(|line| line.starts_with(a.code))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(references.len(), 3, "{said}");
    let again = comity(&submit).await.fine();
    assert_eq!(again.matches("(known)").count(), 3, "{again}");
    for reference in &references {
        assert!(again.contains(reference.as_str()), "{again}");
    }
    for reference in &references {
        b.receives(reference).await;
    }
    let held = b.records().await;
    assert!(held.iter().all(|record| record.kind == "Trend"));
}

#[tokio::test(flavor = "multi_thread")]
async fn encodings_are_told_or_refused_and_other_layouts_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.csv");
    let name = path.to_str().unwrap();
    let import = ["trend", "import", name, "--mapping", "glotip", "--dry-run"];
    let text = file(&ROWS);
    let (cyrillic, _, _) = encoding_rs::WINDOWS_1251.encode(&text);
    let utf_16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, encoding) in [
        (cyrillic.as_ref(), "windows-1251"),
        (utf_16.as_slice(), "UTF-16LE"),
        (text.as_bytes(), "UTF-8"),
    ] {
        fs::write(&path, bytes).unwrap();
        let ended = comity(&import).await;
        assert!(
            ended
                .stderr
                .contains(&format!("8 rows ({encoding}): 7 used")),
            "{ended:?}"
        );
    }
    fs::write(&path, b"Country\nTha\xeflande\n").unwrap();
    comity(&import).await.fails(
        65,
        &["neither UTF-8 nor UTF-16 nor windows-1251", "--encoding"],
    );
    fs::write(&path, "Country,Year\nUZ,2019\n").unwrap();
    comity(&import)
        .await
        .fails(65, &["lacks the column Iso3_code"]);
    fs::write(&path, file(&["Total,Total,Total,Total,2019,Counts,many"])).unwrap();
    comity(&import).await.fails(65, &["no row could be used"]);
    let no_reader = ["trend", "import", name, "--mapping", "glotip"];
    comity(&no_reader).await.fails(64, &["--to"]);
}

/// The published file, where it is at hand: every table that the import makes is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_the_published_file_is_accepted() {
    let Ok(path) = std::env::var("COMITY_GLOTIP_FILE") else {
        eprintln!("skipped: COMITY_GLOTIP_FILE names no GLOTIP file");
        return;
    };
    let (mut a, b) = neighbours().await;
    a.start().await;
    let import = [
        "trend",
        "import",
        &path,
        "--mapping",
        "glotip",
        "--home",
        a.at(),
    ];
    let reader = ["--authority", "national-police", "--to", b.code];
    let said = comity(&[&import[..], &reader].concat()).await;
    eprintln!("{}", said.stderr);
    said.fine();
}
