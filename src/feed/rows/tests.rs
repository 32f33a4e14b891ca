//! Rows of files as they are.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use super::*;
use crate::feed::fault::Reason;

fn rows(text: &str) -> Vec<Row> {
    let text = Cursor::new(text.as_bytes().to_vec());
    let rows = of_text(text, Format::Csv, Encoding::Utf8, None).unwrap();
    rows.map(Result::unwrap).collect()
}

fn texts(row: &Row) -> Vec<&str> {
    row.cells.iter().map(|cell| cell.text.as_str()).collect()
}

fn reasons(row: &Row) -> Vec<Reason> {
    row.faults.iter().map(|of| of.reason).collect()
}

fn broken(text: &str) -> String {
    let text = Cursor::new(text.as_bytes().to_vec());
    match of_text(text, Format::Csv, Encoding::Utf8, None) {
        Err(broken) => broken.to_string(),
        Ok(mut rows) => rows.find_map(Result::err).unwrap().to_string(),
    }
}

#[test]
fn the_delimiter_is_told_from_the_heading_or_said_or_refused() {
    for (text, cells) in [
        ("a,b\n1;2,3\n", ["1;2", "3"]),
        ("a;b\n1,5;2\n", ["1,5", "2"]),
        ("a\tb\n1,5\t2;3\n", ["1,5", "2;3"]),
        ("sep=;\na,x;b\n1;2\n", ["1", "2"]),
        ("\"a,a,a\";b\n1;2\n", ["1", "2"]),
    ] {
        assert_eq!(texts(&rows(text)[0]), cells, "{text:?}");
    }
    assert!(broken("a;b,c\n").contains("--delimiter"));
    assert_eq!(texts(&rows("one\nx\n")[0]), ["x"]);
}

#[test]
fn quotes_hold_delimiters_lines_and_quotes() {
    let read = rows("a,b\r\n\"x, \"\"y\"\"\r\nz\",2\r\n\r\n  ,\r\n3,4");
    assert_eq!(texts(&read[0]), ["x, \"y\"\r\nz", "2"]);
    assert_eq!((read[0].line, read[1].line, read[2].line), (2, 5, 6));
    assert_eq!(texts(&read[2]), ["3", "4"]);
}

#[test]
fn a_carriage_return_that_stands_alone_is_a_fault() {
    let read = rows("a,b\n1,2\r3,4\n5,6\r\n");
    assert_eq!(reasons(&read[0]), [Reason::Quotes]);
    assert!(read[0].faults[0].message.contains("stands alone"));
    assert_eq!(texts(&read[1]), ["5", "6"]);
    assert!(broken("a,b\r1,2\r3,4\r").contains("stands alone"));
}

#[test]
fn a_ragged_row_is_a_fault_and_the_next_is_read() {
    let read = rows("a,b\n1\n1,2,3\n4,5\n");
    assert_eq!(reasons(&read[0]), [Reason::FieldCount]);
    assert_eq!(reasons(&read[1]), [Reason::FieldCount]);
    assert!(
        read[1].faults[0]
            .message
            .contains("3 cells where the heading has 2")
    );
    assert_eq!(texts(&read[1]), ["1", "2", "3"]);
    assert!(read[2].faults.is_empty());
}

#[test]
fn an_open_quote_is_named_and_swallows_nothing_without_a_word() {
    let read = rows("a,b\n1,\"2\n3,4\n5,6\n");
    assert_eq!(read.len(), 1);
    assert!(reasons(&read[0]).contains(&Reason::Quotes));
    assert!(read[0].faults[0].message.contains("lines from 2 to 5"));
    let read = rows("a,b\n\"1\"x,2\n3,4\n");
    assert_eq!(reasons(&read[0]), [Reason::Quotes]);
    assert_eq!(texts(&read[1]), ["3", "4"]);
}

