//! Tables of every kind.

use std::collections::HashMap;

use super::*;
use crate::{catalogue::kinds, wire::record::VolumeBand};

const NOW: Moment = Moment::from_micros(1_795_435_200_000_000);

fn read(table: &Table, record: &Record) -> Vec<HashMap<String, String>> {
    let bytes = [table.heading(), table.rows(record)].concat();
    let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn every_kind_is_a_table_of_its_fields() {
    for kind in kinds() {
        let record = catalogue::example(&kind.name, NOW).unwrap();
        let table = Table::of(&kind.name, false).unwrap();
        let rows = read(&table, &record);
        assert_eq!(rows.len(), 1, "{}", kind.name);
        let situation = record.situation.as_ref().unwrap();
        assert_eq!(rows[0]["situation.title"], situation.title);
        assert_eq!(rows[0]["urgency"], record.urgency().as_str_name());
        let paths: Vec<&String> = rows[0].keys().collect();
        for hidden in ["victims.", "source.", "evidence.", "destinations", "step."] {
            assert!(
                !paths.iter().any(|path| path.starts_with(hidden)),
                "{hidden}"
            );
        }
        let own = format!("situation.{}.", kind.field);
        let fields = catalogue::fields_of(&kind.name).unwrap();
        for path in paths.iter().filter(|path| path.starts_with(&own)) {
            assert!(fields.iter().any(|of| of.path == **path), "{path}");
        }
        // Another kind has no row in it.
        let other = Record::default();
        assert!(table.rows(&other).is_empty());
    }
    let fault = Table::of("Alert", true).unwrap_err();
    assert_eq!(fault, TableFault::NoLegs);
    assert!(Table::of("Rout", false).is_err());
}

#[test]
fn legs_stand_in_order_or_in_rows_of_their_own() {
    let record = catalogue::example("route", NOW).unwrap();
    let Some(Kind::Route(route)) = record.situation.as_ref().unwrap().kind.as_ref() else {
        panic!("it is a route");
    };
    let to = "situation.route.legs[].to.country";
    let ends: Vec<&str> = route
        .legs
        .iter()
        .map(|leg| leg.to.as_ref().map_or("", |of| of.country.as_str()))
        .collect();
    let whole = read(&Table::of("Route", false).unwrap(), &record);
    assert_eq!(whole[0][to], ends.join("; "));
    let long = read(&Table::of("Route", true).unwrap(), &record);
    assert_eq!(long.len(), route.legs.len());
    for (index, row) in long.iter().enumerate() {
        assert_eq!(row["leg"], (index + 1).to_string());
        assert_eq!(row[to], ends[index]);
    }
}

#[test]
fn small_counts_formulas_and_unseen_characters_are_taken_care_of() {
    let mut record = catalogue::example("route", NOW).unwrap();
    let situation = record.situation.as_mut().unwrap();
    situation.title = "=HYPERLINK(\"http://x\")".to_owned();
    situation.summary = "a\u{202e}b\nc".to_owned();
    if let Some(Kind::Route(route)) = situation.kind.as_mut() {
        route.volume = VolumeBand::From5To10.into();
    }
    let rows = read(&Table::of("Route", false).unwrap(), &record);
    assert_eq!(rows[0]["situation.title"], "'=HYPERLINK(\"http://x\")");
    assert_eq!(rows[0]["situation.summary"], "a\\u{202e}b\nc");
    assert_eq!(rows[0]["situation.route.volume"], "<11");
}

#[test]
fn a_compartment_that_was_taken_out_leaves_its_columns_empty() {
    let mut record = catalogue::example("alert", NOW).unwrap();
    let table = Table::of("Alert", false).unwrap();
    let values = "identifiers.identifiers[].value";
    assert!(!read(&table, &record)[0][values].is_empty());
    record.identifiers = None;
    assert_eq!(read(&table, &record)[0][values], "");
}
