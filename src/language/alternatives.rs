//! One table that is one of several things, such as a health check of one protocol or another.
//!
//! Each reader sees the same table. What is wrong with it for one of them does not matter where it is meant for another,
//! and which one that is may be known only once the variables have their values: so the mistakes of each are kept
//! apart. A key that one reader asks for and another does not is no unknown key: it does not apply.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::source::Place;
use super::table::{Asked, Missing, Shape, Table};

/// One way to read a table.
pub struct Alternative<'a, T> {
    /// What the table is then, with its article: "a `tcp://` check".
    pub what: &'a str,
    pub read: &'a dyn Fn(&mut Table<'_, '_, '_>) -> Option<T>,
}

struct Reading<T> {
    value: Option<T>,
    asked: Asked,
    missing: Vec<Missing>,
    mistakes: Vec<Diagnostic>,
}

impl Table<'_, '_, '_> {
    /// Reads the table in each of the ways, and says what came of each: the value, or what is wrong. Nothing is
    /// recorded as a mistake yet.
    pub fn read_as<T>(&mut self, alternatives: &[Alternative<'_, T>]) -> Vec<Result<T, Vec<Diagnostic>>> {
        let mut readings: Vec<Reading<T>> = alternatives.iter().map(|way| self.read_once(way.read)).collect();
        let foreign: Vec<Vec<Diagnostic>> = (0..readings.len())
            .map(|index| self.keys_of_others(index, &readings, alternatives[index].what))
            .collect();
        for (index, way) in alternatives.iter().enumerate() {
            let renamed = self.inapplicable(index, &readings, way.what);
            for (number, message) in renamed {
                let unknown = &mut readings[index].mistakes[number];
                *unknown = Diagnostic { message, hint: None, label: String::new(), ..unknown.clone() };
            }
        }
        let mut results = Vec::with_capacity(readings.len());
        for (reading, foreign) in readings.into_iter().zip(foreign) {
            self.take_over(reading.asked);
            let mut mistakes = reading.mistakes;
            mistakes.extend(foreign);
            mistakes.extend(reading.missing.into_iter().map(|missing| missing.diagnostic));
            results.push(match reading.value {
                Some(value) if mistakes.is_empty() => Ok(value),
                Some(_) | None => Err(mistakes),
            });
        }
        results
    }

    fn read_once<T>(&mut self, read: &dyn Fn(&mut Table<'_, '_, '_>) -> Option<T>) -> Reading<T> {
        let before = std::mem::take(&mut self.parse.diagnostics);
        let mut table = self.again();
        let value = read(&mut table);
        let Table { asked, missing, .. } = table;
        let mistakes = std::mem::replace(&mut self.parse.diagnostics, before);
        Reading { value, asked, missing, mistakes }
    }

    /// A mistake for each key that the reader at `index` does not ask for, though another does.
    fn keys_of_others<T>(&self, index: usize, readings: &[Reading<T>], what: &str) -> Vec<Diagnostic> {
        let asks = |asked: &Asked, given: &str| asked.keys.iter().any(|key| key.name == given);
        self.keys
            .keys()
            .filter(|key| {
                let given = key.get_ref().as_ref();
                !asks(&readings[index].asked, given)
                    && !asks(&self.asked, given)
                    && readings.iter().any(|reading| asks(&reading.asked, given))
            })
            .map(|key| {
                let place = self.parse.place(key.span());
                let mistake = Diagnostic::new(place, does_not_apply(key.get_ref(), what));
                Diagnostic { unknown_key: Some(key.get_ref().to_string()), ..mistake }
            })
            .collect()
    }

    /// The mistakes of the reader at `index` that are keys which another knows, each with its new message.
    fn inapplicable<T>(&self, index: usize, readings: &[Reading<T>], what: &str) -> Vec<(usize, String)> {
        let calls_unknown = |reading: &Reading<T>, place: Option<Place>| {
            reading.mistakes.iter().any(|mistake| mistake.unknown_key.is_some() && mistake.place == place)
        };
        let inside = |place: Option<Place>| {
            let mut keys = self.keys.iter();
            let found = keys.find(|(_, value)| place.is_some_and(|place| has_key_at(value.get_ref(), place)));
            found.map(|(key, _)| key.get_ref().as_ref())
        };
        let unknown = readings[index].mistakes.iter().enumerate();
        unknown
            .filter_map(|(number, mistake)| {
                let (key, inside) = (mistake.unknown_key.as_deref()?, inside(mistake.place)?);
                let known = readings.iter().any(|other| {
                    other.asked.keys.iter().any(|asked| asked.name == inside)
                        && !calls_unknown(other, mistake.place)
                });
                known.then(|| (number, does_not_apply(key, what)))
            })
            .collect()
    }

    /// Whatever one of the readers asks for, the table is asked for.
    fn take_over(&mut self, asked: Asked) {
        let describing = self.is_described();
        for key in asked.keys {
            match self.asked.keys.iter_mut().find(|known| known.name == key.name) {
                Some(known) => {
                    if let (true, Shape::Value(shape)) = (describing, key.shape) {
                        known.or_shapes.push(shape);
                    }
                }
                None => self.asked.keys.push(key),
            }
        }
        for (key, default) in asked.defaults {
            if self.asked.defaults.iter().all(|(known, _)| *known != key) {
                self.asked.defaults.push((key, default));
            }
        }
        self.asked.variants.extend(asked.variants);
        self.asked.rules.extend(asked.rules);
    }
}

/// Is there a key at `place`, at any depth?
fn has_key_at(value: &DeValue<'_>, place: Place) -> bool {
    match value {
        DeValue::Table(keys) => keys
            .iter()
            .any(|(key, value)| key.span().start == place.start || has_key_at(value.get_ref(), place)),
        DeValue::Array(items) => items.iter().any(|item| has_key_at(item.get_ref(), place)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => false,
    }
}

fn does_not_apply(key: &str, what: &str) -> String {
    format!("`{key}` does not apply to {what}")
}
