//! Who may do what: roles at every call, compartments, purposes, and attempts that were refused.

mod calls;
mod reading;
