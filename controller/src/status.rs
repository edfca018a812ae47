//! Says in the `.status` of the users' objects what became of them. One replica writes, and only what differs.

mod conditions;
mod messages;
mod seen;
mod writer;

pub(crate) use seen::{Seen, Sighting};
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
