//! What other systems send and take: case systems that push and pull, and the formats of tools that
//! countries already own. Rules and formats only; use cases are in `node`, ports in `rpc`.

pub mod cap;
pub mod csv;
pub mod fault;
pub mod geojson;
pub mod item;
pub mod layouts;
pub mod mapping;
pub mod rows;
