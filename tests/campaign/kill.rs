//! Nodes killed with SIGKILL at random, during traffic and during start.

use std::{sync::Arc, time::Duration};

use comity::{card::TrustBook, wire::record::CountryRole};
use tokio::time::{Instant, sleep};

use crate::{
    country::Node,
    oracle::Oracle,
    random::Random,
    traffic::Traffic,
    verdict::{drain, hold, known, look, verdict},
};

const CORRIDOR: [(&str, CountryRole); 3] = [
    ("TJ", CountryRole::Origin),
    ("UZ", CountryRole::Transit),
    ("AE", CountryRole::Destination),
];
/// Kills of one node during start, one after the other, at most.
const START_KILLS: u64 = 3;
/// Latest moment after its start at which a starting node is killed, in milliseconds; a start that
/// takes longer moves it.
const START: u64 = 300;

/// What a campaign keeps while it runs, and how it ends.
pub(crate) struct Stage {
    name: &'static str,
    pub(crate) seed: u64,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) random: Random,
}

impl Stage {
    pub(crate) fn new(name: &'static str, seed: u64) -> Self {
        // Also when it passes: which choices were made is part of what a campaign says.
        println!("{name} campaign: COMITY_SEED={seed}");
        Self {
            name,
            seed,
            folder: tempfile::Builder::new()
                .prefix("comity-campaign-")
                .tempdir()
                .unwrap(),
            random: Random::new(seed, 1),
        }
    }

    /// The last line, and whether it is good.
    pub(crate) fn end(self, done: &str, oracle: &Oracle) {
        let findings = oracle.findings();
        let (repeats, receipts) = oracle.repeats_and_receipts();
        println!("{receipts} receipts held, {repeats} submissions repeated");
        println!(
            "{} campaign: {done}, {} acknowledged, {} lost, {} doubled, {} torn",
            self.name,
            oracle.count(),
            findings.lost.len(),
            findings.doubled.len(),
            findings.torn.len()
        );
        let all: Vec<_> = [findings.lost, findings.doubled, findings.torn].concat();
        assert!(
            all.is_empty(),
            "with COMITY_SEED={}:\n{}",
            self.seed,
            all.join("\n")
        );
        assert!(oracle.count() > 0, "nothing was acknowledged at all");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            println!(
                "failed with COMITY_SEED={}; homes and logs are in {}",
                self.seed,
                self.folder.path().display()
            );
        }
    }
}

/// Starts nodes for the first time, killing them meanwhile, and exchanges their cards.
pub(crate) async fn introduce(nodes: &mut [Node], random: &mut Random) -> Arc<Oracle> {
    let mut book = TrustBook::default();
    for node in nodes.iter_mut() {
        book.accept(node.card.clone()).unwrap();
        for _ in 0..1 + random.below(START_KILLS) {
            node.spawn();
            sleep(random.between(0, START)).await;
            node.kill().await;
        }
        node.spawn();
    }
    for node in nodes.iter_mut() {
        node.ready().await;
    }
    for at in nodes.iter() {
        for other in nodes.iter().filter(|of| of.country != at.country) {
            at.import(other).await;
        }
    }
    Arc::new(Oracle::new(book))
}

pub(crate) async fn campaign(seed: u64, rounds: u64) {
    let mut stage = Stage::new("kill", seed);
    let folder = stage.folder.path().to_owned();
    let mut nodes = CORRIDOR.map(|(code, role)| Node::set_up(&folder, &folder, code, role));
    let oracle = introduce(&mut nodes, &mut stage.random).await;
    let traffic = Traffic::start(seed, &nodes, &oracle);
    let mut slowest = Duration::from_millis(START);
    for round in 1..=rounds {
        sleep(stage.random.between(200, 900)).await;
        slowest =
            slowest.max(one_round(round, &mut nodes, &oracle, &mut stage.random, slowest).await);
        println!("round {round}: {} acknowledged", oracle.count());
        if round % 5 == 0 {
            // Nothing new may be needed for what waits to be delivered.
            traffic.pause();
            drain(&nodes).await;
            traffic.resume();
        }
    }
    traffic.end().await;
    drain(&nodes).await;
    verdict(&mut nodes, &oracle, &folder).await;
    stage.end(&format!("{rounds} rounds"), &oracle);
}

/// Kills some nodes and brings them back; answers how long the slowest start took.
async fn one_round(
    round: u64,
    nodes: &mut [Node],
    oracle: &Oracle,
    random: &mut Random,
    start: Duration,
) -> Duration {
    // Mostly one node, sometimes all of them.
    let first = random.below(nodes.len() as u64) as usize;
    let victims: Vec<usize> = (0..nodes.len())
        .filter(|at| *at == first || random.chance(20))
        .collect();
    let mut seen = Vec::new();
    for at in &victims {
        seen.push(look(&nodes[*at], oracle).await);
    }
    sleep(random.between(0, 100)).await;
    for at in &victims {
        nodes[*at].kill().await;
    }
    sleep(random.between(0, 200)).await;
    let before: Vec<_> = victims
        .iter()
        .zip(seen)
        .map(|(at, seen)| known(&nodes[*at], oracle, seen))
        .collect();
    // Peers that stand still cannot send again what was lost.
    let strict = random.chance(50);
    let others: Vec<usize> = (0..nodes.len())
        .filter(|at| !victims.contains(at))
        .collect();
    if strict {
        others.iter().for_each(|at| nodes[*at].freeze());
    }
    let mut slowest = Duration::ZERO;
    for (at, before) in victims.iter().zip(&before) {
        let node = &mut nodes[*at];
        if random.chance(50) {
            for _ in 0..1 + random.below(START_KILLS) {
                node.spawn();
                sleep(random.between(0, start.as_millis() as u64)).await;
                node.kill().await;
            }
        }
        node.spawn();
        let spawned = Instant::now();
        node.ready().await;
        slowest = slowest.max(spawned.elapsed());
        hold(node, oracle, before, &format!("round {round}")).await;
    }
    if strict {
        others.iter().for_each(|at| nodes[*at].resume());
    }
    slowest
}
