//! Explains why a process could not be started. The system reports several causes with the same error.

use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::Command;
use crate::language::io_error;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, message};

/// How much of a program is read to find its interpreter. Linux inspects no more of a script.
const BEGINNING: u64 = 64 << 10;

/// Returns the failure of a command whose program is `program`: a path, or a name that is searched on `PATH`.
pub(super) fn failure(command: &Command, program: &Path, error: &Error) -> Failure {
    let name = command.words.first().map_or("", String::as_str);
    let doing = message!("starting `{}`", name);
    if let Some(lacking) = io_error::shortage(error) {
        return Failure::shortage(doing, lacking);
    }
    let (cause, hint) = cause(command, program, error);
    Failure::fault(Fault::Local, doing, cause).with_hint(Message::new().words(hint))
}

fn cause(command: &Command, program: &Path, error: &Error) -> (Message, &'static str) {
    let system = || message!("{}", io_error::reason(error));
    if !command.cwd.as_os_str().is_empty() && !command.cwd.is_dir() {
        let folder = command.cwd.display().to_string();
        let cause = message!("its working directory `{}` does not exist", folder);
        return (cause, "check `cwd`; it starts in the suite's folder");
    }
    match error.kind() {
        ErrorKind::NotFound if is_a_line(command) => {
            (system(), "no shell splits it: write the program and each argument as an entry of its own")
        }
        ErrorKind::NotFound => on_path(program).and_then(|file| runner(&file)).map_or_else(
            || {
                let hint =
                    "check the program's path, and that it has been built; a relative path starts in `cwd`";
                (system(), hint)
            },
            Runner::cause,
        ),
        ErrorKind::PermissionDenied => (system(), "check that the file is executable"),
        _ => (system(), "run the command yourself"),
    }
}

/// Is the program's name a whole command line?
fn is_a_line(command: &Command) -> bool {
    matches!(command.words.as_slice(), [line] if line.contains(' '))
}

/// The file of a program, wherever it is looked for.
fn on_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A missing file that is needed to run a program.
enum Runner {
    Interpreter(String),
    Loader(String),
}

impl Runner {
    fn cause(self) -> (Message, &'static str) {
        match self {
            Runner::Interpreter(path) => match path.strip_suffix('\r') {
                Some(path) => (
                    message!("its first line `#!{}` ends with a carriage return (CRLF)", path),
                    "give the script Unix line ends: `sed -i 's/\\r$//' FILE`, and `* text eol=lf` in .gitattributes",
                ),
                None => (
                    message!("its interpreter `{}` does not exist", path),
                    "install it, or correct the script's first line",
                ),
            },
            Runner::Loader(path) => (
                message!("its loader `{}` does not exist", path),
                "it was built for another system (glibc or musl?): build it for this one, or statically",
            ),
        }
    }
}

/// Returns the interpreter or loader of `program`, if it is missing.
fn runner(program: &Path) -> Option<Runner> {
    let mut beginning = Vec::new();
    std::fs::File::open(program).ok()?.take(BEGINNING).read_to_end(&mut beginning).ok()?;
    if let Some(line) = beginning.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        // The kernel treats a carriage return as part of the name.
        let interpreter = line.trim_matches([' ', '\t']).split([' ', '\t']).next()?.to_owned();
        return (!Path::new(&interpreter).exists()).then_some(Runner::Interpreter(interpreter));
    }
    let loader = loader(&beginning)?;
    (!Path::new(&loader).exists()).then_some(Runner::Loader(loader))
}

/// Returns the loader that a 64-bit ELF file requests. Source: elf(5), `PT_INTERP`.
fn loader(file: &[u8]) -> Option<String> {
    const INTERPRETER: u64 = 3;
    let number = |at: usize, bytes: usize| {
        let bytes = file.get(at..at.checked_add(bytes)?)?;
        Some(bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    file.strip_prefix(b"\x7fELF\x02\x01")?;
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let headers = (0..count).filter_map(|index| usize::try_from(table + index * size).ok());
    let header = headers.into_iter().find(|at| number(*at, 4) == Some(INTERPRETER))?;
    let (start, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
    let start = usize::try_from(start).ok()?;
    let name = file.get(start..start.checked_add(usize::try_from(length).ok()?)?)?;
    Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
}
