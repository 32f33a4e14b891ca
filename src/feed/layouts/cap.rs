//! Messages of the Common Alerting Protocol: each file is one.

use super::Entry;
use crate::{
    feed::{
        cap::{self, Content, Defaults, Item},
        fault::{Fault, Reason},
        mapping::{Mapping, mark},
        rows::Row,
    },
    wire::{
        node::{FeedDeletion, FeedItem, feed_item},
        record::{AlertStatus, AlertType, Record, Tlp, situation::Kind},
    },
};

/// What a message gives.
pub(super) fn entry(mapping: &Mapping, row: Row) -> Entry {
    if !row.faults.is_empty() {
        let outcome = Err(row.faults.clone());
        return Entry { row, outcome };
    }
    let outcome = match mapping.base() {
        Ok(base) => item(&base, &row),
        Err(error) => Err(vec![Fault::new(
            "",
            "",
            Reason::ValueMissing,
            error.to_string(),
        )]),
    };
    Entry { row, outcome }
}

fn item(base: &Record, row: &Row) -> Result<FeedItem, Vec<Fault>> {
    let text = row.cells.first().map_or("", |cell| cell.text.as_str());
    let read = cap::read(text.as_bytes(), &defaults(base)).map_err(|faults| {
        let faults = faults.iter();
        let faults =
            faults.map(|of| Fault::new(&of.path, "", Reason::Message(of.kind), of.message.clone()));
        faults.collect::<Vec<_>>()
    })?;
    let Item {
        own_id,
        version,
        content,
        dropped,
    } = read;
    let content = match content {
        Content::Deleted { reason } => feed_item::Content::Deleted(FeedDeletion { reason }),
        Content::Record(mut record) => {
            if base.exercise && !record.exercise {
                record.exercise = true;
                if let Some(Kind::Alert(alert)) =
                    record.situation.as_mut().and_then(|of| of.kind.as_mut())
                {
                    alert.status = AlertStatus::Exercise.into();
                }
            }
            if record.exercise {
                mark(&mut record);
            }
            if let Some(situation) = &mut record.situation {
                for of in dropped {
                    let line = format!("\nnot taken over: {} ({})", of.path, of.why);
                    situation.summary.push_str(&line);
                }
                situation.summary = situation.summary.trim_start().to_owned();
            }
            feed_item::Content::Record(*record)
        }
    };
    Ok(FeedItem {
        own_id,
        version,
        content: Some(content),
    })
}

/// What the mapping says where a message does not.
fn defaults(base: &Record) -> Defaults {
    let kind = base.situation.as_ref().and_then(|of| of.kind.as_ref());
    let alert_type = match kind {
        Some(Kind::Alert(alert)) => Some(alert.r#type()),
        _ => None,
    };
    let tlp = base.marking.as_ref().map(|marking| marking.tlp());
    Defaults {
        authority: base.authority.clone(),
        destinations: base.destinations.clone(),
        tlp: tlp.filter(|tlp| *tlp != Tlp::Unspecified),
        alert_type: alert_type.filter(|of| *of != AlertType::Unspecified),
        country: None,
    }
}
