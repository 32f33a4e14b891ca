//! Rows as they come, good and bad. The numbers are made up.

use std::collections::BTreeSet;

use super::*;
use crate::statistics::Shown;

const HEADING: &str = "Iso3_code,Country,Region,Subregion,Indicator,Dimension,Category,Sex,Age,Year,Unit of measurement,txtVALUE,Source\n";

fn row(fields: &str) -> String {
    format!(
        "UZB,Uzbekistan,Asia,Central Asia,Detected trafficking victims,{fields},Counts,{{}},GLOTIP\n"
    )
}

fn rows(of: &[(&str, &str)]) -> String {
    let mut text = HEADING.to_owned();
    for (fields, value) in of {
        text.push_str(&row(fields).replace("{}", value));
    }
    text
}

fn import(text: &str) -> (Import, Vec<Finding>) {
    let mut findings = Vec::new();
    let import = read(text.as_bytes(), &BTreeSet::new(), |finding| {
        findings.push(finding)
    })
    .unwrap();
    (import, findings)
}

#[test]
fn good_rows_are_used_and_every_bad_one_is_explained() {
    let text = rows(&[
        ("Total,Total,Total,Total,2019", "1234"),
        ("Total,Total,Total,Total,2020", "\"1,234\""),
        ("by citizenship,Uzbecki,Total,Total,2019", "40"),
        ("by citizenship,Atlantis,Total,Total,2019", "20"),
        ("by citizenship,,Total,Total,2019", "20"),
        ("by citizenship,=cmd(),Total,Total,2019", "20"),
        ("by form of exploitation,Piracy,Total,Total,2019", "20"),
        ("by age,Total,Total,Total,2019", "20"),
        ("Total,Total,Both,Total,2019", "20"),
        ("Total,Total,Female,Adults,2019", "20"),
        ("Total,Total,Female,Total,19", "20"),
        ("Total,Total,Female,Total,2019", "many"),
        ("Total,Total,Female,Total,2019", ""),
        ("Total,Total,Total,Total,2019", "1234"),
        ("Total,Total,Total,Total,2019", "1235"),
    ]) + "XYZ,,,,Detected trafficking victims,Total,Total,Total,Total,2019,Counts,20,GLOTIP\n"
        + "UZB,,,,Detected victims,Total,Total,Total,Total,2019,Counts,20,GLOTIP\n"
        + "UZB,,,,Persons convicted,Total,Total,Total,Total,2019,Percent,20,GLOTIP\n"
        + "UZB,short\n";
    let (import, findings) = import(&text);
    assert_eq!(import.rows, 19);
    assert_eq!(import.observations.len(), 4);
    assert_eq!(import.unused, 15);
    assert_eq!(import.observations[1].shown, Shown::Count(1234));
    assert_eq!(import.observations[2].at.category, "UZ");
    let seen: Vec<(u64, &str, Why)> = findings
        .iter()
        .map(|finding| (finding.line, finding.column, finding.why))
        .collect();
    assert_eq!(
        seen,
        [
            (5, "Category", Why::KeptInWords),
            (6, "Category", Why::CategoryMissing),
            (7, "Category", Why::Category),
            (8, "Category", Why::Category),
            (9, "Dimension", Why::Dimension),
            (10, "Sex", Why::Sex),
            (11, "Age", Why::Age),
            (12, "Year", Why::Year),
            (13, "txtVALUE", Why::Value),
            (14, "txtVALUE", Why::ValueMissing),
            (15, "txtVALUE", Why::Repeated),
            (16, "txtVALUE", Why::Contradicts),
            (17, "Iso3_code", Why::Country),
            (18, "Indicator", Why::Indicator),
            (19, "Unit of measurement", Why::Unit),
            (20, "", Why::Fields),
        ]
    );
    let unused = findings
        .iter()
        .filter(|finding| !finding.why.used())
        .count();
    assert_eq!(unused as u64, import.unused);
    assert!(findings[11].message.contains("line 2 says 1234"));
}

