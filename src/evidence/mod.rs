//! Evidence requests between an issuing and an executing authority. Pure.
//!
//! [`lifecycle`] says in which state a request is, from its steps alone: both countries work out the
//! same from the same steps. [`terms`] says by when each is due, from the same steps and the agreement
//! profile that travels with the request. [`items`] says how much room files may take and how one is
//! fetched. [`custody`] is who had an item in hand, and [`bundle`] what a court gets and how it is
//! checked.

pub mod bundle;
pub mod custody;
pub mod items;
pub mod lifecycle;
pub mod terms;
