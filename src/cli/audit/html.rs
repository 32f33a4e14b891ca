//! A report as one page of HTML to print: nothing from elsewhere, no scripts, every text escaped.

use crate::{record::unseen::in_markup as escaped, wire::node::AuditReport};

use super::{
    report::{Proved, leaves},
    sections::{Section, local, offset, sections, zone},
};

const STYLE: &str = include_str!("report.css");

/// The page.
pub(super) fn page(report: &AuditReport, proved: &Proved) -> String {
    let at = |micros: i64| local(micros, offset(report));
    let zone = zone(offset(report));
    let title = format!("Reading log of {}", report.country);
    let time = format!("{} to {} ({zone})", at(report.from_us), at(report.to_us));
    let mut out = String::with_capacity(64 * 1024);
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // In a style sheet a backslash or a quote would end the string that stands at the head of each page.
    let head: String = format!("{title}, {time}")
        .chars()
        .filter(|c| c.is_alphanumeric() || " ,:+-()".contains(*c))
        .collect();
    out.push_str(&format!(
        "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        escaped(&format!("{title}, {time}")),
        STYLE.replace("PAGE_HEAD", &head),
    ));
    out.push_str(&format!(
        "<header>\n<h1>{}</h1>\n<p class=\"time\">{}</p>\n<dl>\n",
        escaped(&title),
        escaped(&time)
    ));
    for (term, text) in [
        (
            "Made",
            format!("{} for {}", at(report.made_us), report.made_for),
        ),
        ("Leaves", leaves(report, proved)),
        (
            "Times",
            format!("of this country, {zone}; checkpoints below prove the leaves"),
        ),
    ] {
        out.push_str(&format!("<dt>{term}</dt><dd>{}</dd>\n", escaped(&text)));
    }
    out.push_str("</dl>\n");
    if report.cut {
        out.push_str(
            "<p class=\"cut\">Some lists are longer than a report; their totals count everything.</p>\n",
        );
    }
    out.push_str("</header>\n");
    for section in sections(report) {
        write(&mut out, &section);
    }
    out.push_str("<section class=\"proof\">\n<h2>Proof</h2>\n<p>Signed heads of the ledger's tree before the first and after the last leaf of this report. Whoever has an export of the ledger and the country's card recomputes both: <code>comity audit verify</code>.</p>\n");
    for (name, note) in [
        ("At the beginning", &report.begin_checkpoint),
        ("At the end", &report.end_checkpoint),
    ] {
        if !note.is_empty() {
            let note = escaped_lines(note);
            out.push_str(&format!("<h3>{name}</h3>\n<pre>{note}</pre>\n"));
        }
    }
    out.push_str("</section>\n</body>\n</html>\n");
    out
}

fn write(out: &mut String, section: &Section) {
    let long = if section.rows.len() > 12 {
        " class=\"long\""
    } else {
        ""
    };
    out.push_str(&format!(
        "<section{long}>\n<h2>{}</h2>\n<p>{}</p>\n",
        escaped(section.title),
        escaped(&section.says)
    ));
    if section.rows.is_empty() {
        out.push_str("<p class=\"none\">None.</p>\n</section>\n");
        return;
    }
    let wide = if section.headings.len() > 6 {
        " class=\"wide\""
    } else {
        ""
    };
    out.push_str(&format!("<table{wide}>\n<thead><tr>"));
    for (column, heading) in section.headings.iter().enumerate() {
        let class = if section.numbers == Some(column) {
            " class=\"n\""
        } else {
            ""
        };
        let heading = escaped(&sentence(heading));
        out.push_str(&format!("<th scope=\"col\"{class}>{heading}</th>"));
    }
    if section.bars {
        out.push_str("<th class=\"b\"></th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    let number = |row: &[String]| -> u64 {
        let cell = section.numbers.and_then(|column| row.get(column));
        cell.and_then(|cell| cell.parse().ok()).unwrap_or(0)
    };
    let most = section
        .rows
        .iter()
        .map(|row| number(row))
        .max()
        .unwrap_or(0);
    for row in &section.rows {
        out.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let class = if section.numbers == Some(column) {
                " class=\"n\""
            } else {
                ""
            };
            out.push_str(&format!("<td{class}>{}</td>", escaped(cell)));
        }
        if section.bars {
            let share = number(row)
                .saturating_mul(100)
                .checked_div(most)
                .unwrap_or(0)
                .max(1);
            out.push_str(&format!(
                "<td class=\"b\"><i style=\"width:{share}%\"></i></td>"
            ));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

/// A heading of the terminal as paper has it: `Compartments`.
fn sentence(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let mut chars = lower.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::Digest,
        ledger::Checkpoint,
        record::unseen::is_unseen,
        wire::node::{ReportDimension, ReportTotal},
    };

    #[test]
    fn nothing_that_a_leaf_says_becomes_markup() {
        let bad = "<script>alert('x')</script>\u{202e}\"&";
        let report = AuditReport {
            country: "UZ".to_owned(),
            made_for: bad.to_owned(),
            end_checkpoint: format!("{bad}\n{bad}"),
            totals: vec![ReportTotal {
                dimension: ReportDimension::Person.into(),
                key: bad.to_owned(),
                authority: bad.to_owned(),
                count: 1,
            }],
            ..AuditReport::default()
        };
        let proved = Proved {
            begin: None,
            end: Checkpoint {
                origin: String::new(),
                size: 1,
                root: Digest::of(b""),
            },
        };
        let page = page(&report, &proved);
        assert!(
            !page.contains("<script") && !page.contains("alert('"),
            "{page}"
        );
        assert!(!page.chars().any(|c| c != '\n' && is_unseen(c)));
        assert_eq!(page.matches("&lt;script&gt;").count(), 5);
        assert!(!page.contains("http://") && !page.contains("https://"));
        assert!(page.contains("default-src 'none'"));
    }
}
