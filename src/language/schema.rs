//! The suite's JSON Schema (draft 2020-12), for editors.
//!
//! This file lists no keys. It asks the readers what they would read, so a new key, kind or type is described
//! automatically.

use minijinja::Environment;
use serde_json::{Map, Value, json};

use super::table::{Asked, Key, NamedTable, Rule, Shape, Table, asked_by};

/// A JSON Schema, or a part of one.
pub type Schema = Value;

/// The named schemas, each created at its first reference.
pub struct Definitions<'e> {
    environment: &'e Environment<'static>,
    made: Map<String, Value>,
    /// What the tables of a name must have where no defaults say it, by the name.
    whole: Vec<(&'static str, Schema)>,
}

impl<'e> Definitions<'e> {
    pub fn new(environment: &'e Environment<'static>) -> Definitions<'e> {
        Definitions { environment, made: Map::new(), whole: Vec::new() }
    }

    /// Returns the named schemas by name.
    pub fn into_made(self) -> Map<String, Value> {
        self.made
    }

    /// What the file as a whole must be like: what a check must have is no mistake of it where the file's defaults may
    /// say it.
    pub fn whole(&mut self) -> Vec<Schema> {
        let has_no_defaults = |name: &str| {
            let has = json!({
                "required": ["defaults"],
                "properties": { "defaults": { "required": [name] } },
            });
            json!({ "not": has, "properties": { "env": { "additionalProperties": { "not": has } } } })
        };
        let whole = std::mem::take(&mut self.whole).into_iter();
        let rules = whole.map(|(name, whole)| {
            json!({
                "if": has_no_defaults(name),
                "then": { "properties": { name: { "type": "array", "items": whole } } },
            })
        });
        rules.collect()
    }

    /// A reference to the schema called `name`, which `make` makes.
    pub fn define(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Schema) -> Schema {
        if !self.made.contains_key(name) {
            // Registered before it is created, because matchers contain matchers.
            self.made.insert(name.to_owned(), Value::Null);
            let schema = make(self);
            self.made.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// Returns a reference to the table `name`, with the keys that `read` asks for.
    pub fn table(&mut self, name: &str, read: impl Fn(&mut Table<'_, '_, '_>)) -> Schema {
        self.define(name, |definitions| definitions.object(read))
    }

    /// Returns a table with the keys that `read` asks for.
    pub fn object(&mut self, read: impl Fn(&mut Table<'_, '_, '_>)) -> Schema {
        let plain = asked_by(&read, None, self.environment);
        if plain.variants.is_empty() {
            return self.described(plain);
        }
        let names: Vec<&'static str> = plain.variants.iter().map(|key| key.name).collect();
        let mut schema = self.described(plain);
        for name in names {
            let asked = asked_by(&read, Some(name), self.environment);
            let mut variant = json!({ "title": format!("with {name}") });
            merge(&mut variant, self.described(asked));
            // For editors that complete keys but ignore `then` and `else`.
            let properties = self.either(&variant["properties"], &schema["properties"]);
            schema = json!({
                "type": "object",
                "properties": properties,
                "if": { "required": [name] },
                "then": variant,
                "else": schema,
            });
        }
        schema
    }

    /// Returns the properties of a value that is one of two tables. If they define a key differently, either value is
    /// accepted, because the properties do not say which table applies.
    fn either(&self, one: &Schema, other: &Schema) -> Schema {
        let mut all = one.clone();
        for (key, schema) in other.as_object().into_iter().flatten() {
            match all.get(key) {
                Some(known) if known == schema => {}
                Some(known) => all[key] = self.lenient(known, schema),
                None => all[key] = schema.clone(),
            }
        }
        all
    }

    fn lenient(&self, one: &Schema, other: &Schema) -> Schema {
        let description = |schema: &Schema| schema["description"].as_str().unwrap_or_default().to_owned();
        let mut lenient =
            json!({ "description": format!("{}; or {}", description(one), description(other)) });
        if let (Some(one), Some(other)) = (self.properties(one), self.properties(other)) {
            lenient["properties"] = self.either(&one, &other);
        }
        lenient
    }

    /// Every table lists all of its keys, including the common ones: current editors do not support
    /// `unevaluatedProperties`, and `additionalProperties` sees only the properties of its own table.
    fn described(&mut self, asked: Asked) -> Schema {
        let mut properties = Map::new();
        for key in &asked.keys {
            let mut property = self.property(key);
            if let Some(example) = key.doc.example.and_then(|example| example_of(key.name, example)) {
                property["examples"] = json!([example]);
            }
            let default = asked.defaults.iter().find(|(name, _)| *name == key.name);
            if let Some((_, default)) = default {
                property["default"] = default.clone();
            }
            properties.insert(key.name.to_owned(), property);
        }
        let required: Vec<&str> =
            asked.keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
        let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        for rule in asked.rules {
            add_rule(&mut object, rule);
        }
        object
    }

    fn property(&mut self, key: &Key) -> Schema {
        let mut property = json!({ "description": key.doc.meaning });
        let mut schema = match key.shape {
            Shape::Value(schema) => schema(self),
            Shape::Tables(of) => self.array(of),
            Shape::PartOf(of) => {
                property["examples"] = json!([{ "budget": "10s" }]);
                self.part(of)
            }
        };
        for or in &key.or_shapes {
            let or = or(self);
            schema = self.any_of(schema, &or);
        }
        merge(&mut property, schema);
        property
    }

    /// What is either of two schemas: of two tables one table, with the keys of both. Tables with names of their own are
    /// kept apart, so that the keys of each are found under its name, unless one has all the keys of the other.
    fn any_of(&self, one: Schema, other: &Schema) -> Schema {
        if let (true, Some(others)) = (self.are_tables(&one), self.properties(other)) {
            let mut tables = one["anyOf"].as_array().cloned().unwrap_or_else(|| vec![one]);
            let has_all = |table: &Schema| {
                self.properties(table).is_some_and(|keys| self.either(&keys, &others) == keys)
            };
            if !tables.iter().any(has_all) {
                tables.push(other.clone());
            }
            return if tables.len() == 1 { tables.remove(0) } else { json!({ "anyOf": tables }) };
        }
        let properties =
            |schema: &Schema| self.properties(schema).or_else(|| schema.get("properties").cloned());
        match (properties(&one), properties(other)) {
            _ if one == *other => one,
            (Some(ones), Some(others)) => match self.either(&ones, &others) {
                all if all == ones => one,
                all => json!({ "type": "object", "properties": all, "additionalProperties": false }),
            },
            (_, _) => json!({ "anyOf": [one, other] }),
        }
    }

    /// Is it a table that has a name, or one of several?
    fn are_tables(&self, schema: &Schema) -> bool {
        match schema["anyOf"].as_array() {
            Some(tables) => tables.iter().all(|table| self.properties(table).is_some()),
            None => self.properties(schema).is_some(),
        }
    }

    /// The properties of a table that has a name.
    fn properties(&self, schema: &Schema) -> Option<Schema> {
        let name = schema["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        self.made.get(name)?.get("properties").cloned()
    }

    fn array(&mut self, of: &'static dyn NamedTable) -> Schema {
        let items = self.table(of.name(), |table| of.ask(table));
        if let Some(own) = of.own_keys() {
            self.split_whole(of.name(), own);
        }
        json!({ "type": "array", "items": items })
    }

    /// Takes out of the table called `name` what defaults can give it.
    fn split_whole(&mut self, name: &'static str, own: &[&str]) {
        let Some(Value::Object(table)) = self.made.get_mut(name) else { return };
        let mut whole = Map::new();
        if let Some(Value::Array(required)) = table.get_mut("required") {
            let is_own = |key: &Value| key.as_str().is_some_and(|key| own.contains(&key));
            let others: Vec<Value> = required.iter().filter(|key| !is_own(key)).cloned().collect();
            required.retain(is_own);
            whole.insert("required".to_owned(), Value::Array(others));
        }
        whole.extend(table.remove("allOf").map(|rules| ("allOf".to_owned(), rules)));
        self.whole.push((name, Value::Object(whole)));
    }

    /// One table with some of the keys that such a table has.
    fn part(&mut self, of: &'static dyn NamedTable) -> Schema {
        let mut asked = asked_by(|table| of.ask(table), None, self.environment);
        asked.keys.retain(|key| !of.own_keys().unwrap_or_default().contains(&key.name));
        asked.keys.iter_mut().for_each(|key| key.is_required = false);
        asked.rules.clear();
        asked.defaults.clear();
        self.described(asked)
    }
}

fn add_rule(object: &mut Schema, rule: Rule) {
    let required = |keys: &[&str]| json!({ "required": keys });
    match rule {
        Rule::ExactlyOne(keys) => {
            let each: Vec<Schema> = keys.iter().map(|key| required(&[key])).collect();
            all_of(object).push(json!({ "oneOf": each }));
        }
        Rule::AtLeastOne(keys) => {
            let each: Vec<Schema> = keys.iter().map(|key| required(&[key])).collect();
            all_of(object).push(json!({ "anyOf": each }));
        }
        Rule::AtMostOne(keys) => {
            let pairs = keys.iter().enumerate();
            let pairs = pairs.flat_map(|(number, a)| keys[number + 1..].iter().map(|b| required(&[a, b])));
            let pairs: Vec<Schema> = pairs.collect();
            all_of(object).push(json!({ "not": { "anyOf": pairs } }));
        }
        Rule::NotEmpty => object["minProperties"] = json!(1),
        // Equivalent to `dependentRequired`, which Taplo does not support.
        Rule::Needs(key, other) => {
            all_of(object).push(json!({ "anyOf": [{ "not": required(&[key]) }, required(&[other])] }));
        }
        Rule::Filled(key) => object["properties"][key]["minItems"] = json!(1),
        Rule::NamesLike(key, pattern) => {
            object["properties"][key]["propertyNames"] = json!({ "pattern": pattern });
        }
    }
}

fn all_of(object: &mut Schema) -> &mut Vec<Schema> {
    let all = &mut object["allOf"];
    if all.is_null() {
        *all = json!([]);
    }
    match all {
        Value::Array(all) => all,
        _ => unreachable!("`allOf` is an array"),
    }
}

/// Returns the value of the key in `example`, as JSON.
fn example_of(key: &str, example: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(example).ok()?;
    as_json(table.get(key)?)
}

fn as_json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(boolean) => Value::from(*boolean),
        toml::Value::Datetime(date) => Value::from(date.to_string()),
        toml::Value::Array(items) => items.iter().map(as_json).collect::<Option<Vec<Value>>>()?.into(),
        toml::Value::Table(keys) => {
            let members = keys.iter().map(|(key, value)| Some((key.clone(), as_json(value)?)));
            Value::Object(members.collect::<Option<Map<String, Value>>>()?)
        }
    })
}

/// Adds the keywords of `more`.
pub fn merge(schema: &mut Schema, more: Schema) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}
