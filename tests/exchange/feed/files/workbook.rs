//! A workbook of Excel, as case officers send it.

use std::{fs, io::Write as _};

use super::{outcomes, push, report};

/// A workbook with one sheet of these rows, of which `=` begins a number and `@` a date.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut sheet = String::new();
    for (row, cells) in (1..).zip(rows) {
        sheet.push_str(&format!("<row r=\"{row}\">"));
        for (column, cell) in ('A'..).zip(*cells) {
            let at = format!("{column}{row}");
            sheet.push_str(&match (cell.strip_prefix('='), cell.strip_prefix('@')) {
                (Some(number), _) => format!("<c r=\"{at}\"><v>{number}</v></c>"),
                (_, Some(date)) => format!("<c r=\"{at}\" s=\"1\"><v>{date}</v></c>"),
                _ => format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"),
            });
        }
        sheet.push_str("</row>");
    }
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let parts = [
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Дела\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{main}\"><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_pushed_with_its_dates_as_they_are() {
    let (a, folder) = super::node().await;
    let file = folder.path().join("cases.xlsx");
    // 45352 is 1 March 2024, whatever the habit of the column.
    let rows: [&[&str]; 4] = [
        &["номер", "дата", "пол", "статус"],
        &["=1", "@45352", "Ж", ""],
        &["=2", "02.03.2024", "М", ""],
        &["=3", "=1", "М", ""],
    ];
    fs::write(&file, workbook(&rows)).unwrap();
    let file = file.to_str().unwrap();
    push(&a, file, &["--sheet", "Cases"])
        .await
        .fails(65, &["no sheet `Cases`; it has Дела"]);
    let pushed = push(&a, file, &[]).await;
    assert_eq!(
        outcomes(&pushed),
        serde_json::json!({"submitted": 2, "failed": 1}),
        "{pushed:?}"
    );
    assert_eq!(report(&pushed)["encoding"], "workbook");
    let letters = fs::read_to_string(format!("{file}.dead-letters.ndjson")).unwrap();
    let letter: serde_json::Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
    let said = ["comity_field", "comity_reason"].map(|name| letter[name].as_str().unwrap());
    assert_eq!(said, ["дата", "DATE_INVALID"], "{letters}");
}
