//! Evidence between an issuing and an executing authority. Pure.

pub mod bundle;
pub mod custody;
