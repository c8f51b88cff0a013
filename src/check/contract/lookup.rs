//! Which table of the database each object of a contract is.

use super::promise::Object;
use crate::attempt::Context;
use crate::outcome::Failure;
use crate::probe::database::{Session, Table, TableName};
use crate::secret::{Message, message};

/// What there is of an object.
#[derive(Debug, Clone)]
pub(super) enum Found {
    There {
        /// The catalog's own spelling.
        name: String,
        table: Table,
        /// Was it somewhere else than where a statement looks first?
        is_elsewhere: bool,
    },
    /// There is none; what there is instead.
    Missing(Message),
    /// There are several, and nothing says which is meant.
    Ambiguous(Message),
}

/// Looks all objects up: one question, and two more where some are not where they are expected.
pub(super) async fn look_up(
    objects: &[Object],
    is_same_name: fn(&str, &str) -> bool,
    session: &mut dyn Session,
    context: &Context,
) -> Result<Vec<Found>, Failure> {
    // An object without a schema is looked for where the contract's servers are, and where a statement finds it.
    let mut asked = Vec::with_capacity(objects.len() * 2);
    for object in objects {
        let first = object.table.schema.clone().or_else(|| object.usual_schema.clone());
        asked.push(TableName { schema: first, name: object.table.name.clone() });
        asked.push(object.table.clone());
    }
    let mut described = session.describe(&asked, context).await?.into_iter();
    let mut found: Vec<Option<Found>> = Vec::with_capacity(objects.len());
    for object in objects {
        let [first, second] = [described.next().flatten(), described.next().flatten()];
        found.push(first.or(second).map(|table| Found::There {
            name: object.table.name.clone(),
            table,
            is_elsewhere: false,
        }));
    }
    let missing: Vec<usize> = (0..objects.len()).filter(|index| found[*index].is_none()).collect();
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|index| objects[*index].table.name.clone()).collect();
        let candidates = session.find(&names, context).await?;
        let choices: Vec<Result<TableName, Found>> = missing
            .iter()
            .zip(&candidates)
            .map(|(index, candidates)| choose(&objects[*index], candidates, is_same_name))
            .collect();
        let chosen: Vec<TableName> =
            choices.iter().filter_map(|choice| choice.as_ref().ok().cloned()).collect();
        let mut described =
            if chosen.is_empty() { Vec::new() } else { session.describe(&chosen, context).await? }
                .into_iter();
        for (index, choice) in missing.into_iter().zip(choices) {
            found[index] = Some(match choice {
                Err(nothing) => nothing,
                Ok(name) => match described.next().flatten() {
                    Some(table) => {
                        let is_elsewhere = objects[index].table.schema.is_none();
                        Found::There { name: name.name, table, is_elsewhere }
                    }
                    // It was dropped in between.
                    None => Found::Missing(message!("no such table or view")),
                },
            });
        }
    }
    let nothing = || Found::Missing(message!("no such table or view"));
    Ok(found.into_iter().map(|found| found.unwrap_or_else(nothing)).collect())
}

/// The one of `candidates` that is meant.
fn choose(
    object: &Object,
    candidates: &[TableName],
    is_same_name: fn(&str, &str) -> bool,
) -> Result<TableName, Found> {
    let schema_of = |candidate: &TableName| candidate.schema.clone().unwrap_or_default();
    let same = candidates.iter().filter(|candidate| is_same_name(&object.table.name, &candidate.name));
    let (here, elsewhere): (Vec<&TableName>, Vec<&TableName>) = match &object.table.schema {
        Some(schema) => same.partition(|candidate| is_same_name(schema, &schema_of(candidate))),
        None => (same.collect(), Vec::new()),
    };
    let listed = |tables: &[&TableName]| {
        let names: Vec<String> =
            tables.iter().take(5).map(|table| format!("`{}.{}`", schema_of(table), table.name)).collect();
        names.join(", ")
    };
    match here.as_slice() {
        [one] => Ok((*one).clone()),
        [] if !elsewhere.is_empty() => {
            Err(Found::Missing(message!("no such table or view there; there is {}", listed(&elsewhere))))
        }
        [] if !candidates.is_empty() => {
            let all: Vec<&TableName> = candidates.iter().collect();
            Err(Found::Missing(message!(
                "no such table or view; there is {}, in another spelling",
                listed(&all)
            )))
        }
        [] => Err(Found::Missing(message!("no such table or view"))),
        several => Err(Found::Ambiguous(message!("it is in several schemas: {}", listed(several)))),
    }
}
