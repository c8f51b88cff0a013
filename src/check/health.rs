//! The `[[health]]` check: a server is up.
//!
//! ```toml
//! [[health]]
//! name = "api is healthy"
//! url = "{{base_url}}/health"
//! expect.status = 200
//! expect.json."$.status" = "ok"
//! expect.within = "300ms"
//! ```

use std::sync::Arc;

use super::addresses::{AllAddresses, EveryAddressRun};
use super::exchange::{AnyExchange, OneExchange, OneExchangeRun};
use super::protocol::ByScheme;
use super::request::OverrideUse;
use super::{Check, Running};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;

#[derive(Debug)]
struct Health {
    exchange: ByScheme,
    addresses: Option<AllAddresses>,
}

/// Reads a `[[health]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let exchange = ByScheme::from_table(table);
    table.require("url");
    let addresses: Option<AllAddresses> = table.optional(
        "addresses",
        (
            "`\"all\"` asks every address that the name resolves to by itself, at once; all must pass; not together with `resolve` or a `proxy`",
            r#"addresses = "all""#,
        ),
    );
    table.at_most_one(
        &["addresses", "resolve"],
        "`resolve` gives the one address to ask, and `addresses` asks all: remove one of the two",
    )?;
    Some(Arc::new(Health { exchange: exchange?, addresses }))
}

impl Check for Health {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        let mut mistakes = self.exchange.mistakes(scope);
        let exchange = self.exchange.choose(scope).ok().or(self.exchange.fitting());
        if let (Some(all), Some(exchange)) = (self.addresses, exchange) {
            mistakes.extend(all.mistake(exchange, scope));
        }
        mistakes
    }

    fn changes(&self) -> Option<String> {
        self.exchange.changes()
    }

    fn target(&self) -> Option<Place> {
        Some(self.exchange.place())
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.exchange.override_uses(scope)
    }

    fn remark(&self, scope: &Variables) -> Option<&'static str> {
        self.exchange.remark(scope)
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        match self.addresses {
            None => Box::new(OneExchangeRun::new(self, scope)),
            Some(_) => Box::new(EveryAddressRun::new(self, scope)),
        }
    }
}

impl OneExchange for Health {
    fn exchange(&self, scope: &Variables) -> Result<&dyn AnyExchange, Failure> {
        self.exchange.choose(scope)
    }
}
