//! Operating system errors in messages.

use std::error::Error;

/// Returns the error's text without its number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((before, _)) => before.to_lowercase(),
        None => text,
    }
}

/// The missing resource if no file can be opened.
pub const TOO_MANY_FILES: &str = "too many open files (EMFILE, `ulimit -n`)";

/// Returns the resource that this machine lacks (descriptors, threads, memory), if that is the error or its cause. Such
/// an error implies nothing about the server.
pub fn shortage(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut layer = Some(error);
    while let Some(error) = layer {
        let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        if let Some(lacking) = number.and_then(lacks) {
            return Some(lacking);
        }
        layer = error.source();
    }
    None
}

#[cfg(unix)]
fn lacks(number: i32) -> Option<&'static str> {
    use rustix::io::Errno;
    Some(match Errno::from_raw_os_error(number) {
        Errno::MFILE => TOO_MANY_FILES,
        Errno::NFILE => "too many open files on this machine (ENFILE)",
        // EAGAIN from a socket without data never reaches a message.
        Errno::AGAIN => "no more processes, threads or local ports (EAGAIN)",
        Errno::NOMEM => "no memory (ENOMEM)",
        Errno::NOBUFS => "no memory for connections (ENOBUFS)",
        _ => return None,
    })
}

#[cfg(not(unix))]
fn lacks(_number: i32) -> Option<&'static str> {
    None
}

/// Whether no more files can be opened. Asks the system, for errors in which a library omits the cause.
pub fn is_out_of_descriptors() -> bool {
    #[cfg(unix)]
    const ALWAYS_THERE: &str = "/dev/null";
    #[cfg(not(unix))]
    const ALWAYS_THERE: &str = "NUL";
    std::fs::File::open(ALWAYS_THERE).is_err_and(|error| shortage(&error).is_some())
}
