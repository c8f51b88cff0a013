//! Checks of exactly one exchange.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::AnyExchange;
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::check::{Check, Running, Session};
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::secret::{Message, Redacted};

/// A check that consists of one exchange.
pub(in crate::check) trait OneExchange: Check {
    /// # Errors
    /// The variables do not determine the exchange.
    fn exchange(&self, scope: &Variables) -> Result<&dyn AnyExchange, Failure>;
}

/// A running check of one exchange.
pub(in crate::check) struct OneExchangeRun<C> {
    check: Arc<C>,
    session: Session,
}

impl<C: OneExchange> OneExchangeRun<C> {
    pub fn new(check: Arc<C>, scope: Variables) -> OneExchangeRun<C> {
        OneExchangeRun { check, session: Session::new(scope) }
    }
}

impl<C: OneExchange> Attempt for OneExchangeRun<C> {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        match self.check.exchange(&self.session.scope) {
            Ok(exchange) => exchange.run(&mut self.session, context),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

impl<C: OneExchange> Running for OneExchangeRun<C> {
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>> {
        reproduced(&*self.check, &self.session, context)
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.session.scope
    }
}

/// Returns a shell command that repeats what `check` asked in `session`.
pub(in crate::check) fn reproduced(
    check: &impl OneExchange,
    session: &Session,
    context: &Context,
) -> Option<Redacted<Message>> {
    let exchange = check.exchange(&session.scope).ok()?;
    let command = exchange.reproduce(session, context, context.deadline.cut().budget)?;
    Some(context.run.redactor.redact(command.into_message(&context.run.redactor)))
}
