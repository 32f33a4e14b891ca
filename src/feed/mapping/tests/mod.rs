//! Mappings, and what rows become by them.

mod values;

use std::{io::Cursor, sync::Arc};

use super::*;
use crate::{
    catalogue,
    feed::{
        fault::{Fault, Reason},
        rows::{Encoding, Format, Heading, Row, of_text},
    },
    wire::{
        node::{FeedItem, feed_item::Content},
        record::{CaseRecord, Record, situation::Kind},
    },
};

const HEAD: &str = r#"
name = "test"
kind = "CaseRecord"
[own_id]
columns = ["id"]
[[destination]]
country = "AE"
authorities = ["national-police"]
[constants]
urgency = "ROUTINE"
marking.tlp = "AMBER"
"#;

fn mapping(fields: &str) -> Mapping {
    Mapping::read(&format!("{HEAD}{fields}"), &Overrides::default()).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    let MappingError(faults) = Mapping::read(text, &Overrides::default()).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

fn items(mapping: &Mapping, text: &str) -> Vec<Result<FeedItem, Vec<Fault>>> {
    let rows = of_text(
        Cursor::new(text.as_bytes().to_vec()),
        Format::Csv,
        Encoding::Utf8,
        None,
    );
    let rows: Vec<Row> = rows.unwrap().map(Result::unwrap).collect();
    let bound = mapping.bind(&rows[0].heading).unwrap();
    rows.iter().map(|row| mapping.item(row, &bound)).collect()
}

fn record(item: &FeedItem) -> &Record {
    match item.content.as_ref().unwrap() {
        Content::Record(record) => record,
        Content::Deleted(_) => panic!("a deletion"),
    }
}

fn case(item: &FeedItem) -> &CaseRecord {
    match record(item)
        .situation
        .as_ref()
        .unwrap()
        .kind
        .as_ref()
        .unwrap()
    {
        Kind::CaseRecord(case) => case,
        _ => panic!("no case"),
    }
}

#[test]
fn a_constant_and_a_column_of_one_field_are_refused_unless_the_command_line_says_it() {
    let field = "[[field]]\nto = \"marking.tlp\"\ncolumn = \"t\"\n";
    let text = format!("{HEAD}{field}");
    let said = faults(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("is a constant too, so the column would never be read"));
    let overrides = Overrides {
        tlp: Some("RED".to_owned()),
        ..Overrides::default()
    };
    assert!(Mapping::read(&text, &overrides).is_ok());
}

/// The one fault of the one row.
fn fault(fields: &str, text: &str) -> Fault {
    let mut items = items(&mapping(fields), text);
    assert_eq!(items.len(), 1);
    let mut faults = items.remove(0).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn everything_that_is_wrong_with_a_mapping_is_said_at_once_with_its_line() {
    let text = r#"
name = "wrong"
kind = "CaseRecord"
[own_id]
columns = ["id"]
[[destination]]
country = "XX"
role = "NEIGHBOUR"
[constants]
urgency = "SLOW"
marking.tlpp = "AMBER"
[[field]]
to = "gendr"
column = "g"
[[field]]
to = "age"
column = "a"
values = { "young" = "YOUNG" }
[[field]]
to = "situation.route.volume"
column = "v"
[[field]]
to = "yearOfRegistration"
column = "y"
unit = { from = "parsecs", to = "m" }
number = "many"
[[field]]
to = "reference"
column = "r"
[[field]]
to = "means"
column = "m"
[[field]]
to = "citizenship"
column = "c"
date = "day then month"
calendar = "mayan"
[[field]]
to = "forms[0]"
column = "f"
"#;
    let faults = faults(text).join("\n");
    for says in [
        "line 6: `XX` is no country",
        "`NEIGHBOUR` is no code of CountryRole",
        "constant `urgency`: `SLOW` is no code of Urgency",
        "constant `marking.tlpp`: no field `tlpp`",
        "line 12: `to = \"gendr\"`",
        "no field `gendr`",
        "line 15: `YOUNG` is no code of AgeRange",
        "`route` belongs to another kind than CaseRecord",
        "no unit `parsecs`",
        "`many` shows no habit of numbers",
        "`reference` is given by the node",
        "has fields of its own; name one of debtBondageEarnings",
        "`day then month` is no habit of dates",
        "no calendar `mayan`",
        "leave the number out",
    ] {
        assert!(faults.contains(says), "{says}\n{faults}");
    }
}

#[test]
fn a_mapping_without_what_it_needs_is_refused() {
    assert!(faults("name = \"x\"\nkind = \"Rout\"")[0].contains("line 2: `kind`"));
    assert!(faults("kind = \"CaseRecord\"")[0].contains("name"));
    assert!(faults("name = \"x\"\nkind = \"CaseRecord\"\ncolour = 1")[0].contains("colour"));
    let all = faults("name = \"x\"\nkind = \"CaseRecord\"").join("\n");
    assert!(
        all.contains("own_id.columns") && all.contains("nobody receives"),
        "{all}"
    );
    let both = faults(&format!("{HEAD}[[field]]\nto = \"age\"")).join("\n");
    assert!(both.contains("`column`, `template` or `default`"), "{both}");
}

#[test]
fn columns_that_the_file_lacks_or_has_twice_are_named() {
    let of = mapping(
        "[[field]]\nto = \"age\"\ncolumn = [\"ageBroad\", \"age\"]\n[[field]]\nto = \"gender\"\ncolumn = \"пол\"\n",
    );
    let heading = |columns: &[&str]| {
        Arc::new(Heading {
            columns: columns.iter().map(|of| (*of).to_owned()).collect(),
            fixed: true,
        })
    };
    let missing = of.bind(&heading(&["ID", "AGE"])).unwrap_err();
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0]
            .to_string()
            .contains("no column `пол`; it has ID, AGE")
    );
    let twice = of
        .bind(&heading(&["id", "age", "ageBroad", "Пол"]))
        .unwrap_err();
    assert!(
        twice[0].to_string().contains("more than once, at 3 and 2"),
        "{}",
        twice[0]
    );
    assert!(of.bind(&heading(&["id", "ageBroad", " ПОЛ "])).is_ok());
}

