//! Clocks that are off.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use comity::{
    node::{Clock, system_clock},
    record::Moment,
};

/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// A clock that is off by what `by` says.
pub(crate) fn off(by: &Arc<AtomicI64>) -> Clock {
    let by = Arc::clone(by);
    Arc::new(move || Moment::from_micros(system_clock()().micros() + by.load(Ordering::SeqCst)))
}
