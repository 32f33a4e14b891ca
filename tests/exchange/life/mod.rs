//! What follows a record: amendments, recalls, and what becomes of it at every holder.

mod amend;
mod recall;
