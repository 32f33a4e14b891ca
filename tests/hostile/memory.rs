//! The victim as a process of its own: its memory.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use comity::home::Home;

use crate::{
    cases::frames::{bomb, records_bomb},
    link::{End, dial},
    runtime,
    world::{ADVERSARY, VICTIM, import, make_home},
};

/// What a refused message may cost.
pub(crate) const MOST_GROWTH_KIB: u64 = 32 * 1024;

/// A node in its own process, killed with the test.
pub(crate) struct Process {
    child: Child,
    links: SocketAddr,
    pub(crate) clients: SocketAddr,
}

impl Process {
    pub(crate) fn start(home: &Home) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .arg("run")
            .arg("--home")
            .arg(home.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let (links, clients) = loop {
            let mut line = String::new();
            assert!(
                words.read_line(&mut line).unwrap() > 0,
                "the node did not start"
            );
            if let Some((_, rest)) = line.split_once("is up: links ") {
                let (links, rest) = rest.split_once(", clients ").unwrap();
                let (clients, _) = rest.split_once(';').unwrap();
                break (links.parse().unwrap(), clients.parse().unwrap());
            }
        };
        // What it says from now on is read, so that it never waits for a reader.
        std::thread::spawn(move || {
            for line in words.lines().map_while(Result::ok) {
                assert!(!line.contains("panicked"), "the node panicked: {line}");
            }
        });
        Self {
            child,
            links,
            clients,
        }
    }

    /// Most memory it ever had, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_million_tiny_elements_cost_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let victim = make_home(folder.path(), VICTIM);
        let home = make_home(folder.path(), ADVERSARY);
        let ca = victim.own_card().issuing_ca_der.clone();
        let dir = victim.dir().to_owned();
        import(victim, &[&home]).await;
        let process = Process::start(&Home::open(&dir).unwrap());
        let options = comity::rpc::tls::DialOptions::from(home.config());
        // Whatever a first session takes for good is there before the measurement.
        let mut link = dial(&home, &ca, process.links, &options).await;
        link.raw(Vec::new());
        assert!(matches!(link.end().await, End::Bye(..)));
        let before = process.peak();
        for message in [bomb(0x4a), bomb(0x52), records_bomb()] {
            let mut link = dial(&home, &ca, process.links, &options).await;
            link.raw(message);
            let End::Bye(reason, detail) = link.end().await else {
                panic!("the node says why");
            };
            assert_eq!(reason.as_str_name(), "BYE_REASON_PROTOCOL");
            assert!(detail.contains("more than 8192 list elements"), "{detail}");
        }
        let grown = process.peak() - before;
        assert!(
            grown < MOST_GROWTH_KIB,
            "the node's memory rose by {grown} KiB"
        );
    });
}
