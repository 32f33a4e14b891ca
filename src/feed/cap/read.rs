//! Reading: a message as an item of a feed.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    crypto::Digest,
    record::{Country, Moment},
    wire::record::{
        AlertMessageType, AlertScope, AlertStatus, AlertType, AlertUrgency, Destination,
        ExternalReference, Grading, HandlingCode, InformationCredibility, Marking, Record,
        Situation, SourceReliability, Tlp, Translation, Urgency, situation::Kind,
    },
};

use super::{
    fault::{Dropped, Fault, FaultKind, Faults, MAX_FAULTS},
    info::{Info, contradicts, info, known, line, needed, needed_code},
    own,
    tree::{Element, tree},
    write::Earlier,
};

pub use super::tree::MAX_BYTES;

/// Elements that stand once at most in an `alert`.
const ONCE: [&str; 12] = [
    "identifier",
    "sender",
    "sent",
    "status",
    "msgType",
    "source",
    "scope",
    "restriction",
    "addresses",
    "note",
    "references",
    "incidents",
];
/// Longest own id of an item, in characters.
const MAX_OWN_ID: usize = 128;
/// Longest reason of a deletion, in characters.
const MAX_REASON: usize = 200;
/// Most messages that one refers to.
const MAX_EARLIER: usize = 256;

/// What whoever reads a message says where it does not.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The authority that submits the record.
    pub authority: String,
    /// Who receives it.
    pub destinations: Vec<Destination>,
    /// The TLP that it has at least.
    pub tlp: Option<Tlp>,
    /// What kind of alert one is that names no colour of INTERPOL.
    pub alert_type: Option<AlertType>,
    /// The country of an area that says none and lies in none.
    pub country: Option<Country>,
}

/// What a message says of its item.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// It is this.
    Record(Box<Record>),
    /// It was taken back.
    Deleted {
        /// Why, in words; empty where nothing is said.
        reason: String,
    },
}

/// A message as an item of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `sender,identifier` of the first message that it goes back to; beyond 128 characters the SHA-256 of
    /// that.
    pub own_id: String,
    /// When it was sent, in microseconds since 1970.
    pub version: u64,
    /// What it says.
    pub content: Content,
    /// What it says that has no place.
    pub dropped: Vec<Dropped>,
}

/// A reading under way.
#[derive(Default)]
pub(super) struct Read {
    pub(super) faults: Vec<Fault>,
    pub(super) dropped: Vec<Dropped>,
}

impl Read {
    pub(super) fn fault(&mut self, path: &str, kind: FaultKind, message: &str) {
        self.add(Fault::new(path, kind, message));
    }

