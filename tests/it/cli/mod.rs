//! The command line: what each command takes, does and ends with.

mod again;
mod command_line;
mod completions;
mod demo;
mod exit_codes;
mod init;
mod manual;
mod plan;
mod rerun_failed;
mod signals;
