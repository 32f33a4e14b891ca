//! Items: files that are evidence. How much room they may take, and how one is fetched from another
//! country's node chunk after chunk. Pure; the bytes are in `store`, the use cases in `node`.

mod pull;
mod room;

pub use pull::{Ask, Pull, PullFault, Took};
pub use room::{NoRoom, Owner, Room, RoomLimits};
