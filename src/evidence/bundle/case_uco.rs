//! The bundle as CASE 1.x / UCO 1.x JSON-LD: the investigation, each item as a file with its hashes, each
//! custody entry as an investigative action, and a provenance record per item.
//!
//! Identifiers are UUIDs (RFC 9562, version 8) made of the digests of what they name, so that the same parts
//! give the same graph.

use serde_json::{Map, Value, json};

use super::{View, view::ItemShown};
use crate::{
    crypto::Digest,
    evidence::custody::{Stated, act_name},
    record::Moment,
};

/// Namespaces of CASE and UCO 1.x, and what they lean on.
const CONTEXT: [(&str, &str); 11] = [
    ("kb", "urn:comity:bundle:"),
    (
        "case-investigation",
        "https://ontology.caseontology.org/case/investigation/",
    ),
    (
        "uco-action",
        "https://ontology.unifiedcyberontology.org/uco/action/",
    ),
    (
        "uco-core",
        "https://ontology.unifiedcyberontology.org/uco/core/",
    ),
    (
        "uco-identity",
        "https://ontology.unifiedcyberontology.org/uco/identity/",
    ),
    (
        "uco-location",
        "https://ontology.unifiedcyberontology.org/uco/location/",
    ),
    (
        "uco-observable",
        "https://ontology.unifiedcyberontology.org/uco/observable/",
    ),
    (
        "uco-tool",
        "https://ontology.unifiedcyberontology.org/uco/tool/",
    ),
    (
        "uco-types",
        "https://ontology.unifiedcyberontology.org/uco/types/",
    ),
    (
        "uco-vocabulary",
        "https://ontology.unifiedcyberontology.org/uco/vocabulary/",
    ),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// The graph.
pub fn case_uco(view: &View) -> Value {
    let context: Map<String, Value> = CONTEXT
        .iter()
        .map(|(prefix, iri)| ((*prefix).to_owned(), json!(iri)))
        .collect();
    let mut graph = Graph::default();
    let tool = graph.add(
        "tool",
        view.bundle.software.as_bytes(),
        json!({
            "@type": "uco-tool:Tool",
            "uco-core:name": view.bundle.software,
            "uco-tool:toolType": "evidence exchange",
        }),
    );
    let mut of_case = vec![tool.clone()];
    for item in &view.items {
        of_case.extend(item_nodes(&mut graph, item, &tool));
    }
    let title = view
        .records
        .first()
        .and_then(|of| of.record.situation.as_ref());
    let title = title.map_or(String::new(), |of| of.title.clone());
    graph.add(
        "investigation",
        &view.bundle.request_digest,
        json!({
            "@type": "case-investigation:Investigation",
            "uco-core:name": view.bundle.reference,
            "uco-core:description": title,
            "uco-core:object": links(&of_case),
        }),
    );
    json!({ "@context": context, "@graph": graph.0 })
}

/// Nodes, each under an identifier that ends in a UUID.
#[derive(Default)]
struct Graph(Vec<Value>);

impl Graph {
    /// Adds a node and says its identifier. What is added twice is there once.
    fn add(&mut self, kind: &str, named_by: &[u8], node: Value) -> String {
        let id = graph_id(kind, named_by);
        let there = self
            .0
            .iter()
            .any(|of| of.get("@id").and_then(Value::as_str) == Some(&id));
        if let (Value::Object(fields), false) = (node, there) {
            let mut with_id = Map::from_iter([("@id".to_owned(), json!(id))]);
            with_id.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
            self.0.push(Value::Object(with_id));
        }
        id
    }
}

/// A UUID of version 8 of what a node is and what names it.
fn uuid(kind: &str, named_by: &[u8]) -> String {
    let digest = Digest::of_parts(&[kind.as_bytes(), &[0], named_by]);
    let text = hex::encode(digest.as_bytes());
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

fn links(ids: &[String]) -> Value {
    Value::Array(ids.iter().map(|id| json!({ "@id": id })).collect())
}

fn typed(kind: &str, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({ "@type": kind, "@value": value })
}

fn time(at: Moment) -> Value {
    typed("xsd:dateTime", at.to_string())
}

/// An item, its custody and its provenance record; their identifiers.
fn item_nodes(graph: &mut Graph, shown: &ItemShown, tool: &str) -> Vec<String> {
    let item = &shown.item;
    let file = !item.root.is_empty();
    let observable = if file {
        let facets = [file_facet(shown), content_facet(shown)];
        graph.add(
            "file",
            &item.id,
            json!({
                "@type": "uco-observable:File",
                "uco-core:name": item.name,
                "uco-core:description": item.description,
                "uco-core:hasFacet": facets,
            }),
        )
    } else {
        graph.add(
            "object",
            &item.id,
            json!({
                "@type": "uco-observable:ObservableObject",
                "uco-core:name": item.name,
                "uco-core:description": item.description,
            }),
        )
    };
    let mut all = vec![observable.clone()];
    let mut actions = Vec::new();
    let mut before: Option<String> = None;
    for stated in shown.chain.hands() {
        let action = action(
            graph,
            stated,
            &observable,
            tool,
            before.as_deref(),
            &mut all,
        );
        actions.push(action.clone());
        before = Some(action);
    }
    let gaps: Vec<String> = shown
        .chain
        .findings()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut of_record = vec![observable];
    of_record.extend(actions.iter().cloned());
    let exhibit = hex::encode(&item.id);
    let record = graph.add("provenance-record", &item.id, json!({
        "@type": "case-investigation:ProvenanceRecord",
        "uco-core:name": format!("Chain of custody of {}", item.name),
        "uco-core:description": if gaps.is_empty() { Value::Null } else { json!(gaps.join("; ")) },
        "case-investigation:exhibitNumber": exhibit,
        "uco-core:object": links(&of_record),
    }));
    all.extend(actions);
    all.push(record);
    all
}

fn file_facet(shown: &ItemShown) -> Value {
    json!({
        "@id": graph_id("file-facet", &shown.item.id),
        "@type": "uco-observable:FileFacet",
        "uco-observable:fileName": shown.item.name,
        "uco-observable:sizeInBytes": typed("xsd:integer", shown.item.size.to_string()),
    })
}

fn content_facet(shown: &ItemShown) -> Value {
    let item = &shown.item;
    let mut hashes = Vec::new();
    let mut add = |method: Value, value: &[u8]| {
        if !value.is_empty() {
            hashes.push(json!({
                "@id": graph_id("hash", value),
                "@type": "uco-types:Hash",
                "uco-types:hashMethod": method,
                "uco-types:hashValue": typed("xsd:hexBinary", hex::encode(value)),
            }));
        }
    };
    add(
        typed("uco-vocabulary:HashNameVocab", "SHA256"),
        &shown.entry.sha256,
    );
    // Not one of the vocabulary's methods: said in words.
    add(
        json!(format!(
            "RFC 6962 Merkle root, SHA-256, chunks of {} bytes",
            item.chunk_size
        )),
        &item.root,
    );
    let mut facet = json!({
        "@id": graph_id("content-data-facet", &item.id),
        "@type": "uco-observable:ContentDataFacet",
        "uco-observable:hash": hashes,
        "uco-observable:sizeInBytes": typed("xsd:integer", item.size.to_string()),
    });
    if let (Some(fields), false) = (facet.as_object_mut(), item.media_type.is_empty()) {
        fields.insert("uco-observable:mimeType".to_owned(), json!(item.media_type));
    }
    facet
}

fn graph_id(kind: &str, named_by: &[u8]) -> String {
    format!("kb:{kind}-{}", uuid(kind, named_by))
}

/// A custody entry as an action, with who did it and where.
fn action(
    graph: &mut Graph,
    stated: &Stated,
    object: &str,
    tool: &str,
    before: Option<&str>,
    all: &mut Vec<String>,
) -> String {
    let who = [stated.country.code(), &stated.authority, &stated.by].join("/");
    let whose = [stated.country.code(), &stated.authority].join("/");
    let whose = whose.trim_end_matches('/');
    let performer = graph.add(
        "identity",
        who.as_bytes(),
        json!({
            "@type": "uco-identity:Identity",
            "uco-core:name": stated.by,
            "uco-core:description": whose,
        }),
    );
    let location = (!stated.place.is_empty()).then(|| {
        graph.add(
            "location",
            stated.place.as_bytes(),
            json!({
                "@type": "uco-location:Location",
                "uco-core:name": stated.place,
            }),
        )
    });
    for id in [Some(&performer), location.as_ref()].into_iter().flatten() {
        if !all.contains(id) {
            all.push(id.clone());
        }
    }
    let reason = (!stated.reason.is_empty()).then_some(&stated.reason);
    graph.add(
        "investigative-action",
        stated.digest.as_bytes(),
        json!({
            "@type": "case-investigation:InvestigativeAction",
            "uco-core:name": act_name(stated.act),
            "uco-core:description": reason,
            "uco-action:startTime": time(stated.at),
            "uco-action:endTime": time(stated.at),
            "uco-action:performer": { "@id": performer },
            "uco-action:instrument": { "@id": tool },
            "uco-action:location": location.map(|id| json!({ "@id": id })),
            "uco-action:object": { "@id": object },
            "case-investigation:wasInformedBy": before.map(|id| json!({ "@id": id })),
        }),
    )
}
