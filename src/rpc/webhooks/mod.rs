//! Webhooks: what a system that cannot follow a subscription gets is sent to it, signed, in order, again
//! and again until it takes it. Each webhook is a task of its own: one that fails holds up no other.

mod body;
mod post;

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    config::WebhookConfig,
    crypto::random_bytes,
    feed::webhook::{Outcome, Secrets},
    home::{HomeError, WebhookFiles},
    node::{
        Node,
        outlet::{Batch, OutletError, WebhookState},
    },
};

use self::post::{PostError, Posting};

/// What becomes durable within this time goes together.
const TOGETHER: Duration = Duration::from_millis(50);
/// How long a webhook waits for something to become durable before it looks by itself.
const LOOK: Duration = Duration::from_secs(5);

/// Why a delivery failed, as its status says it. Never anything that the receiver sent, but its status.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// Nobody is delivered for, or the node failed.
    #[error(transparent)]
    Outlet(#[from] OutletError),
    /// A file of the webhook.
    #[error(transparent)]
    File(#[from] HomeError),
    /// The secret's file holds none.
    #[error("{path}: {fault}")]
    Secret {
        /// The file.
        path: String,
        /// What is wrong.
        fault: crate::feed::webhook::SecretFault,
    },
    /// It could not be sent, or was not answered.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The receiver did not take it.
    #[error("the receiver answered {0}")]
    Refused(u16),
    /// The receiver sends elsewhere.
    #[error(
        "the receiver answered {0}, a redirect, which is never followed: write the address that it names into config.toml, if it is the receiver's"
    )]
    Redirect(u16),
    /// The batch has no JSON form.
    #[error("a record has no JSON form: {0}")]
    Json(#[from] crate::wire::json::JsonError),
}

/// Sends to every webhook of the configuration, until `stop`.
pub(super) async fn run(node: Arc<Node>, files: Vec<WebhookFiles>, stop: CancellationToken) {
    let webhooks = node.config().webhooks.clone();
    let mut tasks = tokio::task::JoinSet::new();
    for (webhook, files) in webhooks.into_iter().zip(files) {
        let (node, stop) = (Arc::clone(&node), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tend(&node, &webhook, &files) => {}
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// Delivers batch after batch.
async fn tend(node: &Arc<Node>, webhook: &WebhookConfig, files: &WebhookFiles) {
    let name = &webhook.name;
    let mut durable = node.store().durable();
    let mut failures = 0_u32;
    loop {
        durable.borrow_and_update();
        let state = match node.begin_webhook(webhook).await {
            Ok(()) => node.webhook_batch(webhook).await,
            Err(error) => Err(error),
        };
        let failed = match state {
            Ok(WebhookState::Paused) => {
                failures = 0;
                tokio::select! {
                    () = node.webhooks_resumed() => {}
                    () = sleep(LOOK) => {}
                }
                continue;
            }
            Ok(WebhookState::Idle) => {
                tokio::select! {
                    changed = durable.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        sleep(TOGETHER).await;
                    }
                    () = sleep(LOOK) => {}
                }
                continue;
            }
            Ok(WebhookState::Ready(batch)) => attempt(node, webhook, files, &batch).await,
            Err(error) => Err(error.into()),
        };
        let Err(failed) = failed else {
            failures = 0;
            continue;
        };
        failures = failures.saturating_add(1);
        let chance = random_bytes::<8>().map_or(0, u64::from_be_bytes);
        let pause = node.config().outlet.retry().after(failures, chance);
        tracing::warn!(webhook = %name, error = %failed, attempts = failures, "a webhook was not delivered; it is tried again");
        node.webhook_failed(webhook, &failed.to_string(), node.now() + pause);
        tokio::select! {
            () = sleep(pause) => {}
            () = node.webhooks_resumed() => {}
        }
    }
}

/// One attempt at a batch. What the receiver took is acknowledged durably before the next batch; a crash
/// before that has it sent again, with the same id.
async fn attempt(
    node: &Arc<Node>,
    webhook: &WebhookConfig,
    files: &WebhookFiles,
    batch: &Batch,
) -> Result<(), Failed> {
    let attempt = node.webhook_attempt(webhook);
    let secrets = Secrets::read(&files.secret()?).map_err(|fault| Failed::Secret {
        path: files.secret_path().display().to_string(),
        fault,
    })?;
    let body = body::of(webhook, batch, attempt)?;
    let timestamp_s = node.now().micros().div_euclid(1_000_000);
    let posting = Posting {
        webhook,
        authorities: files.authorities()?,
        id: &batch.id,
        timestamp_s,
        attempt,
        signature: secrets.sign(&batch.id, timestamp_s, &body),
        body,
    };
    let within = webhook.timeout();
    let status = timeout(within, posting.send(files.ca_path()))
        .await
        .map_err(|_| PostError::Slow(within.as_millis()))??;
    match Outcome::of(status) {
        Outcome::Taken => Ok(node.webhook_taken(webhook, batch).await?),
        Outcome::Gone => {
            let why = "the receiver answered 410: it wants nothing any more; `comity feed webhook resume` lets it go on";
            tracing::warn!(webhook = %webhook.name, "a webhook is paused: {why}");
            Ok(node.pause_webhook(webhook, why).await?)
        }
        Outcome::Redirects(status) => Err(Failed::Redirect(status)),
        Outcome::Refused(status) => Err(Failed::Refused(status)),
    }
}
