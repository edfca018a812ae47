//! Says in the `.status` of the users' objects what became of them. One replica writes, and only what differs.

mod conditions;
mod messages;
mod observed;
mod writer;

pub(crate) use observed::{ObservedObject, ObservedStatus};
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
