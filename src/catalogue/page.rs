//! docs/RECORDS.md.

use std::fmt::Write as _;

use super::{CodeList, Field, code_lists, common_fields, fields_of, kinds};

const INTRODUCTION: &str = "\
# Records

What countries exchange: every kind of record, its fields, and the codes they may hold. Written by `comity kinds --markdown`
from the protos, the code lists and the answers of the validator; a test compares. `comity kinds show Route` shows the same at
the terminal, `comity template Route` writes an example to start from.

Paths are those of the canonical JSON form; `[]` stands for the elements of a list, `{}` for the values of a map. *Required* says
whether a field must be there where what it lies in is there, the rest being as in the example of the kind: `with x` only beside `x`,
`unless x` only without it. Every text is in Unicode normalization form C and free of control characters and direction overrides; a
name also of characters that nobody sees, and each of its words is written in one script. A point lies in the country that is stated with it. A submission that breaks rules is
refused with all of them at once, each with path, rule, value and what is allowed.
";

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n| kind | what |\n|---|---|\n");
    for kind in kinds() {
        let anchor = kind.name.to_lowercase();
        row(
            &mut page,
            &[&format!("[{}](#{anchor})", kind.name), &cell(&kind.about)],
        );
    }
    page.push_str("\n## Fields of every record\n");
    fields(&mut page, &common_fields(), "");
    for kind in kinds() {
        let _ = write!(page, "\n## {}\n\n{}\n", kind.name, cell(&kind.about));
        let prefix = format!("situation.{}", kind.field);
        let _ = write!(page, "\nIn `{prefix}`, compartment `situation`:\n");
        let own = fields_of(&kind.name).unwrap_or_default();
        let inner: Vec<Field> = own
            .into_iter()
            .filter_map(|field| {
                let path = field
                    .path
                    .strip_prefix(&prefix)?
                    .strip_prefix('.')?
                    .to_owned();
                Some(Field { path, ..field })
            })
            .collect();
        fields(&mut page, &inner, "situation");
    }
    page.push_str("\n## Code lists\n");
    for list in code_lists() {
        codes(&mut page, &list);
    }
    page
}

/// A table of fields; the column of compartments only where they are not all in `compartment`.
fn fields(page: &mut String, fields: &[Field], compartment: &str) {
    let all = compartment.is_empty();
    page.push_str(if all {
        "\n| field | type | compartment | required | bounds | what |\n|---|---|---|---|---|---|\n"
    } else {
        "\n| field | type | required | bounds | what |\n|---|---|---|---|---|\n"
    });
    for field in fields {
        let type_name = match &field.codes {
            Some(list) => {
                let link = format!("[{list}](#{})", list.to_lowercase());
                field.type_name.replace(list.as_str(), &link)
            }
            None => field.type_name.clone(),
        };
        let (path, need) = (format!("`{}`", field.path), field.need.to_string());
        let (bounds, about) = (cell(&field.bounds.join("; ")), cell(&field.about));
        if all {
            row(
                page,
                &[&path, &type_name, field.compartment, &need, &bounds, &about],
            );
        } else {
            row(page, &[&path, &type_name, &need, &bounds, &about]);
        }
    }
}

fn codes(page: &mut String, list: &CodeList) {
    let source = if list.list.is_empty() {
        list.standard.clone()
    } else {
        format!("{}, `{}`", list.standard, list.list)
    };
    let _ = write!(
        page,
        "\n### {}\n\n{} Source: {source}.\n",
        list.name,
        cell(&list.about)
    );
    page.push_str("\n| code | number | in the source | what |\n|---|---|---|---|\n");
    for code in &list.codes {
        let source = match code.source.as_str() {
            "" => String::new(),
            source => format!("`{source}`"),
        };
        let (name, number) = (format!("`{}`", code.name), code.number.to_string());
        row(page, &[&name, &number, &source, &cell(&code.about)]);
    }
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// Text in a cell: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
