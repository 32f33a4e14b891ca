//! Real nodes on loopback: real TLS, real stores, real processes.
//!
//! Nodes run inside this program where the story is about what they exchange, and as processes of
//! their own where it is about the command line, signals or sudden death. `support` holds the
//! fixture; every other file is one theme, every test one story.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may panic, and says aloud what it skips"
)]

mod support;

mod access;
mod cards;
mod client;
mod clock;
mod command_line;
mod consent;
mod custody;
mod delivery;
mod demo;
mod desk;
mod dialling;
mod disk;
mod doors;
mod enrolment;
mod evidence;
mod examples;
mod feed;
mod idempotency;
mod items;
mod joint;
mod key_rotation;
mod kinds;
mod lapses;
mod ledger;
mod life;
mod operations;
mod output;
mod process;
mod proxies;
mod reading_log;
mod restore;
mod rotation;
mod scrub;
mod sealing_rotation;
mod search;
mod sharing;
mod stalls;
mod storage_rotation;
mod store;
mod submissions;
mod tables;
mod text;
mod token;
mod trends;
