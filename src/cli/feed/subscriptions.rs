//! `comity feed subscribe|subscriptions|seek|unsubscribe`.

use clap::Args;

use crate::{
    node::system_clock,
    record::Moment,
    wire::{
        json,
        node::{
            CreateSubscriptionRequest, ListSubscriptionsRequest, RemoveSubscriptionRequest,
            SeekSubscriptionRequest, Subscription, SubscriptionFilter,
        },
        record::Urgency,
    },
};

use super::{
    super::{Target, exit::Failure, out::Out, out::moment, why::Why},
    start::{Shown, Start},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Subscribe {
    #[command(flatten)]
    target: Target,
    /// Its name: a-z, 0-9 and hyphens; one of your authority.
    name: String,
    /// Only this kind, such as route; may be given several times, as may the others.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only of this country's origin.
    #[arg(long, value_name = "COUNTRY")]
    origin: Vec<String>,
    /// Only what names this country, or is sent there.
    #[arg(long, value_name = "COUNTRY")]
    country: Vec<String>,
    /// Only this urgency: routine, urgent, urgent-direct, emergency.
    #[arg(long, value_name = "URGENCY", value_parser = urgency)]
    urgency: Vec<Urgency>,
    /// Only what has this code, as in searches: purpose=FORCED_LABOUR.
    #[arg(long, value_name = "LIST=CODE")]
    code: Vec<String>,
    /// Exercises alone.
    #[arg(long, conflicts_with = "no_exercises")]
    exercise: bool,
    /// No exercises.
    #[arg(long)]
    no_exercises: bool,
    /// Notices of steps too: recalls, consent, late receipts.
    #[arg(long)]
    steps: bool,
    /// Where it begins: beginning, now, a position, or a time such as 2026-03-01T00:00:00Z.
    #[arg(long, default_value = "now")]
    from: Start,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Seek {
    #[command(flatten)]
    target: Target,
    /// Which subscription.
    name: String,
    /// Where: beginning, now, a position such as 412.7, or a time such as 2026-03-01T00:00:00Z.
    #[arg(long)]
    to: Start,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Unsubscribe {
    #[command(flatten)]
    target: Target,
    /// Which subscription.
    name: String,
}

/// An urgency by its word.
fn urgency(word: &str) -> Result<Urgency, String> {
    let name = format!("URGENCY_{}", word.trim().to_uppercase().replace('-', "_"));
    match Urgency::from_str_name(&name) {
        Some(urgency) if urgency != Urgency::Unspecified => Ok(urgency),
        _ => Err("use routine, urgent, urgent-direct or emergency".to_owned()),
    }
}

impl Subscribe {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let exercise = match (self.exercise, self.no_exercises) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let request = CreateSubscriptionRequest {
            name: self.name,
            filter: Some(SubscriptionFilter {
                kinds: self.kind,
                origins: self.origin,
                countries: self.country,
                urgencies: self.urgency.into_iter().map(Into::into).collect(),
                codes: self.code,
                exercise,
                steps: self.steps,
            }),
            start: Some(self.from.into()),
            reading_purpose: self.why.code(),
            case_reference: self.why.case(),
        };
        let made = client.subscribe(request).await?;
        if out.json() {
            return out.value(&shown(&made)?);
        }
        out.line(&format!(
            "{} is there, at {}; `comity feed pull {}` writes what it delivers",
            made.name,
            Shown(made.cursor),
            made.name
        ))
    }
}

fn shown(of: &Subscription) -> Result<serde_json::Value, Failure> {
    Ok(json::to_json("comity.node.v1.Subscription", of)?)
}

/// How whoever follows stands, in a few words.
fn consumer(of: &Subscription) -> String {
    let since = Moment::from_micros(of.unacknowledged_since_us);
    let age = system_clock()().since(since).as_secs();
    match (of.stalled, of.followed, of.unacknowledged) {
        (true, ..) => format!("STALLED: {} unacknowledged for {age} s", of.unacknowledged),
        (_, true, 0) => "followed".to_owned(),
        (_, true, count) => format!("followed, {count} unacknowledged for {age} s"),
        (_, false, 0) => String::new(),
        (_, false, count) => format!("{count} pulled, not acknowledged for {age} s"),
    }
}

impl List {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = ListSubscriptionsRequest {};
        let listed = client.subscriptions.list_subscriptions(request).await?;
        let subscriptions = listed.into_inner().subscriptions;
        if out.json() {
            return subscriptions
                .iter()
                .try_for_each(|of| out.value(&shown(of)?));
        }
        let rows = subscriptions.iter().map(|of| {
            vec![
                of.name.clone(),
                Shown(of.cursor).to_string(),
                of.lag.to_string(),
                moment(Moment::from_micros(of.moved_us)),
                consumer(of),
                filter(of.filter.as_ref()),
                of.owner.clone(),
            ]
        });
        let headings = [
            "NAME", "AT", "LAG", "MOVED", "CONSUMER", "FILTER", "MADE BY",
        ];
        out.table(&headings, rows.collect())
    }
}

/// A filter in a few words; empty for everything.
fn filter(of: Option<&SubscriptionFilter>) -> String {
    let Some(of) = of else {
        return String::new();
    };
    let mut parts: Vec<String> = Vec::new();
    for (word, values) in [
        ("kind", &of.kinds),
        ("origin", &of.origins),
        ("country", &of.countries),
        ("code", &of.codes),
    ] {
        if !values.is_empty() {
            parts.push(format!("{word} {}", values.join(",")));
        }
    }
    let urgencies = of.urgencies().map(|of| {
        let name = of.as_str_name();
        name.strip_prefix("URGENCY_").unwrap_or(name).to_lowercase()
    });
    let urgencies: Vec<String> = urgencies.collect();
    if !urgencies.is_empty() {
        parts.push(urgencies.join(","));
    }
    match of.exercise {
        Some(true) => parts.push("exercises".to_owned()),
        Some(false) => parts.push("no exercises".to_owned()),
        None => {}
    }
    if of.steps {
        parts.push("steps".to_owned());
    }
    parts.join("; ")
}

impl Seek {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = SeekSubscriptionRequest {
            name: self.name,
            start: Some(self.to.into()),
        };
        let moved = client.subscriptions.seek_subscription(request).await?;
        let cursor = Shown(moved.into_inner().cursor).to_string();
        if out.json() {
            return out.value(&serde_json::json!({ "cursor": cursor }));
        }
        out.line(&format!("it stands at {cursor}"))
    }
}

