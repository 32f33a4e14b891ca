//! The situation of each kind as objects.

use serde_json::{Map, Value, json};

use super::{
    Making, Shared,
    places::{at_place, on_leg},
    stamp,
    words::{canonical, extension, language, word},
};
use crate::{
    record::{Country, Moment, kind_name, vocab},
    wire::record::{
        Alert, EntityType, InformationCredibility, ModusOperandi, Network, Record, Route,
        Situation, Trend, situation::Kind,
    },
};

/// Longest text that one property carries; the extension has the whole.
const MAX_TEXT: usize = 20_000;

/// The objects of a record's situation.
pub(super) fn situation(made: &mut Making<'_>) {
    let record = made.version.record;
    let Some(of) = &record.situation else {
        return;
    };
    match &of.kind {
        Some(Kind::Route(route)) => campaign(made, of, route),
        Some(Kind::Network(network)) => intrusion_set(made, of, network),
        Some(Kind::ModusOperandi(modus)) => attack_pattern(made, of, modus),
        Some(Kind::Alert(alert)) => alert_report(made, of, alert),
        Some(Kind::Trend(trend)) => trend_report(made, of, trend),
        Some(Kind::Tip(tip)) => {
            let mut text = tip.statement.clone();
            append(&mut text, &of.summary);
            let countries = tip.places.iter().filter_map(|of| of.country.parse().ok());
            let refs = referred(made, countries);
            told(made, of, &text, refs);
            for place in &tip.places {
                at_place(made, "related-to", place);
            }
        }
        Some(Kind::SpontaneousInformation(information)) => {
            let mut text = of.summary.clone();
            append(&mut text, &information.relevance);
            append(&mut text, &information.restrictions);
            told(made, of, &text, Vec::new());
        }
        Some(Kind::EvidenceRequest(request)) => {
            let mut text = request.assistance_sought.clone();
            append(&mut text, &request.purpose);
            append(&mut text, &of.summary);
            note(made, of, &text);
        }
        _ => return,
    }
    translations(made, of);
}

fn append(text: &mut String, more: &str) {
    if more.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

/// A text within its bound.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// What every main object has, with the record itself in the extension.
fn common(made: &Making<'_>, of: &Situation, main: Value) -> Value {
    let record = made.version.record;
    let mut map = match main {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    if let Some(language) = language(&of.language) {
        map.insert("lang".into(), language.into());
    }
    if let Some(confidence) = confidence(of) {
        map.insert("confidence".into(), confidence.into());
    }
    let mut labels = vec![Value::from("trafficking-in-persons")];
    if record.exercise {
        labels.push("exercise".into());
    }
    labels.push(format!("urgency-{}", word("Urgency", record.urgency)).into());
    map.insert("labels".into(), labels.into());
    let mut references = Vec::new();
    if !record.reference.is_empty() {
        references.push(json!({ "source_name": "comity", "external_id": record.reference }));
    }
    for known in &of.external_references {
        let mut one = Map::new();
        one.insert("source_name".into(), known.source_name.clone().into());
        if !known.external_id.is_empty() {
            one.insert("external_id".into(), known.external_id.clone().into());
        }
        if !known.url.is_empty() {
            one.insert("url".into(), known.url.clone().into());
        }
        if one.len() == 1 {
            one.insert("description".into(), known.source_name.clone().into());
        }
        references.push(one.into());
    }
    if !references.is_empty() {
        map.insert("external_references".into(), references.into());
    }
    map.insert("extensions".into(), extension(whole(record)));
    map.into()
}

/// The record as its reader may see it, in the extension: without what its node sets, and of its
/// compartments the situation alone.
fn whole(record: &Record) -> Map<String, Value> {
    let mut plain = Record {
        reference: String::new(),
        submitted_at: None,
        follows: None,
        relations: Vec::new(),
        suspects: None,
        identifiers: None,
        victims: None,
        source: None,
        evidence: None,
        step: None,
        onward: None,
        joint_case: None,
        ..record.clone()
    };
    // Who reads which compartment is not for tools.
    for to in &mut plain.destinations {
        (to.compartments, to.readers) = Default::default();
    }
    let kind = plain.situation.as_mut().and_then(|of| of.kind.as_mut());
    if let Some(Kind::EvidenceRequest(request)) = kind {
        // The origin's node put them in.
        request.terms = None;
    }
    let kind = kind_name(record).unwrap_or_default();
    let mut map = Map::from_iter([("kind".to_owned(), kind.into())]);
    if !record.reference.is_empty() {
        map.insert("reference".into(), record.reference.clone().into());
    }
    map.insert("record".into(), canonical("Record", &plain));
    map
}

/// How sure, 0 to 100: as the record says, or by the scale of STIX for the Admiralty code.
fn confidence(of: &Situation) -> Option<u32> {
    if of.confidence > 0 {
        return Some(of.confidence.min(100));
    }
    let grading = of.grading.as_ref()?;
    match InformationCredibility::try_from(grading.information).ok()? {
        InformationCredibility::InformationCredibility1 => Some(90),
        InformationCredibility::InformationCredibility2 => Some(70),
        InformationCredibility::InformationCredibility3 => Some(50),
        InformationCredibility::InformationCredibility4 => Some(30),
        InformationCredibility::InformationCredibility5 => Some(10),
        _ => None,
    }
}

/// A day as a time; the second midnight for the end of a span.
fn day(text: &str, end: bool) -> Option<Value> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let time = if end {
        "23:59:59.000Z"
    } else {
        "00:00:00.000Z"
    };
    plain.then(|| format!("{text}T{time}").into())
}

fn span(map: &mut Map<String, Value>, first: &str, last: &str) {
    if let Some(first) = day(first, false) {
        map.insert("first_seen".into(), first);
    }
    if let Some(last) = day(last, true) {
        map.insert("last_seen".into(), last);
    }
}

fn named(of: &Situation) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("name".into(), of.title.clone().into());
    if !of.summary.is_empty() {
        map.insert("description".into(), cut(&of.summary).into());
    }
    map
}

