//! A page of HTML as it grows: every text escaped.

use crate::record::unseen::in_markup;

const STYLE: &str = include_str!("../page.css");

/// The page as it grows.
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    pub(super) fn head(&mut self, title: &str) {
        // In a style sheet a backslash or a quote would end the string that stands at the head of each page.
        let plain: String = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " ,:+-()".contains(*c))
            .collect();
        self.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        self.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        self.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        self.raw(&format!(
            "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
            in_markup(title),
            STYLE.replace("PAGE_HEAD", &plain)
        ));
    }

    pub(super) fn section(&mut self, title: &str, says: &str) {
        self.raw(&format!(
            "<section class=\"long\">\n<h2>{}</h2>\n<p>{}</p>\n",
            in_markup(title),
            in_markup(says)
        ));
    }

    pub(super) fn list(&mut self, terms: &[(&str, String)]) {
        self.raw("<dl>\n");
        for (term, text) in terms.iter().filter(|(_, text)| !text.is_empty()) {
            self.raw(&format!(
                "<dt>{}</dt><dd>{}</dd>\n",
                in_markup(term),
                in_markup(text)
            ));
        }
        self.raw("</dl>\n");
    }

    pub(super) fn bullets(&mut self, lines: &[String], class: &str) {
        let class = if class.is_empty() {
            String::new()
        } else {
            format!(" class=\"{class}\"")
        };
        self.raw(&format!("<ul{class}>\n"));
        for line in lines {
            self.raw(&format!("<li>{}</li>\n", in_markup(line)));
        }
        self.raw("</ul>\n");
    }

    /// A table; the columns named in `digests` are set narrow.
    pub(super) fn table(&mut self, headings: &[&str], rows: &[Vec<String>], digests: &[usize]) {
        if rows.is_empty() {
            self.raw("<p class=\"none\">None.</p>\n");
            return;
        }
        let wide = if headings.len() > 6 {
            " class=\"wide\""
        } else {
            ""
        };
        self.raw(&format!("<table{wide}>\n<thead><tr>"));
        for heading in headings {
            self.raw(&format!("<th scope=\"col\">{}</th>", in_markup(heading)));
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.raw("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let class = if digests.contains(&column) {
                    " class=\"d\""
                } else {
                    ""
                };
                self.raw(&format!("<td{class}>{}</td>", in_markup(cell)));
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody>\n</table>\n");
    }
}
