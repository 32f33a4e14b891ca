//! Chunks between two nodes: one stream, on which each side asks for what the other's records named with
//! a key, and serves what it transferred.
//!
//! Nothing that reads waits for what sends: chunks that come go to the thread that opens them, within the
//! credit that it gave; asks go to whoever serves. Records have a connection of their own, and go first
//! where the disk is busy with them ([`fetch`]).

mod fetch;
mod jobs;
mod serve;
mod worker;

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    record::Country,
    wire::link::{FileFrame, FileHello, file_frame::Frame},
};

use super::{
    super::{
        Node,
        session::{Presented, watch_lapses},
    },
    ItemId,
};

/// The version of the stream that this node speaks.
const VERSION: u32 = 1;
/// How long the peer may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(15);
/// Reports of broken chunks that are looked at within a stream.
const MOST_REPORTS: u32 = 64;
/// Frames that wait for the network.
const WAITING: usize = 3;

/// Frames on their way out.
pub type FilesOut = mpsc::Sender<FileFrame>;

/// Why a stream of files ended.
#[derive(Debug, thiserror::Error)]
pub enum FilesEnd {
    /// The connection closed.
    #[error("the connection closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Transport(String),
    /// The peer cannot be reached.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The peer said no hello.
    #[error("the peer said no hello within {} s", HELLO_TIMEOUT.as_secs())]
    Silent,
    /// A newer stream took over.
    #[error("a newer stream took over")]
    Replaced,
    /// The peer broke the protocol.
    #[error("refused: {0}")]
    Refused(String),
    /// A card or certificate ended, or this node is fenced.
    #[error("{0}")]
    Lapsed(String),
    /// This node shuts down.
    #[error("this node shuts down")]
    Shutdown,
    /// This node failed.
    #[error("this node failed: {0}")]
    Failed(String),
}

fn refused(why: impl fmt::Display) -> FilesEnd {
    FilesEnd::Refused(why.to_string())
}

/// What rests after a failure, with how often it failed.
#[derive(Clone, Copy, Debug)]
struct Rest {
    times: u32,
    until: Instant,
}

/// What the streams of a node share.
#[derive(Debug, Default)]
pub(in crate::node) struct Streams {
    up: Mutex<HashMap<Country, (u64, CancellationToken)>>,
    resting: Mutex<HashMap<ItemId, Rest>>,
    telling: Mutex<HashMap<ItemId, Rest>>,
    /// Chunks that were found damaged on the own disk, and who may have them whole.
    repairs: Mutex<Vec<(Country, ItemId, u64)>>,
    /// Who could not give a chunk of an item back now.
    without: Mutex<HashMap<(Country, ItemId), Rest>>,
    /// Damaged chunks of which the ledger knows.
    noted: Mutex<Vec<(ItemId, u64)>>,
    /// Chunks that a peer reported and that were looked at.
    looked: Mutex<Vec<(ItemId, u64)>>,
    /// Something is to be fetched, or served for the first time.
    pub(in crate::node) wake: Notify,
    /// Which stream of how many this is.
    count: std::sync::atomic::AtomicU64,
}

/// Most damaged chunks of which is known what was done.
const MOST_NOTED: usize = 1024;
/// First rest after a failure; doubles up to the longest.
const FIRST_REST: Duration = Duration::from_secs(2);
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(600);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn rests<K: Eq + Hash>(resting: &Mutex<HashMap<K, Rest>>, of: &K) -> bool {
    let resting = locked(resting);
    resting
        .get(of)
        .is_some_and(|rest| rest.until > Instant::now())
}

fn failed<K: Eq + Hash>(resting: &Mutex<HashMap<K, Rest>>, of: K) {
    let mut resting = locked(resting);
    let rest = resting.entry(of).or_insert(Rest {
        times: 0,
        until: Instant::now(),
    });
    let pause = FIRST_REST.saturating_mul(1 << rest.times.min(16));
    rest.times = rest.times.saturating_add(1);
    rest.until = Instant::now() + pause.min(LONGEST_REST);
}

impl Streams {
    /// Takes the peer's place: an older stream ends.
    fn enter(&self, peer: Country) -> (u64, CancellationToken) {
        let number = self
            .count
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let replaced = CancellationToken::new();
        let before = locked(&self.up).insert(peer, (number, replaced.clone()));
        if let Some((_, before)) = before {
            before.cancel();
        }
        (number, replaced)
    }

