//! The context in which one attempt at a check runs.
//!
//! The [`Context`] carries the deadline, the [`timeline`] with the current phase, the [`cancellation`] requests for
//! work that would go on running on a server, and the sink for events. [`attempts`] contains the one loop for `retry`
//! and `poll`. Work that cannot be cut runs off the workers ([`offload`]).

mod context;
mod events;
mod failed;
mod polling;
mod shared;

pub mod attempts;
pub mod cancellation;
pub mod timeline;
pub mod timeouts;

pub mod abandoned;
pub mod cost;
pub mod offload;
pub mod single_flight;

pub mod certificate;
pub mod shell;

pub use self::context::{AfterRed, Context, RunContext, Tracing};
pub use self::events::{CheckEvent, EventSink};