#[test]
fn only_the_countries_asked_for() {
    let text = rows(&[("Total,Total,Total,Total,2019", "20")])
        + "KAZ,,,,Persons convicted,Total,Total,Total,Total,2019,Counts,20,GLOTIP\n";
    let only = BTreeSet::from(["KZ".to_owned()]);
    let import = read(text.as_bytes(), &only, |_| {}).unwrap();
    assert_eq!(
        (import.rows, import.not_selected, import.observations.len()),
        (2, 1, 1)
    );
    assert_eq!(import.observations[0].country, "KZ");
}

#[test]
fn another_layout_and_broken_text_are_refused() {
    let read = |text: &[u8]| read(text, &BTreeSet::new(), |_| {});
    let error = read(b"Country,Year\nUZ,2019\n").unwrap_err();
    assert!(
        error.to_string().contains("lacks the column Iso3_code"),
        "{error}"
    );
    assert!(matches!(read(b""), Err(ReadError::Column { .. })));
    let bytes = [HEADING.as_bytes(), b"UZB,\xff\n"].concat();
    let error = read(&bytes).unwrap_err();
    assert!(
        matches!(error, ReadError::Broken { line: 2, .. }),
        "{error}"
    );
    let open = format!("{HEADING}UZB,\"{}", "x\n".repeat(200_000));
    let error = read(open.as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("a quote may be left open"),
        "{error}"
    );
}

#[test]
fn what_the_published_margins_give_away_is_withheld_and_said() {
    let text = rows(&[
        ("Total,Total,Total,Total,2019", "137"),
        ("Total,Total,Female,Total,2019", "109"),
        ("Total,Total,Male,Total,2019", "28"),
        (
            "by form of exploitation,Sexual exploitation,Total,Total,2019",
            "90",
        ),
        (
            "by form of exploitation,Sexual exploitation,Total,18 years or over,2019",
            "89",
        ),
        (
            "by form of exploitation,Sexual exploitation,Total,0 to 17 years,2019",
            "<5",
        ),
        (
            "by form of exploitation,Forced labour,Total,Total,2019",
            "6",
        ),
        (
            "by form of exploitation,Other forms of exploitation,Total,Total,2019",
            "41",
        ),
    ]);
    let (import, _) = import(&text);
    let mut findings = Vec::new();
    let all = series(&import.observations, |finding| findings.push(finding)).unwrap();
    assert_eq!(all.len(), 1);
    let by_line = |line: u64| findings.iter().find(|finding| finding.line == line);
    assert_eq!(by_line(8).unwrap().why, Why::BelowK);
    // The children among the sexually exploited were 90 - 89.
    let withheld = by_line(6).unwrap();
    assert_eq!(withheld.why, Why::Withheld);
    assert!(
        withheld.message.contains("0 to 17 years could be computed"),
        "{}",
        withheld.message
    );
    assert_eq!(by_line(2), None);
    assert!(all[0].cells.values().any(|shown| *shown == Shown::Withheld));
}

/// The file itself, where it is at hand.
#[test]
fn the_real_file_is_used_or_explained_row_by_row() {
    let path = std::env::var("COMITY_GLOTIP_FILE").unwrap_or_default();
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: COMITY_GLOTIP_FILE names no GLOTIP file");
        return;
    };
    let text = String::from_utf8(bytes).unwrap();
    let (import, findings) = import(&text);
    let unused = findings
        .iter()
        .filter(|finding| !finding.why.used())
        .count();
    assert_eq!(import.rows as usize, import.observations.len() + unused);
    let (mut changed, mut left_out) = (0, 0);
    let all = series(&import.observations, |finding| {
        changed += usize::from(finding.why.used());
        left_out += usize::from(!finding.why.used());
    })
    .unwrap();
    let cells: usize = all.iter().map(|series| series.cells.len()).sum();
    assert_eq!(cells + left_out, import.observations.len());
    eprintln!(
        "{} rows, {unused} unused, {left_out} left out, {changed} not as published, {} tables",
        import.rows,
        all.len()
    );
}