    fn leave(&self, peer: Country, number: u64) {
        let mut up = locked(&self.up);
        if up.get(&peer).is_some_and(|(of, _)| *of == number) {
            up.remove(&peer);
        }
    }

    /// Whether a stream with a peer is up.
    pub(in crate::node) fn is_up(&self, peer: Country) -> bool {
        locked(&self.up).contains_key(&peer)
    }

    /// Whether an item rests after it could not be fetched.
    pub(super) fn rests(&self, id: &ItemId) -> bool {
        rests(&self.resting, id)
    }

    /// An item could not be fetched now.
    pub(super) fn failed(&self, id: ItemId) {
        failed(&self.resting, id);
    }

    /// Whether it rests after nobody could be told of it.
    pub(super) fn telling_rests(&self, id: &ItemId) -> bool {
        rests(&self.telling, id)
    }

    /// Nobody could be told of an item now.
    pub(super) fn telling_failed(&self, id: ItemId) {
        failed(&self.telling, id);
    }

    /// It came on.
    fn went_on(&self, id: &ItemId) {
        locked(&self.resting).remove(id);
    }

    /// A chunk is to be fetched again from a country that may have it whole.
    pub(in crate::node) fn repair(&self, peer: Country, id: ItemId, index: u64) {
        let mut repairs = locked(&self.repairs);
        let repair = (peer, id, index);
        if repairs.len() < MOST_NOTED && !repairs.contains(&repair) {
            repairs.push(repair);
        }
        drop(repairs);
        self.wake.notify_waiters();
    }

    /// Whether damaged chunks wait for a peer.
    pub(in crate::node) fn repairs(&self, peer: Country) -> bool {
        locked(&self.repairs).iter().any(|(of, ..)| *of == peer)
    }

    fn to_repair(&self, peer: Country) -> Option<(ItemId, u64)> {
        let repairs = locked(&self.repairs);
        let mut its = repairs.iter().filter(|(of, ..)| *of == peer);
        its.find(|(_, id, _)| !rests(&self.without, &(peer, *id)))
            .map(|(_, id, index)| (*id, *index))
    }

    /// It could not give a chunk of an item back now.
    fn not_repaired(&self, peer: Country, id: ItemId) {
        failed(&self.without, (peer, id));
    }

    fn repaired(&self, id: &ItemId, index: u64) {
        locked(&self.repairs).retain(|(_, of, at)| (of, *at) != (id, index));
        locked(&self.without).retain(|(_, of), _| of != id);
        // Once more, and it is news.
        locked(&self.noted).retain(|(of, at)| (of, *at) != (id, index));
        locked(&self.looked).retain(|(of, at)| (of, *at) != (id, index));
    }

    /// An item is no more: nothing of it is fetched again, and what was known of its chunks makes room.
    pub(super) fn forget(&self, id: &ItemId) {
        locked(&self.resting).remove(id);
        locked(&self.telling).remove(id);
        locked(&self.repairs).retain(|(_, of, _)| of != id);
        locked(&self.without).retain(|(_, of), _| of != id);
        locked(&self.noted).retain(|(of, _)| of != id);
        locked(&self.looked).retain(|(of, _)| of != id);
    }

    /// Whether a chunk that a peer reports is to be looked at: once each, so that reports cost little.
    fn is_looked_at(&self, id: ItemId, index: u64) -> bool {
        let mut looked = locked(&self.looked);
        if looked.len() >= MOST_NOTED || looked.contains(&(id, index)) {
            return false;
        }
        looked.push((id, index));
        true
    }

    /// Whether a damaged chunk is news for the ledger.
    pub(in crate::node) fn is_news(&self, id: ItemId, index: u64) -> bool {
        let mut noted = locked(&self.noted);
        if noted.len() >= MOST_NOTED || noted.contains(&(id, index)) {
            return false;
        }
        noted.push((id, index));
        true
    }
}

/// A stream's frames in the order they go out, and where they are put.
pub fn files_out() -> (FilesOut, mpsc::Receiver<FileFrame>) {
    mpsc::channel(WAITING)
}

/// The first frame of each side.
pub fn files_hello() -> FileFrame {
    FileFrame {
        frame: Some(Frame::Hello(FileHello { version: VERSION })),
    }
}