#[test]
fn huge_cells_and_rows_are_faults_and_are_not_kept() {
    let huge = "x".repeat(MAX_CELL_BYTES + 5);
    let read = rows(&format!("a,b\n{huge},2\n3,4\n"));
    assert_eq!(reasons(&read[0]), [Reason::CellTooLarge]);
    assert_eq!(read[0].cells[0].text.len(), MAX_CELL_BYTES);
    assert_eq!(texts(&read[1]), ["3", "4"]);

    let many = vec!["x".repeat(60_000); 40].join(",");
    let read = rows(&format!("a,b\n{many}\n3,4\n"));
    assert!(reasons(&read[0]).contains(&Reason::RowTooLarge));
    let kept: usize = read[0].cells.iter().map(|cell| cell.text.len()).sum();
    assert!(kept <= MAX_ROW_BYTES);
    assert_eq!(texts(&read[1]), ["3", "4"]);

    let wide = vec!["1"; MAX_COLUMNS + 10].join(",");
    let read = rows(&format!("a,b\n{wide}\n"));
    assert_eq!(reasons(&read[0]), [Reason::FieldCount]);
    assert_eq!(read[0].cells.len(), MAX_COLUMNS);
    assert!(broken(&format!("{wide}\n1\n")).contains("more than 1000 cells"));
}

#[test]
fn a_file_without_a_heading_is_refused() {
    assert!(broken("").contains("empty"));
    assert!(broken("\n\n").contains("empty"));
    assert!(broken(",,\n1,2,3\n").contains("names no column"));
}

#[test]
fn cyrillic_headings_in_windows_1251_and_utf_16_are_read() {
    let text = "номер;пол\n1;Ж\n";
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(text);
    let utf_16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, encoding) in [
        (bytes.to_vec(), Encoding::Windows1251),
        (utf_16, Encoding::Utf16Le),
        ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Encoding::Utf8),
    ] {
        let mut detector = Detector::default();
        detector.feed(&bytes);
        assert_eq!(detector.finish(), Ok(encoding));
        let rows = of_text(Cursor::new(bytes), Format::Csv, encoding, None).unwrap();
        let rows: Vec<Row> = rows.map(Result::unwrap).collect();
        assert_eq!(rows[0].heading.columns, ["номер", "пол"]);
        assert_eq!(texts(&rows[0]), ["1", "Ж"]);
    }
    let wrong = Cursor::new(b"a,b\n1,\xff\n".to_vec());
    let mut rows = of_text(wrong, Format::Csv, Encoding::Utf8, None)
        .unwrap_or_else(|broken| Box::new(std::iter::once(Err(broken))));
    let error = rows.find_map(Result::err).unwrap();
    assert!(error.why.contains("not UTF-8"), "{error}");
}

fn objects(text: &str) -> Vec<Row> {
    let rows = NdJson::new(Cursor::new(text.as_bytes().to_vec()));
    rows.map(Result::unwrap).collect()
}

#[test]
fn objects_become_cells_with_dotted_names() {
    let read = objects(
        "{\"id\": 1, \"who\": {\"age\": 17.5, \"of\": null}, \"codes\": [\"a\", \"b\"], \"legs\": [{\"to\": \"UZ\"}], \"ok\": true}\n\n{\"id\": 2}\n",
    );
    assert_eq!(
        read[0].heading.columns,
        ["id", "who.age", "who.of", "codes", "legs[0].to", "ok"]
    );
    assert_eq!(texts(&read[0]), ["1", "17.5", "", "a\u{1f}b", "UZ", "true"]);
    assert!(read[0].cells[1].typed && !read[0].cells[4].typed);
    assert_eq!((read[1].line, read[1].heading.columns.len()), (3, 1));
}

#[test]
fn lines_that_are_no_objects_are_faults() {
    let deep = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
    for (line, says) in [
        ("nothing", "no object of JSON"),
        ("[1]", "no object of JSON"),
        ("{\"a\":1} {\"a\":2}", "no object of JSON"),
        ("{\"a\":1,\"a\":2}", "twice"),
        (deep.as_str(), "nested deeper"),
    ] {
        let read = objects(&format!("{line}\n{{\"id\": 1}}\n"));
        assert_eq!(reasons(&read[0]), [Reason::Json], "{line}");
        let message = &read[0].faults[0].message;
        assert!(message.contains(says), "{line}: {message}");
        assert!(read[1].faults.is_empty());
    }
    let long = format!(
        "{{\"a\":\"{}\"}}\n{{\"id\":1}}\n",
        "x".repeat(MAX_ROW_BYTES)
    );
    let read = objects(&long);
    assert_eq!(reasons(&read[0]), [Reason::RowTooLarge]);
    assert!(read[0].written.is_none() && read[1].faults.is_empty());
    let cell = format!("{{\"a\":\"{}\"}}\n", "x".repeat(MAX_CELL_BYTES + 1));
    assert_eq!(reasons(&objects(&cell)[0]), [Reason::CellTooLarge]);
}

