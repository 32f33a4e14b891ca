//! Use in court of a record marked H1: blocked, asked for, granted to one reader, refused to another.

use serde_json::{Value, json};
use tonic::Status;

use crate::{
    access::Guarded,
    crypto::Digest,
    envelope::{Claim, verify_token},
    node::system_clock,
    record::{Country, Moment},
    wire::{
        envelope::ConsentUse,
        ledger::ReadingPurpose,
        node::{
            AnswerConsentRequest, ConsentState, ConsentSummary, ExportRecordRequest,
            ExportRecordResponse, ListConsentsRequest, RequestApprovalRequest,
            RequestConsentRequest,
        },
        record::CompartmentLabel,
    },
};

use super::{
    super::super::{exit::Failure, out::Out},
    CASE, Cast, PURPOSE, Seat, carried, eventually, reason, words, yes,
};

/// Who is granted, who is refused.
const GRANTED: &str = "KZ";
const REFUSED: &str = "UZ";
const COURT: &str = "EXERCISE City Court";
/// Compartments that neither reader needs more for than the handling code demands.
const ASKED: [CompartmentLabel; 2] = [CompartmentLabel::Situation, CompartmentLabel::Identifiers];
const MONTH: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

/// What came of both requests.
#[derive(Debug)]
pub(super) struct Consent {
    granted: Granted,
    refused: Refused,
}

/// The request that was granted.
#[derive(Debug)]
struct Granted {
    request: String,
    answer: String,
    /// What the node said before anybody was asked.
    before: Blocked,
    /// Whether the requester's node says that it is granted.
    stands: bool,
    /// Compartments exported, when it was.
    exported: Option<Vec<CompartmentLabel>>,
    /// Whether the token in the export proves the origin's consent to this very use.
    proved: bool,
    /// What the node said to a second export with the consent that served.
    again: Blocked,
}

/// The request that was refused.
#[derive(Debug)]
struct Refused {
    request: String,
    answer: String,
    /// The origin's words, as the requester's node tells them.
    told: String,
    stands: bool,
    /// What the node said to an export all the same.
    after: Blocked,
}

/// A use that the node did not allow.
#[derive(Debug)]
struct Blocked {
    reason: String,
    words: String,
}

impl Blocked {
    fn of(answer: Result<ExportRecordResponse, Status>) -> Self {
        match answer {
            Ok(_) => Self {
                reason: String::new(),
                words: "EXPORTED".to_owned(),
            },
            Err(status) => Self {
                reason: reason(&status),
                words: words(status),
            },
        }
    }

    fn by(&self, reason: &str) -> bool {
        self.reason == reason
    }
}

impl Consent {
    /// Asks, answers and tries.
    pub(super) async fn ask(cast: &mut Cast, reference: &str) -> Result<Self, Failure> {
        let granted = Granted::play(cast, reference).await?;
        let refused = Refused::play(cast, reference).await?;
        Ok(Self { granted, refused })
    }

    fn blocked_before(&self) -> bool {
        self.granted.before.by("CONSENT_NEEDED")
    }

    fn exported(&self) -> bool {
        self.granted.exported.as_deref() == Some(&ASKED)
    }

    fn served_once(&self) -> bool {
        self.granted.again.by("CONSENT_USED")
    }

    fn blocked_after(&self) -> bool {
        self.refused.after.by("CONSENT_NEEDED")
    }

