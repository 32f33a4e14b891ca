//! What follows a record: amendments, recalls, and what becomes of it at every holder.

mod amend;
mod doors;
mod expire;
mod hold;
mod persons;
mod proof;
mod recall;
mod shred;
mod versions;
