//! Captures of an exchange, and those that are shared.

use super::Check;
use crate::expect::capture::{Capture, Captures, Origin};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{Named, ParseContext, Table};
use crate::language::table::Doc;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;

/// Reads `capture`. Returns `None` if a mistake was recorded.
pub(super) fn from_table(table: &mut Table<'_, '_, '_>, doc: impl Into<Doc>) -> Option<Captures> {
    let captures: Option<Vec<(Named, Capture)>> = table.optional("capture", doc);
    if table.has("capture") { captures.map(Into::into) } else { Some(Captures::default()) }
}

/// Records a mistake if a capture takes something that `origin` does not have.
pub(super) fn all_from(captures: &Captures, origin: Origin, parse: &mut ParseContext<'_>) -> Option<()> {
    match captures.iter().find(|(_, capture)| !capture.comes_from(origin)) {
        None => Some(()),
        Some((named, _)) => parse.reject(Diagnostic::new(named.place, origin.what_is_captured())),
    }
}

/// Records a mistake if `check` does not capture a name in `share`. `nobody` is the subject of the message.
pub(super) fn all_are_captured(
    share: &[Named],
    check: &dyn Check,
    nobody: &str,
    parse: &mut ParseContext<'_>,
) -> Option<()> {
    let mut uses = VariableUsage::default();
    check.uses(&mut uses);
    match share.iter().find(|named| !uses.sets().any(|set| set == named.name)) {
        None => Some(()),
        Some(Named { name, place }) => parse.reject(
            Diagnostic::new(*place, format!("{nobody} captures `{name}`")).did_you_mean(name, uses.sets()),
        ),
    }
}

/// Returns the variables without those that a capture of `check` replaces, whose values are not known yet.
pub(super) fn before(check: &dyn Check, scope: &Variables) -> Variables {
    let mut uses = VariableUsage::default();
    check.uses(&mut uses);
    let mut known = scope.clone();
    uses.sets().for_each(|name| known.remove(name));
    known
}
