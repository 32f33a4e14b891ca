//! Reading: a message as an item of a feed.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    crypto::Digest,
    record::{Country, Moment},
    wire::record::{
        AlertMessageType, AlertScope, AlertStatus, AlertType, Destination, Record, Tlp,
    },
};

use super::{
    fault::{Dropped, Fault, FaultKind, Faults, MAX_FAULTS},
    info::{known, line, needed, needed_code},
    record::record,
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

    pub(super) fn add(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    pub(super) fn drops(&mut self, path: String, why: &'static str) {
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
pub(super) fn status_and_scope(read: &mut Read, alert: &Element) -> (AlertStatus, AlertScope) {
    let status = needed_code(read, alert, "status", "AlertStatus");
    let status = AlertStatus::try_from(status).unwrap_or_default();
    if status == AlertStatus::Draft {
        let message = "a draft is not sent";
        read.fault("alert/status", FaultKind::Meaning, message);
    }
    let scope = needed_code(read, alert, "scope", "AlertScope");
    (status, AlertScope::try_from(scope).unwrap_or_default())
}
