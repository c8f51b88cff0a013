//! What one attempt at a check works with.
//!
//! The [`Context`] carries the deadline, the [`timeline`] that says which phase is under way, the [`cancellation`]
//! requests for what would go on running on a server, and the way to report what happens. [`attempts`] is the one
//! loop for `retry` and `poll`. Work that cannot be cut runs off the workers ([`offload`]).

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
