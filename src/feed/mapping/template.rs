//! A mapping to start from.

use std::fmt::Write as _;

use super::path::is_of_the_record;
use crate::catalogue::{self, Field, Need, UnknownKind};

/// A mapping of a kind with every field that it has, the required ones filled and the others as
/// comments.
///
/// # Errors
/// [`UnknownKind`].
pub fn template(kind: &str) -> Result<String, UnknownKind> {
    let kind = catalogue::kind(kind)?;
    let fields = catalogue::fields_of(&kind.name)?;
    let person = ["CaseRecord", "VictimReferral"].contains(&kind.name.as_str());
    let tlp = if person { "AMBER" } else { "GREEN" };
    let mut text = format!(
        r#"# How rows become {kind} records. docs/INTAKE.md explains every key; `comity kinds {kind}` every field.
name = "my-{field}"
about = "{kind} from …"
kind = "{kind}"

# Texts that say nothing, in every column that does not say otherwise.
absent = ["", "NULL"]

[own_id]
columns = ["id"]

# [version]
# column = "updated"
# as = "time"                     # number, date or time
# offset = "+05:00"

# [deleted]
# column = "status"
# values = ["deleted"]

[[destination]]
country = "AE"
role = "DESTINATION"              # ORIGIN, TRANSIT, DESTINATION
authorities = ["national-police"]

[constants]
authority = "national-police"
urgency = "ROUTINE"
marking.tlp = "{tlp}"
situation.language = "en"
situation.grading.source = "B"
situation.grading.information = "2"
situation.confidence = 60

[[field]]
to = "situation.title"
template = "{kind} {{id}}"
"#,
        kind = kind.name,
        field = kind.field,
    );
    let prefix = format!("situation.{}.", kind.field);
    for field in &fields {
        let Some(path) = field.path.strip_prefix(&prefix) else {
            continue;
        };
        let whole = ["text", "true", "number", "time", "whole", "code"];
        let single = field.type_name.trim_start_matches("list of ");
        let word = single.split(' ').next().unwrap_or_default();
        if path.contains("{}") || !whole.contains(&word) {
            continue;
        }
        let path = match is_of_the_record(path) {
            true => field.path.as_str(),
            false => path,
        };
        one(&mut text, field, path);
    }
    Ok(text)
}

fn one(text: &mut String, field: &Field, path: &str) {
    let list = path.ends_with("[]");
    let to = path.strip_suffix("[]").unwrap_or(path).replace("[]", "[0]");
    let active = field.need == Need::Required && !to.contains('[');
    let column = to.replace(['[', ']'], "").replace('.', "_");
    // Text cannot be written beyond what a string may have.
    let _ = writeln!(text, "\n# {}: {}", field.type_name, field.about);
    let mut line = |words: String| {
        let mark = if active { "" } else { "# " };
        let _ = writeln!(text, "{mark}{words}");
    };
    line("[[field]]".to_owned());
    line(format!("to = \"{to}\""));
    line(format!("column = \"{column}\""));
    if list {
        line("split = \";\"".to_owned());
    }
    if active {
        line("required = true".to_owned());
    }
}
