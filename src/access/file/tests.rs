use super::*;

/// The least that is no trap.
const RUN: &str = r#"
[[allow]]
role = "operator"
actions = ["status", "approve", "change-permissions"]
"#;

fn read(more: &str) -> Result<Table, FileFault> {
    Table::read(&format!("{RUN}{more}"))
}

#[test]
fn the_built_in_table_survives_writing_and_reading() {
    let table = Table::default();
    table.check().unwrap();
    assert_eq!(Table::read(&table.to_toml()), Ok(table.clone()));
    let alone = table.by_one(&[Guarded::ImportCard, Guarded::ExportBulk]);
    assert_eq!(Table::read(&alone.to_toml()), Ok(alone));
}

#[test]
fn a_row_is_read_as_written() {
    let table = read(
        r#"
[[allow]]
role = "analyst"
actions = ["list", "search"]
kinds = ["Route", "Step"]
compartments = ["situation"]
scope = "country"

[two_persons.shred]
approvers = ["operator"]
hours = 2
"#,
    )
    .unwrap();
    let row = &table.rows[1];
    assert_eq!((row.role, row.scope), (Role::Analyst, Scope::Country));
    assert!(row.takes_kind(Some("Route")) && !row.takes_kind(Some("Alert")));
    assert!(!row.takes_kind(None));
    let second = table.second(Guarded::Shred);
    assert_eq!(second.hours, 2);
    assert_eq!(second.approvers, BTreeSet::from([Role::Operator]));
    // What is not spoken of stays as it is built in.
    assert_eq!(
        table.second(Guarded::MassRecall),
        Table::default().second(Guarded::MassRecall)
    );
}

#[test]
fn bad_files_are_refused_by_line_field_and_what_is_allowed() {
    let row = |text: &str| format!("\n[[allow]]\n{text}\n");
    let good = "role = \"analyst\"\nactions = [\"list\"]\ncompartments = [\"situation\"]\n";
    for (text, line, field, words) in [
        (
            row("role = \"king\"\nactions = [\"list\"]\ncompartments = [\"situation\"]"),
            7,
            "role",
            "`king` is no role; allowed are liaison-officer, analyst",
        ),
        (
            row(
                "role = \"analyst\"\nactions = [\"list\", \"fly\"]\ncompartments = [\"situation\"]",
            ),
            8,
            "actions",
            "`fly` is none; allowed are list, watch, read",
        ),
        (
            row(
                "role = \"analyst\"\nactions = [\"list\", \"list\"]\ncompartments = [\"situation\"]",
            ),
            8,
            "actions",
            "`list` is given twice",
        ),
        (
            row("role = \"analyst\"\nactions = []\ncompartments = [\"situation\"]"),
            8,
            "actions",
            "an empty list allows nothing",
        ),
        (
            row("role = \"analyst\"\nactions = [\"list\"]\ncompartments = [\"everything\"]"),
            9,
            "compartments",
            "`everything` is none; allowed are situation, suspects",
        ),
        (
            row("role = \"analyst\"\nactions = [\"list\"]"),
            6,
            "compartments",
            "names at least one compartment",
        ),
        (
            row(&format!("{good}kinds = [\"Rout\\u0007e\"]")),
            10,
            "kinds",
            "`Rout\\u{7}e` is none; allowed are Route",
        ),
        (
            row(&format!("{good}scope = \"world\"")),
            10,
            "scope",
            "`world` is no scope; allowed are authority, country",
        ),
        (
            row(&format!("{good}color = \"red\"")),
            10,
            "color",
            "unknown field `color`",
        ),
        (
            "\n[two_persons.everything]\nhours = 1\n".to_owned(),
            6,
            "two_persons",
            "`everything` is none; allowed are mass-recall",
        ),
        (
            "\n[two_persons.shred]\napprovers = [\"boss\"]\n".to_owned(),
            7,
            "approvers",
            "`boss` is none; allowed are liaison-officer",
        ),
        (
            "\n[two_persons.shred]\napprovers = [\"analyst\"]\n".to_owned(),
            6,
            "approvers",
            "could never be approved",
        ),
        (
            "\n[two_persons.shred]\nhours = 0\n".to_owned(),
            7,
            "hours",
            "0 is not from 1 to 168",
        ),
        (
            "\n[two_persons.export-bulk]\nrecords = 0\n".to_owned(),
            7,
            "records",
            "0 is not from 1 to 1000000",
        ),
        (
            "\n[two_persons.shred]\nrecords = 5\n".to_owned(),
            7,
            "records",
            "only `export-bulk` has it",
        ),
    ] {
        let fault = read(&text).unwrap_err();
        let FileFault::Line {
            line: at,
            field: of,
            what,
        } = &fault
        else {
            panic!("{fault}");
        };
        assert_eq!((*at, of.as_str()), (line, field), "{fault}");
        assert!(what.contains(words), "{fault}");
    }
}

#[test]
fn mixed_duties_are_refused() {
    assert_eq!(Table::read(""), Err(FileFault::Table(TableFault::ForEver)));
    // Somebody may propose another table, and nobody approve it.
    let alone = "[[allow]]\nrole = \"operator\"\nactions = [\"change-permissions\"]\n";
    assert_eq!(
        Table::read(alone),
        Err(FileFault::Table(TableFault::ForEver))
    );
    let open = format!("{alone}[two_persons.change-permissions]\nrequired = false\n");
    let table = Table::read(&open).unwrap();
    assert!(!table.requires(Guarded::ChangePermissions) && table.requires(Guarded::Shred));
    for role in ["operator", "auditor"] {
        let fault = read(&format!(
            "[[allow]]\nrole = \"{role}\"\nactions = [\"read\"]\ncompartments = [\"situation\"]\n"
        ));
        assert!(
            matches!(
                fault,
                Err(FileFault::Table(TableFault::Separation {
                    action: Action::Read,
                    ..
                }))
            ),
            "{fault:?}"
        );
    }
}

#[test]
fn what_is_large_or_no_toml_is_refused() {
    let large = " ".repeat(MAX_BYTES + 1);
    assert_eq!(Table::read(&large), Err(FileFault::TooLarge(MAX_BYTES + 1)));
    let row = "[[allow]]\nrole = \"operator\"\nactions = [\"status\"]\n";
    let fault = read(&row.repeat(MAX_ROWS)).unwrap_err().to_string();
    assert!(fault.contains("257 rows; at most 256"), "{fault}");
    for text in ["[[allow]", "allow = 1", "\u{0}", "x = 1"] {
        assert!(
            matches!(Table::read(text), Err(FileFault::Line { line: 1, .. })),
            "{text:?}"
        );
    }
}
