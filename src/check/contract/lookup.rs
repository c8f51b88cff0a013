//! Lookup of the database table for each object of a contract.

use super::promise::Object;
use crate::attempt::Context;
use crate::outcome::Failure;
use crate::probe::database::{Session, Table, TableName};
use crate::secret::{Message, message};

/// The result of looking up an object.
#[derive(Debug, Clone)]
pub(super) enum Found {
    There {
        /// The name as the catalog spells it.
        name: String,
        table: Table,
        /// Whether the table is outside the schemas that an unqualified name resolves to.
        is_elsewhere: bool,
    },
    /// The table does not exist; the message says what was found instead.
    Missing(Message),
    /// Several tables match, and nothing says which one is meant.
    Ambiguous(Message),
}

/// Looks up all objects: one query, plus two more if some are not where they are expected.
pub(super) async fn look_up(
    objects: &[Object],
    is_same_name: fn(&str, &str) -> bool,
    session: &mut dyn Session,
    context: &Context,
) -> Result<Vec<Found>, Failure> {
    // An object without a schema is looked up in the schema of the contract's servers first, then wherever an
    // unqualified name resolves.
    let usual = |object: &Object| {
        let schema = object.usual_schema.clone().filter(|_| object.table.schema.is_none())?;
        Some(TableName { schema: Some(schema), name: object.table.name.clone() })
    };
    let mut asked: Vec<TableName> = objects.iter().map(|object| object.table.clone()).collect();
    asked.extend(objects.iter().filter_map(usual));
    let mut described = session.describe(&asked, context).await?;
    let mut in_usual_schemas = described.split_off(objects.len()).into_iter();
    let mut found: Vec<Option<Found>> = Vec::with_capacity(objects.len());
    for (object, by_name) in objects.iter().zip(described) {
        let in_usual_schema = usual(object).and_then(|_| in_usual_schemas.next().flatten());
        let table = in_usual_schema.or(by_name);
        let name = object.table.name.clone();
        found.push(table.map(|table| Found::There { name, table, is_elsewhere: false }));
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
                    // The table was dropped in between.
                    None => Found::Missing(message!("no such table or view")),
                },
            });
        }
    }
    let nothing = || Found::Missing(message!("no such table or view"));
    Ok(found.into_iter().map(|found| found.unwrap_or_else(nothing)).collect())
}

/// Returns the one of `candidates` that `object` means.
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
