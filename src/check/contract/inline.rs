//! Promises made in the suite itself, without a contract document.
//!
//! ```toml
//! [[contract.table]]
//! name = "mart.orders"
//! columns = { order_id = "bigint", ordered_at = "timestamptz" }
//! key = ["order_id"]
//! fresh = { column = "ordered_at", within = "2h" }
//! ```

use std::time::Duration;

use super::odcs::table_name;
use super::promise::{Column, Fresh, Object, UniqueColumns};
use crate::expect::rows::RowCount;
use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::read::{FromTable, Named, Table};

/// A `[[contract.table]]` table.
#[derive(Debug, Clone)]
pub(super) struct InlineTable(pub Object);

impl FromTable for InlineTable {
    const DEFINITION: &'static str = "contract-table";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let name: Option<String> =
            table.required("name", ("table or view, with its schema or without", r#"name = "mart.orders""#));
        let types: Vec<(Named, String)> = table
            .optional(
                "columns",
                ("columns that it must have, with their types", r#"columns = { order_id = "bigint" }"#),
            )
            .unwrap_or_default();
        let key: Option<Vec<Named>> = table.optional(
            "key",
            ("columns that no two rows have in common, and that are not null", r#"key = ["order_id"]"#),
        );
        let required: Vec<Named> = table
            .optional("required", ("columns that are not null", r#"required = ["ordered_at"]"#))
            .unwrap_or_default();
        let fresh: Option<Placed<FreshKeys>> = table.placed(
            "fresh",
            (
                "how old the newest row may be, by the database's clock",
                r#"fresh = { column = "ordered_at", within = "2h" }"#,
            ),
        );
        let rows: Option<RowCount> = table
            .optional("rows", ("the number of rows; by default it must not be empty", "rows = { min = 1 }"));
        let place = table.key_place("name");
        let key_place = table.key_place("key");
        let name = name?;
        let mut columns: Vec<Column> = types
            .into_iter()
            .map(|(named, text)| Column {
                physical: named.name.clone(),
                name: named.name,
                place: named.place,
                physical_type: Some((text, named.place)),
                logical_type: None,
                required: None,
            })
            .collect();
        // A column that is named anywhere must exist.
        let mut named = |Named { name, place }: &Named, is_required: bool| {
            let at = columns.iter().position(|column| column.name == *name).unwrap_or_else(|| {
                columns.push(Column {
                    name: name.clone(),
                    physical: name.clone(),
                    place: *place,
                    physical_type: None,
                    logical_type: None,
                    required: None,
                });
                columns.len() - 1
            });
            if is_required {
                columns[at].required.get_or_insert(*place);
            }
        };
        for column in &required {
            named(column, true);
        }
        let key = key.unwrap_or_default();
        for column in &key {
            named(column, true);
        }
        if let Some(fresh) = &fresh {
            named(&fresh.value.column, false);
        }
        let keys = if key.is_empty() {
            Vec::new()
        } else {
            vec![UniqueColumns {
                columns: key.into_iter().map(|column| column.name).collect(),
                place: key_place,
                is_primary: true,
            }]
        };
        let fresh = fresh.map(|Placed { place, value }| Fresh {
            column: value.column.name,
            within: value.within,
            by: "fresh".to_owned(),
            place,
        });
        Some(InlineTable(Object {
            table: table_name(&name),
            name,
            usual_schema: None,
            place,
            columns,
            keys,
            may_be_empty: false,
            rows,
            fresh: fresh.into_iter().collect(),
            quality: Vec::new(),
            slice: None,
        }))
    }
}

/// The key `fresh`.
#[derive(Debug, Clone)]
struct FreshKeys {
    column: Named,
    within: Duration,
}

impl FromTable for FreshKeys {
    const DEFINITION: &'static str = "contract-fresh";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let column: Option<Named> =
            table.required("column", ("column that says when a row came in", r#"column = "ordered_at""#));
        let within: Option<Duration> =
            table.required("within", ("the oldest that its newest value may be", r#"within = "2h""#));
        Some(FreshKeys { column: column?, within: within? })
    }
}

/// Records duplicate tables.
pub(super) fn unique(tables: &[InlineTable], table: &mut Table<'_, '_, '_>) -> Option<()> {
    let mut all_differ = true;
    for (index, InlineTable(object)) in tables.iter().enumerate() {
        if tables[..index].iter().any(|InlineTable(other)| other.name == object.name) {
            all_differ = false;
            let mistake = format!("there is another table `{}` in this contract", object.name);
            let _: Option<()> = table.parse.reject(Diagnostic::new(object.place, mistake));
        }
    }
    all_differ.then_some(())
}
