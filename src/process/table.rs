//! The processes of this machine, as Linux lists them.

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
    /// It has ended, and its parent has not taken note.
    Zombie,
    Alive,
}

/// Every process. Source: `stat` of proc(5).
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let number: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Some(number)
    });
    numbers.filter_map(entry)
}

/// The process of this number, if there is one.
pub(super) fn entry(number: u32) -> Option<Entry> {
    // `pid (name) state ppid pgrp …`; the name may hold anything, a parenthesis too.
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

/// Does it run?
pub(super) fn is_alive(number: u32) -> bool {
    entry(number).is_some_and(|process| process.state == State::Alive)
}

/// Does the process carry the mark of what a boot started?
pub(super) fn carries(number: u32, mark: &str) -> bool {
    let marked = format!("{MARK}={mark}");
    let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == marked.as_bytes())
}

/// What these processes have started and what that has started, as long as the one between lives.
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
