//! What the questions of one check have in common.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::net::IpAddr;

use crate::language::variables::Variables;

/// The variables of a check, and what each protocol keeps from one question to the next, such as cookies and
/// connections: only the protocol knows its type.
pub struct Session {
    pub scope: Variables,
    /// The address that is asked, where it is one of all that the name has.
    pub address: Option<IpAddr>,
    kept: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Session {
    pub fn new(scope: Variables) -> Session {
        Session { scope, address: None, kept: HashMap::new() }
    }

    /// What is kept in a `T`, and the variables beside it. It is made when it is first asked for.
    pub fn keep<T: Default + Send + Sync + 'static>(&mut self) -> (&mut T, &Variables) {
        let kept = self.kept.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        match kept.downcast_mut() {
            Some(kept) => (kept, &self.scope),
            None => unreachable!("a value is kept under its own type"),
        }
    }

    /// What is kept in a `T`, if anything is.
    pub fn kept<T: 'static>(&self) -> Option<&T> {
        self.kept.get(&TypeId::of::<T>())?.downcast_ref()
    }
}