/// A workbook with one sheet of these rows of XML.
pub(in crate::feed) fn workbook(sheet: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let types = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    for (name, text) in [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{package}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"{types}.sheet.main+xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
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
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>"
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
    ] {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const SHEET: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>дата</t></is></c><c r=\"C1\" t=\"inlineStr\"><is><t>n</t></is></c></row>\
    <row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>one</t></is></c><c r=\"B2\" s=\"1\"><v>45352</v></c><c r=\"C2\"><v>1234.5</v></c></row>\
    <row r=\"4\"><c r=\"A4\" t=\"inlineStr\"><is><t>two</t></is></c></row>\
    <row r=\"5\"><c r=\"A5\" t=\"inlineStr\"><is><t>three</t></is></c><c r=\"C5\" t=\"e\"><v>#N/A</v></c></row>";

#[test]
fn a_sheet_has_dates_numbers_gaps_and_errors() {
    let read = Workbook::read(workbook(SHEET), None).unwrap();
    assert_eq!(read.sheet(), "Дела");
    assert_eq!(read.heading().columns, ["id", "дата", "n"]);
    let read: Vec<Row> = read.collect();
    assert_eq!(texts(&read[0]), ["one", "2024-03-01", "1234.5"]);
    assert!(read[0].cells[1].typed && !read[0].cells[0].typed);
    assert_eq!((read[1].line, texts(&read[1])), (4, vec!["two", "", ""]));
    assert_eq!(reasons(&read[2]), [Reason::CellError]);
    assert_eq!(read[2].faults[0].field, "n");

    let error = Workbook::read(workbook(SHEET), Some("Cases")).unwrap_err();
    assert!(
        matches!(&error, WorkbookError::NoSheet { wanted, .. } if wanted == "Cases"),
        "{error}"
    );
    let error = Workbook::read(workbook(""), None).unwrap_err();
    assert!(matches!(error, WorkbookError::NoHeading(_)), "{error}");
    let error = Workbook::read(b"PK\x03\x04nothing".to_vec(), None).unwrap_err();
    assert!(matches!(error, WorkbookError::Unreadable(_)), "{error}");
}

#[test]
fn koi8_r_is_not_taken_for_windows_1251() {
    let (bytes, _, _) = encoding_rs::KOI8_R.encode("номер;пол\n1;Женский\n");
    let mut detector = Detector::default();
    detector.feed(&bytes);
    assert!(detector.finish().is_err());
}

#[test]
fn a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_read() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("xl/worksheets/sheet1.xml", options).unwrap();
    let piece = vec![b' '; 1 << 20];
    for _ in 0..513 {
        zip.write_all(&piece).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 2 << 20);
    let error = Workbook::read(bomb, None).unwrap_err();
    assert!(matches!(error, WorkbookError::TooLarge(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_as_csv_is_read_back(
        cells in proptest::collection::vec(proptest::collection::vec("[^\u{0}\r]{0,12}", 3), 1..8)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        for row in &cells {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let read = rows(&text);
        prop_assert_eq!(read.len(), cells.len());
        for (row, cells) in read.iter().zip(&cells) {
            prop_assert!(row.faults.is_empty());
            prop_assert_eq!(texts(row), cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_bytes_give_rows_or_faults_or_one_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for encoding in [Encoding::Utf8, Encoding::Windows1251, Encoding::Utf16Le] {
            for format in [Format::Csv, Format::NdJson] {
                if let Ok(rows) = of_text(Cursor::new(bytes.clone()), format, encoding, None) {
                    let mut last = 0;
                    for row in rows.take_while(Result::is_ok) {
                        let row = row.unwrap();
                        prop_assert!(row.line > last);
                        last = row.line;
                        let fits = row.cells.len() == row.heading.columns.len();
                        prop_assert!(fits || !row.faults.is_empty());
                    }
                }
            }
        }
        let _ = Workbook::read(bytes, None);
    }
}
