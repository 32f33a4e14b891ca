//! Case systems feed a node.

mod files;
