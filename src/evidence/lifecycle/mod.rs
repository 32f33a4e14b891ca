//! The life of an evidence request: a pure function of its steps.
//!
//! Two countries take steps of one request, each at its own node, and the steps of both arrive in any
//! order. Each step carries its number on its side, the digest of its side's step before, and how many
//! steps of the other side were known: a two-party vector clock. `order` puts the steps into one
//! order from that; [`table`] says where an act leads, in which state and by which party; [`case()`]
//! folds the two into a [`Case`]. Nothing else is asked, so that both sides compute the same.
//!
//! A step that its party, authority or state does not allow is void: it is kept, shown with its reason
//! ([`Void`]), and changes nothing.

mod act;
mod case;
mod order;
pub mod page;
mod state;
mod step;
pub mod table;
#[cfg(test)]
mod tests;

pub use act::Act;
pub use case::{Case, Outcome, Settled, case, judge};
pub use order::{Head, Wait};
pub use state::{Party, State};
pub use step::{Counted, MAX_STEPS, Matter, Side, Step, Void};
