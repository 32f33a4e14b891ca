//! The mappings that come along, and whole files.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::{
    exercise::{CTDC, CaseLayout, case_file},
    feed::{
        fault::Reason,
        mapping::{Overrides, To},
        rows::{Encoding, Format, of_text},
    },
    record::{Country, Moment, ValidationContext, validate},
    wire::{
        node::feed_item::Content,
        record::{AgeRange, Answer, Record, situation::Kind},
    },
};

fn mapping(name: &str) -> Mapping {
    let overrides = Overrides {
        to: vec![To {
            country: "AE".to_owned(),
            authorities: vec!["national-police".to_owned()],
        }],
        authority: Some("national-police".to_owned()),
        exercise: true,
        ..Overrides::default()
    };
    Mapping::read(built_in(name).unwrap().text, &overrides).unwrap()
}

fn all(name: &str, text: String) -> Vec<Entry> {
    let rows = of_text(
        Cursor::new(text.into_bytes()),
        Format::Csv,
        Encoding::Utf8,
        None,
    );
    let entries = entries(mapping(name), rows.unwrap()).unwrap();
    entries.map(Result::unwrap).collect()
}

#[test]
fn dead_letters_of_counts_do_not_replace_the_table() {
    let text = format!("comity_row,{}", file(CaseLayout::Glotip, 3, false));
    let rows = of_text(
        Cursor::new(text.into_bytes()),
        Format::Csv,
        Encoding::Utf8,
        None,
    )
    .unwrap();
    // Rows without the cell in front are ragged; the heading alone tells.
    let Err(unfit) = entries(mapping("glotip"), rows) else {
        panic!("they are dead letters");
    };
    assert!(unfit.to_string().contains("as a whole"), "{unfit}");
}

fn file(layout: CaseLayout, rows: u64, dirty: bool) -> String {
    case_file(layout, 7, rows, dirty)
        .collect::<Vec<_>>()
        .join("\n")
}

fn record(entry: &Entry) -> &Record {
    match entry.outcome.as_ref().unwrap().content.as_ref().unwrap() {
        Content::Record(record) => record,
        Content::Deleted(_) => panic!("a deletion"),
    }
}

fn valid(record: &Record) {
    let context = ValidationContext {
        // 2026-06-01
        now: Moment::from_micros(1_780_272_000_000_000),
        origin: "TJ".parse::<Country>().unwrap(),
        authorities: &|_| Some(vec!["national-police".to_owned()]),
        received: false,
    };
    validate(record, &context).unwrap_or_else(|error| panic!("{error:?}"));
}

#[test]
fn each_layout_gives_valid_records_and_leaves_no_row_out() {
    for (name, layout) in [("ctdc", CaseLayout::Ctdc), ("htcds", CaseLayout::Htcds)] {
        let entries = all(name, file(layout, 60, false));
        assert_eq!(entries.len(), 60, "{name}");
        for entry in &entries {
            valid(record(entry));
            let title = &record(entry).situation.as_ref().unwrap().title;
            assert!(title.starts_with("EXERCISE "), "{title}");
        }
    }
    let entries = all("glotip", file(CaseLayout::Glotip, 180, false));
    let records: Vec<&Entry> = entries.iter().filter(|of| of.outcome.is_ok()).collect();
    assert_eq!(records.len(), 9, "three countries, three indicators");
    for entry in records {
        valid(record(entry));
    }
}

#[test]
fn every_variable_of_ctdc_reaches_its_field_in_either_spelling() {
    let of = mapping("ctdc");
    for (variable, path) in [
        (
            "yearOfRegistration",
            "situation.caseRecord.yearOfRegistration",
        ),
        (
            "meansWithholdDocs",
            "situation.caseRecord.means.withholdDocuments",
        ),
        (
            "recruiterRelationOther",
            "situation.caseRecord.recruiter.other",
        ),
    ] {
        assert_eq!(of.columns_behind(path), variable);
    }
    let heading = format!("caseId,{}", CTDC.join(","));
    let ones = vec!["1"; 21].join(",");
    for age in ["9--17", "9—17", "9–17", "9-17", " 9 -- 17"] {
        let age = age.trim();
        let heading = heading
            .replace("typeOf", "sectorOf")
            .replace("meansWithholdDocs", "meansWithholdDocuments");
        let age = if age == "9 -- 17" { "9--17" } else { age };
        let text = format!("{heading}\n1,2020,Woman,{age},TJK,NULL,13--24 (1-2 yrs),{ones}\n");
        let entries = all("ctdc", text);
        let Some(Kind::CaseRecord(case)) = &record(&entries[0]).situation.as_ref().unwrap().kind
        else {
            panic!("no case");
        };
        assert_eq!(case.age(), AgeRange::From9To17);
        assert_eq!(case.citizenship, "TJ");
        assert!(case.country_of_exploitation.is_empty());
        let yes = Answer::Yes as i32;
        let (labour, sexual) = (case.labour.unwrap(), case.sexual.unwrap());
        assert_eq!((labour.hospitality, sexual.pornography), (yes, yes));
        assert_eq!(case.means.unwrap().withhold_documents, yes);
        assert_eq!(case.recruiter.unwrap().other, yes);
    }
}