    fn add(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    fn drops(&mut self, path: String, why: &'static str) {
        self.dropped.push(Dropped { path, why });
    }
}

/// Reads a message.
///
/// # Errors
/// [`Faults`] with everything that is wrong, each with the path of its element.
pub fn read(bytes: &[u8], defaults: &Defaults) -> Result<Item, Faults> {
    let mut read = Read::default();
    let alert = tree(bytes, &mut read.dropped)?;
    known(&mut read, &alert, &ONCE, &["code", "info"]);
    let own = name_of(&mut read, &alert);
    let message = needed_code(&mut read, &alert, "msgType", "AlertMessageType");
    let message = AlertMessageType::try_from(message).unwrap_or_default();
    let earlier = earlier(&mut read, &alert);
    let refers = matches!(message, AlertMessageType::Update | AlertMessageType::Cancel);
    if refers && earlier.is_empty() && alert.first("references").is_none() {
        let message = "an update or a cancellation names what it refers to";
        read.fault("alert/references", FaultKind::Missing, message);
    }
    // What goes back to several messages goes back to the first of them.
    let first = earlier.iter().filter(|_| refers).min_by_key(|of| of.sent);
    let own_id = own_id(first.unwrap_or(&own));
    let version = u64::try_from(own.sent.micros()).unwrap_or(0);
    let content = match message {
        AlertMessageType::Cancel => {
            let note = alert.first("note").map_or("", |of| of.text.as_str());
            let reason = line(note).chars().take(MAX_REASON).collect();
            status_and_scope(&mut read, &alert);
            Content::Deleted { reason }
        }
        AlertMessageType::Ack | AlertMessageType::Error => {
            let message = "alerts are acknowledged and rejected by receipts, not by alerts";
            read.fault("alert/msgType", FaultKind::Meaning, message);
            Content::Deleted {
                reason: String::new(),
            }
        }
        AlertMessageType::Alert | AlertMessageType::Update | AlertMessageType::Unspecified => {
            let record = record(&mut read, &alert, &own, message, defaults);
            Content::Record(Box::new(record))
        }
    };
    Faults::of(read.faults)?;
    Ok(Item {
        own_id,
        version,
        content,
        dropped: read.dropped,
    })
}

/// A time of CAP: with a numeric offset, to the second.
pub(super) fn moment(read: &mut Read, element: &Element) -> Option<Moment> {
    let found = parsed(&element.text);
    if found.is_none() {
        let message = "a time is YYYY-MM-DDThh:mm:ss and an offset such as +05:00; CAP allows neither Z nor \
            fractions, and writes UTC as -00:00";
        read.fault(&element.path, FaultKind::Time, message);
    }
    found
}

fn parsed(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let sign = bytes.get(19);
    let shaped = bytes.len() == 25
        && bytes.get(10) == Some(&b'T')
        && (sign == Some(&b'+') || sign == Some(&b'-'));
    let at = OffsetDateTime::parse(text, &Rfc3339).ok();
    at.filter(|_| shaped).map(Moment::from)
}

/// Who sent it, as what, and when.
fn name_of(read: &mut Read, alert: &Element) -> Earlier {
    let mut plain = |name: &str| {
        let text = needed(read, alert, name).to_owned();
        if text.contains([',', '<', '&']) || text.contains(char::is_whitespace) {
            let path = format!("{}/{name}", alert.path);
            let message = "holds blanks, a comma, `<` or `&`, so that nothing could refer to it";
            read.fault(&path, FaultKind::Reference, message);
        }
        text
    };
    let (identifier, sender) = (plain("identifier"), plain("sender"));
    let sent = match alert.first("sent") {
        Some(element) => moment(read, element),
        None => {
            needed(read, alert, "sent");
            None
        }
    };
    Earlier {
        sender,
        identifier,
        sent: sent.unwrap_or_default(),
    }
}

/// The messages that it refers to.
fn earlier(read: &mut Read, alert: &Element) -> Vec<Earlier> {
    let Some(element) = alert.first("references") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for text in element.text.split_whitespace() {
        let mut parts = text.split(',');
        let one = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(sender), Some(identifier), Some(sent), None) => {
                parsed(sent).map(|sent| Earlier {
                    sender: sender.to_owned(),
                    identifier: identifier.to_owned(),
                    sent,
                })
            }
            _ => None,
        };
        match one.filter(|_| found.len() < MAX_EARLIER) {
            Some(one) => found.push(one),
            None => {
                let message =
                    "each is `sender,identifier,sent`, 256 at most, with blanks between them";
                read.fault(&element.path, FaultKind::Reference, message);
                return Vec::new();
            }
        }
    }
    if found.is_empty() {
        read.fault(&element.path, FaultKind::Missing, "must hold a reference");
    }
    found
}

fn own_id(of: &Earlier) -> String {
    let id = format!("{},{}", of.sender, of.identifier);
    if id.chars().count() <= MAX_OWN_ID {
        return id;
    }
    format!(
        "sha256:{}",
        hex::encode(Digest::of(id.as_bytes()).as_bytes())
    )
}

/// Status and scope.
fn status_and_scope(read: &mut Read, alert: &Element) -> (AlertStatus, AlertScope) {
    let status = needed_code(read, alert, "status", "AlertStatus");
    let status = AlertStatus::try_from(status).unwrap_or_default();
    if status == AlertStatus::Draft {
        let message = "a draft is not sent";
        read.fault("alert/status", FaultKind::Meaning, message);
    }
    let scope = needed_code(read, alert, "scope", "AlertScope");
    (status, AlertScope::try_from(scope).unwrap_or_default())
}

