//! Reading a contract's promises, from one document, several documents, or the suite itself, and the suite's settings
//! for their objects.

use std::path::Path;

use globset::{Glob, GlobMatcher};
use toml::Spanned;
use toml::de::DeValue;

use super::Document;
use super::files::matching;
use super::inline::{self, InlineTable};
use super::odcs;
use super::promise::{Object, Promised};
use crate::language::diagnostic::{Diagnostic, SuiteError};
use crate::language::io_error;
use crate::language::read::{FromToml, Named, ParseContext, Table};
use crate::language::regular_file;
use crate::language::schema::{Definitions, Schema};
use crate::language::source::{Place, Sources};
use crate::language::sql::STANDARD;
use crate::language::template::Template;

/// The size of the largest document that is read.
const LARGEST: u64 = 8 << 20;

/// Reads the documents of a table. Returns them with whether each is a check of its own, and with the place of the key
/// that names them.
pub(super) fn documents(table: &mut Table<'_, '_, '_>) -> Option<(Vec<Document>, bool, Place)> {
    let reads_before = table.parse.settings.reads.len();
    let file: Option<Named> = path(
        table,
        "file",
        (
            "contract of the Open Data Contract Standard 3, in YAML or JSON",
            r#"file = "contracts/orders.odcs.yaml""#,
        ),
    );
    let files: Option<Named> = path(
        table,
        "files",
        (
            "the same for all files that match: one check for each, named after its contract",
            r#"files = "contracts/*.odcs.yaml""#,
        ),
    );
    // The file may depend on the environment: mistakes do not count if the file may be valid in another environment.
    let is_other_file = table.parse.settings.reads.len() > reads_before && !table.parse.is_environment_known;
    let tables: Option<Vec<InlineTable>> = table.optional("table", "promises without a contract document");
    let objects: Option<Vec<Named>> = table.optional(
        "objects",
        ("only these objects of the contract; by default all", r#"objects = ["orders", "customers"]"#),
    );
    let slices: Vec<(Named, Template)> = table
        .optional(
            "where",
            (
                "an SQL condition for an object: scans of it look at these rows only",
                r#"where = { orders = "ordered_at >= now() - interval '2 days'" }"#,
            ),
        )
        .unwrap_or_default();
    let may_be_empty: Vec<ObjectGlob> = table
        .optional(
            "allow-empty",
            ("objects that may have no rows; `*` matches any text", r#"allow-empty = ["refunds"]"#),
        )
        .unwrap_or_default();
    let source = table.exactly_one(
        &["file", "files", "table"],
        "a contract has a `file`, or `files`, or promises of its own: `[[contract.table]]`",
    )?;
    table.filled("table", "a contract without a table promises nothing")?;
    let target = table.key_place(source);
    let mut documents = match source {
        "file" => {
            let file = file?;
            let before = table.parse.diagnostics.len();
            let document = read_file(Path::new(&file.name), file.place, table.parse);
            if is_other_file {
                table.parse.diagnostics.truncate(before);
            }
            vec![document?]
        }
        "files" => {
            let before = table.parse.diagnostics.len();
            let documents = read_files(&files?, table.parse);
            if is_other_file {
                table.parse.diagnostics.truncate(before);
            }
            documents?
        }
        _ => {
            let tables = tables?;
            inline::unique(&tables, table)?;
            let objects = tables.into_iter().map(|InlineTable(object)| object).collect();
            vec![Document { name: String::new(), promised: Promised { objects, ..Promised::default() } }]
        }
    };
    if let Some(objects) = &objects {
        select(objects, &mut documents, table.parse)?;
    }
    for (named, condition) in slices {
        if condition.quotes_an_expression(STANDARD) {
            let mistake =
                Diagnostic::new(condition.place(), "a variable inside an SQL string literal is not bound");
            return table
                .parse
                .reject(mistake.hint("remove the quotes: a variable in SQL is a bound parameter"));
        }
        for object in called(&named, &mut documents, table.parse)? {
            object.slice = Some(condition.clone());
        }
    }
    let all = documents.iter_mut().flat_map(|document| &mut document.promised.objects);
    for object in all {
        let names = [object.name.clone(), object.physical_name()];
        object.may_be_empty =
            may_be_empty.iter().any(|ObjectGlob(glob)| names.iter().any(|name| glob.is_match(name)));
    }
    Some((documents, source == "files", target))
}

/// Reads a path. It is a setting, so it is rendered before anything is read.
fn path(
    table: &mut Table<'_, '_, '_>,
    key: &'static str,
    doc: (&'static str, &'static str),
) -> Option<Named> {
    let name: Option<String> = table.optional(key, doc);
    let place = table.key_place(key);
    name.map(|name| Named { name, place })
}

/// Returns the objects with this name. If no document has one, that is a mistake.
fn called<'d>(
    named: &Named,
    documents: &'d mut [Document],
    parse: &mut ParseContext<'_>,
) -> Option<Vec<&'d mut Object>> {
    let names: Vec<String> = all_names(documents);
    // The contract's own names take precedence.
    let by_name = documents
        .iter()
        .any(|document| document.promised.objects.iter().any(|object| object.name == named.name));
    let is_it = |object: &&mut Object| {
        if by_name { object.name == named.name } else { object.is_called(&named.name) }
    };
    let objects = documents.iter_mut().flat_map(|document| &mut document.promised.objects);
    let found: Vec<&mut Object> = objects.filter(is_it).collect();
    if !found.is_empty() {
        return Some(found);
    }
    let mistake =
        Diagnostic::new(named.place, format!("there is no object `{}` in the contract", named.name));
    parse.reject(mistake.did_you_mean(&named.name, names.iter().map(String::as_str)))
}

