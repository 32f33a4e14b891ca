//! Evidence requests between an issuing and an executing authority. Pure.
//!
//! [`lifecycle`] says in which state a request is, from its steps alone: both countries work out the
//! same from the same steps.

pub mod lifecycle;