const FIELDS: &str = r#"
[[field]]
to = "situation.title"
template = "Case {id}, {year}"
[[field]]
to = "yearOfRegistration"
column = "year"
[[field]]
to = "gender"
column = "g"
values = { "Ж" = "WOMAN", "м" = "MAN", "?" = "" }
[[field]]
to = "age"
column = "a"
ranges = [[0, 8, "FROM_0_TO_8"], [9, 17, "FROM_9_TO_17"]]
otherwise = "UNKNOWN"
[[field]]
to = "citizenship"
column = "c"
as = "country"
[[field]]
to = "forms"
column = "f"
split = "|"
[[field]]
to = "means.threats"
column = "t"
values = { "1" = "YES" }
when = { column = "g", is = ["ж"] }
"#;

#[test]
fn a_row_becomes_a_record() {
    let text = "id,year,g,a,c,f,t\n7,۲۰۲۳,ж,17,TJK,Forced labour|SexualExploitation,1\n8,2024,?,70,Узбекистан,,1\n";
    let read = items(&mapping(FIELDS), text);
    let first = read[0].as_ref().unwrap();
    assert_eq!((first.own_id.as_str(), first.version), ("7", 0));
    let of = case(first);
    assert_eq!(of.year_of_registration, 2023);
    assert_eq!((of.gender, of.age), (2, 2));
    assert_eq!(of.citizenship, "TJ");
    assert_eq!(of.forms, [1, 2]);
    assert_eq!(of.means.unwrap().threats, 1);
    let whole = record(first);
    assert_eq!(whole.situation.as_ref().unwrap().title, "Case 7, ۲۰۲۳");
    assert_eq!(whole.destinations[0].authorities, ["national-police"]);
    assert_eq!((whole.destinations[0].role, whole.urgency), (3, 1));
    let second = case(read[1].as_ref().unwrap());
    assert_eq!((second.gender, second.age, second.forms.len()), (0, 10, 0));
    assert_eq!(second.citizenship, "UZ");
    assert!(
        second.means.is_none(),
        "nothing is left of what was not filled"
    );
}

#[test]
fn every_fault_of_a_row_is_named_with_its_column_and_value() {
    let text = "id,year,g,a,c,f,t\n,two,X,old,Atlantis,Nonsense,1\n";
    let faults = items(&mapping(FIELDS), text).remove(0).unwrap_err();
    let named: Vec<(&str, &str, Reason)> = faults
        .iter()
        .map(|of| (of.field.as_str(), of.value.as_str(), of.reason))
        .collect();
    assert_eq!(
        named,
        [
            ("id", "", Reason::OwnId),
            ("year", "two", Reason::Number),
            ("g", "X", Reason::UnknownCode),
            ("a", "old", Reason::Number),
            ("c", "Atlantis", Reason::UnknownCountry),
            ("f", "Nonsense", Reason::UnknownCode),
        ]
    );
}

