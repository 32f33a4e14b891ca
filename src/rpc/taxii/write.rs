//! Objects that are handed in, and what became of them.

use std::time::Duration;

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use serde_json::Value;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{Answer, Asked, forbidden, internal, read::known, taxii, unknown};
use crate::{
    feed::taxii::{Fault, MAX_POSTED, is_taxii},
    node::{read::ReadError, taxii::IntakeFault},
};

/// Bodies that are read as JSON at a time.
static READING: Semaphore = Semaphore::const_new(2);
/// Commas and brackets of a body: each may become a value, which takes far more memory than its byte.
const MAX_VALUES: usize = 500_000;

/// Takes objects in; what is answered is durable.
pub(super) async fn objects(
    asked: &Asked<'_>,
    id: &str,
    request: Request<Incoming>,
    time: Duration,
) -> Answer {
    let permit = asked.ingest()?;
    let collection = known(id)?;
    if !asked.node.taxii_takes(collection, true) {
        return Err(forbidden(
            "this collection takes no objects in; the one called `intake` does".to_owned(),
        ));
    }
    let sent = request.headers().get(header::CONTENT_TYPE);
    if !sent
        .and_then(|value| value.to_str().ok())
        .is_some_and(is_taxii)
    {
        return Err(Fault::new(
            415,
            "MEDIA_TYPE",
            "Not in that form",
            "objects are taken as application/taxii+json;version=2.1; say so in `Content-Type`",
        ));
    }
    let body = body(request, asked.node.config().taxii.max_content(), time).await?;
    let objects = parsed(body).await?;
    let taken = asked.node.taxii_take(permit, objects).await;
    let status = taken.map_err(|error| match error {
        IntakeFault::Refused(refused) => forbidden(refused.to_string()),
        IntakeFault::Node(error) => internal(&error),
    })?;
    taxii(StatusCode::ACCEPTED, &status)
}

/// A request's body, within its bounds.
async fn body(request: Request<Incoming>, most: u64, time: Duration) -> Result<Vec<u8>, Fault> {
    let too_large = || {
        Fault::new(
            413,
            "TOO_LARGE",
            "Too large",
            format!("a body has at most {most} bytes here; send fewer objects at a time"),
        )
    };
    let body = request.into_body();
    if body.size_hint().lower() > most {
        return Err(too_large());
    }
    let limited = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX));
    match timeout(time, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Fault::new(
            400,
            "BODY_INCOMPLETE",
            "Cut short",
            "the body ended before it was whole",
        )),
        Err(_) => Err(Fault::new(
            408,
            "BODY_SLOW",
            "Too slow",
            "the body came too slowly",
        )),
    }
}

/// The objects of an envelope, read off the runtime's threads.
async fn parsed(body: Vec<u8>) -> Result<Vec<Value>, Fault> {
    let turn = READING.acquire().await;
    let turn = turn.map_err(|error| internal(&error))?;
    let read = spawn_blocking(move || {
        let objects = envelope(&body);
        drop(turn);
        objects
    });
    read.await.map_err(|error| internal(&error))?
}

/// The objects of an envelope.
fn envelope(body: &[u8]) -> Result<Vec<Value>, Fault> {
    let values = body
        .iter()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'));
    if values.count() > MAX_VALUES {
        return Err(Fault::new(
            413,
            "TOO_LARGE",
            "Too large",
            format!(
                "a body has at most {MAX_VALUES} commas and brackets here; send fewer objects at a time"
            ),
        ));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Fault::new(
            400,
            "JSON",
            "No JSON",
            format!(
                "the body does not read as JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
        )
    })?;
    let unfit = |description: String| Fault::new(422, "ENVELOPE", "No envelope", description);
    let Value::Object(mut envelope) = value else {
        return Err(unfit(
            "the body is an envelope: {\"objects\": [...]}".to_owned(),
        ));
    };
    match envelope.remove("objects") {
        Some(Value::Array(objects)) if objects.is_empty() => {
            Err(unfit("the envelope has no objects".to_owned()))
        }
        Some(Value::Array(objects)) if objects.len() > MAX_POSTED => Err(unfit(format!(
            "the envelope has {} objects, at most {MAX_POSTED} are taken at once",
            objects.len()
        ))),
        Some(Value::Array(objects)) => Ok(objects),
        _ => Err(unfit("the envelope has no list `objects`".to_owned())),
    }
}

/// What became of objects that the caller handed in.
pub(super) async fn status(asked: &Asked<'_>, id: &str) -> Answer {
    let permit = asked.ingest()?;
    let found = asked.node.taxii_status(&permit, id);
    match found.map_err(|error| internal(&ReadError::Node(error)))? {
        Some(status) => taxii(StatusCode::OK, &status),
        None => Err(
            unknown("there is no such status of yours, or it is no longer kept")
                .about("status", id),
        ),
    }
}
