//! One record's life after the exchange: each country reads just its part, TJ amends it, consent to
//! its use is given and refused, and TJ takes it back. Every step is what the nodes answer to a
//! client; what a step should have come to is taken from what another node said, never from here.

mod amendment;
mod consent;
mod parts;
mod recall;

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Status;

use crate::{
    access::{Guarded, Missing},
    card::TrustBook,
    client::{Client, Profile},
    exercise::story,
    record::{Country, compartments::split},
    wire::{
        envelope::{Receipt, ReceiptType},
        ledger::ReadingPurpose,
        node::{
            ApproveRequest, GetRecordRequest, GetRecordResponse, ListReceiptsRequest,
            ListRecordsRequest, RecordSummary, RequestApprovalRequest, SearchRequest,
            SubmitRecordRequest, SubmitRecordResponse,
        },
        record::{CompartmentLabel, Record},
    },
};

use super::{
    super::{
        exit::{Failure, SOFTWARE, TEMPFAIL},
        out::Out,
    },
    country::CountryNode,
};

use self::{amendment::Amendment, consent::Consent, parts::Parts, recall::Recall};

/// Longest wait for one thing to happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Records listed, the newest first: the story's are among them.
const PAGE: u32 = 500;
/// Why the story reads records; into the ledgers.
const PURPOSE: &str = "exercise: the story of a record";
/// The case of the story.
const CASE: &str = "EXERCISE-1";

/// What came of the story.
#[derive(Debug)]
pub(super) struct Story {
    reference: String,
    title: String,
    parts: Parts,
    amendment: Amendment,
    consent: Consent,
    recall: Recall,
}

impl Story {
    /// Plays the story on nodes that run and are linked.
    pub(super) async fn play(nodes: &[CountryNode], out: &mut Out) -> Result<Self, Failure> {
        let mut cast = Cast::gather(nodes).await?;
        out.note("one record's life: TJ submits a route that each reader reads another part of");
        let record = story::corridor_route();
        let title = record.situation.clone().unwrap_or_default().title;
        let submitted = cast.origin()?.submit(record.clone()).await?;
        let reference = submitted.reference.clone();
        let parts = Parts::look(&mut cast, &record, &reference).await?;
        out.note(&format!("TJ amends {reference}"));
        let amendment = Amendment::make(&mut cast, &record, &submitted, &parts).await?;
        out.note("KZ and UZ ask for TJ's consent to use it in court");
        let consent = Consent::ask(&mut cast, amendment.reference()).await?;
        out.note(&format!(
            "TJ recalls {reference}; a second officer in each country approves the shredding"
        ));
        let recall = Recall::make(&mut cast, nodes, &reference).await?;
        Ok(Self {
            reference,
            title,
            parts,
            amendment,
            consent,
            recall,
        })
    }

    /// What is not as it should be; empty when everything is.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.parts.faults();
        faults.extend(self.amendment.faults());
        faults.extend(self.consent.faults());
        faults.extend(self.recall.faults());
        faults
    }

    /// The story in figures.
    pub(super) fn json(&self) -> Value {
        let faults = self.faults();
        let mut object = json!({
            "record": self.reference,
            "as_it_should_be": faults.is_empty(),
            "faults": faults,
        });
        if let Some(object) = object.as_object_mut() {
            for part in [
                self.parts.json(),
                self.amendment.json(),
                self.consent.json(),
                self.recall.json(),
            ] {
                object.extend(part.as_object().cloned().unwrap_or_default());
            }
        }
        object
    }

    /// The story for people.
    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!("\nThe life of {}: {}", self.reference, self.title))?;
        self.parts.write(out)?;
        self.amendment.write(out)?;
        self.consent.write(out)?;
        self.recall.write(out)
    }
}

/// The officers of every country, the origin's first.
struct Cast {
    seats: Vec<Seat>,
    book: TrustBook,
}

/// An officer of one country and the connection to its node.
struct Seat {
    country: Country,
    client: Client,
    /// A second officer, who approves what the first asks for.
    second: Client,
}

impl Cast {
    async fn gather(nodes: &[CountryNode]) -> Result<Self, Failure> {
        let mut seats = Vec::new();
        for node in nodes {
            seats.push(Seat {
                country: node.country,
                client: node.client().await?,
                second: second_officer(node).await?,
            });
        }
        Ok(Self {
            seats,
            book: super::report::trust(nodes)?,
        })
    }

    fn origin(&mut self) -> Result<&mut Seat, Failure> {
        self.seats.first_mut().ok_or_else(|| missing("TJ"))
    }

    fn seat(&mut self, code: &str) -> Result<&mut Seat, Failure> {
        self.seats
            .iter_mut()
            .find(|seat| seat.country.code() == code)
            .ok_or_else(|| missing(code))
    }

    /// Every country but the origin.
    fn readers(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.seats.iter_mut().skip(1)
    }
}

fn missing(code: &str) -> Failure {
    Failure::new(SOFTWARE, format!("{code} is not in the story"))
}

