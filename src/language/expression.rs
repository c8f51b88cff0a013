//! The expressions between `{{` and `}}`, in minijinja's syntax.

use std::borrow::Cow;
use std::sync::LazyLock;

use minijinja::value::{Kwargs, Value as Dynamic, ValueKind};
use minijinja::{Environment, State, UndefinedBehavior};
use regex::Regex;

use super::dynamic::{as_text, is_number};
use super::size::LARGEST;
use super::source::Place;
use super::variables::{Variables, first_part};
use crate::secret::placeholder::{self, Form, has_gap, has_placeholder, in_form, in_json};

/// The functions that an expression may call besides minijinja's filters.
pub const FUNCTIONS: [&str; 2] = ["uuid", "now"];

/// Everything except the characters that RFC 3986 calls unreserved.
const RESERVED_IN_URLS: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The most that one expression may read and make on its way, in bytes: a filter can make any amount of a few words.
const MOST_WORK: u64 = 2 * LARGEST as u64;

/// So many bytes take one of the library's fuel.
const BYTES_OF_FUEL: u64 = 64;

/// The filters whose work a shell can do on a secret. Each knows a placeholder for one.
const DONE_BY_A_SHELL: [&str; 3] = ["urlencode", "tojson", "b64encode"];

/// Creates the environment of expressions: minijinja's filters, `b64encode`, `uuid()` and `now()`.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(MOST_WORK / BYTES_OF_FUEL));
    environment.add_filter("b64encode", |value: Dynamic| {
        use base64::Engine as _;
        let text = as_text(&value);
        if has_placeholder(&text) {
            placeholder::in_base64(&text)
        } else {
            base64::engine::general_purpose::STANDARD.encode(text)
        }
    });
    // minijinja's own filter keeps `/`, which separates the parts of a URL.
    environment.add_filter("urlencode", |value: Dynamic| {
        let encoded = percent_encoding::utf8_percent_encode(&as_text(&value), RESERVED_IN_URLS).to_string();
        in_form(&encoded, Form::Url)
    });
    environment.add_filter(
        "tojson",
        |state: &State, value: Dynamic, indent: Option<Dynamic>, options: Kwargs| {
            let json = minijinja::filters::tojson(&value, indent, options)?;
            // To write JSON takes several times as long as to copy it.
            state.consume_fuel(json.as_str().map_or(0, |text| text.len() as u64) * 4 / BYTES_OF_FUEL)?;
            Ok::<_, minijinja::Error>(match json.as_str() {
                Some(text) if has_placeholder(text) => Dynamic::from_safe_string(in_json(text)),
                Some(_) | None => json,
            })
        },
    );
    environment.add_function("uuid", || uuid::Uuid::new_v4().to_string());
    environment.add_function("now", || jiff::Timestamp::now().to_string());
    environment
}

/// An expression in a template.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub source: String,
    pub place: Place,
    /// The variables it reads, such as `order` or `run.id`.
    pub reads: Vec<String>,
}

impl Expression {
    /// Evaluates the expression.
    ///
    /// # Errors
    /// Fails if the expression cannot be evaluated.
    pub fn eval(&self, scope: &Variables) -> Result<Dynamic, String> {
        if scope.is_for_people() && self.reads.iter().any(|name| scope.has_placeholder(first_part(name))) {
            return Ok(self.shown(scope));
        }
        let value = match is_name(&self.source).then(|| scope.value_of(&self.source)).flatten() {
            Some(value) => value,
            None => self.compute(scope)?,
        };
        // A boolean or a length is not secret, even if it derives from a secret.
        if !self.reads.is_empty() && !is_number(&value) && value.kind() != ValueKind::Bool {
            scope.hide_if_made_of_a_secret(&as_text(&value), &self.reads);
        }
        Ok(value)
    }