impl Unsubscribe {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let name = self.name.clone();
        let request = RemoveSubscriptionRequest { name: self.name };
        client.subscriptions.remove_subscription(request).await?;
        if out.json() {
            return out.value(&serde_json::json!({ "removed": name }));
        }
        out.line(&format!("{name} is removed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_said_in_a_few_words() {
        assert_eq!(filter(Some(&SubscriptionFilter::default())), "");
        let of = SubscriptionFilter {
            kinds: vec!["Route".to_owned(), "Alert".to_owned()],
            urgencies: vec![Urgency::UrgentDirect.into()],
            exercise: Some(false),
            steps: true,
            ..SubscriptionFilter::default()
        };
        assert_eq!(
            filter(Some(&of)),
            "kind Route,Alert; urgent_direct; no exercises; steps"
        );
        assert_eq!(urgency("urgent-direct"), Ok(Urgency::UrgentDirect));
        assert!(urgency("unspecified").is_err() && urgency("soon").is_err());
    }

    #[test]
    fn a_consumer_that_stalls_is_said_aloud() {
        let of = Subscription {
            stalled: true,
            followed: true,
            unacknowledged: 7,
            ..Subscription::default()
        };
        assert!(consumer(&of).starts_with("STALLED: 7 unacknowledged"));
    }
}
