//! What follows a record: amendments, recalls, and what becomes of it at every holder.

mod amend;
mod doors;
mod expire;
mod hold;
mod persons;
mod recall;
mod shred;
