//! What docs/EVIDENCE.md says of the states: written from the table, so that it cannot say anything
//! else.

use std::fmt::Write as _;

use super::{
    Act, Party, State, Void,
    table::{self, Goes},
};

/// The part of docs/EVIDENCE.md on states: what each means, the diagram, the table, and why a step is
/// void. Markdown.
pub fn lifecycle() -> String {
    let mut page = String::from("| state | means |\n|---|---|\n");
    for state in State::ALL {
        line(&mut page, format_args!("| {state} | {} |", state.says()));
    }
    page.push_str("\n| act | by | what it is |\n|---|---|---|\n");
    for act in Act::ALL {
        let parties = Party::ALL.into_iter();
        let by: Vec<&str> = parties
            .filter(|party| table::is_partys(*act, *party))
            .map(Party::as_str)
            .collect();
        let by = by.join(", ");
        line(&mut page, format_args!("| {act} | {by} | {} |", act.says()));
    }
    page.push('\n');
    page.push_str(&diagram());
    page.push_str("\n| in state | by | changes nothing | leads on |\n|---|---|---|---|\n");
    for state in State::ALL {
        for party in Party::ALL {
            row(&mut page, *state, party);
        }
    }
    page.push_str("\n| a step is void | because |\n|---|---|\n");
    for (word, says) in Void::WORDS {
        line(&mut page, format_args!("| {word} | {says} |"));
    }
    page
}

/// The states and what leads from one to another, as a Mermaid diagram.
fn diagram() -> String {
    let mut page = String::from("```mermaid\nstateDiagram-v2\n    [*] --> DRAFT\n");
    for from in State::ALL {
        for to in State::ALL {
            let labels = edge(*from, *to);
            if !labels.is_empty() {
                let labels = labels.join(", ");
                line(&mut page, format_args!("    {from} --> {to} : {labels}"));
            }
        }
    }
    for state in State::ALL.iter().filter(|state| is_end(**state)) {
        line(&mut page, format_args!("    {state} --> [*]"));
    }
    page.push_str("```\n");
    page
}

/// Whether no act leads on from a state.
fn is_end(state: State) -> bool {
    Party::ALL.into_iter().all(|party| {
        Act::ALL
            .iter()
            .all(|act| matches!(table::goes(state, *act, party), None | Some(Goes::Stays)))
    })
}

/// What leads from one state to another, with who does it.
fn edge(from: State, to: State) -> Vec<String> {
    let mut labels = Vec::new();
    for party in Party::ALL {
        for act in Act::ALL {
            let label = match table::goes(from, *act, party) {
                Some(Goes::To(state)) if state == to => format!("{act} ({party})"),
                Some(Goes::Crossing(state)) if state == to => {
                    format!("{act} ({party}) where it crossed")
                }
                // Whoever asked waits; the answer leads back.
                Some(Goes::Resumes) if is_asked_in(to, from) => format!("{act} ({party})"),
                _ => continue,
            };
            labels.push(label);
        }
    }
    labels
}

/// Whether a question asked in `state` leads to `asked`.
fn is_asked_in(state: State, asked: State) -> bool {
    table::goes(state, Act::Ask, Party::Executing) == Some(Goes::To(asked))
}

fn row(page: &mut String, state: State, party: Party) {
    let (mut stays, mut leads) = (Vec::new(), Vec::new());
    for act in Act::ALL {
        match table::goes(state, *act, party) {
            None => {}
            Some(Goes::Stays) => stays.push(act.to_string()),
            Some(Goes::To(to)) => leads.push(format!("{act} → {to}")),
            Some(Goes::Resumes) => leads.push(format!("{act} → where it was asked")),
            Some(Goes::Crossing(to)) => leads.push(format!("{act} → {to}, where it crossed")),
        }
    }
    if stays.is_empty() && leads.is_empty() {
        return;
    }
    let (stays, leads) = (stays.join(", "), leads.join("; "));
    line(
        page,
        format_args!("| {state} | {party} | {stays} | {leads} |"),
    );
}

fn line(page: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(page, "{words}");
}
