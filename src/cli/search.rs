//! `comity search` and `comity related`.

use clap::Args;

use crate::wire::{
    json,
    node::{
        ListRelatedRequest, MatchHow, RecordSummary, RelatedRecord, SearchCoverage, SearchHit,
        SearchRequest,
    },
};

use super::{Target, exit::Failure, out::Out, records::summary_json, why::Why};

/// Search records: words in any script, kind, country, days, codes, identifiers.
#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    target: Target,
    /// Words in any script; every one must match, or all but one when too few records have all.
    #[arg(default_value = "", hide_default_value = true)]
    text: String,
    /// Only records of this kind, such as Route.
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// Only records that this country sent, or that name it.
    #[arg(long, default_value = "", hide_default_value = true)]
    country: String,
    /// Only records submitted on this day, YYYY-MM-DD, or later.
    #[arg(long, default_value = "", hide_default_value = true)]
    from: String,
    /// Only records submitted on this day, YYYY-MM-DD, or earlier.
    #[arg(long, default_value = "", hide_default_value = true)]
    to: String,
    /// Only records with this code, such as purpose=FORCED_LABOUR; may be given again.
    #[arg(long = "code", value_name = "LIST=CODE")]
    codes: Vec<String>,
    /// Only records with this telephone number, document, plate, account, handle or address.
    #[arg(long, default_value = "", hide_default_value = true)]
    entity: String,
    /// How many at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    why: Why,
}

/// Show the records that share an identifier or a name with one, and the evidence.
#[derive(Debug, Args)]
pub(super) struct Related {
    #[command(flatten)]
    target: Target,
    /// Reference, such as UZ-26-000412-H.
    reference: String,
    /// How many at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    why: Why,
}

impl Search {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = SearchRequest {
            text: self.text,
            kind: self.kind,
            country: self.country,
            from: self.from,
            to: self.to,
            codes: self.codes,
            entity: self.entity,
            limit: self.limit,
            purpose: self.why.note(),
            reading_purpose: self.why.code(),
            case_reference: self.why.case(),
        };
        let answer = client.search(request).await?;
        if out.json() {
            for hit in &answer.hits {
                out.value(&hit_json(hit)?)?;
            }
        } else {
            let rows = answer.hits.iter().flat_map(rows).collect();
            out.table(&["REFERENCE", "KIND", "TITLE", "WHY", "WHERE"], rows)?;
        }
        if answer.hits.is_empty() {
            out.note("nothing found");
        }
        if answer.situations_only {
            out.note("only situations were searched: --purpose and --case search the rest");
        }
        notes(answer.coverage.unwrap_or_default(), answer.more, out);
        Ok(())
    }
}

impl Related {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = ListRelatedRequest {
            reference: self.reference,
            limit: self.limit,
            purpose: self.why.note(),
            reading_purpose: self.why.code(),
            case_reference: self.why.case(),
        };
        let answer = client.related(request).await?;
        if out.json() {
            for related in &answer.related {
                out.value(&related_json(related)?)?;
            }
        } else {
            let mut rows = Vec::new();
            for related in &answer.related {
                let record = related.record.clone().unwrap_or_default();
                for (at, evidence) in related.evidence.iter().enumerate() {
                    let first = |text: &str| {
                        if at == 0 {
                            text.to_owned()
                        } else {
                            String::new()
                        }
                    };
                    rows.push(vec![
                        first(&record.reference),
                        first(if related.asserted { "same" } else { "perhaps" }),
                        format!("{} ({})", evidence.class, how(evidence.how())),
                        evidence.here_written.clone(),
                        evidence.there_written.clone(),
                        first(&marked(&record)),
                    ]);
                }
            }
            let headings = ["REFERENCE", "LINK", "IN COMMON", "HERE", "THERE", "TITLE"];
            out.table(&headings, rows)?;
        }
        if answer.related.is_empty() {
            out.note("no other record here shares an identifier or a name with it");
        }
        if answer.situations_only {
            out.note("only situations were searched: --purpose and --case search the rest");
        }
        notes(answer.coverage.unwrap_or_default(), answer.more, out);
        Ok(())
    }
}

fn marked(record: &RecordSummary) -> String {
    let exercise = if record.exercise && !record.title.contains("EXERCISE") {
        "EXERCISE "
    } else {
        ""
    };
    format!("{exercise}{}", record.title)
}

/// A hit: one line for each reason, then those that share an identifier with it.
fn rows(hit: &SearchHit) -> Vec<Vec<String>> {
    let record = hit.record.clone().unwrap_or_default();
    let mut why: Vec<(String, String)> = hit
        .reasons
        .iter()
        .map(|reason| {
            (
                format!(
                    "{} = {} ({})",
                    reason.asked,
                    reason.written,
                    how(reason.how())
                ),
                reason.field.clone(),
            )
        })
        .collect();
    why.extend(
        hit.missing
            .iter()
            .map(|word| (format!("{word} is not in it"), String::new())),
    );
    for related in &hit.related {
        let other = related.record.clone().unwrap_or_default();
        let evidence = related.evidence.first().cloned().unwrap_or_default();
        why.push((
            format!(
                "see {}: {} {}",
                other.reference, evidence.class, evidence.key
            ),
            evidence.here_field,
        ));
    }
    if why.is_empty() {
        why.push((String::new(), String::new()));
    }
    why.into_iter()
        .enumerate()
        .map(|(at, (why, field))| {
            let first = |text: &str| {
                if at == 0 {
                    text.to_owned()
                } else {
                    String::new()
                }
            };
            vec![
                first(&record.reference),
                first(&record.kind),
                first(&marked(&record)),
                why,
                field,
            ]
        })
        .collect()
}

const fn how(how: MatchHow) -> &'static str {
    match how {
        MatchHow::Unspecified => "",
        MatchHow::Exact => "exact",
        MatchHow::Transliterated => "transliterated",
        MatchHow::Sound => "sounds alike",
        MatchHow::Misspelt => "misspelt",
        MatchHow::Identifier => "same identifier",
        MatchHow::IdentifierPerhaps => "perhaps the same identifier",
        MatchHow::Code => "code",
    }
}

/// Messages on standard error: what was not searched, what was not shown.
fn notes(coverage: SearchCoverage, more: bool, out: &mut Out) {
    if !coverage.complete {
        out.note(&format!(
            "NOT COMPLETE: {} of {} records are in the search index, the newest first",
            coverage.indexed, coverage.total
        ));
    }
    if more {
        out.note("there may be more; raise --limit or narrow the search");
    }
}

fn hit_json(hit: &SearchHit) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.SearchHit", hit)?;
    with_record(&mut value, hit.record.as_ref())?;
    let list = value.get_mut("related").and_then(|of| of.as_array_mut());
    for (value, related) in list.into_iter().flatten().zip(&hit.related) {
        with_record(value, related.record.as_ref())?;
    }
    Ok(value)
}

fn related_json(related: &RelatedRecord) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.RelatedRecord", related)?;
    with_record(&mut value, related.record.as_ref())?;
    Ok(value)
}

/// The record as lists give it.
fn with_record(
    value: &mut serde_json::Value,
    record: Option<&RecordSummary>,
) -> Result<(), Failure> {
    if let (Some(object), Some(record)) = (value.as_object_mut(), record) {
        object.insert("record".to_owned(), summary_json(record)?);
    }
    Ok(())
}
