//! Feeds: what comes from other systems and goes to them, in their formats. Pure.

pub mod cap;
pub mod csv;
pub mod geojson;