#[test]
fn versions_and_deletions_come_from_columns() {
    let head = HEAD.replace(
        "[[destination]]",
        "[version]\ncolumn = \"v\"\nas = \"date\"\ndate = \"day.month.year\"\n[deleted]\ncolumn = \"s\"\nvalues = [\"удалено\"]\nreason = \"closed by error\"\n[[destination]]",
    );
    let of = Mapping::read(&head, &Overrides::default()).unwrap();
    assert!(of.has_versions());
    let read = items(
        &of,
        "id,v,s\n1,01.03.2024,\n2,02.03.2024,Удалено\n3,,\n4,soon,\n",
    );
    assert_eq!(read[0].as_ref().unwrap().version, 1_709_251_200_000_000);
    let deleted = read[1].as_ref().unwrap();
    assert!(
        matches!(&deleted.content, Some(Content::Deleted(of)) if of.reason == "closed by error")
    );
    assert_eq!(read[2].as_ref().unwrap_err()[0].reason, Reason::Version);
    assert_eq!(read[3].as_ref().unwrap_err()[0].reason, Reason::Date);
}

#[test]
fn the_command_line_wins_and_an_exercise_says_so() {
    let overrides = Overrides {
        to: vec![To {
            country: "KZ".to_owned(),
            authorities: vec!["interior-ministry".to_owned()],
        }],
        authority: Some("border-guard".to_owned()),
        tlp: Some("RED".to_owned()),
        own_id: Some(OwnIdFrom::Row),
        exercise: true,
    };
    let text = format!("{HEAD}[[field]]\nto = \"situation.title\"\ntemplate = \"Case\"\n");
    let of = Mapping::read(&text, &overrides).unwrap();
    let read = items(&of, "x\n1\n");
    let item = read[0].as_ref().unwrap();
    assert_eq!(item.own_id, "row-2");
    let whole = record(item);
    assert_eq!(
        (whole.authority.as_str(), whole.exercise),
        ("border-guard", true)
    );
    assert_eq!(whole.destinations[0].country, "KZ");
    assert_eq!(whole.situation.as_ref().unwrap().title, "EXERCISE Case");
    // Rows of dead letters keep the number that they had.
    let again = items(&of, "comity_row,x\n17,1\n");
    assert_eq!(again[0].as_ref().unwrap().own_id, "row-17");
}

#[test]
fn the_template_of_every_kind_is_a_mapping() {
    for kind in catalogue::kinds() {
        let text = template(&kind.name).unwrap();
        let read = Mapping::read(&text, &Overrides::default());
        let of = read.unwrap_or_else(|error| panic!("{}: {error}\n{text}", kind.name));
        assert_eq!(
            (of.kind.as_str(), of.layout),
            (kind.name.as_str(), Kept::Rows)
        );
        // And so is one in which no field is a comment.
        let (head, fields) = text.split_once("[[field]]").unwrap();
        let mut all = format!("{head}[[field]]");
        for line in fields.lines() {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let key = ["[[", "to = ", "column = ", "split = "];
            let key = key.iter().any(|key| bare.starts_with(key));
            all.push_str(if key { bare } else { line });
            all.push('\n');
        }
        Mapping::read(&all, &Overrides::default())
            .unwrap_or_else(|error| panic!("{}: {:?}", kind.name, error.0));
    }
}

#[test]
fn the_mapping_of_the_documents_is_one() {
    let page = include_str!("../../../../docs/INTAKE.md");
    let text = page.split("```toml\n").nth(1).unwrap();
    let text = text.split("```").next().unwrap();
    let of = Mapping::read(text, &Overrides::default()).unwrap();
    let read = items(
        &of,
        "год,номер,изменено,статус,дата,пол,формы\n2026,17,05.03.2026 09:30,,1403/01/01,Ж,труд; сексуальная\n",
    );
    let item = read[0].as_ref().unwrap();
    assert_eq!(
        (item.own_id.as_str(), item.version),
        ("2026/17", 1_772_685_000_000_000)
    );
    let of = case(item);
    assert_eq!(
        (of.year_of_registration, of.forms.as_slice()),
        (2024, [1, 2].as_slice())
    );
}
