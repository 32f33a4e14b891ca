//! Evidence requests between an issuing and an executing authority. Pure.
//!
//! [`lifecycle`] says in which state a request is, from its steps alone: both countries work out the
//! same from the same steps. [`terms`] says by when each is due, from the same steps and the agreement
//! profile that travels with the request.

pub mod lifecycle;
pub mod terms;
