//! Contracts of the Open Data Contract Standard, version 3, in YAML or JSON.
//!
//! Source: <https://bitol-io.github.io/open-data-contract-standard/>. The reader accepts documents as found in the
//! wild: a primary key is not null even beside `required: false`; a composite key often lacks `primaryKeyPosition` and
//! is then the set of its columns; a `physicalName` may include a schema.

use super::fields::{Fields, Findings};
use super::promise::{Column, Logical, Object, Promised, Unchecked, UniqueColumns};
use super::yaml::{self, Node, NodeValue};
use super::{agreement, quality};
use crate::language::diagnostic::{Diagnostic, closest};
use crate::probe::database::TableName;

/// The promises of a document and the mistakes in it.
pub(super) struct Read {
    /// The contract's own name, if any.
    pub name: Option<String>,
    /// `None` if the document cannot be understood at all.
    pub promised: Option<Promised>,
    pub findings: Findings,
}

/// Reads the contract in `text`, which is the content of the file with this number.
pub(super) fn read(text: &str, file: usize) -> Read {
    let mut findings = Findings::default();
    let root = match yaml::read(text, file) {
        Ok(root) => root,
        Err(mistake) => {
            findings.mistakes.push(mistake);
            return Read { name: None, promised: None, findings };
        }
    };
    let Some(mut fields) = Fields::of(&root, "a data contract", &mut findings) else {
        return Read { name: None, promised: None, findings };
    };
    let name = fields.text("name", &mut findings).map(str::to_owned);
    let is_one = is_contract(&mut fields, &mut findings).is_some();
    let promised = is_one.then(|| promised(fields, &root, &mut findings));
    Read { name, promised, findings }
}

