//! The rules of joint cases, their meetings, and the records that belong to them.

use std::sync::OnceLock;

use jiff::tz::TimeZoneDatabase;

use super::{
    At, Checker, MAX_LINE, MAX_NOTE, MAX_SUMMARY, MAX_URL, Text, ValidationContext, checker::Fault,
    evidence, follows, unknown_authority,
};
use crate::record::{
    Country, Moment, Rule,
    joint::{MAX_MEMBERS, Membership, is_amendment, joint_case},
};
use crate::wire::record::{
    FollowUp, JointCase, JointCaseRole, Meeting, MeetingParticipant, Record, situation::Kind,
};

/// Most points, decisions and follow-ups of a meeting.
const MAX_POINTS: usize = 64;
/// Most participants of a meeting.
const MAX_PARTICIPANTS: usize = 128;
/// Longest name of a time zone, in characters.
const MAX_ZONE: usize = 64;

/// The joint case that a record belongs to.
pub(super) fn belongs(checker: &mut Checker, record: &Record, context: &ValidationContext<'_>) {
    let at = At::RECORD.field("jointCase");
    let kind = record.situation.as_ref().and_then(|of| of.kind.as_ref());
    let Some(of) = &record.joint_case else {
        if matches!(kind, Some(Kind::Meeting(_))) {
            checker.required(at, "the joint case that the meeting belongs to");
        }
        if joint_case(record).is_some() && is_amendment(record) && context.received {
            checker.required(at, "the first version of the joint case");
        }
        return;
    };
    if record.step.is_some() || record.onward.is_some() {
        return checker.found(
            at,
            Rule::NotAllowedHere,
            "a step belongs where what it follows belongs, and a record passed on to no joint case",
        );
    }
    if joint_case(record).is_some() && !is_amendment(record) {
        checker.found(
            at,
            Rule::NotAllowedHere,
            "a joint case belongs to no other; leave it out",
        );
    }
    let reference = follows::reference(checker, at.field("reference"), &of.reference);
    if joint_case(record).is_some()
        && let Some(reference) = reference
        && reference.country != context.origin
    {
        checker.found(
            at.field("reference"),
            Rule::Mismatch,
            format!(
                "{reference} was convened in {}, which alone changes it",
                reference.country
            ),
        );
    }
    let digest_at = at.field("headerDigest");
    if of.header_digest.len() != 32 && (context.received || !of.header_digest.is_empty()) {
        checker.found(
            digest_at,
            Rule::FormatInvalid,
            "must be the SHA-256 of the header of the joint case's first version, 32 bytes",
        );
    }
    if of.edition == 0 && context.received {
        checker.required(at.field("edition"), "the version that the submitter held");
    }
}

/// A joint case: several countries, whose authorities are named one by one.
pub(super) fn joint(
    checker: &mut Checker,
    at: At<'_>,
    of: &JointCase,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    evidence::legal_basis(
        checker,
        at.field("legalBasis"),
        of.legal_basis.as_ref(),
        false,
    );
    let purpose = Text::lines(MAX_SUMMARY).required();
    checker.text(at.field("purpose"), &of.purpose, purpose);
    let edition_at = at.field("edition");
    if context.received {
        match (of.edition, is_amendment(record)) {
            (0, _) => checker.required(edition_at, "which version it is"),
            (1, true) | (2.., false) => checker.found(
                edition_at,
                Rule::Mismatch,
                "the first version is 1, and every amendment more",
            ),
            _ => {}
        }
    }
    members(checker, at.field("members"), of, record, context);
}

fn members(
    checker: &mut Checker,
    at: At<'_>,
    of: &JointCase,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    if of.members.is_empty() {
        return checker.required(at, "the members");
    }
    checker.at_most(at, of.members.len(), MAX_MEMBERS);
    let mut known: Vec<Membership> = Vec::new();
    for (index, member) in of.members.iter().take(MAX_MEMBERS).enumerate() {
        let item = at.item(index);
        let country = checker.country(item.field("country"), &member.country, true);
        authority(
            checker,
            item.field("authority"),
            &member.authority,
            country,
            context,
        );
        checker.code::<JointCaseRole>(item.field("role"), member.role, true);
        let mut moment = |name, stamp: &Option<prost_types::Timestamp>| {
            let stamp = stamp.as_ref()?;
            checker.moment(item.field(name), stamp)
        };
        let (from, until) = (moment("from", &member.from), moment("until", &member.until));
        if context.received && member.from.is_none() {
            checker.required(item.field("from"), "the beginning");
        }
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            checker.found(
                item.field("until"),
                Rule::DateOrder,
                "a membership ends after it begins",
            );
        }
        let Some(country) = country else { continue };
        let new = Membership {
            country,
            authority: member.authority.clone(),
            from: from.unwrap_or(context.now),
            until,
        };
        if known.iter().any(|one| overlap(one, &new)) {
            checker.found(
                item,
                Rule::Duplicate,
                "this authority belongs to the case at that time already",
            );
        }
        known.push(new);
    }
    let is_convener =
        |one: &&Membership| one.country == context.origin && one.authority == record.authority;
    if !known.iter().any(|one| is_convener(&one)) {
        checker.found(
            at,
            Rule::Mismatch,
            "the convener, which is the submitting authority, is among the members",
        );
    }
    if known.iter().all(|one| one.country == context.origin) {
        checker.found(
            at,
            Rule::Mismatch,
            "a joint case has members of at least two countries",
        );
    }
}

