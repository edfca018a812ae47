//! Writes the result of each object into its `.status`. One replica writes, and it writes only what differs.

mod conditions;
mod messages;
mod observed;
mod writer;

pub(crate) use observed::{ObservedObject, ObservedStatus};
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