/// Checks that the kind and version of the document are supported.
fn is_contract(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<()> {
    const HINT: &str = "smoke reads contracts of the Open Data Contract Standard: `kind: DataContract`, `apiVersion: v3.1.0`";
    let mut reject = |place, message: String| {
        findings.mistakes.push(Diagnostic::new(place, message).hint(HINT));
        None
    };
    if fields.get("dataContractSpecification").is_some() {
        let place = fields.key_place("dataContractSpecification");
        let mistake = "this is the Data Contract Specification, which is another standard".to_owned();
        return reject(place, mistake);
    }
    match (fields.get("kind"), fields.get("apiVersion")) {
        (Some(kind), _) if kind.text() != Some("DataContract") => {
            let found = kind.text().unwrap_or("something else");
            reject(kind.place, format!("expected `kind: DataContract`, found `{found}`"))
        }
        (_, Some(version)) => match version.text().map(|text| text.trim_start_matches('v')) {
            Some(text) if text == "3" || text.starts_with("3.") => Some(()),
            _ => {
                let found = version.text().unwrap_or("something else");
                reject(version.place, format!("expected `apiVersion: v3.…`, found `{found}`"))
            }
        },
        (_, None) => reject(fields.place(), "this file has no `apiVersion`".to_owned()),
    }
}

fn promised(mut fields: Fields<'_>, root: &Node, findings: &mut Findings) -> Promised {
    let mut promised = Promised { document: Some(root.to_json()), ..Promised::default() };
    let usual_schema = schema_of_servers(fields.get("servers"));
    for node in fields.list("schema", findings) {
        read_object(node, usual_schema.as_deref(), &mut promised, findings);
    }
    let agreements = fields.list("slaProperties", findings);
    let element = fields.get("slaDefaultElement");
    agreement::read(agreements, element, &mut promised, findings);
    fields.ignore(&[
        "version",
        "kind",
        "apiVersion",
        "id",
        "name",
        "tenant",
        "tags",
        "status",
        "dataProduct",
        "description",
        "domain",
        "support",
        "price",
        "team",
        "roles",
        "authoritativeDefinitions",
        "customProperties",
        "contractCreatedTs",
    ]);
    fields.finish(findings);
    let unknown = findings.unknown.iter().map(|unknown| Unchecked {
        object: None,
        column: None,
        group: "unknown field",
        which: Some(unknown.name.clone()),
        place: unknown.place,
    });
    promised.unchecked.extend(unknown);
    promised
}

/// Returns the schema of the contract's servers if they all name the same one. It is searched first.
fn schema_of_servers(servers: Option<&Node>) -> Option<String> {
    let Some(NodeValue::List(servers)) = servers.map(|node| &node.value) else { return None };
    let mut schemas = servers.iter().filter_map(|server| match &server.value {
        NodeValue::Map(entries) => {
            let schema = entries.iter().find(|(key, _)| key.name == "schema");
            schema.and_then(|(_, node)| node.text())
        }
        NodeValue::Scalar { .. } | NodeValue::List(_) => None,
    });
    let first = schemas.next()?;
    schemas.all(|schema| schema == first).then(|| first.to_owned())
}

/// Parses `schema.table`. Of a longer name, the last two parts count.
pub(super) fn table_name(written: &str) -> TableName {
    let mut parts = written.rsplit('.');
    let name = parts.next().unwrap_or(written);
    TableName { schema: parts.next().map(str::to_owned), name: name.to_owned() }
}

/// Whether the physical type is a table or a view.
fn is_table(physical_type: &str) -> bool {
    let lower = physical_type.to_lowercase();
    lower.contains("table") || lower.contains("view")
}

fn read_object(node: &Node, usual_schema: Option<&str>, promised: &mut Promised, findings: &mut Findings) {
    let Some(mut fields) = Fields::of(node, "a table", findings) else { return };
    let Some(name) = fields.text("name", findings) else {
        findings.mistake(fields.place(), "this object has no `name`");
        return;
    };
    let physical_name = fields.text("physicalName", findings).unwrap_or(name);
    let physical_type = fields.text("physicalType", findings).unwrap_or("table");
    let mut object = Object {
        name: name.to_owned(),
        table: table_name(physical_name),
        usual_schema: usual_schema.map(str::to_owned),
        place: fields.place(),
        columns: Vec::new(),
        keys: Vec::new(),
        may_be_empty: false,
        rows: None,
        fresh: Vec::new(),
        quality: Vec::new(),
        slice: None,
    };
    if !is_table(physical_type) {
        promised.unchecked.push(Unchecked {
            object: Some(name.to_owned()),
            column: None,
            group: "object that is no table",
            which: Some(physical_type.to_owned()),
            place: object.place,
        });
        return;
    }
    let mut primary: Vec<String> = Vec::new();
    let mut primary_place = None;
    for node in fields.list("properties", findings) {
        let Some(column) = read_column(node, &mut object, promised, findings) else { continue };
        if column.is_primary {
            primary.push(column.column.name.clone());
            primary_place.get_or_insert(column.key_place);
        }
        let twice = object.columns.iter().any(|known| known.name == column.column.name);
        if twice {
            findings.mistake(
                column.column.place,
                format!("there is another `{}` in this object", column.column.name),
            );
            continue;
        }
        object.columns.push(column.column);
    }
    if let Some(place) = primary_place {
        object.keys.insert(0, UniqueColumns { columns: primary, place, is_primary: true });
    }
    for node in fields.list("quality", findings) {
        quality::read(node, None, &mut object, promised, findings);
    }
    for node in fields.list("relationships", findings) {
        promised.unchecked.push(Unchecked {
            object: Some(object.name.clone()),
            column: None,
            group: "relationship",
            which: None,
            place: node.place,
        });
    }
    fields.ignore(&[
        "id",
        "logicalType",
        "description",
        "businessName",
        "authoritativeDefinitions",
        "tags",
        "customProperties",
        "dataGranularityDescription",
    ]);
    fields.finish(findings);
    promised.objects.push(object);
}

struct ReadColumn {
    column: Column,
    is_primary: bool,
    key_place: crate::language::source::Place,
}

fn read_column(
    node: &Node,
    object: &mut Object,
    promised: &mut Promised,
    findings: &mut Findings,
) -> Option<ReadColumn> {
    let mut fields = Fields::of(node, "a property", findings)?;
    let Some(name) = fields.text("name", findings) else {
        findings.mistake(fields.place(), "this property has no `name`");
        return None;
    };
    let physical = fields.text("physicalName", findings).unwrap_or(name).to_owned();
    let physical_type = fields.text("physicalType", findings).map(str::to_owned);
    let logical_type = fields.text("logicalType", findings);
    let logical_type = logical_type.and_then(|text| {
        let place = fields.key_place("logicalType");
        let logical = Logical::parse(text);
        if logical.is_none() {
            let warning = Diagnostic::new(place, format!("unknown `logicalType` `{text}`"));
            findings.warnings.push(match closest(text, Logical::names()) {
                Some(meant) => warning.label(format!("did you mean `{meant}`?")),
                None => warning,
            });
        }
        logical.map(|logical| (logical, place))
    });
    let is_primary = fields.is_true("primaryKey", findings);
    let is_required = fields.is_true("required", findings);
    let is_unique = fields.is_true("unique", findings);
    let key_place = fields.key_place("primaryKey");
    if is_unique && !is_primary {
        let place = fields.key_place("unique");
        object.keys.push(UniqueColumns { columns: vec![name.to_owned()], place, is_primary: false });
    }
    let required = match (is_required, is_primary) {
        (true, _) => Some(fields.key_place("required")),
        (false, true) => Some(key_place),
        (false, false) => None,
    };
    let mut unchecked = |group, place| {
        promised.unchecked.push(Unchecked {
            object: Some(object.name.clone()),
            column: Some(name.to_owned()),
            group,
            which: None,
            place,
        });
    };
    if let Some(options) = fields.get("logicalTypeOptions") {
        unchecked("`logicalTypeOptions`", options.place);
    }
    for relationship in fields.list("relationships", findings) {
        unchecked("relationship", relationship.place);
    }
    for nested in fields.list("properties", findings) {
        unchecked("nested property", nested.place);
    }
    if let Some(items) = fields.get("items") {
        unchecked("nested property", items.place);
    }
    let column = Column {
        name: name.to_owned(),
        physical,
        place: fields.place(),
        physical_type: physical_type.map(|text| (text, fields.key_place("physicalType"))),
        logical_type,
        required,
    };
    for node in fields.list("quality", findings) {
        quality::read(node, Some(name), object, promised, findings);
    }
    fields.ignore(&[
        "id",
        "primaryKeyPosition",
        "partitioned",
        "partitionKeyPosition",
        "classification",
        "encryptedName",
        "transformSourceObjects",
        "transformLogic",
        "transformDescription",
        "examples",
        "criticalDataElement",
        "description",
        "businessName",
        "authoritativeDefinitions",
        "tags",
        "customProperties",
    ]);
    fields.finish(findings);
    Some(ReadColumn { column, is_primary, key_place })
}
