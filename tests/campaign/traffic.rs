//! Clients of every country that submit without end and repeat what was not answered.

use std::{sync::Arc, time::Duration};

use comity::{
    client::Profile,
    exercise::{Exercise, ExerciseRecord},
    record::Country,
    wire::{node::SubmitRecordRequest, record::Record},
};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::Code;

use crate::{
    country::{Node, connect},
    oracle::Oracle,
    random::Random,
};

/// Clients of a country.
const CLIENTS: u64 = 4;
/// Longest pause of a client between two submissions, in milliseconds.
const PAUSE: u64 = 100;
/// Longest wait for one answer; the client connects again then.
const ANSWER: Duration = Duration::from_secs(20);
/// Longest time without an answer to one submission, however often it is repeated.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Submit,
    Pause,
    End,
}

type Source = Arc<Mutex<(u64, Box<dyn Iterator<Item = ExerciseRecord> + Send>)>>;

/// The clients of all countries.
pub(crate) struct Traffic {
    mode: watch::Sender<Mode>,
    clients: JoinSet<()>,
}

impl Traffic {
    pub(crate) fn start(seed: u64, nodes: &[Node], oracle: &Arc<Oracle>) -> Self {
        let countries: Vec<_> = nodes.iter().map(|of| (of.country, of.role)).collect();
        let mode = watch::Sender::new(Mode::Submit);
        let mut clients = JoinSet::new();
        for (at, node) in (0_u64..).zip(nodes) {
            let origin = node.country;
            let own = Exercise::new(seed, &countries)
                .records()
                .filter(move |of| of.origin == origin);
            let source: Source = Arc::new(Mutex::new((0, Box::new(own))));
            for client in 0..CLIENTS {
                let client = Client {
                    origin,
                    profile: node.profile.clone(),
                    connection: None,
                    source: Arc::clone(&source),
                    oracle: Arc::clone(oracle),
                    random: Random::new(seed, 100 + at * CLIENTS + client),
                };
                clients.spawn(client.work(mode.subscribe()));
            }
        }
        Self { mode, clients }
    }

    /// Holds the clients after what they are about.
    pub(crate) fn pause(&self) {
        self.mode.send_replace(Mode::Pause);
    }

    /// Lets them go on.
    pub(crate) fn resume(&self) {
        self.mode.send_replace(Mode::Submit);
    }

    /// Ends the clients once everything they submitted is answered.
    pub(crate) async fn end(mut self) {
        self.mode.send_replace(Mode::End);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
    }
}

struct Client {
    origin: Country,
    profile: Profile,
    connection: Option<comity::client::Client>,
    source: Source,
    oracle: Arc<Oracle>,
    random: Random,
}

impl Client {
    async fn work(mut self, mut mode: watch::Receiver<Mode>) {
        loop {
            if *mode.borrow_and_update() == Mode::Pause {
                mode.changed().await.unwrap();
                continue;
            }
            if *mode.borrow() == Mode::End {
                return;
            }
            let choice = self.random.below(u64::MAX);
            let again = match self.random.chance(5) {
                true => self.oracle.one_of(self.origin, choice),
                false => None,
            };
            let (key, record) = match again {
                Some(again) => (again.key, again.record),
                None => self.next().await,
            };
            self.submit(&key, record).await;
            sleep(self.random.between(0, PAUSE)).await;
        }
    }

    async fn next(&self) -> (String, Record) {
        let mut source = self.source.lock().await;
        source.0 += 1;
        let record = source.1.next().unwrap().record;
        (format!("{}-{}", self.origin, source.0), record)
    }

    /// Submits until there is an answer, always under the same key.
    async fn submit(&mut self, key: &str, record: Record) {
        let begun = Instant::now();
        loop {
            let why = match self.try_submit(key, &record).await {
                Ok(answer) => {
                    return self.oracle.acknowledged(self.origin, key, record, answer);
                }
                Err(why) => why,
            };
            self.connection = None;
            assert!(
                begun.elapsed() < PATIENCE,
                "{} does not answer {key}: {why}",
                self.origin
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn try_submit(
        &mut self,
        key: &str,
        record: &Record,
    ) -> Result<comity::wire::node::SubmitRecordResponse, String> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(connect(&self.profile).await?),
        };
        let request = SubmitRecordRequest {
            record: Some(record.clone()),
            idempotency_key: key.to_owned(),
        };
        match timeout(ANSWER, connection.records.submit_record(request)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => {
                let refused = matches!(
                    status.code(),
                    Code::InvalidArgument
                        | Code::AlreadyExists
                        | Code::FailedPrecondition
                        | Code::ResourceExhausted
                        | Code::PermissionDenied
                );
                assert!(!refused, "{} refuses {key}: {status}", self.origin);
                Err(status.to_string())
            }
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}
