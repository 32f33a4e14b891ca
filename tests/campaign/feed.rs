//! A case system feeds a node, night for night, while the node is killed and the system dies: every row
//! is one record, in its newest version, and nothing is there twice.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use comity::{
    access::{Guarded, Table},
    client::Client,
    exercise::Exercise,
    home::Layout,
    wire::{
        node::{
            FeedDeletion, FeedItem, FeedOutcome, IngestBegin, IngestResponse, RecordState,
            feed_item::Content, ingest_response::Outcome,
        },
        record::{CountryRole, Record},
    },
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    country::{Node, connect},
    kill::{Stage, introduce},
    random::Random,
};

const COUNTRIES: [(&str, CountryRole); 2] =
    [("TJ", CountryRole::Origin), ("UZ", CountryRole::Transit)];
/// Rows of the case system at its beginning.
const ROWS: u64 = 200;
/// Longest pause between the answer after which something is killed, and the kill, in milliseconds.
const AFTER: u64 = 8;
/// Longest wait for a whole night.
const NIGHT: Duration = Duration::from_secs(120);

/// A row of the case system.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    version: u64,
    deleted: bool,
}

/// The case system, and what the node answered of its rows.
struct Cases {
    template: Record,
    rows: BTreeMap<u64, Row>,
    /// References answered, by row and version.
    references: HashMap<(u64, u64), String>,
    answers: u64,
    lost: Vec<String>,
    doubled: Vec<String>,
}

impl Cases {
    fn title(row: u64, version: u64) -> String {
        format!("EXERCISE row {row} version {version}")
    }

    /// What happens in the case system in a day.
    fn day(&mut self, random: &mut Random) {
        let mut rows = std::mem::take(&mut self.rows);
        for row in rows.values_mut().filter(|row| !row.deleted) {
            if random.chance(30) {
                row.version += 1;
                row.deleted = random.chance(20);
            }
        }
        let next = rows.len() as u64;
        for id in next..next + 1 + random.below(4) {
            let row = Row {
                version: 1,
                deleted: false,
            };
            rows.insert(id, row);
        }
        self.rows = rows;
    }

    /// The night's batch: every row as it is, in any order.
    fn batch(&self, random: &mut Random) -> Vec<FeedItem> {
        let mut items: Vec<FeedItem> = self
            .rows
            .iter()
            .map(|(id, row)| self.item(*id, row))
            .collect();
        for at in (1..items.len()).rev() {
            items.swap(at, random.below(at as u64 + 1) as usize);
        }
        items
    }

    fn item(&self, id: u64, row: &Row) -> FeedItem {
        let mut record = self.template.clone();
        record.situation.as_mut().unwrap().title = Self::title(id, row.version);
        FeedItem {
            own_id: format!("row-{id}"),
            version: row.version,
            content: Some(match row.deleted {
                true => Content::Deleted(FeedDeletion::default()),
                false => Content::Record(record),
            }),
        }
    }

    /// Takes an answer in: what was once answered for a version stays. Whether it is settled.
    fn answered(&mut self, answer: IngestResponse) -> bool {
        let id: u64 = answer.own_id.trim_start_matches("row-").parse().unwrap();
        let row = self.rows[&id].clone();
        self.answers += 1;
        let taken = match answer.outcome.unwrap() {
            Outcome::Taken(taken) => taken,
            // Deleted before it was ever fed.
            Outcome::Refused(refusal) if row.deleted && refusal.reason == "ITEM_UNKNOWN" => {
                return true;
            }
            // The node was about to end, or full for a moment: the next night brings it.
            Outcome::Refused(refusal)
                if ["NODE_SHUTTING_DOWN", "NODE_BUSY", "ASKING_PEERS"]
                    .contains(&refusal.reason.as_str()) =>
            {
                return false;
            }
            Outcome::Refused(refusal) => panic!("row {id} {row:?}: {refusal:?}"),
        };
        let outcome = taken.outcome();
        if row.deleted {
            return true;
        }
        let before = self
            .references
            .insert((id, row.version), taken.reference.clone());
        match before {
            Some(before) if before != taken.reference => self.doubled.push(format!(
                "row {id} version {}: {before}, then {}",
                row.version, taken.reference
            )),
            Some(_) if outcome != FeedOutcome::Unchanged => self.lost.push(format!(
                "row {id} version {}: {outcome:?} when repeated",
                row.version
            )),
            _ => {}
        }
        true
    }