impl Seat {
    async fn submit(&mut self, record: Record) -> Result<SubmitRecordResponse, Failure> {
        let request = SubmitRecordRequest {
            record: Some(record),
            ..SubmitRecordRequest::default()
        };
        Ok(self
            .client
            .records
            .submit_record(request)
            .await?
            .into_inner())
    }

    /// Asks the second officer for leave, and has it.
    async fn leave(&mut self, wanted: RequestApprovalRequest) -> Result<(), Status> {
        let request = RequestApprovalRequest {
            case_reference: CASE.to_owned(),
            note: PURPOSE.to_owned(),
            ..wanted
        };
        let asked = self.client.life.request_approval(request).await?;
        let id = asked.into_inner().id;
        self.second.life.approve(ApproveRequest { id }).await?;
        Ok(())
    }

    /// Opens a record: this very version, or the newest. Victims' data is opened with the second
    /// officer's leave.
    async fn open(&mut self, reference: &str, exact: bool) -> Result<GetRecordResponse, Status> {
        let opened = self.open_alone(reference, exact).await?;
        let second = Missing::SecondPerson(Guarded::OpenVictims).to_string();
        if !opened.withheld.iter().any(|of| of.reason == second) {
            return Ok(opened);
        }
        self.leave(RequestApprovalRequest {
            act: Guarded::OpenVictims.as_str().to_owned(),
            references: vec![reference.to_owned()],
            reading_purpose: ReadingPurpose::Investigation.into(),
            ..RequestApprovalRequest::default()
        })
        .await?;
        self.open_alone(reference, exact).await
    }

    async fn open_alone(
        &mut self,
        reference: &str,
        exact: bool,
    ) -> Result<GetRecordResponse, Status> {
        let request = GetRecordRequest {
            reference: reference.to_owned(),
            purpose: PURPOSE.to_owned(),
            reading_purpose: ReadingPurpose::Investigation.into(),
            case_reference: CASE.to_owned(),
            exact,
            ..GetRecordRequest::default()
        };
        Ok(self.client.records.get_record(request).await?.into_inner())
    }

    /// The newest records by the country's own list.
    async fn list(&mut self) -> Result<Vec<RecordSummary>, Failure> {
        let request = ListRecordsRequest {
            page_size: PAGE,
            ..ListRecordsRequest::default()
        };
        let page = self.client.records.list_records(request).await?;
        Ok(page.into_inner().records)
    }

    /// Whether a search for the suspect's name finds this record.
    async fn finds(&mut self, reference: &str) -> Result<bool, Failure> {
        let request = SearchRequest {
            text: story::SUSPECT.to_owned(),
            limit: 100,
            purpose: PURPOSE.to_owned(),
            reading_purpose: ReadingPurpose::Investigation.into(),
            case_reference: CASE.to_owned(),
            ..SearchRequest::default()
        };
        let answer = self.client.search.search(request).await?.into_inner();
        Ok(answer
            .hits
            .iter()
            .filter_map(|hit| hit.record.as_ref())
            .any(|record| record.reference == reference))
    }

    /// The receipts of a record whose signature and path hold.
    async fn receipts(
        &mut self,
        reference: &str,
        book: &TrustBook,
    ) -> Result<Vec<Receipt>, Failure> {
        let request = ListReceiptsRequest {
            reference: reference.to_owned(),
        };
        let answer = self
            .client
            .records
            .list_receipts(request)
            .await?
            .into_inner();
        Ok(answer
            .receipts
            .iter()
            .filter_map(|proof| crate::envelope::verify_stated(proof, book).ok())
            .filter(|receipt| receipt.header_digest == answer.header_digest)
            .collect())
    }

    /// Waits until so many different countries have receipted a record's delivery.
    async fn delivered(
        &mut self,
        reference: &str,
        book: &TrustBook,
        countries: usize,
    ) -> Result<(), Failure> {
        eventually(
            &format!("the readers' receipts for {reference}"),
            async || {
                let receipts = self.receipts(reference, book).await?;
                let delivered = receipts
                    .iter()
                    .filter(|of| of.r#type() == ReceiptType::Delivery);
                Ok((delivered.count() >= countries).then_some(()))
            },
        )
        .await
    }
}

/// A client of a second officer, with a certificate as `comity officer add` makes it.
async fn second_officer(node: &CountryNode) -> Result<Client, Failure> {
    Ok(Client::connect(&Profile::load(&node.second_officer)?).await?)
}

/// Looks until there is an answer.
pub(super) async fn eventually<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if tokio::time::Instant::now() > deadline {
            return Err(Failure::new(
                TEMPFAIL,
                format!("waited {} s in vain for {what}", PATIENCE.as_secs()),
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The compartments that a record carries, as the node opened it.
fn carried(record: &Record) -> Vec<CompartmentLabel> {
    split(record).into_iter().map(|(label, _)| label).collect()
}

/// The machine-readable word of a refusal.
fn reason(refused: &Status) -> String {
    use tonic_types::StatusExt as _;
    refused
        .get_error_details()
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

/// A refusal as the command line shows it.
fn words(refused: Status) -> String {
    Failure::from(refused).message().to_owned()
}

/// `yes` or `NO`: what should be and is not stands out.
fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "NO" }
}
