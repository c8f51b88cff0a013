//! Describes how a process ended.

use std::fmt;
use std::process::ExitStatus;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
    Unknown(String),
}

/// The signals that usually end a process, and what each suggests about it. Source: signal(7). The numbers are the same
/// on every Unix, except for SIGBUS.
const SIGNALS: [(i32, &str, &str); 11] = [
    (1, "SIGHUP", ""),
    (2, "SIGINT", ""),
    (3, "SIGQUIT", ""),
    (4, "SIGILL", ": built for another processor?"),
    (6, "SIGABRT", ": it gave up by itself"),
    (8, "SIGFPE", ""),
    (9, "SIGKILL", ": out of memory?"),
    (11, "SIGSEGV", ": a bug in the program or one of its libraries"),
    (13, "SIGPIPE", ""),
    (15, "SIGTERM", ""),
    (24, "SIGXCPU", ": its limit on processor time was reached"),
];

impl End {
    #[cfg(unix)]
    pub(super) fn of(status: ExitStatus) -> End {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            (Some(code), _) => End::Exit(code),
            (None, Some(signal)) => End::Signal(signal),
            (None, None) => End::Unknown(status.to_string()),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of(status: ExitStatus) -> End {
        status.code().map_or_else(|| End::Unknown(status.to_string()), End::Exit)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exit(code) => write!(f, "exit code {code}"),
            End::Signal(signal) => match SIGNALS.iter().find(|(number, _, _)| number == signal) {
                Some((_, name, meaning)) => write!(f, "killed by {name}{meaning}"),
                None => write!(f, "killed by signal {signal}"),
            },
            End::Unknown(error) => write!(f, "unknown ({error})"),
        }
    }
}
