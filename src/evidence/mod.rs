//! Evidence requests between an issuing and an executing authority. Pure.
//!
//! [`items`] says how much room files may take and how one is fetched.

pub mod items;
