//! Writing: a record of kind `Alert`, or the recall of one, as a message.

use std::io;

use quick_xml::{
    Writer,
    escape::minimal_escape,
    events::{BytesDecl, BytesText, Event},
};
use time::format_description::FormatItem;

use crate::{
    record::{Moment, Reference},
    wire::record::{
        Alert, AlertArea, AlertCategory, AlertMessageType, AlertScope, AlertStatus, FollowType,
        Marking, RecallReason, Record, Situation, Tlp, situation::Kind, step::Step,
    },
};

use super::{COUNTRY, CROSSING, NAMESPACE, NOTICE, SUBDIVISION, area, own, words::word};

/// As CAP writes times: to the second, UTC as `-00:00`, which only says that no local time is meant.
const TIME: &[FormatItem<'_>] =
    time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]-00:00");

/// A message that another one updates or cancels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its sender.
    pub sender: String,
    /// Its identifier.
    pub identifier: String,
    /// When it was sent.
    pub sent: Moment,
}

impl Earlier {
    /// As the message of a record is known; `None` for a record that no node gave a reference.
    pub fn of(record: &Record) -> Option<Self> {
        let reference: Reference = record.reference.parse().ok()?;
        let country = reference.country;
        Some(Self {
            sender: match record.authority.as_str() {
                "" => country.to_string(),
                authority => format!("{country}/{authority}"),
            },
            identifier: reference.to_string(),
            sent: record.submitted_at.as_ref().map(Moment::from)?,
        })
    }

    fn text(&self) -> String {
        let Self {
            sender,
            identifier,
            sent,
        } = self;
        format!("{sender},{identifier},{}", time(*sent))
    }
}

/// Why no message can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Its kind.
    #[error("only an alert, or the recall of one, is a message of CAP")]
    Kind,
    /// No node gave it a reference and a time.
    #[error("the record has no reference yet; submit it first")]
    Unnamed,
    /// An update or a cancellation refers to something.
    #[error(
        "what it updates or cancels is not known here, and CAP names that by sender, identifier and time"
    )]
    Earlier,
}

/// A time as CAP writes it.
pub(super) fn time(at: Moment) -> String {
    let text = at.utc().and_then(|at| at.format(TIME).ok());
    text.unwrap_or_default()
}

/// Scope: as stated, or by the marking.
pub(super) fn scope(alert: i32, marking: &Marking) -> AlertScope {
    match AlertScope::try_from(alert).unwrap_or_default() {
        AlertScope::Unspecified => match Tlp::try_from(marking.tlp).unwrap_or(Tlp::Red) {
            Tlp::Clear | Tlp::Green | Tlp::Amber => AlertScope::Restricted,
            Tlp::Unspecified | Tlp::AmberStrict | Tlp::Red => AlertScope::Private,
        },
        stated => stated,
    }
}

