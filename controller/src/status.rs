//! Writes the result of each object into its `.status`, and records changes as events. One replica writes, and it
//! writes only what differs.

mod conditions;
mod events;
mod messages;
mod observed;
mod writer;

pub(crate) use events::Events;
pub(crate) use observed::{ObservedObject, ObservedStatus};
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
