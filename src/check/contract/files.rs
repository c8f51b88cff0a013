//! Expansion of a pattern such as `contracts/*.odcs.yaml` to files.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// The maximum depth of `**`.
const DEEPEST: usize = 16;

/// Returns the regular files below `folder` that match, sorted by name.
///
/// # Errors
/// Fails if the pattern is invalid.
pub(super) fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let parts: Vec<Part> = pattern.split('/').map(Part::of).collect::<Result<_, _>>()?;
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
    let mut found = Vec::new();
    walk(folder, &start, &parts, 0, &mut found);
    found.sort();
    found.dedup();
    Ok(found)
}

/// One path component of a pattern.
enum Part {
    Plain(String),
    Pattern(GlobMatcher),
    /// `**`, which matches any number of folders.
    Folders,
}

impl Part {
    fn of(text: &str) -> Result<Part, String> {
        if text == "**" {
            return Ok(Part::Folders);
        }
        if !text.contains(['*', '?', '[', '{']) {
            return Ok(Part::Plain(text.to_owned()));
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        glob.map(|glob| Part::Pattern(glob.compile_matcher())).map_err(|error| error.kind().to_string())
    }
}

/// Collects the matching files. `path` is the path walked so far, relative to `folder`.
fn walk(folder: &Path, path: &Path, parts: &[Part], depth: usize, found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        if folder.join(path).is_file() {
            found.push(path.to_owned());
        }
        return;
    };
    if depth > DEEPEST {
        return;
    }
    match part {
        Part::Plain(name) if name.is_empty() => walk(folder, path, rest, depth, found),
        Part::Plain(name) => walk(folder, &path.join(name), rest, depth + 1, found),
        Part::Pattern(glob) => {
            for name in names(&folder.join(path)).into_iter().filter(|name| glob.is_match(name)) {
                walk(folder, &path.join(name), rest, depth + 1, found);
            }
        }
        Part::Folders => {
            walk(folder, path, rest, depth, found);
            for name in names(&folder.join(path)) {
                let below = path.join(&name);
                // Symbolic links are not followed, because one may lead back up.
                let is_folder =
                    folder.join(&below).symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
                if is_folder && !name.starts_with('.') {
                    walk(folder, &below, parts, depth + 1, found);
                }
            }
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(shown).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
