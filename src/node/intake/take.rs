//! Taking items: in their order, those that came together looked up together, each durable before it is
//! answered.

use std::{mem, sync::Arc};

use prost::Message as _;
use tokio::sync::{mpsc, oneshot};

use crate::{
    access::{Permit, act},
    crypto::Digest,
    node::{
        NodeError,
        rules::{FeedClaim, NoteOrder},
        submit::{Intent, UnderWay},
        work::{LITTLE_BYTES, Work},
    },
    wire::{
        node::{FeedItem, FeedOutcome, feed_item::Content},
        record::Record,
    },
};

use super::{
    Coming, Feed, IngestError, Outcome, Taken,
    amend::{Amendment, following},
    delete::Deletion,
    look::{Decided, May, Sound, granted},
    under_way::Turn,
};

/// Items that are taken together at most.
pub const MOST_TOGETHER: usize = 256;

/// Where the outcomes of items go, in the order of the items.
pub type Outcomes<T> = mpsc::Sender<(T, Coming)>;

/// Places for the outcomes of items that came together.
type Places<'a, T> = mpsc::PermitIterator<'a, (T, Coming)>;

/// An item on its way, with what goes along and its turn.
struct Going<T> {
    named: T,
    item: Result<(Sound, Turn), IngestError>,
}

/// An item looked at.
struct Looked {
    turn: Option<Turn>,
    tag: [u8; 16],
    /// As it came.
    version: u64,
    decided: Result<Decided, IngestError>,
}

