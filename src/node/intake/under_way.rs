//! Items that are being decided or carried out: an item that comes meanwhile waits, in whichever
//! stream it comes.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// The items under way, by their tags.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    tags: Mutex<HashSet<[u8; 16]>>,
    gone: Notify,
}

/// An item under way; dropped, it is not any more.
#[derive(Debug)]
pub(super) struct Turn {
    all: Arc<UnderWay>,
    tag: [u8; 16],
}

impl UnderWay {
    fn tags(&self) -> MutexGuard<'_, HashSet<[u8; 16]>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The item's turn, where it is not under way already.
    pub(super) fn try_begin(self: &Arc<Self>, tag: [u8; 16]) -> Option<Turn> {
        self.tags().insert(tag).then(|| Turn {
            all: Arc::clone(self),
            tag,
        })
    }

    /// The item's turn, once it is not under way any more. Whoever waits here holds no turn that
    /// needs another to end.
    pub(super) async fn begin(self: &Arc<Self>, tag: [u8; 16]) -> Turn {
        loop {
            let mut gone = std::pin::pin!(self.gone.notified());
            // Registered before the look, so that no end is missed.
            gone.as_mut().enable();
            if let Some(turn) = self.try_begin(tag) {
                return turn;
            }
            gone.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all.tags().remove(&self.tag);
        self.all.gone.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_item_under_way_is_waited_for_and_no_other() {
        let all = Arc::new(UnderWay::default());
        let first = all.try_begin([1; 16]).unwrap();
        assert!(all.try_begin([1; 16]).is_none());
        let other = all.try_begin([2; 16]).unwrap();
        let mut waiting = Box::pin(all.begin([1; 16]));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(other);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        let again = waiting.await;
        assert!(all.try_begin([1; 16]).is_none());
        drop(again);
        assert!(all.tags().is_empty());
    }
}