    /// Evaluates the expression on placeholders for secrets, if a shell can do the same with the secrets.
    fn shown(&self, scope: &Variables) -> Dynamic {
        let gap = || Dynamic::from(placeholder::gap(&self.source));
        if is_name(&self.source) {
            return scope.value_of(&self.source).unwrap_or_else(gap);
        }
        let values: Option<Vec<Dynamic>> = self.reads.iter().map(|name| scope.value_of(name)).collect();
        let is_whole = |value: &Dynamic| !has_gap(&as_text(value));
        if self.only_joins_and_encodes() && values.is_some_and(|values| values.iter().all(is_whole)) {
            self.compute(scope).unwrap_or_else(|_| gap())
        } else {
            gap()
        }
    }

    /// Whether it only joins variables and strings with `~`, and encodes them with filters that a shell can apply.
    fn only_joins_and_encodes(&self) -> bool {
        static WORD: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(\|\s*)?[\w.]+").expect("a sound pattern"));
        let without_texts = without_texts(&self.source);
        let is_known = |word: &str| match word.strip_prefix('|') {
            Some(filter) => DONE_BY_A_SHELL.contains(&filter.trim()),
            None => self.reads.iter().any(|name| name == word),
        };
        let has_no_other_signs =
            WORD.replace_all(&without_texts, "").chars().all(|c| c.is_whitespace() || "~()".contains(c));
        has_no_other_signs && WORD.find_iter(&without_texts).all(|word| is_known(word.as_str()))
    }

    fn compute(&self, scope: &Variables) -> Result<Dynamic, String> {
        scope
            .environment()
            .compile_expression(&self.source)
            .and_then(|compiled| compiled.eval(scope.context()))
            .and_then(|value| {
                if value.is_undefined() {
                    Err(minijinja::Error::from(minijinja::ErrorKind::UndefinedError))
                } else {
                    Ok(value)
                }
            })
            .map_err(|error| format!("`{{{{{}}}}}`: {}", shortened(&self.source), describe(&error)))
    }
}

/// As much of an expression as leaves room for what is said of it.
fn shortened(source: &str) -> Cow<'_, str> {
    const SHOWN: usize = 100;
    match source.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &source[..end]).into(),
        None => source.into(),
    }
}

/// The longest expression, without its strings and blanks. minijinja parses expressions recursively.
const LONGEST: usize = 500;

/// Replaces each quoted string in the expression with a blank.
fn without_texts(source: &str) -> Cow<'_, str> {
    static TEXT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"'[^'\\]*'|"[^"\\]*""#).expect("a sound pattern"));
    TEXT.replace_all(source, " ")
}

/// Whether the expression is only the name of a variable or of a part of one. Most are, and those need no compilation:
/// a suite of a thousand checks has thousands of them.
fn is_name(source: &str) -> bool {
    const OTHER_WORDS: [&str; 7] = ["true", "True", "false", "False", "none", "None", "not"];
    let is_word = |part: &str| {
        !part.starts_with(|c: char| c.is_ascii_digit())
            && !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    source.split('.').all(is_word) && !OTHER_WORDS.contains(&first_part(source))
}

/// Returns the variables that an expression reads, such as `order` or `run.id`.
///
/// # Errors
/// Fails if the expression does not compile.
pub(super) fn variables_in(source: &str, environment: &Environment<'_>) -> Result<Vec<String>, String> {
    if source.is_empty() {
        return Err("`{{ }}` without a name in it".to_owned());
    }
    if is_name(source) {
        let is_function = FUNCTIONS.contains(&source);
        return Ok(if is_function { Vec::new() } else { vec![source.to_owned()] });
    }
    let long = without_texts(source).chars().filter(|c| !c.is_whitespace()).count();
    if long > LONGEST {
        return Err(format!("an expression of more than {LONGEST} characters"));
    }
    let compiled = environment.compile_expression(source).map_err(|error| describe(&error))?;
    // minijinja reports an unknown filter only during evaluation.
    if let Some(unknown) = filters_in(source).find(|name| is_unknown_filter(name, environment)) {
        let meant = super::diagnostic::closest(unknown, FILTERS);
        let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Err(format!("there is no filter `{unknown}`{meant}"));
    }
    let mut reads: Vec<String> = compiled
        .undeclared_variables(true)
        .into_iter()
        .chain(sliced_in(source).map(str::to_owned))
        .filter(|name| !FUNCTIONS.contains(&name.as_str()))
        .collect();
    reads.sort();
    reads.dedup();
    Ok(reads)
}

/// Returns the names before a slice `[… : …]`, which minijinja ignores when it lists undeclared variables.
fn sliced_in(source: &str) -> impl Iterator<Item = &str> {
    static SLICED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"([A-Za-z_][\w.]*)(?:\s*\|\s*\w+)*\)*\s*\[[^\]'\x22]*:").expect("a sound pattern")
    });
    SLICED.captures_iter(source).filter_map(|found| Some(found.get(1)?.as_str()))
}

