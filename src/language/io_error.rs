//! Errors of the operating system, as messages show them.

/// An operating system's error without its number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((before, _)) => before.to_lowercase(),
        None => text,
    }
}