/// The record that an alert or an update is.
fn record(
    read: &mut Read,
    alert: &Element,
    own: &Earlier,
    message: AlertMessageType,
    defaults: &Defaults,
) -> Record {
    let (status, scope) = status_and_scope(read, alert);
    let mut infos: Vec<Info> = Vec::new();
    for element in alert.all("info") {
        let one = info(read, element, defaults.country);
        infos.push(one);
    }
    let mut infos = infos.into_iter();
    let Some(mut first) = infos.next() else {
        read.fault(
            "alert/info",
            FaultKind::Missing,
            "an alert says what it is about",
        );
        return Record::default();
    };
    let (rest, rest_situation, rest_alert) = match first.rest.take() {
        Some((path, text)) => match own::read(&path, &text) {
            Ok((record, situation, alert)) => (Some(record), situation, alert),
            Err(fault) => {
                read.add(fault);
                Default::default()
            }
        },
        None => Default::default(),
    };
    let mut situation = Situation {
        language: first.language.clone(),
        grading: rest_situation.grading.or(Some(Grading {
            source: SourceReliability::F.into(),
            information: InformationCredibility::InformationCredibility6.into(),
        })),
        ..rest_situation
    };
    translate(read, &mut situation, &first, infos);
    let mut marking = marking(read, alert, scope, rest.as_ref(), defaults);
    if let Some(rest) = rest.as_ref().and_then(|of| of.marking.as_ref()) {
        marking.handling_note.clone_from(&rest.handling_note);
        marking.tell_purpose = rest.tell_purpose;
    }
    beside(alert, &mut first);
    if rest.is_none() {
        // Where it came from, for whoever looks for it there.
        situation.external_references.push(ExternalReference {
            source_name: own.sender.clone(),
            external_id: own.identifier.clone(),
            ..ExternalReference::default()
        });
    }
    web(read, &mut situation, &first);
    situation.title = match first.headline.as_str() {
        "" => first.alert.event.clone(),
        headline => headline.to_owned(),
    };
    situation.summary = summary(&first);
    let mut alert = first.alert;
    let finest = |read: Option<prost_types::Timestamp>, rest| {
        own::finest(read.as_ref().map(Moment::from), rest)
    };
    alert.effective = finest(alert.effective, rest_alert.effective);
    alert.onset = finest(alert.onset, rest_alert.onset);
    alert.expires = finest(alert.expires, rest_alert.expires);
    alert.acknowledge_by = rest_alert.acknowledge_by;
    alert.status = status.into();
    alert.scope = scope.into();
    // That it updates follows from what it follows.
    alert.message_type = match message {
        AlertMessageType::Update => AlertMessageType::Unspecified.into(),
        other => other.into(),
    };
    if alert.r#type == 0 {
        match defaults.alert_type {
            Some(kind) => alert.r#type = kind.into(),
            None => {
                let path = format!("{}/eventCode", first.path);
                let message = "no event code of `INTERPOL notice` says the colour (Purple, Green, Blue, \
                    Yellow, Orange), and no default was given";
                read.fault(&path, FaultKind::Missing, message);
            }
        }
    }
    let urgency = match alert.urgency() {
        AlertUrgency::Immediate => Urgency::Urgent,
        _ => Urgency::Routine,
    };
    situation.kind = Some(Kind::Alert(alert));
    let rest = rest.unwrap_or_else(|| Record {
        urgency: urgency.into(),
        ..Record::default()
    });
    Record {
        authority: defaults.authority.clone(),
        destinations: defaults.destinations.clone(),
        marking: Some(marking),
        exercise: status == AlertStatus::Exercise,
        situation: Some(situation),
        ..rest
    }
}