    /// Feeds a batch until it is answered, or the connection breaks; whether it was answered whole.
    /// Tells how many were answered so far.
    async fn feed(
        &mut self,
        client: &mut Client,
        items: Vec<FeedItem>,
        so_far: &watch::Sender<usize>,
    ) -> bool {
        let begin = IngestBegin {
            feed: "cases".to_owned(),
            dry_run: false,
        };
        let Ok(feeding) = client.feed(begin).await else {
            return false;
        };
        let (mut sender, mut answers) = feeding.split();
        let count = items.len();
        let sending = tokio::spawn(async move {
            for item in items {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        });
        let mut answered = 0;
        while let Ok(Some(answer)) = answers.next().await {
            answered += usize::from(self.answered(answer));
            so_far.send_replace(answered);
        }
        sending.abort();
        answered == count
    }
}

/// Who dies in a night.
enum Victim {
    Node,
    System,
    Nobody,
}

pub(crate) async fn campaign(seed: u64, rounds: u64) {
    let mut stage = Stage::new("feed", seed);
    let folder = stage.folder.path().to_owned();
    let mut nodes = COUNTRIES.map(|(code, role)| Node::set_up(&folder, &folder, code, role));
    for node in &nodes {
        // Nor is this one about second persons.
        let alone = Table::default().by_one(Guarded::ALL).to_toml();
        std::fs::write(Layout::new(&node.home).access(), alone).unwrap();
    }
    introduce(&mut nodes, &mut stage.random).await;
    let countries: Vec<_> = nodes.iter().map(|of| (of.country, of.role)).collect();
    let template = Exercise::new(seed, &countries)
        .sized(600)
        .find(|of| of.origin == nodes[0].country)
        .unwrap()
        .record;
    let mut cases = Cases {
        template,
        rows: (0..ROWS)
            .map(|id| {
                let row = Row {
                    version: 1,
                    deleted: false,
                };
                (id, row)
            })
            .collect(),
        references: HashMap::new(),
        answers: 0,
        lost: Vec::new(),
        doubled: Vec::new(),
    };
    let mut deaths = Deaths::default();
    for round in 1..=rounds {
        cases.day(&mut stage.random);
        night(&mut nodes[0], &mut cases, &mut stage.random, &mut deaths).await;
        println!(
            "round {round}: {} rows, {} answers",
            cases.rows.len(),
            cases.answers
        );
    }
    verdict(&nodes[0], &mut cases, &mut stage.random).await;
    println!(
        "in the middle of a batch {} kills of the node, {} deaths of the system",
        deaths.node, deaths.system
    );
    for node in &mut nodes {
        node.stop().await;
    }
    println!(
        "feed campaign: {rounds} rounds, {} rows, {} answers, {} lost, {} doubled, 0 torn",
        cases.rows.len(),
        cases.answers,
        cases.lost.len(),
        cases.doubled.len(),
    );
    let all = [cases.lost, cases.doubled].concat();
    assert!(
        all.is_empty(),
        "with COMITY_SEED={}:\n{}",
        stage.seed,
        all.join("\n")
    );
    assert!(cases.answers > 0, "nothing was answered at all");
}

/// What was killed in the middle of a night.
#[derive(Clone, Copy, Debug, Default)]
struct Deaths {
    node: u64,
    system: u64,
}

/// Feeds the night's batch again and again, killing meanwhile, until it was answered whole.
async fn night(node: &mut Node, cases: &mut Cases, random: &mut Random, deaths: &mut Deaths) {
    loop {
        let victim = match random.below(100) {
            0..45 => Victim::Node,
            45..70 => Victim::System,
            _ => Victim::Nobody,
        };
        let items = cases.batch(random);
        let at = random.below(items.len() as u64) as usize;
        let pause = random.between(0, AFTER);
        let mut client = connect(&node.profile).await.unwrap();
        let so_far = watch::Sender::new(0);
        let mut answered = so_far.subscribe();
        // After so many answers, and a moment.
        let moment = async {
            let _ = timeout(NIGHT, answered.wait_for(|count| *count >= at)).await;
            sleep(pause).await;
        };
        let whole = match victim {
            Victim::Node => {
                let (whole, ()) = tokio::join!(cases.feed(&mut client, items, &so_far), async {
                    moment.await;
                    node.kill().await;
                });
                deaths.node += u64::from(!whole);
                node.spawn();
                node.ready().await;
                whole
            }
            // Its connection is cut with everything on its way.
            Victim::System => {
                let whole = tokio::select! {
                    biased;
                    () = moment => false,
                    whole = cases.feed(&mut client, items, &so_far) => whole,
                };
                drop(client);
                deaths.system += u64::from(!whole);
                whole
            }
            Victim::Nobody => {
                let whole = timeout(NIGHT, cases.feed(&mut client, items, &so_far)).await;
                assert_eq!(whole, Ok(true), "{} takes no night", node.country);
                true
            }
        };
        if whole {
            return;
        }
    }
}

/// Every row once more changes nothing, and the node holds each in its newest version, once.
async fn verdict(node: &Node, cases: &mut Cases, random: &mut Random) {
    let mut client = node.calm_client().await;
    let so_far = watch::Sender::new(0);
    let items = cases.batch(random);
    assert!(cases.feed(&mut client, items, &so_far).await);
    let before = cases.answers;
    let items = cases.batch(random);
    assert!(cases.feed(&mut client, items, &so_far).await);
    assert_eq!(cases.answers - before, cases.rows.len() as u64);
    let mut held: HashMap<String, Vec<(RecordState, String)>> = HashMap::new();
    for record in node.records().await {
        let state = record.state();
        held.entry(record.title)
            .or_default()
            .push((state, record.reference));
    }
    for (id, row) in &cases.rows {
        for version in 1..=row.version {
            let found = held.remove(&Cases::title(*id, version)).unwrap_or_default();
            let current: Vec<_> = found
                .iter()
                .filter(|(state, _)| *state == RecordState::Current)
                .collect();
            if found.len() > 1 {
                cases
                    .doubled
                    .push(format!("row {id} version {version}: {found:?}"));
            }
            let newest = version == row.version && !row.deleted;
            match (newest, current.as_slice()) {
                (true, [(_, reference)]) => {
                    if cases.references.get(&(*id, version)) != Some(reference) {
                        cases.lost.push(format!(
                            "row {id} version {version} is {reference}, which was not answered"
                        ));
                    }
                }
                (true, none) => cases
                    .lost
                    .push(format!("row {id} version {version}: {none:?} current")),
                (false, []) => {}
                (false, old) => cases
                    .doubled
                    .push(format!("row {id} version {version} still counts: {old:?}")),
            }
        }
    }
    let strangers: Vec<_> = held
        .keys()
        .filter(|of| of.starts_with("EXERCISE row"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}
