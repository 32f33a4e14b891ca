//! The rules of each kind of record.

mod alert;
mod case;
mod network;
mod place;
mod referral;
mod route;
mod tip;
mod trend;

use super::{
    At, Checker, MAX_LINE, MAX_LIST, MAX_SUMMARY, Text, ValidationContext, checker::Fault,
    evidence, joint,
};
use crate::record::Rule;
use crate::wire::record::{
    Act, ControlMethod, DocumentUse, Exploitation, ForcedLabourIndicator, Means, Message,
    ModusOperandi, OnlineService, Purpose, Record, RecruiterRelation, RecruitmentMethod, Sector,
    SexualExploitation, Technology, Tlp, Transport, Venue, situation::Kind,
};

/// Most legs of a route.
pub(super) const MAX_LEGS: usize = 64;

pub(super) fn check(
    checker: &mut Checker,
    situation: At<'_>,
    kind: &Kind,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    match kind {
        Kind::Route(of) => {
            route::check(checker, situation.field("route"), of, context);
        }
        Kind::Network(of) => {
            network::check(checker, situation.field("network"), of, context);
        }
        Kind::ModusOperandi(of) => modus_operandi(checker, situation.field("modusOperandi"), of),
        Kind::Alert(of) => alert::check(checker, situation.field("alert"), of, record, context),
        Kind::Trend(of) => trend::check(checker, situation.field("trend"), of),
        Kind::Tip(of) => tip::check(checker, situation.field("tip"), of, context),
        Kind::VictimReferral(of) => {
            let at = situation.field("victimReferral");
            referral::check(checker, at, of, record, context);
        }
        Kind::CaseRecord(of) => {
            case::check(checker, situation.field("caseRecord"), of, record, context);
        }
        Kind::Message(of) => message(checker, situation.field("message"), of, context),
        Kind::EvidenceRequest(of) => {
            let at = situation.field("evidenceRequest");
            evidence::request(checker, at, of, record, context);
        }
        Kind::SpontaneousInformation(of) => {
            let at = situation.field("spontaneousInformation");
            evidence::spontaneous(checker, at, of, record);
        }
        Kind::JointCase(of) => {
            joint::joint(checker, situation.field("jointCase"), of, record, context);
        }
        Kind::Meeting(of) => joint::meeting(checker, situation.field("meeting"), of, context),
    }
}

/// Palermo Protocol Art. 3: an act, a means and a purpose; no means where every victim is a child.
fn modus_operandi(checker: &mut Checker, at: At<'_>, of: &ModusOperandi) {
    checker.codes::<Act>(at.field("acts"), &of.acts, true);
    checker.codes::<Means>(at.field("means"), &of.means, false);
    if of.means.is_empty() && !of.victims_are_children {
        checker.found(
            at.field("means"),
            Rule::MeansRequired,
            "at least one means is required unless every victim is a child (Palermo Protocol Art. 3(a), (c)); if so, set `victimsAreChildren`",
        );
    }
    checker.codes::<Purpose>(at.field("purposes"), &of.purposes, true);
    checker.codes::<RecruitmentMethod>(at.field("recruitment"), &of.recruitment, false);
    checker.codes::<ControlMethod>(at.field("controls"), &of.controls, false);
    checker.codes::<ForcedLabourIndicator>(at.field("indicators"), &of.indicators, false);
    let text = Text::lines(MAX_SUMMARY);
    checker.text(at.field("description"), &of.description, text);
    checker.codes::<OnlineService>(at.field("channels"), &of.channels, false);
    checker.codes::<RecruiterRelation>(at.field("recruiters"), &of.recruiters, false);
    checker.codes::<Venue>(at.field("venues"), &of.venues, false);
    checker.codes::<Technology>(at.field("technology"), &of.technology, false);
    checker.codes::<DocumentUse>(at.field("documents"), &of.documents, false);
    checker.codes::<Exploitation>(at.field("exploitation"), &of.exploitation, false);
    let types_at = at.field("sexualExploitation");
    checker.codes::<SexualExploitation>(types_at, &of.sexual_exploitation, false);
    let sexual = of
        .exploitation
        .contains(&(Exploitation::SexualExploitation as i32))
        || of.purposes.iter().any(|&purpose| is_sexual(purpose));
    if !of.sexual_exploitation.is_empty() && !sexual {
        checker.found(
            types_at,
            Rule::Mismatch,
            "types of sexual exploitation are given, but neither `purposes` nor `exploitation` names any",
        );
    }
    checker.codes::<Sector>(at.field("sectors"), &of.sectors, false);
    checker.codes::<Transport>(at.field("transport"), &of.transport, false);
}

const fn is_sexual(purpose: i32) -> bool {
    purpose == Purpose::ProstitutionOfOthers as i32
        || purpose == Purpose::OtherSexualExploitation as i32
}

fn message(checker: &mut Checker, at: At<'_>, of: &Message, context: &ValidationContext<'_>) {
    let text = Text::lines(MAX_SUMMARY).required();
    checker.text(at.field("text"), &of.text, text);
    let by_at = at.field("answerBy");
    checker.deadline(by_at, of.answer_by.as_ref(), context);
    if of.answer_by.is_some() && !of.answer_expected {
        checker.found(
            by_at,
            Rule::NotAllowedHere,
            "a time for the answer is given, but none is asked for; set `answerExpected`",
        );
    }
}

/// A record that tells of single persons goes to authorities named one by one, and to no wider
/// circle than TLP AMBER.
fn tells_of_a_person(
    checker: &mut Checker,
    what: &str,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    let at = At::RECORD;
    if let Some(marking) = &record.marking
        && [Tlp::Clear as i32, Tlp::Green as i32].contains(&marking.tlp)
    {
        checker.found(
            at.field("marking").field("tlp"),
            Rule::NotAllowedHere,
            format!("{what} tells of single persons: TLP_AMBER, TLP_AMBER_STRICT or TLP_RED"),
        );
    }
    if context.received {
        return;
    }
    let destinations_at = at.field("destinations");
    let destinations = record.destinations.iter().take(super::MAX_DESTINATIONS);
    for (index, destination) in destinations.enumerate() {
        if destination.authorities.is_empty() {
            checker.required(
                destinations_at.item(index).field("authorities"),
                &format!("at least one authority by name, since {what} tells of single persons,"),
            );
        }
    }
}
