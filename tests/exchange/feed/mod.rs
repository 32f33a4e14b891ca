//! Feeds: what case systems send and take.

mod outlet;