impl Feed {
    /// Takes items that came together, [`MOST_TOGETHER`] at most, and sends for each what becomes of it
    /// as soon as that is under way; `named` makes of an item's own id what goes along. Answers
    /// whether anybody still wants to know. `outcomes` has room for as many.
    pub async fn take<T: Send + 'static>(
        &self,
        items: Vec<FeedItem>,
        named: impl Fn(String) -> T,
        outcomes: &Outcomes<T>,
    ) -> bool {
        // Before any item has its turn: who reads no outcomes must not keep items from others.
        let Ok(mut places) = outcomes.reserve_many(items.len()).await else {
            return false;
        };
        let mut going: Vec<Going<T>> = Vec::with_capacity(items.len());
        for item in items {
            let name = named(item.own_id.clone());
            let item = match self.sound(item) {
                Err(error) => Err(error),
                Ok(sound) => {
                    let turn = match self.node.fed_under_way.try_begin(sound.tag) {
                        Some(turn) => turn,
                        // Those before it go first: it may wait for one of them.
                        None => {
                            self.carry_out(mem::take(&mut going), &mut places).await;
                            self.node.fed_under_way.begin(sound.tag).await
                        }
                    };
                    Ok((sound, turn))
                }
            };
            going.push(Going { named: name, item });
        }
        self.carry_out(going, &mut places).await;
        true
    }

    async fn carry_out<T>(&self, going: Vec<Going<T>>, places: &mut Places<'_, T>) {
        if going.is_empty() {
            return;
        }
        let (names, items): (Vec<T>, Vec<_>) =
            going.into_iter().map(|of| (of.named, of.item)).unzip();
        let mut names = names.into_iter();
        let mut tell = |coming| {
            if let (Some(name), Some(place)) = (names.next(), places.next()) {
                place.send((name, coming));
            }
        };
        let count = items.len();
        // By the permissions as they are now.
        let may = match self.may() {
            Ok(may) => Arc::new(may),
            Err(refused) => {
                (0..count).for_each(|_| tell(Coming::Now(Err(refused.clone().into()))));
                return;
            }
        };
        let little = count == 1 && items.iter().all(is_little);
        let (feed, seen) = (self.clone(), Arc::clone(&may));
        let looked = Work::begin(little, move || feed.look_all(items, &seen)).answer();
        let Ok(looked) = looked.await else {
            (0..count).for_each(|_| tell(Coming::Now(Err(NodeError::Task.into()))));
            return;
        };
        for looked in looked {
            tell(self.begin(looked, &may).await);
        }
    }

    fn look_all(&self, items: Vec<Result<(Sound, Turn), IngestError>>, may: &May) -> Vec<Looked> {
        let look = |item| {
            let (item, turn): (Sound, Turn) = match item {
                Ok(item) => item,
                Err(error) => {
                    return Looked {
                        turn: None,
                        tag: [0; 16],
                        version: 0,
                        decided: Err(error),
                    };
                }
            };
            let (tag, version) = (item.tag, item.version);
            let decided = self
                .look(item, may)
                .and_then(|decided| self.would(decided, may));
            Looked {
                turn: Some(turn),
                tag,
                version,
                decided,
            }
        };
        items.into_iter().map(look).collect()
    }

    /// Of a dry run: what would become of it, where that is known without waiting.
    fn would(&self, decided: Decided, may: &May) -> Result<Decided, IngestError> {
        if !self.dry_run {
            return Ok(decided);
        }
        let (record, outcome, reference) = match decided {
            Decided::Submit { record, .. } => (*record, FeedOutcome::Submitted, None),
            Decided::Amend {
                record, follows, ..
            } => {
                let reference = follows.reference.parse().ok();
                (following(*record, follows), FeedOutcome::Amended, reference)
            }
            Decided::Note { taken, .. } => return Ok(Decided::Nothing(taken)),
            decided => return Ok(decided),
        };
        self.node.would_take(&may.ingest, record)?;
        Ok(Decided::Nothing(Taken { outcome, reference }))
    }

    /// Begins to carry an item out.
    async fn begin(&self, looked: Looked, may: &Arc<May>) -> Coming {
        let Looked {
            turn,
            tag,
            version: came_as,
            decided,
        } = looked;
        match decided {
            Err(error) => Coming::Now(Err(error)),
            Ok(Decided::Nothing(taken)) => Coming::Now(Ok(taken)),
            Ok(Decided::Submit {
                record,
                came,
                claim,
                left: None,
            }) => {
                let intent = self.intent(*record, (claim, came), &may.ingest);
                match self.node.take_in_intent(intent).await {
                    Err(error) => Coming::Now(Err(error.into())),
                    Ok(under_way) => self.later(turn, submitted(under_way, FeedOutcome::Submitted)),
                }
            }
            Ok(Decided::Submit {
                record,
                came,
                claim,
                left,
            }) => {
                let (feed, may) = (self.clone(), Arc::clone(may));
                self.later(turn, async move {
                    feed.replace_left(left, &may).await?;
                    let intent = feed.intent(*record, (claim, came), &may.ingest);
                    let under_way = feed.node.take_in_intent(intent).await?;
                    submitted(under_way, FeedOutcome::Submitted).await
                })
            }
            Ok(Decided::Amend {
                record,
                follows,
                came,
                claim,
            }) => {
                let (feed, may) = (self.clone(), Arc::clone(may));
                let amendment = Amendment {
                    version: came_as,
                    record: *record,
                    follows,
                    came,
                    claim,
                };
                // Taken in here, so that it keeps its place among the submissions.
                match feed.amend(amendment, &may).await {
                    Err(error) => Coming::Now(Err(error)),
                    Ok(amending) => {
                        self.later(turn, async move { feed.amended(amending, may).await })
                    }
                }
            }
            Ok(Decided::Recall {
                prior,
                version,
                reference,
                reason,
            }) => match granted(&may.recall).cloned() {
                Err(error) => Coming::Now(Err(error)),
                Ok(permit) => {
                    let feed = self.clone();
                    let deletion = Deletion {
                        tag,
                        prior,
                        version,
                        reference,
                        reason,
                    };
                    self.later(turn, async move { feed.delete(deletion, permit).await })
                }
            },
            Ok(Decided::Note {
                prior,
                version,
                taken,
            }) => {
                let feed = self.clone();
                let order = NoteOrder {
                    tag,
                    version,
                    prior,
                    deleted: prior.deleted,
                };
                self.later(turn, async move {
                    feed.note(order).await?;
                    Ok(taken)
                })
            }
        }
    }

    /// Goes on by itself, whether anybody reads the outcome or not: who reads none must not keep the
    /// item from others.
    fn later(
        &self,
        turn: Option<Turn>,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Coming {
        let (done, coming) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = work.await;
            drop(turn);
            let _ = done.send(outcome);
        });
        Coming::Later(coming)
    }

    pub(super) fn intent(
        &self,
        record: Record,
        item: (FeedClaim, Digest),
        permit: &Permit<act::Ingest>,
    ) -> Intent {
        Intent {
            record,
            idempotency_key: String::new(),
            actor: permit.actor(),
            by_node: false,
            evidence: false,
            item: Some(item),
        }
    }
}

/// Whether looking an item up is little work.
fn is_little(item: &Result<(Sound, Turn), IngestError>) -> bool {
    match item {
        Ok((sound, _)) => match &sound.content {
            Content::Record(record) => record.encoded_len() <= LITTLE_BYTES,
            Content::Deleted(_) => true,
        },
        Err(_) => true,
    }
}

/// What came of a submission.
pub(super) async fn submitted(under_way: UnderWay, outcome: FeedOutcome) -> Outcome {
    let accepted = under_way.answer().await?;
    Ok(Taken {
        outcome,
        reference: Some(accepted.reference),
    })
}