fn all_names(documents: &[Document]) -> Vec<String> {
    let objects = documents.iter().flat_map(|document| &document.promised.objects);
    objects.map(|object| object.name.clone()).collect()
}

/// Keeps only these objects, and the documents that contain one of them.
fn select(objects: &[Named], documents: &mut Vec<Document>, parse: &mut ParseContext<'_>) -> Option<()> {
    let mut kept: Vec<String> = Vec::new();
    for named in objects {
        let found = called(named, documents, parse)?;
        kept.extend(found.into_iter().map(|object| object.name.clone()));
    }
    for document in documents.iter_mut() {
        let dropped: Vec<String> = document
            .promised
            .objects
            .iter()
            .map(|object| object.name.clone())
            .filter(|name| !kept.contains(name))
            .collect();
        let promised = &mut document.promised;
        promised.objects.retain(|object| kept.contains(&object.name));
        // Unchecked statements about an object that was not selected are not reported.
        promised
            .unchecked
            .retain(|other| other.object.as_ref().is_none_or(|object| !dropped.contains(object)));
    }
    documents.retain(|document| !document.promised.objects.is_empty());
    Some(())
}

fn read_files(pattern: &Named, parse: &mut ParseContext<'_>) -> Option<Vec<Document>> {
    let paths = match matching(&parse.folder, &pattern.name) {
        Ok(paths) => paths,
        Err(reason) => {
            let mistake = format!("`{}` is not a pattern: {reason}", pattern.name);
            return parse.reject(Diagnostic::new(pattern.place, mistake));
        }
    };
    if paths.is_empty() {
        let mistake = Diagnostic::new(pattern.place, format!("no file matches `{}`", pattern.name));
        return parse.reject(mistake.hint("a relative pattern starts in the folder of the suite"));
    }
    let read: Vec<Option<Document>> =
        paths.iter().map(|path| read_file(path, pattern.place, parse)).collect();
    let documents: Vec<Document> = read.into_iter().collect::<Option<_>>()?;
    for (index, document) in documents.iter().enumerate() {
        if let Some(other) = documents[..index].iter().position(|other| other.name == document.name) {
            let (first, second) = (paths[other].display(), paths[index].display());
            let mistake = format!("`{first}` and `{second}` have the same name, `{}`", document.name);
            let hint = "each contract is a check, called by its `name`: names must be unique";
            return parse.reject(Diagnostic::new(pattern.place, mistake).hint(hint));
        }
    }
    Some(documents)
}

/// Reads one document, which is named at `place`. Mistakes in the document have their own places.
fn read_file(path: &Path, place: Place, parse: &mut ParseContext<'_>) -> Option<Document> {
    let whole = parse.folder.join(path);
    let cannot = |reason: String| {
        let mistake = Diagnostic::new(place, format!("cannot read `{}`: {reason}", path.display()));
        if path.is_absolute() {
            mistake
        } else {
            mistake.hint("a relative path starts in the folder of the suite")
        }
    };
    if std::fs::metadata(&whole).is_ok_and(|metadata| metadata.len() > LARGEST) {
        return parse.reject(Diagnostic::new(
            place,
            format!("`{}` is larger than {} MiB: no contract is", path.display(), LARGEST >> 20),
        ));
    }
    let text = match regular_file::read_text(&whole) {
        Ok(text) => text,
        Err(error) => return parse.reject(cannot(io_error::reason(&error).clone())),
    };
    // A byte order mark is not part of the text.
    let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
    let file = parse.sources.attach(whole, text.clone());
    let odcs::Read { name, promised, mut findings } = odcs::read(&text, file);
    let is_sound = findings.mistakes.is_empty();
    parse.diagnostics.append(&mut findings.mistakes);
    for warning in findings.warnings {
        // Two checks may read the same file.
        if !parse.warnings.contains(&warning) {
            parse.warnings.push(warning);
        }
    }
    let name = name.unwrap_or_else(|| stem(path));
    promised.filter(|_| is_sound).map(|promised| Document { name, promised })
}

/// Returns `orders` for `contracts/orders.odcs.yaml`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or(&name).to_owned()
}

/// A pattern for the names of objects.
struct ObjectGlob(GlobMatcher);

impl FromToml for ObjectGlob {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let text = String::from_toml(value, parse)?;
        match Glob::new(&text) {
            Ok(glob) => Some(ObjectGlob(glob.compile_matcher())),
            Err(error) => {
                let place = parse.place(value.span());
                parse.reject(Diagnostic::new(place, format!("`{text}` is not a pattern: {}", error.kind())))
            }
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        serde_json::json!({ "type": "string" })
    }
}

/// Returns the name of a contract, or the stem of its file name if it has none.
///
/// # Errors
/// The file cannot be read, or is not a valid contract.
pub fn name_of(path: &Path) -> Result<String, SuiteError> {
    let text = regular_file::read_text(path).map_err(|error| {
        let reason = io_error::reason(&error);
        let mistake = Diagnostic::new(None, format!("cannot read `{}`: {reason}", path.display()));
        SuiteError::new(Sources::default(), vec![mistake])
    })?;
    let mut sources = Sources::default();
    let file = sources.attach(path.to_owned(), text.clone());
    let odcs::Read { name, findings, .. } = odcs::read(&text, file);
    if findings.mistakes.is_empty() {
        Ok(name.unwrap_or_else(|| stem(path)))
    } else {
        Err(SuiteError::new(sources, findings.mistakes))
    }
}
