//! The log of every reading: nothing is read without it, everybody is found in it, a supervisor sums
//! it up, and no victim's datum stands in it.

mod acts;
mod certificates;
mod crash;
mod report;
mod scans;
mod subject;
mod victims;
mod ways;