fn campaign(made: &mut Making<'_>, of: &Situation, route: &Route) {
    let mut map = named(of);
    span(&mut map, &route.first_seen, &route.last_seen);
    let purposes: Vec<String> = route
        .purposes
        .iter()
        .map(|of| word("Purpose", *of))
        .collect();
    if !purposes.is_empty() {
        map.insert("objective".into(), purposes.join(", ").into());
    }
    let object = common(made, of, map.into());
    made.add("campaign", "", object);
    for leg in &route.legs {
        on_leg(made, leg);
    }
}

fn intrusion_set(made: &mut Making<'_>, of: &Situation, network: &Network) {
    let mut map = named(of);
    span(&mut map, &network.first_seen, &network.last_seen);
    let names = network.names.iter().chain(&network.aliases);
    let mut aliases: Vec<Value> = Vec::new();
    for name in names {
        let alias = Value::from(name.text.clone());
        if name.text != of.title && !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    if !aliases.is_empty() {
        map.insert("aliases".into(), aliases.into());
    }
    if network.resources != 0 {
        map.insert(
            "resource_level".into(),
            word("ResourceLevel", network.resources).into(),
        );
    }
    let mut motivations = network.motivations.iter().map(|of| word("Motivation", *of));
    if let Some(first) = motivations.next() {
        map.insert("primary_motivation".into(), first.into());
    }
    let others: Vec<Value> = motivations.map(Value::from).collect();
    if !others.is_empty() {
        map.insert("secondary_motivations".into(), others.into());
    }
    let object = common(made, of, map.into());
    let main = made.add("intrusion-set", "", object);
    for base in &network.bases {
        at_place(made, "originates-from", base);
    }
    for entity in &network.entities {
        if entity.r#type != EntityType::Group as i32 || entity.label.is_empty() {
            continue;
        }
        let mut map = Map::from_iter([("name".to_owned(), entity.label.clone().into())]);
        map.insert("threat_actor_types".into(), json!(["crime-syndicate"]));
        // So that it is known again as a part of this record.
        let mut own = Map::new();
        own.insert("kind".into(), "Network".into());
        map.insert("extensions".into(), extension(own));
        if entity.confidence > 0 {
            map.insert("confidence".into(), entity.confidence.min(100).into());
        }
        let words = format!("entity {}", entity.id);
        let actor = made.add("threat-actor", &words, map.into());
        made.relate("attributed-to", &main, &actor);
    }
}

