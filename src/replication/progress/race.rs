//! Which of two sessions with one peer survives.

use std::{cmp::Ordering, time::Duration};

use crate::record::{Country, Moment};

/// Random name of a session, chosen by the side that dialled.
pub type SessionId = [u8; 16];

/// Dials of both sides within this time count as simultaneous.
pub const HANDSHAKE_WINDOW: Duration = Duration::from_secs(10);

/// A session as both sides see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub session: SessionId,
    /// Who dialled.
    pub dialled_by: Country,
    /// When, by the clock of the side that dialled, as its Hello says (`time_us`). Both sides know
    /// this value, which is why they always decide alike, whatever their own clocks say.
    pub established: Moment,
}

/// What becomes of two sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The incoming one is ended.
    KeepExisting,
    /// The existing one is ended (fenced), the incoming one used.
    ReplaceExisting,
}

/// Decides between the session at hand, if any, and one whose Hellos were just exchanged. The newer
/// fences the older; when both sides dialled within [`HANDSHAKE_WINDOW`], the dial of the lower
/// country code wins. Both sides come to the same answer in whatever order they saw the two.
pub fn survivor(
    own: Country,
    peer: Country,
    existing: Option<&SessionInfo>,
    incoming: &SessionInfo,
) -> Verdict {
    let lower = own.min(peer);
    match existing {
        Some(existing) if compare(lower, existing, incoming) != Ordering::Less => {
            Verdict::KeepExisting
        }
        _ => Verdict::ReplaceExisting,
    }
}

/// A total order, so that any number of sessions leaves one: by time, where the lower country's
/// dials have the handshake window as a head start.
fn compare(lower: Country, a: &SessionInfo, b: &SessionInfo) -> Ordering {
    let key = |session: &SessionInfo| {
        let preferred = session.dialled_by == lower;
        let head_start = if preferred {
            HANDSHAKE_WINDOW
        } else {
            Duration::ZERO
        };
        (session.established + head_start, preferred, session.session)
    };
    key(a).cmp(&key(b))
}
