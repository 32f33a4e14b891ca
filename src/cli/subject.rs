//! `comity subject request|scan`: a data subject's request.

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;

use crate::{
    access::Guarded,
    node::subject::query_of,
    wire::{
        json,
        ledger::ReadingPurpose,
        node::{
            GetRecordRequest, RequestApprovalRequest, ScanForSubjectRequest, SubjectBorn,
            SubjectFound, SubjectPlace, SubjectQuality, SubjectScanned,
            scan_for_subject_response::Step,
        },
    },
};

use super::{
    Target,
    approvals::waits,
    exit::{Failure, UNAVAILABLE, USAGE},
    out::Out,
    why::Why,
};

/// Answer a data subject's request: find every record that speaks of one person.
#[derive(Debug, Subcommand)]
pub(super) enum Subject {
    /// Ask a second person for the leave to scan for exactly this person.
    Request(Request),
    /// Scan everything held, victims' compartments too; answers where, and the text only on --show.
    Scan(Scan),
}

/// Whom it is about.
#[derive(Clone, Debug, Args)]
struct Person {
    /// Name of the person; may be given again for another spelling.
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Telephone number, document, plate, account, handle or address; may be given again.
    #[arg(long = "identifier", value_name = "IDENTIFIER")]
    identifiers: Vec<String>,
    /// When the person was born: YYYY, YYYY-MM or YYYY-MM-DD.
    #[arg(long, default_value = "", hide_default_value = true)]
    born: String,
}

impl Person {
    /// What the leave is for, once it makes sense.
    fn query(&self) -> Result<Vec<u8>, Failure> {
        query_of(&self.names, &self.identifiers, &self.born)
            .map_err(|fault| Failure::new(USAGE, fault.to_string()))
    }
}

#[derive(Debug, Args)]
pub(super) struct Request {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    person: Person,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(super) struct Scan {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    person: Person,
    #[command(flatten)]
    why: Why,
    /// Open each record found, as `comity records show` does: a leaf each, as far as you may read it.
    #[arg(long)]
    show: bool,
}

impl Subject {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Request(request) => request.carry_out(out).await,
            Self::Scan(scan) => scan.carry_out(out).await,
        }
    }
}

impl Request {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let request = RequestApprovalRequest {
            act: Guarded::DataSubject.as_str().to_owned(),
            query: self.person.query()?,
            reading_purpose: for_subject(&self.why)?,
            case_reference: self.why.case(),
            note: self.why.note(),
            ..RequestApprovalRequest::default()
        };
        let mut client = self.target.connect().await?;
        let answer = client.life.request_approval(request).await?.into_inner();
        waits(&answer, out)
    }
}

impl Scan {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        self.person.query()?;
        let request = ScanForSubjectRequest {
            names: self.person.names.clone(),
            identifiers: self.person.identifiers.clone(),
            born: self.person.born.clone(),
            reading_purpose: for_subject(&self.why)?,
            case_reference: self.why.case(),
            purpose: self.why.note(),
        };
        let mut client = self.target.connect().await?;
        let mut steps = client.search.scan_for_subject(request).await?.into_inner();
        let (mut found, mut end) = (Vec::new(), None);
        while let Some(step) = steps.next().await {
            match step?.step {
                Some(Step::Progress(progress)) => out.note(&format!(
                    "{} of {} records looked into",
                    progress.scanned, progress.total
                )),
                Some(Step::Found(of)) => found.push(of),
                Some(Step::Scanned(scanned)) => end = Some(scanned),
                None => {}
            }
        }
        let Some(end) = end else {
            return Err(Failure::new(
                UNAVAILABLE,
                "the scan was cut off before its end: nothing of it counts; scan again",
            ));
        };
        if out.json() {
            for of in &found {
                out.value(&found_json(of)?)?;
            }
        } else {
            let headings = [
                "RECORD",
                "KIND",
                "ORIGIN",
                "WHERE",
                "HOW SURE",
                "BORN",
                "WHO ELSE HAS IT",
                "BEFORE TELLING",
            ];
            out.table(&headings, found.iter().flat_map(rows).collect())?;
        }
        notes(&end, out);
        if self.show {
            for of in &found {
                let request = GetRecordRequest {
                    reference: of.reference.clone(),
                    exact: true,
                    reading_purpose: for_subject(&self.why)?,
                    case_reference: self.why.case(),
                    purpose: self.why.note(),
                    ..GetRecordRequest::default()
                };
                match client.records.get_record(request).await {
                    Ok(opened) => {
                        let opened = opened.into_inner();
                        let record = opened.original.or(opened.record).unwrap_or_default();
                        out.value(&json::to_json("comity.record.v1.Record", &record)?)?;
                        for of in opened.withheld {
                            let label = u32::try_from(of.compartment).unwrap_or(0);
                            let name = super::audit::labels(&[label]);
                            out.note(&format!("compartment `{name}` is withheld: {}", of.reason));
                        }
                    }
                    Err(refused) => out.note(&format!("{}: {}", of.reference, refused.message())),
                }
            }
        }
        Ok(())
    }
}

