//! Boots that prove little, because the server that responds may not be the process that was started.

use toml::de::{DeTable, DeValue};

use crate::language::diagnostic::Diagnostic;
use crate::language::raw::{Entry, RawDocument};
use crate::language::source::Place;

pub(super) fn warnings(written: &RawDocument<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // Which of them count is known only with the environment.
    let has_default = written.find(&["defaults", "boot", "ready"]).is_some();
    written.each(|entry| found.extend(without_ready(entry, has_default)));
    found
}

fn without_ready(entry: &Entry<'_>, has_default: bool) -> Vec<Diagnostic> {
    let (["boot"], DeValue::Array(boots)) = (entry.path, entry.value) else { return Vec::new() };
    let boots = boots.iter().filter_map(|boot| boot.get_ref().as_table());
    let boots = boots.filter(|boot| !has_default || boot.contains_key("ready"));
    boots.filter_map(|boot| of_boot(boot, entry.place.file)).collect()
}

fn of_boot(boot: &DeTable<'_>, file: usize) -> Option<Diagnostic> {
    let Some((key, ready)) = boot.get_key_value("ready") else {
        let (command, _) = boot.get_key_value("command")?;
        let message = "a boot without `ready` passes if the process does not end at once";
        return Some(Diagnostic::new(Place::new(file, command.span()), message).hint(
            "say what makes it ready: `ready = { url = \"…\" }`, `ready = { port = 8080 }`, or a `log` line",
        ));
    };
    let ready = ready.get_ref().as_table()?;
    let only_log = ready.contains_key("log") && !ready.contains_key("url") && !ready.contains_key("port");
    let message = "a `ready.log` alone does not say who answers: it may be an older build";
    only_log.then(|| {
        Diagnostic::new(Place::new(file, key.span()), message)
            .hint("if it listens, say where as well: `ready = { log = \"…\", port = 8080 }`")
    })
}
