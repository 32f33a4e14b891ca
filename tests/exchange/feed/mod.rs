//! Feeds: what goes to other systems and comes from them.

mod formats;