    /// What was checked, and whether it holds.
    fn checks(&self) -> [(&'static str, bool); 7] {
        [
            ("consent_blocked_before", self.blocked_before()),
            ("consent_granted", self.granted.stands),
            ("consent_exported", self.exported()),
            ("consent_proved", self.granted.proved),
            ("consent_served_once", self.served_once()),
            ("consent_refused", self.refused.stands),
            ("consent_blocked_after", self.blocked_after()),
        ]
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let wrong = self.checks().into_iter().filter(|(_, holds)| !holds);
        wrong.map(|(name, _)| format!("{name} is not so")).collect()
    }

    pub(super) fn json(&self) -> Value {
        self.checks()
            .into_iter()
            .map(|(name, holds)| (name.to_owned(), json!(holds)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        let (granted, refused) = (&self.granted, &self.refused);
        let exported = granted.exported.as_deref().unwrap_or_default();
        out.line("\n3. Its marking H1 forbids use in court without TJ's consent\n")?;
        let rows = [
            [
                format!("{GRANTED} exports it for \"{COURT}\""),
                granted.before.words.clone(),
            ],
            [
                format!("{GRANTED} asks TJ"),
                format!("{}, granted by {}", granted.request, granted.answer),
            ],
            [
                format!("{GRANTED} exports it"),
                format!(
                    "{} of its parts, with TJ's signed consent to this very use: {}",
                    exported.len(),
                    yes(granted.proved)
                ),
            ],
            [
                format!("{GRANTED} exports it again"),
                granted.again.words.clone(),
            ],
            [
                format!("{REFUSED} asks TJ"),
                format!(
                    "{}, refused by {}: {}",
                    refused.request, refused.answer, refused.told
                ),
            ],
            [
                format!("{REFUSED} exports it all the same"),
                refused.after.words.clone(),
            ],
        ];
        out.table(
            &["WHO DOES WHAT", "THE NODE SAYS"],
            rows.map(Vec::from).into(),
        )
    }
}

impl Granted {
    async fn play(cast: &mut Cast, reference: &str) -> Result<Self, Failure> {
        let origin = cast.origin()?.country;
        let book = cast.book.clone();
        let before = Blocked::of(export(cast.seat(GRANTED)?, reference).await);
        let request = request(cast.seat(GRANTED)?, reference).await?;
        let answer = answer(cast.origin()?, &request, "").await?;
        let seat = cast.seat(GRANTED)?;
        let stands = answered(seat, &request).await?.state() == ConsentState::Granted;
        // By TJ's consent and a second officer's leave.
        seat.leave(RequestApprovalRequest {
            act: Guarded::ExportCourt.as_str().to_owned(),
            references: vec![reference.to_owned()],
            beneficiary: COURT.to_owned(),
            reading_purpose: ReadingPurpose::Prosecution.into(),
            ..RequestApprovalRequest::default()
        })
        .await?;
        let exported = export(seat, reference).await.ok();
        let proved = exported
            .as_ref()
            .is_some_and(|exported| proves(exported, origin, seat.country, &book));
        let again = Blocked::of(export(seat, reference).await);
        Ok(Self {
            request,
            answer,
            before,
            stands,
            exported: exported.map(|of| carried(&of.record.unwrap_or_default())),
            proved,
            again,
        })
    }
}

impl Refused {
    async fn play(cast: &mut Cast, reference: &str) -> Result<Self, Failure> {
        let request = request(cast.seat(REFUSED)?, reference).await?;
        let why = "EXERCISE: not in open court, the source is in danger";
        let answer = answer(cast.origin()?, &request, why).await?;
        let seat = cast.seat(REFUSED)?;
        let told = answered(seat, &request).await?;
        Ok(Self {
            request,
            answer,
            stands: told.state() == ConsentState::Refused && told.reason == why,
            told: told.reason,
            after: Blocked::of(export(seat, reference).await),
        })
    }
}

/// Whether the export's token is the origin's consent to exactly this use, checked with its card.
fn proves(
    exported: &ExportRecordResponse,
    origin: Country,
    grantee: Country,
    book: &crate::card::TrustBook,
) -> bool {
    let Ok(header_digest) = Digest::try_from(exported.header_digest.as_slice()) else {
        return false;
    };
    let claim = Claim {
        header_digest: &header_digest,
        origin,
        grantee,
        purpose: ConsentUse::Court,
        compartments: &ASKED.map(|label| label as u32),
        beneficiary: COURT,
        now: system_clock()(),
        answered: false,
    };
    exported
        .consent
        .as_ref()
        .is_some_and(|token| verify_token(token, claim, book).is_ok())
}

async fn export(seat: &mut Seat, reference: &str) -> Result<ExportRecordResponse, Status> {
    let request = ExportRecordRequest {
        reference: reference.to_owned(),
        compartments: ASKED.map(i32::from).to_vec(),
        beneficiary: COURT.to_owned(),
        purpose: PURPOSE.to_owned(),
        reading_purpose: ReadingPurpose::Prosecution.into(),
        case_reference: CASE.to_owned(),
        exact: false,
    };
    Ok(seat
        .client
        .consents
        .export_record(request)
        .await?
        .into_inner())
}

/// Asks the origin; answers the request's reference.
async fn request(seat: &mut Seat, reference: &str) -> Result<String, Failure> {
    let request = RequestConsentRequest {
        reference: reference.to_owned(),
        r#use: ConsentUse::Court.into(),
        compartments: ASKED.map(i32::from).to_vec(),
        beneficiary: COURT.to_owned(),
        ground: "EXERCISE: case 12".to_owned(),
        answer_by: None,
        exact: false,
    };
    let answer = seat.client.consents.request_consent(request).await?;
    Ok(answer.into_inner().reference)
}

/// Waits for the request at the origin, then answers it: granted once for a month, or refused for
/// the reason given.
async fn answer(origin: &mut Seat, request: &str, refused_for: &str) -> Result<String, Failure> {
    stands(origin, request, |of| of.state() == ConsentState::Open).await?;
    let granted = refused_for.is_empty();
    let until: Moment = system_clock()() + MONTH;
    let answer = AnswerConsentRequest {
        reference: request.to_owned(),
        granted,
        reason: refused_for.to_owned(),
        expires_at: granted.then(|| until.into()),
        reusable: false,
    };
    let answer = origin.client.consents.answer_consent(answer).await?;
    Ok(answer.into_inner().reference)
}

/// Waits for the answer at the requester.
async fn answered(seat: &mut Seat, request: &str) -> Result<ConsentSummary, Failure> {
    stands(seat, request, |of| of.state() != ConsentState::Open).await
}

/// Waits until a request stands somewhere as it should.
async fn stands(
    seat: &mut Seat,
    request: &str,
    so: impl Fn(&ConsentSummary) -> bool,
) -> Result<ConsentSummary, Failure> {
    eventually(
        &format!("the request {request} in {}", seat.country),
        async || {
            let list = ListConsentsRequest {
                page_size: 100,
                ..ListConsentsRequest::default()
            };
            let page = seat.client.consents.list_consents(list).await?.into_inner();
            let mut consents = page.consents.into_iter();
            Ok(consents.find(|of| of.reference == request && so(of)))
        },
    )
    .await
}
