//! Keyboard input: `q` ends a watch.

use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::outcome::Signal;

/// Whether `q` has been pressed.
#[derive(Debug, Clone, Default)]
pub(super) struct Quit(Arc<AtomicBool>);

impl Quit {
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Listens for `q` on a terminal. A run in progress ends as with SIGINT.
pub(super) fn listen(signals: mpsc::UnboundedSender<Signal>) -> Quit {
    let quit = Quit::default();
    if std::io::stdin().is_terminal() {
        let wanted = quit.clone();
        // Why: it waits for a key, and ends with the process.
        let listening = std::thread::Builder::new().spawn(move || {
            let pressed = std::io::stdin().lock().bytes().map_while(Result::ok);
            for key in pressed {
                if matches!(key, b'q' | b'Q') {
                    wanted.0.store(true, Ordering::SeqCst);
                    let _ = signals.send(Signal::Interrupt);
                }
            }
        });
        // If the thread cannot start, signals still work.
        drop(listening);
    }
    quit
}

/// Puts the terminal into unbuffered mode without echo until this is dropped. Ctrl-C still sends a signal.
#[cfg(unix)]
pub(super) struct KeyByKey(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl KeyByKey {
    pub fn switch_on() -> KeyByKey {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut now = before.clone();
            now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &now);
        }
        KeyByKey(before)
    }
}

#[cfg(unix)]
impl Drop for KeyByKey {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// On other systems, `q` must be followed by the return key.
#[cfg(not(unix))]
pub(super) struct KeyByKey;

#[cfg(not(unix))]
impl KeyByKey {
    pub fn switch_on() -> KeyByKey {
        KeyByKey
    }
}
