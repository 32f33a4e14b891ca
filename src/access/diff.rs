//! What one table changes of another, in words: who gains and loses what.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Role,
    action::{About, Action},
    compartments::Compartments,
    file::kinds_known,
    table::{Guarded, Scope, SecondPerson, Table},
};

/// What a role reaches with an action, of one kind of record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Reach {
    /// Of records of the own authority.
    own: Labels,
    /// Of other authorities' records.
    others: Labels,
}

/// Compartments as an ordered value.
type Labels = u8;

fn labels(set: Compartments) -> Labels {
    set.iter().fold(0, |all, label| all | 1 << (label as u8))
}

fn names(bits: Labels) -> String {
    let set: Compartments = Compartments::all()
        .iter()
        .filter(|label| bits & 1 << (*label as u8) != 0)
        .collect();
    set.names()
}

fn reach(table: &Table, role: Role, action: Action, kind: &str) -> Reach {
    let mut reach = Reach::default();
    let rows = table.rows.iter();
    for row in rows.filter(|row| row.role == role && row.actions.contains(&action)) {
        if row.takes_kind(Some(kind)) {
            let labels = labels(row.compartments);
            reach.own |= labels;
            if row.scope == Scope::Country {
                reach.others |= labels;
            }
        }
    }
    reach
}

fn may(table: &Table, role: Role, action: Action) -> bool {
    let mut rows = table.rows.iter();
    rows.any(|row| row.role == role && row.actions.contains(&action))
}

/// What `after` changes of `before`, line by line; empty when they decide the same.
pub fn changes(before: &Table, after: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    for role in Role::ALL {
        for action in Action::ALL {
            match action.about() {
                About::Node => match (may(before, role, *action), may(after, role, *action)) {
                    (false, true) => lines.push(format!("{role} gains `{action}`")),
                    (true, false) => lines.push(format!("{role} loses `{action}`")),
                    _ => {}
                },
                About::Contents => of_records(&mut lines, before, after, role, *action),
            }
        }
    }
    for guarded in Guarded::ALL {
        of_second(
            &mut lines,
            *guarded,
            &before.second(*guarded),
            &after.second(*guarded),
        );
    }
    lines
}

/// Kinds of record for which the same changes are put together.
fn of_records(lines: &mut Vec<String>, before: &Table, after: &Table, role: Role, action: Action) {
    let kinds = kinds_known();
    let mut changed: BTreeMap<(Reach, Reach), BTreeSet<&str>> = BTreeMap::new();
    for kind in &kinds {
        let (old, new) = (
            reach(before, role, action, kind),
            reach(after, role, action, kind),
        );
        if old != new {
            changed.entry((old, new)).or_default().insert(kind);
        }
    }
    for ((old, new), of) in changed {
        let of = if of.len() == kinds.len() {
            String::new()
        } else {
            let of: Vec<&str> = of.into_iter().collect();
            format!(" (kinds {})", of.join(", "))
        };
        for (word, own, others) in [
            ("gains", new.own & !old.own, new.others & !old.others),
            ("loses", old.own & !new.own, old.others & !new.others),
        ] {
            for (bits, whose) in [
                (own & others, "every record"),
                (own & !others, "records of the own authority"),
                (others & !own, "records of other authorities"),
            ] {
                if bits != 0 {
                    let labels = names(bits);
                    lines.push(format!("{role} {word} `{action}` of {whose}: {labels}{of}"));
                }
            }
        }
    }
}

fn of_second(
    lines: &mut Vec<String>,
    guarded: Guarded,
    before: &SecondPerson,
    after: &SecondPerson,
) {
    let word = guarded.as_str();
    match (before.required, after.required) {
        (true, false) => lines.push(format!("`{word}` needs no second person any more")),
        (false, true) => lines.push(format!("`{word}` needs a second person")),
        _ => {}
    }
    for role in after.approvers.difference(&before.approvers) {
        lines.push(format!("{role} gains approving `{word}`"));
    }
    for role in before.approvers.difference(&after.approvers) {
        lines.push(format!("{role} loses approving `{word}`"));
    }
    for (what, old, new) in [
        ("hours", before.hours, after.hours),
        ("records within an hour", before.records, after.records),
    ] {
        if old != new {
            lines.push(format!("`{word}`: {new} {what} instead of {old}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::table::Row;

    #[test]
    fn a_table_changes_nothing_of_itself() {
        assert!(changes(&Table::default(), &Table::default()).is_empty());
    }

    #[test]
    fn who_gains_and_loses_what_is_said_in_words() {
        let before = Table::default();
        let mut after = Table::default().by_one(&[Guarded::Shred]);
        after.rows.push(Row {
            role: Role::Analyst,
            actions: [Action::Read].into(),
            kinds: Some(["Route".to_owned()].into()),
            compartments: Compartments::all(),
            scope: Scope::Authority,
        });
        after.rows.push(Row {
            role: Role::Auditor,
            actions: [Action::Offboard].into(),
            kinds: None,
            compartments: Compartments::NONE,
            scope: Scope::Authority,
        });
        if let Some(rule) = after.second.get_mut(&Guarded::ExportBulk) {
            rule.records = 10;
            rule.approvers = [Role::LiaisonOfficer, Role::Auditor].into();
        }
        let there = changes(&before, &after);
        assert_eq!(
            there,
            [
                "analyst gains `read` of records of the own authority: victims, source, evidence (kinds Route)",
                "auditor gains `offboard`",
                "`shred` needs no second person any more",
                "auditor gains approving `export-bulk`",
                "judicial-authority loses approving `export-bulk`",
                "`export-bulk`: 10 records within an hour instead of 1000",
            ]
        );
        let back = changes(&after, &before);
        assert_eq!(back.len(), there.len());
        assert!(back[0].starts_with("analyst loses `read`"), "{back:?}");
    }
}
