//! The record that a message makes.

use crate::{
    record::Moment,
    wire::record::{
        AlertMessageType, AlertScope, AlertStatus, AlertUrgency, ExternalReference, Grading,
        HandlingCode, InformationCredibility, Marking, Record, Situation, SourceReliability, Tlp,
        Translation, Urgency, situation::Kind,
    },
};

use super::{
    fault::FaultKind,
    info::{Info, contradicts, info, line},
    own,
    read::{Defaults, Read, status_and_scope},
    tree::Element,
    write::Earlier,
};

/// The record that an alert or an update is.
pub(super) fn record(
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
        // What is sent to test a system is no alert either.
        exercise: matches!(
            status,
            AlertStatus::Exercise | AlertStatus::Test | AlertStatus::System
        ),
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
            let begins = code.text.get(..3);
            if begins.is_some_and(|of| of.eq_ignore_ascii_case("tlp")) {
                let message = "is no TLP: it is written TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT or TLP:RED";
                read.fault(&code.path, FaultKind::Code, message);
                continue;
            }
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
