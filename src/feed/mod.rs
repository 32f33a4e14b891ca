//! What other systems send and take: case systems that push and pull, and the formats of tools that
//! countries already own. Rules and formats only; use cases are in `node`, ports in `rpc`.

pub mod cap;
pub mod csv;
pub mod delivered;
pub mod fault;
pub mod flat;
pub mod geojson;
pub mod item;
pub mod layouts;
pub mod mapping;
pub mod rows;
pub mod stix;
pub mod subscription;
pub mod taxii;
pub mod webhook;
