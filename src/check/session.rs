//! The state that the questions of one check share.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::net::IpAddr;

use crate::language::variables::Variables;
use crate::secret::Message;

/// The variables of a check, and the state that each protocol keeps between questions, such as cookies and connections.
/// Only the protocol knows the type of its state.
pub struct Session {
    pub scope: Variables,
    /// The number of the current journey step, counted from 1.
    pub step: Option<usize>,
    /// The outcome of the last question.
    pub said: Option<Said>,
    /// The outcomes of the earlier steps, in order.
    pub earlier: Vec<Message>,
    /// The address to ask, if it is one of several of the name.
    pub address: Option<IpAddr>,
    kept: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

/// The outcome of a question, for a later step that fails because of it.
pub struct Said {
    pub answer: Message,
    /// Which cookies were not kept or not sent, and why.
    pub cookies: Option<Message>,
}

impl Session {
    pub fn new(scope: Variables) -> Session {
        Session { scope, step: None, said: None, earlier: Vec::new(), address: None, kept: HashMap::new() }
    }

    /// Returns the state of type `T`, and the variables beside it. The state is created on first use.
    pub fn keep<T: Default + Send + Sync + 'static>(&mut self) -> (&mut T, &Variables) {
        let kept = self.kept.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        match kept.downcast_mut() {
            Some(kept) => (kept, &self.scope),
            None => unreachable!("a value is kept under its own type"),
        }
    }

    /// Returns the state of type `T`, if it exists.
    pub fn kept<T: 'static>(&self) -> Option<&T> {
        self.kept.get(&TypeId::of::<T>())?.downcast_ref()
    }
}
