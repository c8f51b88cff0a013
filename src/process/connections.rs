//! The TCP connections that smoke itself has open.

use std::time::Duration;

use crate::deadline::{BudgetScope, Deadline};

/// How long to wait for them: closing one takes a moment and happens in the background.
const CLOSING_TAKES: Duration = Duration::from_millis(100);

const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until smoke's idle connections are closed. The side that closes a connection first keeps its port in
/// `TIME_WAIT` for a minute, so a server that is stopped while one is open may be unable to bind its port again.
pub async fn own_connections_are_closed() {
    let limit = Deadline::after(CLOSING_TAKES, BudgetScope::Grace);
    while is_connected() {
        if limit.pause(LOOK_EVERY).await.is_err() {
            return;
        }
    }
}

/// Whether this process has a TCP connection. Source: <https://docs.kernel.org/networking/proc_net_tcp.html>.
fn is_connected() -> bool {
    /// `TCP_ESTABLISHED` of `include/net/tcp_states.h`.
    const ESTABLISHED: &str = "01";
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().filter_map(Result::ok);
    let own: Vec<String> = open
        .filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.to_str()?.to_owned()))
        .filter_map(|file| Some(file.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    if own.is_empty() {
        return false;
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let text: String = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect();
    text.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(3);
        let state = columns.next();
        let number = columns.nth(5);
        state == Some(ESTABLISHED) && number.is_some_and(|number| own.iter().any(|own| own == number))
    })
}
