//! A login as a superuser, whom a read-only transaction does not keep from everything.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::attempt::Context;
use crate::probe::socket::Endpoint;
use crate::secret::message;

/// The servers and roles that were warned about: one warning does for all checks of a run.
#[derive(Debug, Default)]
struct Warned(Mutex<BTreeSet<(String, String)>>);

/// Warns that `role` is a superuser, the first time.
pub(super) fn warn(role: &str, endpoint: &Endpoint, context: &Context) {
    let warned = context.run.shared::<Warned>();
    let is_new = {
        let mut known = warned.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((endpoint.to_string(), role.to_owned()))
    };
    if is_new {
        let warning = message!(
            "the role `{}` of {} is a superuser, whom a read-only transaction does not keep from everything: log in as a role that may read what the checks ask for, and nothing else",
            role,
            endpoint
        );
        context.timeline.warn(warning);
    }
}
