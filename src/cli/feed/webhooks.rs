//! `comity feed webhooks` and `comity feed webhook resume`.

use clap::{Args, Subcommand};

use crate::{
    record::Moment,
    wire::{
        json,
        node::{ListWebhooksRequest, ResumeWebhookRequest, Webhook as Shown},
    },
};

use super::{
    super::{Target, exit::Failure, out::Out, out::moment},
    start,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    target: Target,
}

/// What is done with a webhook.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Webhook {
    /// Let a webhook go on at once: one that its receiver stopped with 410, or that waits to try again.
    Resume(Resume),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    target: Target,
    /// Its name in config.toml.
    name: String,
}

/// How a webhook goes, in a few words.
fn state(of: &Shown) -> String {
    if of.paused {
        return "PAUSED by its receiver".to_owned();
    }
    match (of.next_attempt_us, of.attempts) {
        (0, 0) => String::new(),
        (0, attempts) => format!("attempt {attempts} under way"),
        (next, attempts) => format!(
            "failed {attempts} times, again at {}",
            moment(Moment::from_micros(next))
        ),
    }
}

impl List {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let request = ListWebhooksRequest {};
        let listed = client.subscriptions.list_webhooks(request).await?;
        let webhooks = listed.into_inner().webhooks;
        if out.json() {
            return webhooks
                .iter()
                .try_for_each(|of| out.value(&json::to_json("comity.node.v1.Webhook", of)?));
        }
        let rows = webhooks.iter().map(|of| {
            vec![
                of.name.clone(),
                of.address.clone(),
                of.system.clone(),
                start::Shown(of.cursor).to_string(),
                of.lag.to_string(),
                state(of),
                of.last_error.clone(),
            ]
        });
        let headings = ["NAME", "TO", "SYSTEM", "AT", "LAG", "STATE", "LAST ERROR"];
        out.table(&headings, rows.collect())
    }
}

impl Webhook {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let Self::Resume(resume) = self;
        let mut client = resume.target.connect_operator().await?;
        let name = resume.name.clone();
        let request = ResumeWebhookRequest { name: resume.name };
        client.subscriptions.resume_webhook(request).await?;
        if out.json() {
            return out.value(&serde_json::json!({ "resumed": name }));
        }
        out.line(&format!("{name} goes on"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_that_is_paused_or_failing_is_said_so() {
        let of = |paused, attempts, next_attempt_us| {
            state(&Shown {
                paused,
                attempts,
                next_attempt_us,
                ..Shown::default()
            })
        };
        assert_eq!(of(false, 0, 0), "");
        assert!(of(true, 3, 0).starts_with("PAUSED"));
        assert!(of(false, 3, 1).starts_with("failed 3 times, again at 1970-01-01 00:00:00"));
    }
}