/// The other languages.
fn translate(
    read: &mut Read,
    situation: &mut Situation,
    first: &Info,
    others: impl Iterator<Item = Info>,
) {
    let places = |of: &Info| -> Vec<_> {
        let areas = of.alert.areas.iter().cloned();
        let without = areas.map(|mut area| {
            area.description.clear();
            area
        });
        without.collect()
    };
    for other in others {
        if let Some(fault) = contradicts(first, &other) {
            read.add(fault);
            continue;
        }
        if places(first) != places(&other) {
            let message = "has other areas than the first `info`; a record is one alert: send one message \
                for each";
            read.fault(&other.path, FaultKind::Meaning, message);
            continue;
        }
        if other.language == first.language || situation.translations.contains_key(&other.language)
        {
            let message = "is in a language in which there is an `info` before it";
            read.fault(&other.path, FaultKind::Twice, message);
            continue;
        }
        let (one, two) = (&first.alert, &other.alert);
        for (name, differs) in [
            (
                "event",
                one.event != two.event && !other.headline.is_empty(),
            ),
            ("instruction", one.instruction != two.instruction),
            ("audience", one.audience != two.audience),
            ("contact", one.contact != two.contact),
            ("area", one.areas != two.areas),
            ("parameter", !other.beside.is_empty()),
        ] {
            if differs {
                let why = "of a translation only headline and description are kept";
                read.drops(format!("{}/{name}", other.path), why);
            }
        }
        let title = match other.headline.as_str() {
            "" => other.alert.event.clone(),
            headline => headline.to_owned(),
        };
        let translation = Translation {
            title,
            summary: other.description,
        };
        situation.translations.insert(other.language, translation);
    }
}

/// The marking: by its codes, and where there are none by its scope; never laxer than whoever reads it
/// says.
fn marking(
    read: &mut Read,
    alert: &Element,
    scope: AlertScope,
    rest: Option<&Record>,
    defaults: &Defaults,
) -> Marking {
    let mut marking = Marking::default();
    for code in alert.all("code") {
        if !own::take_code(&mut marking, &code.text) {
            let why = "a code other than TLP:… and H0 to H3 is not understood";
            read.drops(code.path.clone(), why);
        }
    }
    let restriction = alert.first("restriction").map_or("", |of| of.text.as_str());
    if rest.is_none() && !restriction.is_empty() {
        // Words that no program can judge.
        marking.handling.push(HandlingCode::H3.into());
        marking.handling_note = line(restriction);
    }
    if marking.tlp == 0 {
        marking.tlp = match scope {
            AlertScope::Public => Tlp::Clear,
            AlertScope::Private => Tlp::AmberStrict,
            AlertScope::Restricted | AlertScope::Unspecified => Tlp::Amber,
        }
        .into();
    }
    marking.tlp = marking.tlp.max(defaults.tlp.map_or(0, i32::from));
    if rest.is_none() && alert.first("addresses").is_some() {
        let why = "who receives the record is for whoever feeds it in to say";
        read.drops("alert/addresses".to_owned(), why);
    }
    marking
}

/// What stands in the head of a message and is kept as text.
fn beside(alert: &Element, first: &mut Info) {
    for name in ["source", "note", "incidents"] {
        if let Some(of) = alert.first(name).filter(|of| !of.text.is_empty()) {
            first.beside.push((name.to_owned(), of.text.clone()));
        }
    }
}

fn web(read: &mut Read, situation: &mut Situation, first: &Info) {
    if first.web.is_empty() {
        return;
    }
    let schemes = ["https://", "http://"];
    let address = schemes.iter().any(|scheme| first.web.starts_with(scheme));
    if !address || first.web.contains(char::is_whitespace) {
        let why = "is no address on the web";
        read.drops(format!("{}/web", first.path), why);
        return;
    }
    situation.external_references.push(ExternalReference {
        source_name: "CAP web".to_owned(),
        url: first.web.clone(),
        ..ExternalReference::default()
    });
}

/// The description, and below it what has no field.
fn summary(first: &Info) -> String {
    let beside: Vec<String> = first
        .beside
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let parts = [first.description.clone(), beside.join("\n")];
    let parts: Vec<String> = parts.into_iter().filter(|of| !of.is_empty()).collect();
    parts.join("\n\n")
}
