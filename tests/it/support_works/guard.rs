//! The guard cleans up.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::guard::Guard;
use crate::support::{scratch, wait};

#[test]
fn a_guard_removes_its_folder() {
    let folder = scratch::for_a_test().keep();
    fs::write(folder.join("file"), "content").expect("write a file");
    let guard = Guard::removes(&folder);
    assert!(folder.exists());
    drop(guard);
    assert!(!folder.exists());
}

#[test]
fn a_guard_stops_its_server() {
    let mut server = Command::new("sleep").arg("1000").spawn().expect("start a process");
    let guard = Guard::stops(&server, Signal::TERM);
    assert!(server.try_wait().expect("ask after it").is_none());
    drop(guard);
    let status = wait::until("the end of the server", Duration::from_secs(20), || {
        server.try_wait().expect("ask after it")
    });
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
}

#[test]
#[should_panic(expected = "waited 20ms for what never comes")]
fn waiting_has_a_limit() {
    wait::until("what never comes", Duration::from_millis(20), || None::<()>);
}