fn attack_pattern(made: &mut Making<'_>, of: &Situation, modus: &ModusOperandi) {
    let mut map = named(of);
    if of.summary.is_empty() && !modus.description.is_empty() {
        map.insert("description".into(), cut(&modus.description).into());
    }
    let mut phases = Vec::new();
    for (chain, list, codes) in [
        ("palermo-act", "Act", &modus.acts),
        ("palermo-means", "Means", &modus.means),
        ("palermo-purpose", "Purpose", &modus.purposes),
    ] {
        for code in codes {
            phases.push(json!({ "kill_chain_name": chain, "phase_name": word(list, *code) }));
        }
    }
    if !phases.is_empty() {
        map.insert("kill_chain_phases".into(), phases.into());
    }
    let object = common(made, of, map.into());
    made.add("attack-pattern", "", object);
}

/// A report; what it is about stands in `refs`, and where that is nothing, who wrote it.
fn report(
    made: &mut Making<'_>,
    of: &Situation,
    kind: &str,
    published: Value,
    mut refs: Vec<String>,
) {
    if refs.is_empty() {
        refs.push(made.by.clone());
    }
    let mut map = named(of);
    map.insert("report_types".into(), json!([kind]));
    map.insert("published".into(), published);
    map.insert("object_refs".into(), refs.into());
    let object = common(made, of, map.into());
    made.add("report", "", object);
}

fn alert_report(made: &mut Making<'_>, of: &Situation, alert: &Alert) {
    let mut refs = Vec::new();
    for area in &alert.areas {
        if let Ok(country) = area.country.parse() {
            refs.push(made.refer(Shared::Country(country)));
        }
        if vocab::crossing(&area.crossing_id).is_some() {
            refs.push(made.refer(Shared::Crossing(area.crossing_id.clone())));
        }
    }
    refs.sort();
    refs.dedup();
    let effective = alert.effective.as_ref().map(|at| stamp(Moment::from(at)));
    let published = effective.unwrap_or_else(|| stamp(made.version.created));
    report(made, of, "threat-report", published.into(), refs);
}

fn trend_report(made: &mut Making<'_>, of: &Situation, trend: &Trend) {
    let named = trend.country.parse().ok().into_iter();
    let of_values = trend.values.iter().filter_map(|of| of.country.parse().ok());
    let refs = referred(made, named.chain(of_values));
    let published = stamp(made.version.created);
    report(made, of, "campaign", published.into(), refs);
}

/// Countries as what a report is about, each once.
fn referred(made: &mut Making<'_>, countries: impl Iterator<Item = Country>) -> Vec<String> {
    let mut countries: Vec<Country> = countries.collect();
    countries.sort();
    countries.dedup();
    let refs = countries.into_iter().map(Shared::Country);
    refs.map(|country| made.refer(country)).collect()
}

/// A report whose text is not the summary alone.
fn told(made: &mut Making<'_>, of: &Situation, text: &str, refs: Vec<String>) {
    let whole = Situation {
        summary: cut(text),
        ..of.clone()
    };
    let published = stamp(made.version.created);
    report(made, &whole, "threat-report", published.into(), refs);
}

fn note(made: &mut Making<'_>, of: &Situation, text: &str) {
    let content = if text.is_empty() { &of.title } else { text };
    let object = json!({
        "abstract": of.title,
        "content": cut(content),
        "object_refs": [made.by],
    });
    let object = common(made, of, object);
    made.add("note", "", object);
}

/// What was translated, one object for all languages.
fn translations(made: &mut Making<'_>, of: &Situation) {
    let (title, summary) = match made.main.split_once("--") {
        Some(("note", _)) => ("abstract", "content"),
        _ => ("name", "description"),
    };
    let mut contents = Map::new();
    let mut tags: Vec<&String> = of.translations.keys().collect();
    tags.sort();
    for tag in tags {
        let Some(translation) = of.translations.get(tag) else {
            continue;
        };
        let mut texts = Map::new();
        if !translation.title.is_empty() {
            texts.insert(title.into(), translation.title.clone().into());
        }
        if !translation.summary.is_empty() {
            texts.insert(summary.into(), cut(&translation.summary).into());
        }
        if let Some(tag) = language(tag).filter(|_| !texts.is_empty()) {
            contents.entry(tag).or_insert_with(|| texts.into());
        }
    }
    if contents.is_empty() {
        return;
    }
    let object = json!({
        "object_ref": made.main,
        "object_modified": stamp(made.version.modified),
        "contents": contents,
    });
    made.add("language-content", "translations", object);
}
