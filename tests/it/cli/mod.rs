//! The command line: arguments, behaviour and exit code of each command.

mod again;
mod baseline;
mod command_line;
mod completions;
mod demo;
mod exit_codes;
mod init;
mod limits;
mod manual;
mod plan;
mod read_only;
mod rerun_failed;
mod signals;
