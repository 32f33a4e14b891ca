//! docs/ACCESS.md: the built-in permissions as data protection officers read them.

use std::fmt::Write as _;

use super::{
    Role,
    action::{About, Action},
    compartments::Compartments,
    purpose::{PURPOSES, purpose_word},
    table::{Guarded, Scope, Shape, Table},
};
use crate::{record::compartments::label_name, wire::ledger::ReadingPurpose};

const INTRODUCTION: &str = "\
# Permissions

Who may do what at a country's node while it has not written its own table. Written by `comity access table --markdown` from the
code; a test compares. What no row allows is refused. A country that wants other permissions writes `access.toml` into the node's
home, beginning with `comity access table > access.toml`. It counts for a node's first start, whole; a file that cannot be read
keeps the node from starting then. Afterwards the permissions in force are those that the ledger has last: `comity access propose FILE`
asks for others, and a second person puts them in force. `comity access show` shows them, `comity access check` explains a decision.

A role stands in a principal's certificate. A cell names the compartments that the action may touch: `all` is every compartment,
*own* means records of the own authority alone (submitted by it, addressed to it, or to the country's desk), the rest reaches
every record of the country. Two rules stand above every table: compartment `victims` is read by authorities that the origin
named one by one and by no other, and auditors and operators get at no contents. A compartment that is not allowed is left out
of what is shown, and the answer says so. A record whose situation somebody may not even list is for that person not there.
";

/// The page, in Markdown.
pub fn page() -> String {
    let table = Table::default();
    let mut page = String::from(INTRODUCTION);
    // Writing into a text cannot fail.
    page.push_str("\n## On records\n\n| action | what |");
    let about = |about| Action::ALL.iter().filter(move |of| of.about() == about);
    let contents_roles = Role::ALL.map(|role| {
        let rows = table.rows.iter().filter(|row| row.role == role);
        let mut actions = rows.flat_map(|row| &row.actions);
        (
            role,
            actions.any(|action| action.about() == About::Contents),
        )
    });
    let readers: Vec<Role> = contents_roles
        .into_iter()
        .filter_map(|(role, reads)| reads.then_some(role))
        .collect();
    for role in &readers {
        let _ = write!(page, " {role} |");
    }
    page.push_str("\n|---|---|");
    page.push_str(&"---|".repeat(readers.len()));
    page.push('\n');
    for action in about(About::Contents) {
        let _ = write!(page, "| `{action}` | {} |", action.says());
        for role in &readers {
            let _ = write!(page, " {} |", reach(&table, *role, *action));
        }
        page.push('\n');
    }
    page.push_str("\n## On the node\n\n| action | what | roles |\n|---|---|---|\n");
    for action in about(About::Node) {
        let roles: Vec<&str> = Role::ALL
            .into_iter()
            .filter(|role| {
                let mut rows = table.rows.iter();
                rows.any(|row| row.role == *role && row.actions.contains(action))
            })
            .map(Role::as_str)
            .collect();
        let _ = writeln!(
            page,
            "| `{action}` | {} | {} |",
            action.says(),
            roles.join(", ")
        );
    }
    page.push_str(
        "\n## Two persons\n\nNobody approves what they asked for, whichever of their certificates they use. An *order* is carried out once it is\napproved. A *leave* lets who asked do the one thing named, for the purpose and case named, for so many hours after it was given;\neach use names the approval in its leaf. `required = false` under `[two_persons.WORD]` lets one person do it.\n\n| what | shape | who approves | hours |\n|---|---|---|---|\n",
    );
    for guarded in Guarded::ALL {
        let second = table.second(*guarded);
        let roles: Vec<&str> = second.approvers.iter().map(|role| role.as_str()).collect();
        let _ = writeln!(
            page,
            "| `{}`: {} | {} | {} | {} |",
            guarded.as_str(),
            guarded.says(),
            match guarded.shape() {
                Shape::Order => "order",
                Shape::Warrant => "leave",
            },
            roles.join(", "),
            second.hours
        );
    }
    let _ = writeln!(
        page,
        "\nHow many records one person recalls alone, `life` in config.toml says. An officer gets at {} distinct records within an hour\nalone (`records` under `[two_persons.export-bulk]`), by listing, searching, opening or watching what came before; what comes while\none watches does not count, nor does a case system, which takes what it is entitled to.",
        table.second(Guarded::ExportBulk).records
    );
    page.push_str(
        "\n## Purposes\n\nWhoever opens, searches or exports more than the situation says why: one of these, and the reference of a case. Both are in\nthe ledger before anything leaves the node.\n\n| purpose | for |\n|---|---|\n",
    );
    for purpose in PURPOSES {
        let _ = writeln!(
            page,
            "| `{}` | {} |",
            purpose_word(purpose),
            what_for(purpose)
        );
    }
    page
}

const fn what_for(purpose: ReadingPurpose) -> &'static str {
    match purpose {
        ReadingPurpose::Unspecified => "",
        ReadingPurpose::Prevention => "preventing a crime",
        ReadingPurpose::Investigation => "investigating or detecting a crime",
        ReadingPurpose::Prosecution => "prosecuting a crime or executing a penalty",
        ReadingPurpose::PublicSecurity => "averting a threat to public security",
        ReadingPurpose::VictimProtection => "protecting or assisting victims",
        ReadingPurpose::Analysis => "analysing crime",
        ReadingPurpose::Supervision => "supervising how data is handled",
        ReadingPurpose::DataSubject => "answering a data subject's request",
    }
}

/// The compartments that a role reaches with an action: of every record, and of its authority's.
fn reach(table: &Table, role: Role, action: Action) -> String {
    let of = |scope: Option<Scope>| -> Compartments {
        let rows = table.rows.iter();
        rows.filter(|row| row.role == role && row.actions.contains(&action))
            .filter(|row| scope.is_none_or(|scope| row.scope == scope))
            .flat_map(|row| row.compartments.iter())
            .collect()
    };
    let everywhere = of(Some(Scope::Country));
    let own: Compartments = of(None)
        .iter()
        .filter(|label| !everywhere.has(*label))
        .collect();
    let words = |set: Compartments| {
        if set == Compartments::all() {
            return "all".to_owned();
        }
        let names: Vec<&str> = set.iter().map(label_name).collect();
        names.join(", ")
    };
    match (everywhere.is_empty(), own.is_empty()) {
        (true, true) => String::new(),
        (false, true) => words(everywhere),
        (true, false) => format!("*own* {}", words(own)),
        (false, false) => format!("{}; *own* {}", words(everywhere), words(own)),
    }
}
