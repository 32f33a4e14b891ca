//! What a step typed on the command line does.

use super::{
    super::exit::{Failure, USAGE},
    step::{Along, Common, Step},
    words::Item,
};
use crate::wire::record::{
    ClockExtended, DelayNotice, EvidenceAcknowledged, EvidenceTransferred, ExecutionBegun,
    InformationAnswered, InformationRequested, OriginalsReceived, OriginalsReturned, ProgressNote,
    RequestClosed, RequestExecuted, RequestPostponed, RequestReassigned, RequestRecognised,
    RequestRefused, RequestWithdrawn, evidence_step::Act,
};

impl Step {
    /// What the step does.
    pub(super) fn taken(self) -> Result<(Common, Option<Along>, Act), Failure> {
        let ids = |items: Vec<Item>| items.into_iter().map(|item| item.0).collect();
        Ok(match self {
            Self::Acknowledge { common, contact } => (
                common,
                None,
                Act::Acknowledged(EvidenceAcknowledged { contact }),
            ),
            Self::Ask {
                common,
                along,
                questions,
                answer_by,
            } => {
                let answer_by = answer_by.map(Into::into);
                let asked = InformationRequested {
                    questions,
                    answer_by,
                };
                (common, Some(along), Act::InformationRequested(asked))
            }
            Self::Answer {
                common,
                along,
                text,
            } => {
                let answer = InformationAnswered { answer: text };
                (common, Some(along), Act::InformationAnswered(answer))
            }
            Self::Recognise { common, conditions } => (
                common,
                None,
                Act::Recognised(RequestRecognised { conditions }),
            ),
            Self::Refuse {
                common,
                ground,
                reasons,
            } => {
                let ground = ground.into();
                (
                    common,
                    None,
                    Act::Refused(RequestRefused { ground, reasons }),
                )
            }
            Self::Postpone {
                common,
                ground,
                reasons,
                until,
            } => {
                let postponed = RequestPostponed {
                    ground: ground.into(),
                    reasons,
                    until: until.map(Into::into),
                };
                (common, None, Act::Postponed(postponed))
            }
            Self::Begin { common, note } => {
                (common, None, Act::ExecutionBegun(ExecutionBegun { note }))
            }
            Self::Extend {
                common,
                clock,
                reason,
                until,
            } => {
                let extended = ClockExtended {
                    clock,
                    reason,
                    until: Some(until.into()),
                };
                (common, None, Act::Extended(extended))
            }
            Self::Delay {
                common,
                clock,
                reason,
                estimate,
            } => {
                let delay = DelayNotice {
                    clock,
                    reason,
                    estimate: Some(estimate.into()),
                };
                (common, None, Act::Delay(delay))
            }
            Self::Execute {
                common,
                along,
                outcome,
                partial,
                not_done,
            } => {
                if !partial && not_done.is_some() {
                    return Err(Failure::new(
                        USAGE,
                        "--not-done says what a partial execution left out; add --partial",
                    ));
                }
                let executed = RequestExecuted {
                    partial,
                    outcome,
                    not_done: not_done.unwrap_or_default(),
                };
                (common, Some(along), Act::Executed(executed))
            }
            Self::Transfer {
                common,
                along,
                complete,
                note,
                manner,
            } => {
                let transferred = EvidenceTransferred {
                    complete,
                    note,
                    manner,
                };
                (common, Some(along), Act::Transferred(transferred))
            }
            Self::Return {
                common,
                items,
                manner,
            } => {
                let items = ids(items);
                (
                    common,
                    None,
                    Act::OriginalsReturned(OriginalsReturned { items, manner }),
                )
            }
            Self::Received {
                common,
                items,
                condition,
            } => {
                let items = ids(items);
                let received = OriginalsReceived { items, condition };
                (common, None, Act::OriginalsReceived(received))
            }
            Self::Withdraw { common, reason } => {
                (common, None, Act::Withdrawn(RequestWithdrawn { reason }))
            }
            Self::Close { common, note } => (common, None, Act::Closed(RequestClosed { note })),
            Self::Reassign { common, to, reason } => {
                let authority = to;
                (
                    common,
                    None,
                    Act::Reassigned(RequestReassigned { authority, reason }),
                )
            }
            Self::Note {
                common,
                along,
                text,
            } => (common, Some(along), Act::Note(ProgressNote { text })),
        })
    }
}
