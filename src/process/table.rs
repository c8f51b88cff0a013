//! The process table of Linux.

use std::collections::BTreeSet;

use super::groups::MARK;

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub number: u32,
    pub state: State,
    pub parent: u32,
    pub group: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Ended, but not reaped by its parent.
    Zombie,
    Alive,
}

/// Returns every process. Source: `stat` of proc(5).
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let number: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Some(number)
    });
    numbers.filter_map(entry)
}

/// Returns the process with this number, if it exists.
pub(super) fn entry(number: u32) -> Option<Entry> {
    // `pid (name) state ppid pgrp …`. The name may contain anything, even a parenthesis.
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    let state = match fields.next()? {
        "Z" | "X" => State::Zombie,
        _ => State::Alive,
    };
    let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Entry { number, state, parent, group })
}

/// Whether the process is running.
pub(super) fn is_alive(number: u32) -> bool {
    entry(number).is_some_and(|process| process.state == State::Alive)
}

/// Whether the process carries the mark of a boot's descendants.
pub(super) fn carries(number: u32, mark: &str) -> bool {
    let marked = format!("{MARK}={mark}");
    let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == marked.as_bytes())
}

/// Adds all descendants of these processes, as far as the processes in between are alive.
pub(super) fn with_descendants(mut found: BTreeSet<u32>, processes: &[Entry]) -> BTreeSet<u32> {
    loop {
        let before = found.len();
        let children: Vec<u32> = processes
            .iter()
            .filter(|process| found.contains(&process.parent))
            .map(|process| process.number)
            .collect();
        found.extend(children);
        if found.len() == before {
            return found;
        }
    }
}
