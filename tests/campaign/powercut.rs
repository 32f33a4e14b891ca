//! One node on a disk whose power is cut, during traffic and during start.
//!
//! A cut must leave nothing after it: a node that went on for a moment would tell its peers what
//! the cut then takes back, which no power failure can do. So every thread of the node is stopped
//! where it is, the disk is cloned, and the process is killed. What was only in the page cache,
//! the index's pages and an unsynced end of the journal above all, is gone; what the node had sent
//! stays sent.
//!
//! The kernel goes on, so its boot id would say that the page cache survived. The restarted node
//! runs in a namespace of mounts where another file lies over /proc/sys/kernel/random/boot_id: the
//! program under test is unchanged and reads what it would read after a power failure.

use std::time::Duration;

use comity::wire::record::CountryRole;
use tokio::time::sleep;

use crate::{
    country::Node,
    disk::{self, Disk},
    kill::{Stage, introduce},
    oracle::Oracle,
    traffic::Traffic,
    verdict::{drain, hold, known, look, verdict},
};

/// Latest moment after its start at which the power of a starting node is cut, in milliseconds.
const START: u64 = 300;

pub(crate) async fn campaign(seed: u64, cuts: u64) {
    if let Some(why) = disk::missing() {
        return disk::skipped(&why);
    }
    let mut stage = Stage::new("powercut", seed);
    let folder = stage.folder.path().to_owned();
    // Before the nodes, so that it goes after them.
    let Some(disk) = Disk::up(folder.join("disk")) else {
        return;
    };
    let mut nodes = [
        Node::set_up(&disk.live(), &folder, "TJ", CountryRole::Origin),
        Node::set_up(&folder, &folder, "AE", CountryRole::Destination),
    ];
    nodes[0].boot_id = Some(folder.join("boot-0"));
    std::fs::write(folder.join("boot-0"), "campaign-boot-0\n").unwrap();
    let oracle = introduce(&mut nodes, &mut stage.random).await;
    let traffic = Traffic::start(seed, &nodes, &oracle);
    let mut done = 0;
    while done < cuts {
        sleep(stage.random.between(200, 1200)).await;
        let [victim, peer] = &mut nodes;
        let seen = look(victim, &oracle).await;
        sleep(stage.random.between(0, 100)).await;
        cut(victim, &disk, &folder, &mut done).await;
        let before = known(victim, &oracle, seen);
        peer.freeze();
        victim.spawn();
        while done < cuts && stage.random.chance(40) {
            sleep(stage.random.between(0, START)).await;
            cut(victim, &disk, &folder, &mut done).await;
            victim.spawn();
        }
        victim.ready().await;
        hold(victim, &oracle, &before, &format!("cut {done}")).await;
        println!("cut {done}: {} acknowledged", oracle.count());
        check_start(victim, &oracle).await;
        nodes[1].resume();
        if done % 5 == 0 {
            traffic.pause();
            drain(&nodes).await;
            traffic.resume();
        }
    }
    traffic.end().await;
    drain(&nodes).await;
    verdict(&mut nodes, &oracle, &folder).await;
    drop(nodes);
    // Before the folder in which it is mounted.
    drop(disk);
    stage.end(&format!("{cuts} cuts"), &oracle);
}

/// Cuts the power under a node that runs or starts, and takes its home back to that instant.
async fn cut(victim: &mut Node, disk: &Disk, folder: &std::path::Path, done: &mut u64) {
    victim.freeze();
    disk.cut();
    victim.kill().await;
    // Answers that were on their way before the cut still reach the clients.
    sleep(Duration::from_millis(50)).await;
    disk.take_back("tj");
    *done += 1;
    let boot_id = folder.join(format!("boot-{done}"));
    std::fs::write(&boot_id, format!("campaign-boot-{done}\n")).unwrap();
    victim.boot_id = Some(boot_id);
}

/// The node must have seen that the page cache was lost: an index that came through a power
/// failure proves nothing, and is made anew.
async fn check_start(victim: &Node, oracle: &Oracle) {
    let how = victim.status().await.store_start;
    if how != "rebuilt" {
        oracle.torn(format!("after a cut the store was found '{how}'"));
    }
}
