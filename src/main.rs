//! Arguments in, exit code out.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use smoke::cli::Cli;
use smoke::exit::Exit;
use smoke::language::printable::printable;
use smoke::report::{Stream, catch_up};

/// Parses the arguments. The error message quotes them and may end up in a CI log, so it is made printable.
fn arguments() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let text = error.render().to_string();
        let shown = printable(&text);
        if !error.use_stderr() || shown == text {
            error.exit();
        }
        let _ = std::io::stderr().write_all(shown.as_bytes());
        std::process::exit(error.exit_code());
    })
}

fn main() -> ExitCode {
    // A panic message may contain data of a server. It is reported as the check's failure, redacted, and not here.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |location| format!(" at {location}"));
        let _ = writeln!(std::io::stderr(), "smoke: internal error{place}; please report it with the suite");
    }));
    let ran = std::panic::catch_unwind(|| smoke::commands::run(arguments()));
    let exit = match ran {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => {
            let _ = writeln!(Stream::Stderr, "error: {}", printable(&format!("{error:#}")));
            Exit::CannotWork
        }
        Err(_) => Exit::CannotWork,
    };
    match catch_up() {
        Ok(()) => exit.into(),
        Err(error) => {
            let _ = writeln!(Stream::Stderr, "error: {}", printable(&error.to_string()));
            Exit::CannotWork.into()
        }
    }
}
