//! Resources that are read.

use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::{Answer, Asked, BASE, ROOT, answer::Held, forbidden, internal, taxii, unknown};
use crate::{
    access::act,
    feed::taxii::{
        ApiRoot, Collection, CollectionResource, Collections, Discovery, Fault, Filter, MEDIA_TYPE,
        Manifest, ManifestEntry, Page, Position, STIX_MEDIA_TYPE, VersionMatch, Versions, added,
        read_next, write_next,
    },
    node::{
        read::ReadError,
        taxii::{TaxiiPage, Wanted},
    },
};

/// Lets in who may read or hand in.
fn enter(asked: &Asked<'_>) -> Result<(bool, bool), Fault> {
    let reads = asked.export();
    match reads {
        Ok(permit) => Ok((true, permit.and::<act::Ingest>().is_ok())),
        Err(_) => asked.ingest().map(|_| (false, true)),
    }
}

pub(super) fn discovery(asked: &Asked<'_>) -> Answer {
    enter(asked)?;
    let root = format!("{}/{BASE}/{ROOT}/", asked.base);
    let discovery = Discovery {
        title: format!("Comity, node of {}", asked.node.country()),
        description: "Records of trafficking in persons, as far as the caller may see them."
            .to_owned(),
        default: root.clone(),
        api_roots: vec![root],
    };
    taxii(StatusCode::OK, &discovery)
}

pub(super) fn root(asked: &Asked<'_>) -> Answer {
    enter(asked)?;
    let root = ApiRoot {
        title: format!("Comity, node of {}", asked.node.country()),
        description: "Collections by kind and by compartment.".to_owned(),
        versions: vec![MEDIA_TYPE],
        max_content_length: asked.node.config().taxii.max_content(),
    };
    taxii(StatusCode::OK, &root)
}

fn resource(asked: &Asked<'_>, collection: Collection, may: (bool, bool)) -> CollectionResource {
    let (reads, hands_in) = may;
    CollectionResource {
        id: collection.id(),
        title: collection.title(),
        description: collection.says(),
        alias: collection.alias(),
        can_read: reads && asked.node.taxii_gives(collection),
        can_write: asked.node.taxii_takes(collection, hands_in),
        media_types: CollectionResource::MEDIA_TYPES,
    }
}

pub(super) fn collections(asked: &Asked<'_>) -> Answer {
    let may = enter(asked)?;
    let all = Collection::ALL.iter();
    let collections = all.map(|one| resource(asked, *one, may)).collect();
    taxii(StatusCode::OK, &Collections { collections })
}

pub(super) fn collection(asked: &Asked<'_>, id: &str) -> Answer {
    let may = enter(asked)?;
    taxii(StatusCode::OK, &resource(asked, known(id)?, may))
}

/// The collection with an id or an alias.
pub(super) fn known(id: &str) -> Result<Collection, Fault> {
    Collection::named(id).ok_or_else(|| {
        unknown("there is no such collection; /taxii2/comity/collections/ lists them")
            .about("collection", id)
    })
}

/// A page of what is asked for.
async fn page(
    asked: &Asked<'_>,
    id: &str,
    object: Option<&str>,
    detail: &'static str,
) -> Result<(TaxiiPage, Option<String>), Fault> {
    let permit = asked.export()?;
    let collection = known(id)?;
    if !asked.node.taxii_gives(collection) {
        return Err(forbidden(if collection.gives() {
            "what is in this collection leaves for a purpose and a case only, and the node's operator has set none in \
             config.toml (`taxii.purpose`, `taxii.case`)"
                .to_owned()
        } else {
            "this collection takes objects in and gives none".to_owned()
        }));
    }
    let mut filter = Filter::read(&asked.query)
        .map_err(|fault| Fault::new(400, "FILTER_INVALID", "Bad filter", fault.to_string()))?;
    let key = asked.node.taxii_key();
    // Of one collection, one kind of resource and one caller.
    let scope = format!(
        "{} {detail} {} {}",
        collection.alias(),
        object.unwrap_or_default(),
        permit.actor()
    );
    let mut after_us = filter.after_us.unwrap_or(0);
    if let Some(next) = &filter.next {
        let position = read_next(key, &scope, next)
            .map_err(|fault| Fault::new(400, "NEXT_UNKNOWN", "Unknown page", fault.to_string()))?;
        after_us = after_us.max(position.after_us);
        filter.matched = position.matched;
    }
    let mut matched = filter.matched.clone();
    if let Some(object) = object {
        matched.ids = vec![object.to_owned()];
    }
    if detail == "taxii-versions" {
        matched.versions = VersionMatch::All;
    }
    let wanted = Wanted {
        collection,
        matched,
        after_us,
        limit: filter.limit,
        detail,
    };
    let page = asked.node.taxii_page(permit, wanted).await;
    let page = page.map_err(|error| match error {
        ReadError::Refused(refused) => forbidden(refused.to_string()),
        error => internal(&error),
    })?;
    let next = page.next_us.map(|after_us| {
        let position = Position {
            after_us,
            matched: filter.matched,
        };
        write_next(key, &scope, &position)
    });
    Ok((page, next))
}

/// An answer with the times of its first and last object.
fn dated(answer: Answer, page: &TaxiiPage) -> Answer {
    let mut answer: Response<Held> = answer?;
    for (name, entry) in [
        ("x-taxii-date-added-first", page.entries.first()),
        ("x-taxii-date-added-last", page.entries.last()),
    ] {
        if let Some(entry) = entry
            && let Ok(value) = HeaderValue::from_str(&added(entry.added_us))
        {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

fn text(object: &Value, field: &str) -> String {
    object
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The version of an object: when it was modified, or made where it has one version.
fn version(object: &Value) -> String {
    match text(object, "modified") {
        modified if modified.is_empty() => text(object, "created"),
        modified => modified,
    }
}

pub(super) async fn objects(asked: &Asked<'_>, id: &str, object: Option<&str>) -> Answer {
    let (mut page, next) = page(asked, id, object, "taxii-objects").await?;
    if let Some(object) = object
        && page.entries.is_empty()
        && asked.query.is_empty()
    {
        return Err(unknown("there is no such object in this collection").about("object", object));
    }
    let entries = page.entries.iter_mut();
    let envelope = Page {
        more: next.is_some(),
        next,
        objects: entries.map(|entry| entry.object.take()).collect(),
    };
    dated(taxii(StatusCode::OK, &envelope), &page)
}

pub(super) async fn manifest(asked: &Asked<'_>, id: &str) -> Answer {
    let (page, next) = page(asked, id, None, "taxii-manifest").await?;
    let entries = page.entries.iter().map(|entry| ManifestEntry {
        id: text(&entry.object, "id"),
        date_added: added(entry.added_us),
        version: version(&entry.object),
        media_type: STIX_MEDIA_TYPE,
    });
    let manifest = Manifest {
        more: next.is_some(),
        next,
        objects: entries.collect(),
    };
    dated(taxii(StatusCode::OK, &manifest), &page)
}

pub(super) async fn versions(asked: &Asked<'_>, id: &str, object: &str) -> Answer {
    let (page, next) = page(asked, id, Some(object), "taxii-versions").await?;
    if page.entries.is_empty() && asked.query.is_empty() {
        return Err(unknown("there is no such object in this collection").about("object", object));
    }
    let versions = Versions {
        more: next.is_some(),
        next,
        versions: page
            .entries
            .iter()
            .map(|entry| version(&entry.object))
            .collect(),
    };
    dated(taxii(StatusCode::OK, &versions), &page)
}