/// Whether two memberships are of one authority and have a moment in common.
fn overlap(one: &Membership, other: &Membership) -> bool {
    let before = |first: &Membership, second: &Membership| {
        first.until.is_some_and(|until| until <= second.from)
    };
    one.country == other.country
        && one.authority == other.authority
        && !before(one, other)
        && !before(other, one)
}

/// An authority, which the card of its country names.
fn authority(
    checker: &mut Checker,
    at: At<'_>,
    name: &str,
    country: Option<Country>,
    context: &ValidationContext<'_>,
) {
    checker.text(at, name, Text::line(MAX_LINE).required());
    if context.received || name.is_empty() {
        return;
    }
    let card = country.and_then(|of| Some((of, (context.authorities)(of)?)));
    if let Some((country, known)) = card
        && !known.iter().any(|authority| authority == name)
    {
        unknown_authority(checker, at, name, country, &known);
    }
}

/// A meeting.
pub(super) fn meeting(
    checker: &mut Checker,
    at: At<'_>,
    of: &Meeting,
    context: &ValidationContext<'_>,
) {
    let start = moment(checker, at.field("start"), of.start.as_ref());
    let end_at = at.field("end");
    let end = moment(checker, end_at, of.end.as_ref());
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        checker.found(end_at, Rule::DateOrder, "a meeting ends after it begins");
    }
    time_zone(checker, at.field("timeZone"), &of.time_zone, context);
    let place_at = at.field("place");
    checker.text(place_at, &of.place, Text::line(MAX_LINE));
    if of.place.trim().is_empty() && of.link.is_empty() {
        checker.required(place_at, "a place, or a link of a video meeting,");
    }
    let link_at = at.field("link");
    checker.text(link_at, &of.link, Text::line(MAX_URL));
    let web = of.link.starts_with("https://") && !of.link.contains(char::is_whitespace);
    if !of.link.is_empty() && !web {
        let allowed = "beginning with https://, without blanks".to_owned();
        let fault = Fault::new("must begin with https:// and hold no blanks");
        checker.refuse(link_at, Rule::FormatInvalid, fault.allowed([allowed]));
    }
    points(checker, at.field("agenda"), &of.agenda);
    participants(checker, at.field("participants"), &of.participants, context);
    points(checker, at.field("decisions"), &of.decisions);
    follow_ups(checker, at.field("followUps"), &of.follow_ups, context);
}

fn moment(
    checker: &mut Checker,
    at: At<'_>,
    stamp: Option<&prost_types::Timestamp>,
) -> Option<Moment> {
    match stamp {
        Some(stamp) => checker.moment(at, stamp),
        None => {
            checker.required(at, "a time");
            None
        }
    }
}

/// A time zone of the bundled database. A destination may have another version of it, and takes any
/// name that could be one.
fn time_zone(checker: &mut Checker, at: At<'_>, name: &str, context: &ValidationContext<'_>) {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    let before = checker.count();
    checker.text(at, name, Text::line(MAX_ZONE).required());
    if checker.count() > before {
        return;
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_+-".contains(&b);
    let known = name.bytes().all(plain)
        && (context.received
            || DATABASE
                .get_or_init(TimeZoneDatabase::bundled)
                .get(name)
                .is_ok());
    if !known {
        checker.ill_formed(
            at,
            Rule::FormatInvalid,
            name,
            "a time zone of the IANA database",
            "a time zone of the IANA database, such as Asia/Tashkent",
        );
    }
}

fn points(checker: &mut Checker, at: At<'_>, list: &[String]) {
    checker.at_most(at, list.len(), MAX_POINTS);
    for (index, point) in list.iter().take(MAX_POINTS).enumerate() {
        let text = Text::lines(MAX_NOTE).required();
        checker.text(at.item(index), point, text);
    }
}

fn participants(
    checker: &mut Checker,
    at: At<'_>,
    list: &[MeetingParticipant],
    context: &ValidationContext<'_>,
) {
    checker.at_most(at, list.len(), MAX_PARTICIPANTS);
    for (index, of) in list.iter().take(MAX_PARTICIPANTS).enumerate() {
        let item = at.item(index);
        let country = checker.country(item.field("country"), &of.country, true);
        authority(
            checker,
            item.field("authority"),
            &of.authority,
            country,
            context,
        );
        checker.text(item.field("role"), &of.role, Text::line(MAX_LINE));
    }
}

fn follow_ups(
    checker: &mut Checker,
    at: At<'_>,
    list: &[FollowUp],
    context: &ValidationContext<'_>,
) {
    checker.at_most(at, list.len(), MAX_POINTS);
    for (index, of) in list.iter().take(MAX_POINTS).enumerate() {
        let item = at.item(index);
        let what = Text::lines(MAX_NOTE).required();
        checker.text(item.field("what"), &of.what, what);
        let country = checker.country(item.field("country"), &of.country, true);
        authority(
            checker,
            item.field("authority"),
            &of.authority,
            country,
            context,
        );
        let due_at = item.field("due");
        if of.due.is_empty() {
            checker.required(due_at, "the last day (YYYY-MM-DD)");
        }
        checker.date(due_at, &of.due);
    }
}