/// Runs a stream of files with a peer until it ends. The own hello is on its way already.
pub async fn run<S>(
    node: Arc<Node>,
    peer: Country,
    presented: Presented,
    out: FilesOut,
    mut incoming: S,
    stop: CancellationToken,
) -> FilesEnd
where
    S: Stream<Item = Result<FileFrame, String>> + Send + Unpin,
{
    if node.is_fenced() {
        return FilesEnd::Lapsed(super::super::fence::FENCED.to_owned());
    }
    let hello = tokio::time::timeout(HELLO_TIMEOUT, incoming.next()).await;
    match hello {
        Err(_) => return FilesEnd::Silent,
        Ok(None) => return FilesEnd::Closed,
        Ok(Some(Err(error))) => return FilesEnd::Transport(error),
        Ok(Some(Ok(frame))) => match frame.frame {
            Some(Frame::Hello(hello)) if hello.version == VERSION => {}
            Some(Frame::Hello(hello)) => {
                return refused(format_args!(
                    "version {} of the stream is not spoken here",
                    hello.version
                ));
            }
            _ => return refused("the first frame is not a hello"),
        },
    }
    let (number, replaced) = node.items.streams.enter(peer);
    tracing::info!(%peer, "files flow");
    let (asks, asked) = mpsc::channel(serve::ASKS);
    let fetching = fetch::Fetching::new(Arc::clone(&node), peer, out.clone());
    let end = tokio::select! {
        end = read(&node, peer, &mut incoming, &asks, &fetching) => end,
        end = serve::run(Arc::clone(&node), peer, asked, out.clone()) => end,
        end = fetching.run() => end,
        end = watch_lapses(&node, peer, presented) => FilesEnd::Lapsed(end.to_string()),
        () = replaced.cancelled() => FilesEnd::Replaced,
        () = node.fence.holds() => FilesEnd::Lapsed(super::super::fence::FENCED.to_owned()),
        () = stop.cancelled() => FilesEnd::Shutdown,
    };
    node.items.streams.leave(peer, number);
    // Whatever was fetched is made durable before another stream writes on.
    fetching.settle().await;
    fetching.tell_of_blame().await;
    end
}

/// Takes frames in order; never waits for anything but the next one.
async fn read<S>(
    node: &Arc<Node>,
    peer: Country,
    incoming: &mut S,
    asks: &mpsc::Sender<serve::Asked>,
    fetching: &fetch::Fetching,
) -> FilesEnd
where
    S: Stream<Item = Result<FileFrame, String>> + Send + Unpin,
{
    let mut reports = 0;
    loop {
        let frame = match incoming.next().await {
            None => return FilesEnd::Closed,
            Some(Err(error)) => return FilesEnd::Transport(error),
            Some(Ok(frame)) => frame.frame,
        };
        let taken = match frame {
            Some(Frame::Ask(ask)) => match serve::Asked::read(&ask) {
                Some(ask) if asks.try_send(ask).is_ok() => Ok(()),
                Some(_) => Err(refused("more asks than may wait")),
                None => Err(refused("an ask that makes no sense")),
            },
            Some(Frame::Chunk(chunk)) => fetching.chunk(chunk),
            Some(Frame::Refusal(refusal)) => fetching.refusal(&refusal),
            Some(Frame::Report(report)) => {
                reports += 1;
                // Each costs a look at the disk.
                if reports <= MOST_REPORTS {
                    serve::reported(node, peer, &report);
                }
                Ok(())
            }
            Some(Frame::Hello(_)) | None => Err(refused("a frame out of its turn")),
        };
        if let Err(end) = taken {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_item_that_is_no_more_nothing_is_kept() {
        let streams = Streams::default();
        let (peer, gone, other): (Country, ItemId, ItemId) =
            ("UZ".parse().unwrap(), [1; 16], [2; 16]);
        for id in [gone, other] {
            streams.repair(peer, id, 3);
            assert!(streams.is_news(id, 3) && streams.is_looked_at(id, 3));
        }
        streams.not_repaired(peer, gone);
        assert_eq!(streams.to_repair(peer), Some((other, 3)), "the first rests");
        streams.forget(&gone);
        assert!(!locked(&streams.without).contains_key(&(peer, gone)));
        assert_eq!(*locked(&streams.repairs), [(peer, other, 3)]);
        for (id, is_new) in [(gone, true), (other, false)] {
            assert_eq!(streams.is_news(id, 3), is_new);
            assert_eq!(streams.is_looked_at(id, 3), is_new);
        }
    }
}