/// The filters that suites use most.
const FILTERS: [&str; 12] = [
    "urlencode",
    "tojson",
    "b64encode",
    "upper",
    "lower",
    "trim",
    "replace",
    "default",
    "join",
    "length",
    "int",
    "float",
];

/// Returns the names after each `|` of an expression.
fn filters_in(source: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let pipes = source.char_indices().filter(move |(_, c)| match quote {
        Some(open) if *c == open => {
            quote = None;
            false
        }
        Some(_) => false,
        None if *c == '"' || *c == '\'' => {
            quote = Some(*c);
            false
        }
        None => *c == '|',
    });
    pipes.map(|(at, _)| {
        let after = source[at + 1..].trim_start();
        after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
    })
}

fn is_unknown_filter(name: &str, environment: &Environment<'_>) -> bool {
    if FILTERS.contains(&name) {
        return false;
    }
    let compiled = environment.compile_expression_owned(format!("''|{name}"));
    let result = compiled.and_then(|compiled| compiled.eval(()));
    result.is_err_and(|error| error.kind() == minijinja::ErrorKind::UnknownFilter)
}

/// Returns the message of a minijinja error without its location in a template file.
fn describe(error: &minijinja::Error) -> String {
    if error.kind() == minijinja::ErrorKind::OutOfFuel {
        return format!("this reads and makes more than {} MiB", MOST_WORK >> 20);
    }
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::secret::Redactor;

    #[test]
    fn a_number_beside_a_secret_is_none_however_it_is_written() {
        let redactor = Arc::new(Redactor::default());
        redactor.add("hunter22").unwrap();
        let mut scope = Variables::empty(Arc::clone(&redactor));
        let order: Value =
            serde_json::from_str(r#"{ "pin": "hunter22", "price": 1999.90, "n": 2000 }"#).unwrap();
        scope.set("order", &order);
        for (name, text) in [("order.price", "1999.90"), ("order.n", "2000")] {
            let expression =
                Expression { source: name.into(), place: Place::new(0, 0..0), reads: vec![name.into()] };
            assert_eq!(as_text(&expression.eval(&scope).unwrap()), text);
            assert_eq!(redactor.clean(text), text);
        }
    }

    #[test]
    fn a_name_is_read_as_the_compiler_would_read_it() {
        let mut scope = Variables::empty(Arc::default());
        scope.set("order", &json!({ "id": 7, "lines": [1, 2], "none": null }));
        scope.set("true", &json!("a variable"));
        for source in [
            "order",
            "order.id",
            "order.lines.x",
            "order.none",
            "order.missing",
            "order.missing.x",
            "missing",
            "missing.x",
            "true",
            "True.x",
            "none",
            "not",
            "uuid",
            "range",
            "order.true",
            "in",
            "1.5",
            "order.",
            "order..id",
        ] {
            let by_compiler = scope.environment().compile_expression(source).map(|compiled| {
                let reads = compiled.undeclared_variables(true).into_iter();
                reads.filter(|name| !FUNCTIONS.contains(&name.as_str())).collect::<Vec<_>>()
            });
            assert_eq!(variables_in(source, scope.environment()).ok(), by_compiler.ok(), "{source}");

            let expression = Expression { source: source.into(), place: Place::new(0, 0..0), reads: vec![] };
            let text = |value: Result<Dynamic, String>| value.map(|value| as_text(&value));
            assert_eq!(text(expression.eval(&scope)), text(expression.compute(&scope)), "{source}");
        }
    }
}
