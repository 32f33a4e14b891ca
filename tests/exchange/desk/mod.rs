//! The desk: replies, who is in charge, what is due, who has read what.

mod acknowledge;
mod assign;
mod late;
mod reading;
mod reply;