/// Message type: as stated; an amendment updates whatever it says.
pub(super) fn message_type(record: &Record, alert: &Alert) -> AlertMessageType {
    let amends = record.follows.as_ref();
    let amends = amends.is_some_and(|of| of.r#type() == FollowType::Amendment);
    match alert.message_type() {
        AlertMessageType::Unspecified | AlertMessageType::Alert if amends => {
            AlertMessageType::Update
        }
        AlertMessageType::Unspecified => AlertMessageType::Alert,
        stated => stated,
    }
}

/// Status: as stated, or whether it is an exercise.
pub(super) fn status(exercise: bool, alert: &Alert) -> AlertStatus {
    match alert.status() {
        AlertStatus::Unspecified if exercise => AlertStatus::Exercise,
        AlertStatus::Unspecified => AlertStatus::Actual,
        stated => stated,
    }
}

/// Writes the message of an alert. `earlier` is what it updates or cancels, where it does.
///
/// # Errors
/// [`Unwritable`].
pub fn write(record: &Record, earlier: &[Earlier]) -> Result<String, Unwritable> {
    let situation = record.situation.as_ref().ok_or(Unwritable::Kind)?;
    let Some(Kind::Alert(alert)) = &situation.kind else {
        return Err(Unwritable::Kind);
    };
    let named = Earlier::of(record).ok_or(Unwritable::Unnamed)?;
    let marking = record.marking.clone().unwrap_or_default();
    let kind = message_type(record, alert);
    let refers = matches!(kind, AlertMessageType::Update | AlertMessageType::Cancel);
    if refers && earlier.is_empty() {
        return Err(Unwritable::Earlier);
    }
    let head = Head {
        named,
        status: status(record.exercise, alert),
        kind,
        scope: scope(alert.scope, &marking),
        marking: &marking,
        record,
        note: String::new(),
        earlier: if refers { earlier } else { &[] },
    };
    message(&head, |out| {
        let mut languages: Vec<&String> = situation.translations.keys().collect();
        languages.sort();
        let own = (&situation.language, &situation.title, &situation.summary);
        info(out, record, situation, alert, own, true)?;
        for language in languages {
            if let Some(of) = situation.translations.get(language) {
                let words = (language, &of.title, &of.summary);
                info(out, record, situation, alert, words, false)?;
            }
        }
        Ok(())
    })
}

/// Writes the message that takes an alert back: `recall` is the step, `earlier` every version of the alert,
/// the newest first.
///
/// # Errors
/// [`Unwritable`].
pub fn cancel(
    recall: &Record,
    marking: &Marking,
    earlier: &[Earlier],
) -> Result<String, Unwritable> {
    let step = recall.step.as_ref().and_then(|step| step.step.as_ref());
    let Some(Step::Recall(why)) = step else {
        return Err(Unwritable::Kind);
    };
    let named = Earlier::of(recall).ok_or(Unwritable::Unnamed)?;
    let first = earlier.first().ok_or(Unwritable::Earlier)?;
    let reason = RecallReason::try_from(why.reason).unwrap_or_default();
    let reason = reason.as_str_name().trim_start_matches("RECALL_REASON_");
    let mut note = format!("recalled: {}", reason.to_lowercase().replace('_', " "));
    if !why.note.is_empty() {
        note = format!("{note}; {}", why.note);
    }
    let head = Head {
        // CAP has a sender take back what that sender sent.
        named: Earlier {
            sender: first.sender.clone(),
            ..named
        },
        status: status(recall.exercise, &Alert::default()),
        kind: AlertMessageType::Cancel,
        scope: scope(0, marking),
        marking,
        record: recall,
        note,
        earlier,
    };
    message(&head, |_| Ok(()))
}

/// What stands before the `info` elements.
struct Head<'a> {
    named: Earlier,
    status: AlertStatus,
    kind: AlertMessageType,
    scope: AlertScope,
    marking: &'a Marking,
    record: &'a Record,
    note: String,
    earlier: &'a [Earlier],
}

type Out = Writer<Vec<u8>>;

fn message(
    head: &Head<'_>,
    infos: impl FnOnce(&mut Out) -> io::Result<()>,
) -> Result<String, Unwritable> {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail.
    let written = (|| {
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        out.create_element("alert")
            .with_attribute(("xmlns", NAMESPACE))
            .write_inner_content(|out| {
                head.write(out)?;
                infos(out)
            })?;
        Ok::<_, io::Error>(())
    })();
    let mut text = String::from_utf8(out.into_inner()).map_err(|_| Unwritable::Kind)?;
    written.map_err(|_| Unwritable::Kind)?;
    text.push('\n');
    Ok(text)
}

impl Head<'_> {
    fn write(&self, out: &mut Out) -> io::Result<()> {
        text(out, "identifier", &self.named.identifier)?;
        text(out, "sender", &self.named.sender)?;
        text(out, "sent", &time(self.named.sent))?;
        code(out, "status", "AlertStatus", self.status.into())?;
        code(out, "msgType", "AlertMessageType", self.kind.into())?;
        code(out, "scope", "AlertScope", self.scope.into())?;
        match self.scope {
            AlertScope::Restricted => {
                text(out, "restriction", &own::restriction(self.marking))?;
            }
            AlertScope::Private => text(out, "addresses", &self.addresses())?,
            AlertScope::Public | AlertScope::Unspecified => {}
        }
        for code in own::codes(self.marking) {
            text(out, "code", &code)?;
        }
        text(out, "note", &self.note)?;
        let earlier: Vec<String> = self.earlier.iter().map(Earlier::text).collect();
        text(out, "references", &earlier.join(" "))
    }

    /// The destinations, as `KZ` or `KZ/national-police`, with blanks between them.
    fn addresses(&self) -> String {
        let mut all = Vec::new();
        for of in &self.record.destinations {
            if of.authorities.is_empty() {
                all.push(of.country.clone());
            }
            let named = of.authorities.iter();
            all.extend(named.map(|name| format!("{}/{name}", of.country)));
        }
        all.join(" ")
    }
}

