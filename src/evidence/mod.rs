//! Requests for evidence between an issuing and an executing authority. Pure.

pub mod terms;
