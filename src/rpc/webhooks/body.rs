//! The body of a delivery: records in their canonical JSON, notices, and which delivery it is.

use serde_json::{Value, json};

use crate::{
    config::WebhookConfig,
    node::outlet::Batch,
    wire::{json::JsonError, node::Delivered},
};

/// The bytes of a delivery.
pub(super) fn of(
    webhook: &WebhookConfig,
    batch: &Batch,
    attempt: u64,
) -> Result<Vec<u8>, JsonError> {
    let delivered = batch.delivered.iter().map(item);
    let body = json!({
        "id": batch.id,
        "webhook": webhook.name,
        "attempt": attempt,
        "delivered": delivered.collect::<Result<Vec<_>, _>>()?,
    });
    Ok(body.to_string().into_bytes())
}

/// One thing delivered, as NDJSON of `comity feed pull` has it.
fn item(delivered: &Delivered) -> Result<Value, JsonError> {
    crate::feed::delivered::to_json(delivered)
}