/// One language. What does not depend on it is repeated, as CAP has it; the rest of the record stands
/// with the first.
fn info(
    out: &mut Out,
    record: &Record,
    situation: &Situation,
    alert: &Alert,
    (language, title, summary): (&String, &String, &String),
    first: bool,
) -> io::Result<()> {
    out.create_element("info").write_inner_content(|out| {
        text(out, "language", language)?;
        if alert.categories.is_empty() {
            code(
                out,
                "category",
                "AlertCategory",
                AlertCategory::Security.into(),
            )?;
        }
        for category in &alert.categories {
            code(out, "category", "AlertCategory", *category)?;
        }
        text(out, "event", &alert.event)?;
        for response in &alert.responses {
            code(out, "responseType", "AlertResponse", *response)?;
        }
        code(out, "urgency", "AlertUrgency", alert.urgency)?;
        code(out, "severity", "AlertSeverity", alert.severity)?;
        code(out, "certainty", "AlertCertainty", alert.certainty)?;
        text(out, "audience", &alert.audience)?;
        if let Some(colour) = word("AlertType", alert.r#type) {
            named(out, "eventCode", NOTICE, colour)?;
        }
        for (name, stamp) in [
            ("effective", &alert.effective),
            ("onset", &alert.onset),
            ("expires", &alert.expires),
        ] {
            let at = stamp.as_ref().map(|stamp| time(Moment::from(stamp)));
            text(out, name, &at.unwrap_or_default())?;
        }
        text(out, "headline", title)?;
        text(out, "description", summary)?;
        text(out, "instruction", &alert.instruction)?;
        text(out, "contact", &alert.contact)?;
        if first {
            let rest = own::rest(record, situation, alert);
            named(out, "parameter", &own::name(), &own::write(&rest))?;
        }
        for of in &alert.areas {
            self::area(out, of)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn area(out: &mut Out, of: &AlertArea) -> io::Result<()> {
    out.create_element("area").write_inner_content(|out| {
        let name = match of.description.as_str() {
            "" => area::name(of),
            said => said.to_owned(),
        };
        text(out, "areaDesc", &name)?;
        for polygon in &of.polygons {
            text(out, "polygon", &area::polygon_text(polygon))?;
        }
        if let Some(circle) = &of.circle {
            text(out, "circle", &area::circle_text(circle))?;
        }
        for (name, value) in [
            (COUNTRY, &of.country),
            (SUBDIVISION, &of.subdivision),
            (CROSSING, &of.crossing_id),
        ] {
            if !value.is_empty() {
                named(out, "geocode", name, value)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// A name and a value in an element.
fn named(out: &mut Out, element: &str, name: &str, value: &str) -> io::Result<()> {
    out.create_element(element).write_inner_content(|out| {
        text(out, "valueName", name)?;
        text(out, "value", value)
    })?;
    Ok(())
}

/// The word of a code; nothing where the record states none.
fn code(out: &mut Out, element: &str, list: &str, number: i32) -> io::Result<()> {
    text(out, element, word(list, number).unwrap_or_default())
}

/// An element with a text; nothing where there is none.
fn text(out: &mut Out, element: &str, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    // Readers make a line feed of a carriage return that stands plain.
    let text: String = text.chars().map(allowed).collect();
    let escaped = minimal_escape(text.as_str()).replace('\r', "&#13;");
    let escaped = escaped.replace("]]>", "]]&gt;");
    out.create_element(element)
        .write_text_content(BytesText::from_escaped(escaped))?;
    Ok(())
}

/// A character as XML 1.0 may hold it.
const fn allowed(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => c,
        _ => '\u{fffd}',
    }
}
