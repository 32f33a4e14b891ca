//! The rules of referrals: consent, named authorities, and nothing of who the persons are.

use super::{
    At, Checker, MAX_LINE, MAX_LIST, MAX_SUMMARY, Text, ValidationContext, tells_of_a_person,
};
use crate::record::Rule;
use crate::wire::record::{
    Answer, DecidingBody, ImmediateNeed, Record, ReferralConsent, ReferralReason, SupportType,
    TraffickingStatus, VictimReferral, VolumeBand,
};

pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    of: &VictimReferral,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    let mechanism = Text::line(MAX_LINE).required();
    checker.text(at.field("mechanism"), &of.mechanism, mechanism);
    checker.code::<ReferralReason>(at.field("reason"), of.reason, true);
    consent(checker, at.field("consent"), of.consent, record);
    checker.codes::<ImmediateNeed>(at.field("needs"), &of.needs, false);
    checker.codes::<SupportType>(at.field("support"), &of.support, false);
    if of.needs.is_empty() && of.support.is_empty() {
        checker.required(at.field("needs"), "at least one need or type of support");
    }
    checker.code::<VolumeBand>(at.field("persons"), of.persons, false);
    checker.code::<Answer>(at.field("children"), of.children, false);
    checker.date(at.field("expectedOn"), &of.expected_on);
    checker.languages(at.field("languages"), &of.languages, MAX_LIST);
    checker.code::<TraffickingStatus>(at.field("status"), of.status, false);
    checker.code::<DecidingBody>(at.field("decidedBy"), of.decided_by, false);
    let assessed = of.return_risk_assessed;
    checker.code::<Answer>(at.field("returnRiskAssessed"), assessed, false);
    let request = Text::lines(MAX_SUMMARY);
    checker.text(at.field("request"), &of.request, request);

    if record.victims.is_none() && !context.received {
        checker.required(
            At::RECORD.field("victims"),
            "the compartment with the persons referred",
        );
    }
    tells_of_a_person(checker, "a referral", record, context);
}

fn consent(checker: &mut Checker, at: At<'_>, consent: i32, record: &Record) {
    checker.code::<ReferralConsent>(at, consent, true);
    let victims = record.victims.iter().flat_map(|of| &of.victims);
    let lacks = match ReferralConsent::try_from(consent) {
        Ok(ReferralConsent::Refused) => {
            return checker.found(
                at,
                Rule::NotAllowedHere,
                "the person refused: there is no referral",
            );
        }
        Ok(ReferralConsent::Given) => victims.clone().any(|victim| !victim.consent),
        Ok(ReferralConsent::GivenByGuardian) => victims
            .clone()
            .any(|victim| !victim.consent && !victim.guardian_consent),
        _ => false,
    };
    if lacks {
        checker.found(
            at,
            Rule::Mismatch,
            "the referral says that consent was given, but not every person in `victims.victims` gave it",
        );
    }
}