#[test]
fn the_older_global_dataset_is_merged_into_groups() {
    let of = mapping("ctdc-63");
    let columns: Vec<String> = of.named_columns();
    let value = |name: &str| match name {
        "caseId" => "c1",
        "yearOfRegistration" => "2016",
        "Datasource" => "Hotline",
        "gender" => "Female",
        "ageBroad" => "30--38",
        "citizenship" => "00",
        "CountryOfExploitation" => "KZ",
        "meansOfControlTakesEarnings" | "isForcedLabour" | "typeOfLabourManufacturing" => "1",
        "meansOfControlDebtBondage" | "meansOfControlThreats" => "0",
        _ => "-99",
    };
    let cells: Vec<&str> = columns.iter().map(|name| value(name)).collect();
    let entries = all(
        "ctdc-63",
        format!("{}\n{}\n", columns.join(","), cells.join(",")),
    );
    valid(record(&entries[0]));
    let Some(Kind::CaseRecord(case)) = &record(&entries[0]).situation.as_ref().unwrap().kind else {
        panic!("no case");
    };
    let means = case.means.unwrap();
    assert_eq!(
        means.debt_bondage_earnings,
        Answer::Yes as i32,
        "a yes of any is a yes"
    );
    assert_eq!(means.threats, Answer::No as i32);
    assert_eq!(means.false_promises, 0);
    assert!(case.citizenship.is_empty());
    assert_eq!(
        (case.forms.as_slice(), case.sectors.as_slice()),
        ([1].as_slice(), [3].as_slice())
    );
}

#[test]
fn a_dirty_file_has_every_bad_row_explained() {
    let entries = all("ctdc", file(CaseLayout::Ctdc, 100, true));
    assert_eq!(entries.len(), 100);
    let reasons: Vec<Reason> = entries
        .iter()
        .filter_map(|of| of.outcome.as_ref().err())
        .map(|faults| faults[0].reason)
        .collect();
    assert_eq!(
        reasons,
        [
            Reason::DateAmbiguous,
            Reason::Date,
            Reason::UnknownCountry,
            Reason::UnknownCode,
            Reason::OwnId,
            Reason::CellTooLarge,
            Reason::DateAmbiguous,
            Reason::FieldCount,
            Reason::Quotes,
        ]
    );
}

#[test]
fn rows_of_one_own_id_that_differ_are_both_named() {
    let text = "caseId,yearOfRegistration\na,2020\nb,2020\na,2021\nb,2020\nc,2020\n";
    let of = Mapping::read(
        "name = \"x\"\nkind = \"CaseRecord\"\n[own_id]\ncolumns = [\"caseId\"]\n[[destination]]\ncountry = \"AE\"\n[[field]]\nto = \"yearOfRegistration\"\ncolumn = \"yearOfRegistration\"\n",
        &Overrides::default(),
    )
    .unwrap();
    let read = || {
        let rows = of_text(
            Cursor::new(text.as_bytes().to_vec()),
            Format::Csv,
            Encoding::Utf8,
            None,
        );
        entries(of.clone(), rows.unwrap())
            .unwrap()
            .map(Result::unwrap)
    };
    let mut ids = OwnIds::default();
    for entry in read() {
        ids.add(&entry.outcome.unwrap().own_id);
    }
    let mut conflicts = ids.repeated().unwrap();
    for entry in read() {
        conflicts.look(entry.row.line, &entry.outcome.unwrap());
    }
    assert_eq!(conflicts.of("a"), Some((2, 4)));
    assert_eq!((conflicts.of("b"), conflicts.of("c")), (None, None));
    assert_eq!(conflicts.count(), 1);
    assert!(OwnIds::default().repeated().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_row_is_an_item_or_a_fault(
        cells in proptest::collection::vec(proptest::collection::vec("[a-z0-9,;.\" —\n]{0,9}", 0..30), 0..20)
    ) {
        let heading = format!("caseId,{}\n", CTDC.join(","));
        let mut text = heading.clone();
        for row in &cells {
            text.push_str(&row.join(","));
            text.push('\n');
        }
        let bytes = || Cursor::new(text.clone().into_bytes());
        let rows = of_text(bytes(), Format::Csv, Encoding::Utf8, None).unwrap().count();
        let read = of_text(bytes(), Format::Csv, Encoding::Utf8, None).unwrap();
        let entries: Vec<Entry> = entries(mapping("ctdc"), read).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(entries.len(), rows);
        for entry in entries {
            if let Err(faults) = entry.outcome {
                prop_assert!(!faults.is_empty());
            }
        }
    }
}
