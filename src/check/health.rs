//! It is up.
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
}

/// Reads a `[[health]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let exchange = ByScheme::from_table(table);
    table.require("url");
    Some(Arc::new(Health { exchange: exchange? }))
}

impl Check for Health {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.exchange.mistakes(scope)
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
        Box::new(OneExchangeRun::new(self, scope))
    }
}

impl OneExchange for Health {
    fn exchange(&self, scope: &Variables) -> Result<&dyn AnyExchange, Failure> {
        self.exchange.choose(scope)
    }
}
