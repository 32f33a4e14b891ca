//! What follows a record: amendments, recalls, and what becomes of it at every holder.

mod amend;
mod doors;
mod expire;
mod hold;
mod holders;
mod mass;
mod persons;
mod proof;
mod races;
mod recall;
mod returning;
mod rounds;
mod shred;
mod versions;