/// The one purpose there is for it.
fn for_subject(why: &Why) -> Result<i32, Failure> {
    let purpose = ReadingPurpose::DataSubject as i32;
    if why.code() == purpose {
        return Ok(purpose);
    }
    Err(Failure::new(
        USAGE,
        "a scan is for a data subject's request alone: give --purpose data-subject and --case",
    ))
}

fn notes(end: &SubjectScanned, out: &mut Out) {
    out.note(&format!(
        "{} records were looked into, every compartment; {} of them name the person",
        end.scanned, end.matched
    ));
    if end.more {
        out.note(
            "MORE MATCH than are shown: narrow it down with --identifier, --born or the whole name",
        );
    }
    if end.erased > 0 {
        out.note(&format!(
            "{} records are shredded: nobody can read them",
            end.erased
        ));
    }
    if end.unreadable > 0 {
        out.note(&format!(
            "NOT COMPLETE: {} records are damaged and could not be read: {}",
            end.unreadable,
            end.unreadable_references.join(", ")
        ));
    }
}

const fn sure(quality: SubjectQuality) -> &'static str {
    match quality {
        SubjectQuality::Unspecified => "",
        SubjectQuality::Exact => "exact",
        SubjectQuality::Normalised => "normalised",
        SubjectQuality::Transliterated => "transliterated",
        SubjectQuality::Part => "a part of the name",
        SubjectQuality::Alike => "alike",
    }
}

const fn born(born: SubjectBorn) -> &'static str {
    match born {
        SubjectBorn::Unspecified => "",
        SubjectBorn::Fits => "fits",
        SubjectBorn::Differs => "differs",
    }
}

/// A record: one line for each place, the rest beside the first.
fn rows(of: &SubjectFound) -> Vec<Vec<String>> {
    let others: Vec<String> = of
        .received_by
        .iter()
        .map(|of| {
            let proved = if of.proved { "" } else { ", no receipt yet" };
            format!("{} ({}{proved})", of.country, of.how)
        })
        .collect();
    let row = |(at, place): (usize, &SubjectPlace)| {
        let first = |text: String| if at == 0 { text } else { String::new() };
        vec![
            first(of.reference.clone()),
            first(of.kind.clone()),
            first(of.origin.clone()),
            place.field.clone(),
            sure(place.quality()).to_owned(),
            first(born(of.born()).to_owned()),
            first(others.join(", ")),
            first(of.restrictions.join("; ")),
        ]
    };
    of.places.iter().enumerate().map(row).collect()
}

/// A record as JSON, compartments by name.
fn found_json(of: &SubjectFound) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.SubjectFound", of)?;
    let name = |label: u32| serde_json::Value::from(super::audit::labels(&[label]));
    if let Some(object) = value.as_object_mut() {
        let labels = of.compartments.iter().map(|label| name(*label)).collect();
        object.insert("compartments".to_owned(), labels);
        object.insert(
            "headerDigest".to_owned(),
            hex::encode(&of.header_digest).into(),
        );
        let places = object.get_mut("places").and_then(|of| of.as_array_mut());
        for (place, said) in places.into_iter().flatten().zip(&of.places) {
            if let Some(place) = place.as_object_mut() {
                place.insert("compartment".to_owned(), name(said.compartment));
                place.insert("quality".to_owned(), sure(said.quality()).into());
            }
        }
    }
    Ok(value)
}
